"""OpenMetrics 1.0 text (https://github.com/prometheus/OpenMetrics), for Prometheus and what speaks its language.

A gauge for each metric, with its unit as the end of its name, and two more for its interval. The commit is on an info series
and never on a value, or every commit would begin a new series. Gauges say how things stand: of a case that several runs of a
machine measured, the newest counts. There are no timestamps, since Prometheus refuses old ones; `vbench_run_started_seconds`
says when it was.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, NamedTuple, get_args

import msgspec

from .. import units
from ..core import Status
from .format import Format, Made, check
from .points import among, clean, metrics, origin, points

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core import Case, Metric, Record, Result
    from .format import Asked
    from .points import Compared, Origin, Point

UNITS = {"s": "seconds", "B": "bytes", "J": "joules", "1/s": "per_second", "dB": "decibels"}
_RATIO = "ratio of head to a base; above 1 is worse"

Labels = dict[str, str]


class _Family(NamedTuple):
    """A metric family and its samples. `unit` ends the name; an info or a state set has none."""

    name: str
    kind: str
    help: str
    samples: Sequence[tuple[Labels, float]]
    unit: str = ""


def of_runs(records: Sequence[Record], asked: Asked) -> Made:
    """The document of several runs: every metric that is a number, unless some are asked for."""
    wanted = metrics(asked.metrics)
    newest, older = _newest(records)
    rows = [(record, result) for record, results in zip(records, newest, strict=True) for result in results]
    check(rows, older)
    found: list[tuple[Labels, Point]] = []
    for record, results in zip(records, newest, strict=True):
        cases = {result.case.id for result in results}
        some, _ = points(record, wanted)  # a case without a number has its status
        found += [({"machine": record.run.machine.slug}, point) for point in some if point.case in cases]
    families = _values(found, {metric.name: metric for metric in wanted})
    kept = [origin(record) for record, results in zip(records, newest, strict=True) if results]
    return Made(_document([*families, _statuses(rows), _cases(rows), *_origins(kept)]), older)


def of_gate(compared: Compared, asked: Asked) -> Made:
    """The document of a file of the gate: head's numbers, their ratios to the base, and the verdicts."""
    machine = {"machine": compared.origin.machine.slug}
    given = [(machine, point) for point in among(compared, asked.metrics)]
    check(compared.outcome.rows, compared.left)
    absolute = [(labels, point) for labels, point in given if not point.against]
    ratios = [(labels | {"metric": point.metric, "against": point.against}, point) for labels, point in given if point.against]
    families = [*_values(absolute, {}, "vbench_gate_"), *_gauges("vbench_gate", "ratio", _RATIO, ratios)]
    rows = [
        machine | {"case": row.case, "metric": row.metric, "against": row.against, "verdict": row.verdict}
        for row in compared.outcome.rows
    ]
    families.append(_Family("vbench_gate_verdict", "info", "what the gate says", [(labels, 1) for labels in rows]))
    head, dirty = clean(compared.origin.commit)
    about = machine | {"gate": compared.origin.id, "commit": head, "dirty": str(dirty).lower(), "base_commit": compared.base}
    families.append(_Family("vbench_gate", "info", "what was compared", [(about, 1)]))
    return Made(_document([*families, _machines([compared.origin])]), compared.left)


def _newest(records: Sequence[Record]) -> tuple[list[list[Result]], list[str]]:
    """Of each record, the cases of its machine that no later run measured; and a line for each of the others."""
    last: dict[tuple[str, str], int] = {}
    older = []
    for index in sorted(range(len(records)), key=lambda index: records[index].run.started):
        run = records[index].run
        for result in records[index].results:
            key = (run.machine.slug, result.case.id)
            if key in last:
                older.append(f"{result.case.id} of run {records[last[key]].run.run_id}: run {run.run_id} is newer")
            last[key] = index
    kept = [
        [result for result in record.results if last[record.run.machine.slug, result.case.id] == index]
        for index, record in enumerate(records)
    ]
    return kept, older


def _values(found: Sequence[tuple[Labels, Point]], known: Mapping[str, Metric], prefix: str = "vbench_") -> list[_Family]:
    """Three gauges for each metric that has a point, in the order of the points' metrics."""
    families = []
    for name in dict.fromkeys([*known, *(point.metric for _, point in found)]):
        some = [(labels, point) for labels, point in found if point.metric == name]
        if some:
            said = known[name].description if name in known else f"{name} of head under the gate"
            unit = some[0][1].unit
            families += _gauges(prefix + name.replace("-", "_"), UNITS.get(unit, ""), said, some)
    return families


def _gauges(name: str, unit: str, said: str, found: Sequence[tuple[Labels, Point]]) -> list[_Family]:
    """A value and the ends of its interval, as far as there is one."""
    families = []
    interval = f"end of the {units.percent(found[0][1].confidence, 0)} interval: {said}" if found else ""
    for part, text in (("", said), ("low", f"lower {interval}"), ("high", f"upper {interval}")):
        full = "_".join(word for word in (name, part, unit) if word)
        samples = []
        for labels, point in found:
            value = {"": point.value, "low": point.low, "high": point.high}[part]
            if value is not None:
                samples.append((labels | {"case": point.case, "architecture": point.architecture}, value))
        if samples:
            families.append(_Family(full, "gauge", text, samples, unit))
    return families


def _statuses(rows: Iterable[tuple[Record, Result]]) -> _Family:
    """Which of the statuses each case has, so that one that failed is seen and not missed."""
    samples: list[tuple[Labels, float]] = []
    for record, result in rows:
        about = {"machine": record.run.machine.slug, "case": result.case.id, "architecture": result.case.architecture}
        samples += [(about | {"vbench_case_status": status}, int(status == result.status)) for status in get_args(Status)]
    return _Family("vbench_case_status", "stateset", "what became of the case", samples)


def _cases(rows: Iterable[tuple[Record, Result]]) -> _Family:
    """The axes of each case, the run that it belongs to, and its commit."""
    samples: list[tuple[Labels, float]] = []
    for record, result in rows:
        commit, _ = clean(record.run.commit)
        about = {"machine": record.run.machine.slug, "case": result.case.id, "run": record.run.run_id, "commit": commit}
        samples.append((about | _axes(result.case) | {"flags": ",".join(result.flags)}, 1))
    return _Family("vbench_case", "info", "the axes of the case, and the run that measured it", samples)


def _axes(case: Case) -> Labels:
    found = {name: msgspec.to_builtins(value) for name, value in msgspec.structs.asdict(case).items()}
    found["input_shape"] = "x".join(map(str, case.input_shape))
    found["engine_options"] = ",".join(f"{key}={value}" for key, value in case.engine_options)
    return {name: str(value) for name, value in found.items()}


def _origins(found: Sequence[Origin]) -> list[_Family]:
    runs: list[tuple[Labels, float]] = []
    for by in found:
        commit, dirty = clean(by.commit)
        versions = {"version_" + re.sub(r"\W", "_", name, flags=re.ASCII): version for name, version in by.versions.items()}
        about = {"machine": by.machine.slug, "run": by.id, "commit": commit, "dirty": str(dirty).lower()}
        runs.append((versions | about, 1))
    started = [({"machine": by.machine.slug, "run": by.id}, dt.datetime.fromisoformat(by.started).timestamp()) for by in found]
    return [
        _Family("vbench_run", "info", "the run, its commit and its versions", runs),
        _Family("vbench_run_started_seconds", "gauge", "when the run began, in Unix time", started, "seconds"),
        _machines(found),
    ]


def _machines(found: Sequence[Origin]) -> _Family:
    samples: dict[str, tuple[Labels, float]] = {}
    for by in found:
        machine = by.machine
        about = {
            "machine": machine.slug, "fingerprint": machine.fingerprint, "processor": machine.processor,
            "cores": str(machine.usable_cores), "gpus": ",".join(machine.gpus), "system": machine.system,
        }  # fmt: skip
        samples[machine.slug] = (about, 1)
    return _Family("vbench_machine", "info", "the machine", list(samples.values()))


def _document(families: Iterable[_Family]) -> str:
    lines = []
    for family in families:
        lines += [f"# TYPE {family.name} {family.kind}"]
        lines += [f"# UNIT {family.name} {family.unit}"] if family.unit else []
        lines += [f"# HELP {family.name} {escape(family.help)}"]
        sample = f"{family.name}_info" if family.kind == "info" else family.name
        lines += [f"{sample}{{{_labels(labels)}}} {value!r}" for labels, value in family.samples]
    return "".join(f"{line}\n" for line in [*lines, "# EOF"])


def _labels(labels: Labels) -> str:
    return ",".join(f'{name}="{escape(value)}"' for name, value in labels.items())


def escape(text: str) -> str:
    """Text inside of quotes, or of a help line."""
    return text.encode("utf-8", "replace").decode().replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


FORMAT = Format(of_runs, of_gate, takes=frozenset({"--metric"}))
