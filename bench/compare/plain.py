"""A comparison as JSON has it: values in the unit of their column, each ratio with what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from ..reports.rows import AXES

if TYPE_CHECKING:
    from ..core import Record
    from ..history.measures import Measure
    from .look import Comparison
    from .matching import Pair
    from .ratios import Ratio


def plain(found: Comparison) -> dict[str, Any]:
    """All of it."""
    old, new = found.matched.records()
    return {
        "a": {"given": found.before.given, "runs": [_run(record) for record in old]},
        "b": {"given": found.after.given, "runs": [_run(record) for record in new]},
        "differences": [one._asdict() for one in found.differences],
        "cases": {pair.case.id: _case(pair) for pair in found.matched.pairs},
        "ratios": [_ratio(pair, measure, ratio) for measure, rows in found.ratios.items() for pair, ratio in rows],
        "drift": {case: drift._asdict() for case, drift in found.drifts.items()},
        "counts": [
            {"case": count.case.id, "column": count.column, "a": count.before, "b": count.after} for count in found.counts
        ],
        "counted": len(found.counted),
        "only_a": [case.id for case in found.matched.only_before],
        "only_b": [case.id for case in found.matched.only_after],
    }


def _run(record: Record) -> dict[str, Any]:
    run = record.run
    machine = {"slug": run.machine.slug, "fingerprint": run.machine.fingerprint}
    return {"run": run.run_id, "file": record.path, "started": run.started, "commit": run.commit, "machine": machine}


def _case(pair: Pair) -> dict[str, Any]:
    axes = {axis: msgspec.to_builtins(getattr(pair.case, axis)) for axis in AXES}
    sides = {
        side: {"run": entry.record.run.run_id, "status": entry.result.status, "flags": entry.result.flags}
        for side, entry in zip(("a", "b"), pair, strict=True)
    }
    same = {"one_machine": pair.one_machine, "redefined": pair.redefined}
    return {"architecture": pair.case.architecture, **axes, **same, **sides}


def _ratio(pair: Pair, measure: Measure, ratio: Ratio) -> dict[str, Any]:
    return {
        "case": pair.case.id,
        "metric": measure.name,
        "column": measure.column,
        "unit": measure.unit,
        "better": measure.better,
        "a": ratio.before,
        "b": ratio.after,
        "ratio": ratio.ratio,
        "low": ratio.low,
        "high": ratio.high,
        "word": ratio.word or None,
        "why": ratio.why or None,
        "processes": ratio.processes,
    }
