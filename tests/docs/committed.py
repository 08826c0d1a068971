"""The regions of the docs that tell what was run and committed: the scale campaign, studies, the report, the claims."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from vbench import claims, config, contrasts, results
from vbench.claims import chapter as pages
from vbench.claims import evidence, lines
from vbench.claims import text as claims_text
from vbench.study import judging, studies, text
from vbench.study import log as logs

if TYPE_CHECKING:
    from vbench.claims.entry import Finding

ROOT = Path(__file__).resolve().parents[2]


def scale() -> str:
    """What reading many files takes, from the measurements that are committed."""
    if not (ROOT / "tests/campaigns/scale.json").exists():
        return "Not measured yet; `nox -s scale` does.\n"
    words = [sys.executable, "tests/campaigns/scale.py", "--analyse", "tests/campaigns/scale.json"]
    told = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    drawn_there = (ROOT / "docs/scale.png").exists()
    return f"![Seconds against the number of files](scale.png)\n\n{told}" if drawn_there else told


def study(name: str) -> str:
    """The newest committed log of a study: its conditions, tables and sentences, with the charts that lie beside it."""
    chosen = studies.find(name)
    found = [logs.read(path.parent) for path in (ROOT / "results").glob(f"*/*/{logs.NAME}")]
    whole = [log for log in found if log.head.study == name and not log.missing()]
    if not whole:
        return "No study is committed yet.\n"
    log = max(whole, key=lambda log: log.head.started)
    folder = log.folder.relative_to(ROOT).as_posix()
    drawn = sorted(path.name for path in log.folder.glob(f"{name}-*.png"))
    pictures = "".join(f"![{file.removesuffix('.png')}](../{folder}/{file})\n\n" for file in drawn)
    lines = "".join(f"- {text.sentence(finding)}\n" for finding in judging.judge(chosen, log))
    said = " ".join(text.conditions(chosen, log))
    words = f"{told}\n\n" if (told := chosen.words(log)) else ""
    return (
        f"{said} All of it is in [`{folder}`](../{folder}/{logs.NAME}).\n\n{text.arms(chosen, log)}\n\n{words}{lines}\n{pictures}"
    )


def report() -> str:
    """What stands out in the report that is committed under docs/, and its charts."""
    file = ROOT / "docs" / "report" / "summary.md"
    if not file.exists():
        return "No report is committed yet.\n"
    sections = dict(part.split("\n", 1) for part in re.split(r"^## ", file.read_text("utf-8"), flags=re.MULTILINE)[1:])
    pictures = sections["Charts"].replace("](", "](report/")
    return f"## What stands out\n\n{sections['What stands out'].strip()}\n\n## Charts\n\n{pictures.strip()}\n"


@cache
def judged() -> tuple[str, evidence.Evidence, list[Finding]]:
    """The newest run of `vbench claims` that is committed, with every claim of the lecture judged anew."""
    file = max((ROOT / "results").glob("*/claims/*.jsonl"), key=lambda file: file.name)
    seen = evidence.Evidence([results.read(file)], lines.read(file), contrasts.known(config.load(ROOT / "bench.toml")))
    return file.relative_to(ROOT).as_posix(), seen, claims.judged(claims.select(), seen)


def chapter() -> str:
    """The claims as Markdown."""
    name, seen, findings = judged()
    told = claims_text.markdown(findings, seen.conditions()).partition("\n\n")[2]
    return f"From [`{name}`](../{name}).\n\n{told.strip()}\n"


def page() -> str:
    """The claims as the page with charts."""
    _, seen, findings = judged()
    return pages.page(findings, seen)
