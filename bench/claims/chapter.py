"""The HTML chapter: every entry in the lecture's order, with its numbers, bars and drawings, in one file without scripts."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from ..errors import UsageError
from . import drawings, text
from .entry import CONDITION, FAILS, HOLDS, OPEN, UNABLE
from .pictures import PICTURES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .entry import Finding
    from .evidence import Evidence

TITLES = {
    "training": "Backpropagation", "depth": "What the benefit of depth is", "residual": "ResNet", "inception": "GoogLeNet",
    "comparison": "Network comparison", "separable": "Separable convolutions and MobileNet",
    "squeezed": "SqueezeNet and smaller models",
    "grouped": "ResNeXt and ShuffleNet", "pyramid": "Spatial pyramid pooling", "dilated": "Dilated convolutions and ESPNet",
    "assignment": "Assignment I and II", "keypoints": "Keypoints from heat maps", "integral": "Integral regression",
}  # fmt: skip
_SHADED = "In the charts that range is shaded."
_TITLE = "The lecture's claims, put to the test"
_CLASSES = {HOLDS: "yes", CONDITION: "some", FAILS: "no", OPEN: "open", UNABLE: "open"}
# Blue, orange and grey: told apart by every kind of colour vision, and the verdict is written out beside them.
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --soft: #5a5a5a; --line: #c8c8c8; --yes: #0b63a5; --no: #b8480a;
  --some: #6b4fa0; --open: #6e6e6e; --band: #dce9f4; --pixel: #0b63a5; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececec; --paper: #16181b; --soft: #b0b0b0; --line: #4a4d52; --yes: #6db3ec;
  --no: #f09a5c; --some: #b9a2ea; --open: #a8a8a8; --band: #24384a; --pixel: #6db3ec; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 56rem; margin: 2rem auto;
  padding: 0 1rem; }
a { color: var(--yes); } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); } .soft { color: var(--soft); }
article { margin: 2rem 0; } h3 { font-size: 1.15rem; margin: 0.3rem 0; } article p { margin: 0.4rem 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; } th, td { text-align: left; padding: 0.2rem 0.6rem 0.2rem 0;
  border-bottom: 1px solid var(--line); vertical-align: top; } td.number { text-align: right; white-space: nowrap; }
.verdict { font-weight: 600; } .verdict.yes { color: var(--yes); } .verdict.no { color: var(--no); }
.verdict.some { color: var(--some); } .verdict.open { color: var(--open); }
svg text { font: 11px system-ui, sans-serif; fill: currentColor; } svg.bars { width: 100%; max-width: 860px; display: block; }
svg .band { fill: var(--band); } svg .yes { fill: var(--yes); } svg .no { fill: var(--no); } svg .open { fill: var(--open); }
svg .whisker { stroke: currentColor; stroke-width: 2; } svg.grid rect { fill: var(--pixel);
  shape-rendering: crispEdges; } svg .said { fill: var(--soft); }
svg.grid .frame { fill: none; stroke: var(--line); } svg.grid .field { fill: var(--pixel); opacity: 0.25; stroke: currentColor; }
figure { display: inline-block; margin: 0.6rem 0.7rem 0.6rem 0; vertical-align: top; max-width: 13rem; }
figcaption { font-size: 0.8rem; color: var(--soft); } .mark { stroke: var(--paper); stroke-width: 1; }
svg .zero { stroke: var(--soft); stroke-width: 1; } svg .ring { fill: none; stroke: currentColor; stroke-width: 2; }
.m0 { fill: var(--ink); color: var(--ink); } .m1 { fill: var(--no); color: var(--no); }
.m2 { fill: var(--some); color: var(--some); }
@media print { article { break-inside: avoid; } h2, h3 { break-after: avoid; }
  body { margin: 0; max-width: none; font-size: 11pt; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; } summary { display: none; } }
"""


def write(findings: Sequence[Finding], seen: Evidence, folder: Path) -> list[Path]:
    """Write claims.html and claims.md, and return their paths. Raises UsageError where the folder cannot be written to."""
    made = {"claims.html": page(findings, seen), "claims.md": text.markdown(findings, seen.conditions())}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in made.items():
            (folder / name).write_text(content, "utf-8")
    except OSError as error:
        message = f"-o {folder}: {error.strerror}; name another folder"
        raise UsageError(message) from None
    return [folder / name for name in made]


def page(findings: Sequence[Finding], seen: Evidence) -> str:
    """The whole chapter."""
    topics: dict[str, list[Finding]] = {}
    for finding in findings:
        topics.setdefault(finding.claim.topic, []).append(finding)
    parts = [_topic(topic, found, seen) for topic, found in topics.items()]
    where = " ".join(seen.conditions())
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(_TITLE)}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{escape(_TITLE)}</h1><p class="soft">{escape(where)}</p><p>{escape(text.READING)} {_SHADED}</p>'
        f"<p><strong>{escape(text.counts(findings))}.</strong></p>{_overview(findings)}{''.join(parts)}</main></body></html>\n"
    )


def _overview(findings: Sequence[Finding]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{escape(f.claim.id)}">{escape(f.claim.sentence)}</a></td>{_number(counted)}{_number(measured)}'
        f"<td>{_verdict(f.verdict)}</td></tr>"
        for f in findings
        for _, _, counted, measured, _ in [text.cells(f)]
    )
    head = "".join(f'<th scope="col">{name}</th>' for name in text.HEADER[1:])
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _number(shown: str) -> str:
    return f'<td class="number">{escape(shown)}</td>'


def _verdict(verdict: str) -> str:
    return f'<span class="verdict {_CLASSES[verdict]}">{escape(verdict)}</span>'


def _topic(topic: str, findings: Sequence[Finding], seen: Evidence) -> str:
    return f"<section><h2>{escape(TITLES.get(topic, topic))}</h2>{''.join(_article(f, seen) for f in findings)}</section>"


def _article(finding: Finding, seen: Evidence) -> str:
    entry = finding.claim
    drawn = "".join(PICTURES[name](seen) for name in entry.pictures)
    rows = "".join(f"<tr><td>{escape(part.kind)}</td><td>{escape(text.line(part))}</td></tr>" for part in finding.parts)
    table = f"<details><summary>All numbers</summary><table><tbody>{rows}</tbody></table></details>" if rows else ""
    tested = f"<br>Tested by: {escape(entry.formula)}." if finding.parts else ""
    said = text.condition(finding)
    return (
        f'<article id="{escape(entry.id)}"><h3>{escape(entry.sentence)}</h3><p>{_verdict(finding.verdict)}</p>'
        f"{f'<p>{escape(said)}</p>' if said else ''}"
        f'<p class="soft">{escape(text.placed(entry))} {escape(text.sourced(entry))}{tested}</p>'
        f"{drawings.bars(finding)}{drawn}<p>{_coded(entry.remark)}</p>{table}</article>"
    )


def _coded(words: str) -> str:
    """Words with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words))
