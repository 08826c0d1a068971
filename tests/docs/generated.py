"""What stands in the docs between `<!-- NAME:begin -->` and `<!-- NAME:end -->`: tables made from the code and from results/."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import catalogue
import committed

from vbench import (
    agreement,
    config,
    effort,
    flags,
    groups,
    measure,
    reports,
    results,
    stats,
    tolerances,
    units,
)
from vbench.compress._published import TABLES
from vbench.data import ROTATION
from vbench.registry import METRICS
from vbench.reports import charts as report_charts
from vbench.study import studies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vbench.core import Record

ROOT = Path(__file__).resolve().parents[2]
REGION = re.compile(r"(<!-- (\w+):begin -->\n)(.*?)(<!-- \2:end -->)", re.DOTALL)
# The last part of a name is there where several engines or precisions have a chart each.
CHARTS = {
    "top1-latency.png": "Top-1 accuracy against measured latency",
    "top1-latency-eager-fp32-*.png": "Top-1 accuracy against measured latency",
    "top1-gmacs.png": "Top-1 accuracy against GMACs",
    "throughput-engines.png": "Throughput of engines and precisions",
}
NOTHING_YET = "No run is committed yet.\n"
_DEPTH = 3  # results/<machine>/<file>


def refresh(page: str) -> str:
    """The page with every marked region made anew."""
    return REGION.sub(lambda match: f"{match[1]}{REGIONS[match[2]]()}{match[4]}", page)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    rule = ["--:" if i in right else "---" for i in range(len(header))]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, rule, *rows)]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def keys() -> str:
    """Every key of bench.toml: what is allowed, its default, an example."""
    rows = []
    for key, (allowed, example) in config.ALLOWED.items():
        rows.append((f"`{key}`", allowed, _default(key, example), f"`{example}`"))
    return _table(("key", "allowed", "default", "example"), rows)


def _default(key: str, example: str) -> str:
    table, _, name = key.rpartition(".")
    homes = {"": config.Config(suites={}), "run": config.Settings(), "gate": tolerances.Gate()}
    homes |= {"suites.*": config.Suite(architectures=()), "groups.*": groups.Group(title="", prose="", members=())}
    home = homes[table]
    value = getattr(home, name.replace("-", "_"))
    if key == "run.memory-limit":
        return "90 % of what is available"
    if name in home.__struct_fields__ and name in {"architectures", "title", "prose", "members"}:
        return "none: it must be given"
    written = example.partition(" = ")[2].strip('"')
    if isinstance(value, bool | int) or (isinstance(value, float) and not written[-1].isalpha()):
        return f"`{value}`".lower()
    if isinstance(value, float):
        return f'`"{written}"`' if units.parse_duration(written) == value else units.duration(value)
    if isinstance(value, tuple):
        return f"`[{', '.join(repr(v).replace(chr(39), chr(34)) for v in value)}]`" if value else "empty"
    return f'`"{value}"`' if value else "none"


def validity() -> str:
    """Every validity flag with its advice."""
    return _table(("flag", "what it means, and what to do"), [(f"`{name}`", advice) for name, advice in flags.FLAGS.items()])


def metrics() -> str:
    """What each metric says of itself."""
    results.load_metrics()
    rows = [
        (f"`{m.name}`", m.kind, m.unit or "1", m.better, m.description, ", ".join(f"`{column}`" for column in m.columns))
        for m in sorted(METRICS, key=lambda metric: metric.order)
        if (m.derive.__module__ or "").startswith("vbench.")
    ]
    return _table(("metric", "kind", "unit", "better", "what it is", "columns"), rows)


def limits() -> str:
    """The numbers that decide how a run measures, as they stand in the code."""
    settings = config.Settings()
    limit_db = ", ".join(f"{name} {limit:g} dB" for name, limit in agreement.LIMITS_DB.items())
    rows = [
        ("processes of a case", f"{settings.min_processes} to {settings.max_processes}", "`min-processes`, `max-processes`"),
        ("fewest processes that give an interval", str(stats.MIN_PROCESSES), ""),
        ("half-width of the interval at which a case is done", units.percent(settings.interval, 0), "`--interval`"),
        ("time limit of a run", units.clock(settings.time_limit) + " min", "`--time-limit`"),
        ("a short run is spread over", units.duration(settings.spread), "`spread`"),
        ("longest warm-up of a process", units.duration(settings.warmup), "`warmup`"),
        ("samples of latency in a process", f"{measure.MIN_SAMPLES} to {measure.MAX_SAMPLES}", ""),
        (f"of steps over {measure.SLOW_S:g} s", f"{measure.SLOW_SAMPLES} to {measure.MAX_SAMPLES}", ""),
        (f"of steps over {measure.LONG_S:g} s", f"{measure.LONG_SAMPLES} to {measure.MAX_SAMPLES}", ""),
        ("time for them", units.duration(settings.latency), "`latency`"),
        ("time for throughput", units.duration(settings.throughput), "`throughput`"),
        ("different inputs in rotation", str(ROTATION), ""),
        ("a worker is killed after", f"{units.duration(settings.timeout)} and {effort.S_PER_GMAC:g} s per GMAC", "`--timeout`"),
        ("least signal over error against eager fp32", limit_db, ""),
        ("samples that a percentile needs", ", ".join(f"p{q * 100:.0f} {n}" for q, n in stats.PERCENTILE_SAMPLES.items()), ""),
    ]
    return _table(("what", "value", "set by"), rows)


def published() -> str:
    """What each layer of the published networks of Deep Compression was pruned and rounded to."""
    header = ("layer", "weights", "kept", "bits", "Huffman", "bits of a distance", "Huffman", "size without Huffman", "with it")
    parts = []
    for name, table in TABLES.items():
        rows = [
            (
                line.name, f"{line.weights:,}", units.percent(line.density, 0), str(line.bits), f"{line.huffman_bits:g}",
                str(line.index_bits), f"{line.huffman_index_bits:g}", f"{line.quantised:g} %", f"{line.coded:g} %",
            )
            for line in table.layers
        ]  # fmt: skip
        said = f"`deep-compression:{name}`: {table.network}, {table.where}; in all {table.ratio:g} times smaller."
        parts.append(f"{said}\n\n{_table(header, rows, right=tuple(range(1, len(header))))}")
    return "\n".join(parts)


def newest() -> Record | None:
    """The newest complete run that git tracks under results/: what somebody measured and has not committed is no evidence."""
    listed = subprocess.run(["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        named = [name for name in listed.stdout.splitlines() if name.endswith(".jsonl")]
        # What lies in a folder of its own is of a campaign or of a study.
        names = [ROOT / name for name in named if len(Path(name).parts) == _DEPTH]
    else:
        names = sorted((ROOT / "results").glob("*/*.jsonl"))
    records = [record for record in map(results.read, filter(Path.exists, names)) if record.ended == "complete"]
    return max(records, key=lambda record: record.run.started, default=None)


def table() -> str:
    """The newest committed run as a table, its machine named."""
    record = newest()
    if record is None:
        return NOTHING_YET
    run, machine = record.run, record.run.machine
    parts = (machine.processor, f"{machine.usable_cores} cores", machine.virtual, machine.system)
    where = ", ".join(part for part in parts if part)
    case = run.cases[0]
    ways = {(case.engine, case.precision) for case in run.cases}
    how = f"{case.engine} {case.precision}" if len(ways) == 1 else "several engines and precisions"
    what = f"{how}, batch {case.batch}, {case.threads} threads, PyTorch {run.versions.get('torch', '')}"
    ends = [r.started_s + r.seconds for r in record.replicates]
    took = units.clock(max(ends) - min(r.started_s for r in record.replicates))
    file = Path(record.path).relative_to(ROOT).as_posix()
    said = f"{where}; {what}; {run.started[:10]}, {took} min. All of it is in [`{file}`]({file}).\n\n"
    return said + reports.readme_table([record])


def drawn() -> str:
    """Every chart of a report with what it says of itself."""
    found = {name: import_module(f"vbench.reports.charts.{name.replace('-', '_')}") for name in report_charts.known()}
    return _table(
        ("chart", "what it shows"), [(f"`{name}`", (module.__doc__ or "").split("\n")[0]) for name, module in found.items()]
    )


def charts() -> str:
    """The charts of the newest committed run, where they are committed beside it."""
    record = newest()
    folder = Path(record.path).with_suffix(".report") if record is not None else None
    found = [(path, text) for name, text in CHARTS.items() for path in sorted(folder.glob(name))] if folder else []
    return "\n".join(f"![{text}]({path.relative_to(ROOT).as_posix()})\n" for path, text in found) or NOTHING_YET


# Each campaign with what is asked of its log.
CAMPAIGNS = {
    "coverage": ([], ["--re-derive", "previous"], ["--re-derive", "previous", "--first", "27"]),
    "loop": ([],),
    "bias": ([],),
    "cost": ([],),
    "repeatability": ([],),
    "load": ([],),
}


def proof() -> str:
    """What the campaigns found, from their logs in results/, each with the command that prints it again."""
    parts = []
    for name, questions in CAMPAIGNS.items():
        logs = sorted((ROOT / "results").glob(f"*/{results.CAMPAIGNS}/{name}.jsonl"))
        if not logs:
            parts.append(f"**{name.capitalize()}**: not run yet; `nox -s {name}` runs it.\n")
        for log in logs:
            for question in questions:
                words = [f"tests/campaigns/{name}.py", "--analyse", log.relative_to(ROOT).as_posix(), *question]
                done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
                parts.append(f"**{name.capitalize()}**: `python {' '.join(words)}`\n\n{done.stdout.strip()}\n")
    return "\n".join(parts)


def stopping() -> str:
    """What the stopping rule costs in coverage, simulated."""
    words = [sys.executable, "tests/campaigns/stopping.py"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def identical() -> str:
    """How often two runs of identical code are told apart, from the log that is committed."""
    parts = []
    for log in sorted((ROOT / "results").glob(f"*/{results.CAMPAIGNS}/coverage.jsonl")):
        words = ["tests/campaigns/identical.py", log.relative_to(ROOT).as_posix()]
        done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
        parts.append(f"`python {' '.join(words)}`\n\n{done.stdout}")
    return "\n".join(parts)


def networks() -> str:
    """Every network of the catalogue, by family."""
    return catalogue.page(_table)


def changes() -> str:
    """How often the history is wrong, from the simulation that is committed."""
    words = [sys.executable, "tests/campaigns/changes.py", "--analyse", "tests/campaigns/changes.json"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout


REGIONS: dict[str, Callable[[], str]] = {
    "keys": keys,
    "networks": networks,
    "validity": validity,
    "metrics": metrics,
    "limits": limits,
    "published": published,
    "table": table,
    "charts": charts,
    "drawn": drawn,
    "proof": proof,
    "stopping": stopping,
    "identical": identical,
    "changes": changes,
    "report": committed.report,
    "chapter": committed.chapter,
    "scale": committed.scale,
    **{name: partial(committed.study, name) for name in studies.known()},
}
