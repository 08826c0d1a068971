"""A choice for people: the table, what the limits cost, and what must be known to read it; and the same as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from .. import tables, units
from ..reports import extra
from ..reports.rows import axis_text, varied
from ..reports.text import latency
from .limits import MEASURES, PUBLISHED, own_accuracy, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..reports.rows import Protocol, Row
    from .candidates import Candidates
    from .choice import Candidate, Choice, Miss, Price
    from .limits import Limit, Measure

_ALWAYS = ("quality", "latency", "memory")
_NETWORK = ("engine", "precision")


def text(found: Candidates, choice: Choice, limits: Sequence[Limit], by: Measure, task: str) -> str:
    """All of it."""
    head = [_head(found, choice, limits, by, task)]
    parts = [head, [_table(found, choice, limits, by)], _legend(found, choice)]
    if choice.prices:
        parts.append(["what the limits cost", *(f"  {line}" for price in choice.prices for line in price_lines(price, found))])
    parts.append([*_unknown(choice, limits), *found.notes])
    return "\n\n".join("\n".join(part) for part in parts if part)


def _head(found: Candidates, choice: Choice, limits: Sequence[Limit], by: Measure, task: str) -> str:
    machines = ", ".join(machine.slug for machine in found.machines)
    kept = f"{len(choice.ranked)} of {len(found.rows)} rows keep {limits_text(limits)}" if limits else f"{len(found.rows)} rows"
    measure = f"{found.protocol.name} ({found.protocol.text})" if found.protocol is not None else "no published accuracy"
    return f"{task}: {kept}, by {name(by, found.protocol)}; {measure}; {machines}"


def limits_text(limits: Sequence[Limit]) -> str:
    """All limits as they were typed."""
    return ", ".join(limit.said for limit in limits)


def name(measure: Measure, protocol: Protocol | None) -> str:
    """What a measure is called; the quality by its metric."""
    return protocol.name if measure.name == "quality" and protocol is not None else measure.name


def _table(found: Candidates, choice: Choice, limits: Sequence[Limit], by: Measure) -> str:
    rows = [candidate.row for candidate in choice.ranked]
    limited = {limit.measure.name for limit in limits}
    measures = [
        measure
        for measure in MEASURES.values()
        if measure.name in {*_ALWAYS, *limited, by.name}
        and (measure.name in limited or any(candidate.values[measure.name] is not None for candidate in choice.ranked))
    ]
    axes = _axes(rows)
    machine = len(found.machines) > 1
    agreement = any(not own_accuracy(row) for row in rows)
    heads = ["#", "", "architecture", *axes, *(name(measure, found.protocol) for measure in measures)]
    right = [0, *range(3 + len(axes), 3 + len(axes) + len(measures))]
    heads += [*(["agreement"] if agreement else []), *(["machine"] if machine else []), *(["place", ""] if limits else [])]
    lines = [
        [
            str(index),
            _mark(candidate, choice.front),
            candidate.row.name,
            *(axis_text(candidate.row.case, axis) for axis in axes),
            *(_cell(candidate, measure) for measure in measures),
            *([_agreement(candidate.row)] if agreement else []),
            *([candidate.row.run.machine.slug] if machine else []),
            *([candidate.place, "; ".join(candidate.why)] if limits else []),
        ]
        for index, candidate in enumerate(choice.ranked, 1)
    ]
    return tables.aligned(heads, lines, right=right)


def _mark(candidate: Candidate, front: Sequence[Measure]) -> str:
    """A star for what no other row beats; in brackets where that rests on the accuracy of another precision."""
    borrowed = not own_accuracy(candidate.row) and any(measure.name == "quality" for measure in front)
    return "" if not candidate.best else "(*)" if borrowed else "*"


def _axes(rows: Sequence[Row]) -> list[str]:
    """How to run each, always; and whatever else the rows differ in."""
    differ = [axis for axis in varied(rows) if axis != "compression"]
    return [*_NETWORK, *(axis for axis in differ if axis not in _NETWORK)]


def _cell(candidate: Candidate, measure: Measure) -> str:
    if measure.name == "latency":
        return latency(candidate.row)
    value = candidate.values[measure.name]
    if measure.name == "quality" and value is not None and not own_accuracy(candidate.row):
        return f"({shown(measure, value)})"
    return shown(measure, value)


def _agreement(row: Row) -> str:
    """How far the output is from that of fp32, where the row is not fp32 itself."""
    if own_accuracy(row):
        return ""
    values = row.result.values
    same = values.get("agreement_top1")
    told = units.MISSING if values.get("agreement_sqnr_db") is None else extra.agreement(values)
    return told if same is None else f"{told}, {units.percent(same)} same class"


def _legend(found: Candidates, choice: Choice) -> list[str]:
    rows = [candidate.row for candidate in choice.ranked]
    lines = []
    if any(candidate.best for candidate in choice.ranked) and choice.front:
        measures = ", ".join(name(measure, found.protocol) for measure in choice.front)
        borrowed = any(_mark(candidate, choice.front) == "(*)" for candidate in choice.ranked)
        more = f"; (*) if its accuracy were that of {PUBLISHED}" if borrowed else ""
        lines.append(f"* no other row is at least as good in all of these, and better in one: {measures}{more}")
    other = [row for row in rows if not own_accuracy(row)]
    if other and found.protocol is not None:
        weights = " of random weights" if all(row.case.weights.startswith("random") for row in other) else ""
        lines.append(
            f"({found.protocol.name}) was published for {PUBLISHED}: nobody measured it in this precision, and agreement{weights}"
            f" with {PUBLISHED} is no accuracy"
        )
    return lines


def price_lines(price: Price, found: Candidates) -> list[str]:
    """What giving way on a limit brings, in a line or two."""
    limit, goal = price.limit, name(price.goal, found.protocol)
    if price.nearest is None:
        return [f"{limit.said}: nothing stands outside of it alone"]
    if price.step is None:
        near = f"the nearest outside is {label(price.nearest, found)}, {_beyond(limit, price.nearest)}"
        return [f"{limit.said} costs no {goal}: {near}, and nothing outside is better"]
    size, unit = limit.measure.step
    line = f"{limit.said} binds: {_beyond(limit, price.step)} is {label(price.step, found)} with {_value(price.step, price.goal)}"
    if price.gain:
        per = price.gain / (price.beyond / size)
        line += f", {_gain(price.goal, price.gain)} better: {_gain(price.goal, per)} per {unit}"
    lines = [line]
    if price.most is not None and price.most is not price.step:
        lines.append(
            f"  without it: {label(price.most, found)} with {_value(price.most, price.goal)}, {_beyond(limit, price.most)}"
        )
    if price.nearest is not price.step:
        lines.append(f"  nearer, and no better: {label(price.nearest, found)}, {_beyond(limit, price.nearest)}")
    return lines


def _value(candidate: Candidate, measure: Measure) -> str:
    value = shown(measure, candidate.values[measure.name])
    return f"{value} (of {PUBLISHED})" if measure.name == "quality" and not own_accuracy(candidate.row) else value


def _gain(measure: Measure, gain: float) -> str:
    if measure.unit == "%":
        return units.quantity(gain, "points")
    return shown(measure, gain)


def _beyond(limit: Limit, candidate: Candidate) -> str:
    """How far outside, and whether its interval reaches inside."""
    measure, value = limit.measure, candidate.values[limit.measure.name]
    if value is None:
        return units.MISSING
    sign = "-" if measure.more else "+"
    over = limit.beyond(value)
    far = units.quantity(over, "points") if measure.unit == "%" else shown(measure, over)
    end = candidate.row.value(f"{measure.column}_{'high' if measure.more else 'low'}") if measure.timed else None
    inside = ", whose interval reaches within" if end is not None and limit.beyond(end) <= 0 else ""
    return f"{sign}{far} ({shown(measure, value)}{inside})"


def label(candidate: Candidate, found: Candidates) -> str:
    """A row in words: the network, how it runs, and what else tells it apart."""
    axes = _axes(found.rows)
    return " ".join(filter(None, (candidate.row.name, *(_axis(candidate.row, axis) for axis in axes))))


def _axis(row: Row, axis: str) -> str:
    return f"{ {'batch': 'b', 'threads': 't'}.get(axis, '') }{axis_text(row.case, axis)}"


def _unknown(choice: Choice, limits: Sequence[Limit]) -> list[str]:
    """How many rows could not be held against a limit."""
    lines = []
    for limit in limits:
        many = sum(candidate.places[limit.option][0] == "unknown" for candidate in choice.judged)
        if many:
            rows = "row" if len(choice.judged) == 1 else "rows"
            lines.append(
                f"left out by {limit.option}, since no {limit.measure.name} is known: {many} of {len(choice.judged)} {rows}"
            )
    return lines


def miss_text(miss: Miss | None, found: Candidates, choice: Choice, limits: Sequence[Limit]) -> str:
    """Why there is nothing, in one line, and what comes closest."""
    start = f"no row of {len(found.rows)} keeps {limits_text(limits)}"
    unknown = "; ".join(_unknown(choice, limits))
    if miss is None:
        return f"{start}: {unknown}"
    over = ", ".join(
        f"{name(limit.measure, found.protocol)} {shown(limit.measure, miss.candidate.values[limit.measure.name])} is "
        f"{units.percent(share)} {'below' if limit.measure.more else 'above'} {limit.said}"
        for limit, share in miss.over
    )
    return f"{start}; the nearest is {label(miss.candidate, found)}: {over}{f'; {unknown}' if unknown else ''}"


def plain(found: Candidates, choice: Choice, limits: Sequence[Limit], by: Measure, miss: Miss | None = None) -> dict[str, Any]:
    """All of it as JSON has it, in base units."""
    return {
        "by": by.name,
        "protocol": None if found.protocol is None else found.protocol._asdict(),
        "machines": [{"slug": machine.slug, "fingerprint": machine.fingerprint} for machine in found.machines],
        "limits": [
            {"option": one.option, "measure": one.measure.name, "value": one.value, "unit": one.measure.unit} for one in limits
        ],
        "considered": len(found.rows),
        "rows": [_row(candidate) for candidate in choice.ranked],
        "front": [measure.name for measure in choice.front],
        "prices": [_price(price) for price in choice.prices],
        "nearest": None if miss is None else {**_row(miss.candidate), "over": {one.option: share for one, share in miss.over}},
        "notes": [*_unknown(choice, limits), *found.notes],
    }


def _row(candidate: Candidate) -> dict[str, Any]:
    case, values = candidate.row.case, candidate.row.result.values
    wanted: Callable[[str], Any] = values.get
    return {
        "case": case.id,
        "architecture": case.architecture,
        "run": candidate.row.run.run_id,
        "machine": candidate.row.run.machine.slug,
        **{axis: msgspec.to_builtins(getattr(case, axis)) for axis in ("engine", "precision", "device", "batch", "threads")},
        **candidate.values,
        "latency_low": wanted("latency_s_low"),
        "latency_high": wanted("latency_s_high"),
        "quality_is_own": own_accuracy(candidate.row),
        "agreement_sqnr_db": wanted("agreement_sqnr_db"),
        "agreement_top1": wanted("agreement_top1"),
        "place": candidate.place,
        "why": candidate.why,
        "pareto": candidate.best,
        "flags": candidate.row.result.flags,
    }


def _price(price: Price) -> dict[str, Any]:
    def named(candidate: Candidate | None) -> dict[str, Any] | None:
        return None if candidate is None else {"case": candidate.row.case.id, **candidate.values}

    return {
        "option": price.limit.option,
        "binds": price.binds,
        "goal": price.goal.name,
        "nearest": named(price.nearest),
        "step": named(price.step),
        "gain": price.gain if price.step is not None else None,
        "beyond": price.beyond if price.step is not None else None,
        "most": named(price.most),
    }
