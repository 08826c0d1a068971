"""A comparison for people: as plain text, and as Markdown with everything that comes from a file escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .. import tables, units
from ..reports.cells import code, escape
from ..reports.markdown import setting
from ..reports.rows import AXES, axis_text
from . import matching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Record
    from ..history.measures import Measure
    from .look import Comparison, Count
    from .matching import Difference, Pair, Side
    from .ratios import Ratio

# Digits of a hash, and so many lines or names where there may be hundreds.
_HASH, _MOST = 9, 12
_LETTER = {"batch": "b", "threads": "t"}


class Table(NamedTuple):
    """A table with its title; `right` are the columns of numbers."""

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    right: tuple[int, ...]


class Lines(NamedTuple):
    """Sentences, a line each, under a title that may be empty."""

    title: str
    lines: list[str]


def plain(found: Comparison) -> str:
    """For a terminal."""
    parts = []
    for block in blocks(found):
        body = tables.aligned(block.header, block.rows, right=block.right) if isinstance(block, Table) else "\n".join(block.lines)
        indented = body if isinstance(block, Table) or not block.title else "\n".join(f"  {line}" for line in block.lines)
        parts.append(f"{block.title}\n{indented}" if block.title else body)
    return "\n\n".join(parts)


def markdown(found: Comparison) -> str:
    """For a pull request or a page."""
    parts = [f"# {code(found.after.given)} against {code(found.before.given)}"]
    for block in blocks(found):
        if isinstance(block, Table):
            rule = ["---:" if index in block.right else ":---" for index in range(len(block.header))]
            lines = [map(escape, block.header), rule, *(map(escape, row) for row in block.rows)]
            body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        else:
            body = "\n".join(f"- {escape(line)}" for line in block.lines)
        parts.append(f"## {escape(block.title)}\n\n{body}" if block.title else body)
    return "\n\n".join(parts)


def blocks(found: Comparison) -> list[Table | Lines]:
    """All of it, in the order in which it is read: what is compared, what else differs, the ratios, the counts, the rest."""
    named = names([pair.case for pair in found.matched.pairs])
    made: list[Table | Lines] = [Lines("", _sides(found))]
    made += [Lines("what else differs", [_difference(one) for one in found.differences])] if found.differences else []
    made += [_table(measure, rows, named) for measure, rows in found.ratios.items() if rows]
    made += [Lines("", notes)] if (notes := _notes(found, named)) else []
    made += [_counts(found, named)]
    return made + [Lines(title, lines) for title, lines in _rest(found, named).items() if lines]


def names(cases: Sequence[Case]) -> dict[str, str]:
    """What each case is called: the network, and the axes on which the cases differ."""
    several = [
        axis for axis in AXES if axis not in {"input_shape", "compression"} and len({getattr(case, axis) for case in cases}) > 1
    ]
    by_network: dict[str, set[tuple[int, ...]]] = {}
    for case in cases:
        by_network.setdefault(case.label, set()).add(case.input_shape)
    found = {}
    for case in cases:
        axes = [*several, *(["input_shape"] if len(by_network[case.label]) > 1 else [])]
        parts = [case.label, *(f"{_LETTER.get(axis, '')}{text}" for axis in axes if (text := axis_text(case, axis)))]
        found[case.id] = " ".join(parts)
    return found


def _sides(found: Comparison) -> list[str]:
    old, new = found.matched.records()
    lines = [_side(found.before, old, len(found.matched.pairs)), _side(found.after, new, len(found.matched.pairs))]
    if {record.run.run_id for record in old} == {record.run.run_id for record in new}:
        lines.append("A and B are the same run")
    return lines


def _side(side: Side, used: Sequence[Record], cases: int) -> str:
    started = sorted({record.run.started[:16].replace("T", " ") for record in used})
    when = started[0] if len(started) == 1 else f"{len(used)} runs from {started[0]} to {started[-1]}"
    machines = ", ".join(dict.fromkeys(record.run.machine.slug for record in used))
    commits = list(dict.fromkeys(_short(record.run.commit) for record in used if record.run.commit))
    commit = f", commit {', '.join(commits)}" if commits else ""
    return f"{side.name}  {side.given}: {_cases(cases)}, {when}, {machines}{commit}"


def _short(commit: str) -> str:
    revision, dash, dirty = commit.partition("-")
    return revision[:_HASH] + dash + dirty


def _difference(one: Difference) -> str:
    old, new = (" and ".join(_fact(one, value) for value in side) for side in (one.before, one.after))
    return f"{one.kind} {one.name}: {old} -> {new}"


def _fact(one: Difference, value: Any) -> str:
    if value in (None, ""):
        return "none"
    if one.kind == "setting":
        return setting(one.name, value)
    return _short(str(value)) if one.kind == "code" else str(value)


def _table(measure: Measure, rows: Sequence[tuple[Pair, Ratio]], named: dict[str, str]) -> Table:
    """One measure, worst first."""
    doubts = any(ratio.why for _, ratio in rows)
    flagged = any(flags for _, ratio in rows for flags in ratio.flags)
    header = ("case", "A", "B", "B/A [95 %]", "", "n", *(["why"] if doubts else []), *(["flags"] if flagged else []))
    lines = [
        (
            named[pair.case.id],
            units.quantity(ratio.before, measure.unit),
            units.quantity(ratio.after, measure.unit),
            units.ratio(ratio.ratio, ratio.low, ratio.high),
            ratio.word,
            "+".join(map(str, ratio.processes)),
            *([ratio.why] if doubts else []),
            *([_flags(ratio)] if flagged else []),
        )
        for pair, ratio in rows
    ]
    better = {"lower": ", lower is better", "higher": ", higher is better", "none": ""}[measure.better]
    return Table(f"{measure.name.replace('_', ' ')}{better}", header, lines, (1, 2, 3, 5))


def _flags(ratio: Ratio) -> str:
    """Those of both sides; those that only one has with its letter."""
    old, new = ratio.flags
    both = [flag for flag in old if flag in new]
    alone = [f"{name}: {flag}" for name, own in (("A", old), ("B", new)) for flag in own if flag not in both]
    return ", ".join([*both, *alone])


def _notes(found: Comparison, named: dict[str, str]) -> list[str]:
    """What the tables come to, and what they cannot say."""
    notes = [_summary(measure, [ratio for _, ratio in rows]) for measure, rows in found.ratios.items() if rows]
    if any(ratio.low is not None for rows in found.ratios.values() for _, ratio in rows):
        notes.append(
            "worse or better: the 95 % interval excludes 1, which by chance it does in up to 1 of 20 rows; this is no gate, "
            "`vbench gate` compares in pairs"
        )
    notes += _drift(found)
    if found.apart:
        pair = found.apart[0]
        old, new = (entry.record.run.machine for entry in pair)
        facts = ", ".join(matching.machine_difference(old, new)) or "only their fingerprints"
        which = "all cases" if len(found.apart) == len(found.matched.pairs) else f"{len(found.apart)} cases"
        shown = any(ratio.why == "other machine" for rows in found.ratios.values() for _, ratio in rows)
        rest = "no verdict is given" if shown else "only counts are compared (--mix-machines shows both)"
        notes.append(
            f"times of two machines do not compare: {which} of A on {old.slug} ({old.fingerprint}), of B on {new.slug} "
            f"({new.fingerprint}), which differ in {facts}; {rest}"
        )
    changed = [named[pair.case.id] for pair in found.matched.pairs if pair.redefined]
    if changed:
        notes.append(f"the same id means other work (seed or pictures) in {_some(changed)}: no verdict on these")
    return notes


def _summary(measure: Measure, rows: Sequence[Ratio]) -> str:
    words = [ratio.word for ratio in rows]
    told = [f"{words.count(word)} {word}" for word in ("worse", "better", "open") if word in words]
    bare = words.count("")
    told += [f"{bare} without a verdict"] if bare else []
    return f"{measure.name.replace('_', ' ')}: {', '.join(told)}"


def _drift(found: Comparison) -> list[str]:
    """What the sentinel says of the machine between the runs, as far as it is in the intervals."""
    if not any(
        ratio.low is not None and measure.unit in {"s", "1/s"} for measure, rows in found.ratios.items() for _, ratio in rows
    ):
        return []
    notes = []
    moved = {drift for drift in found.drifts.values() if not drift.unknown and drift.offset}
    if moved:
        largest = max(moved, key=lambda drift: abs(drift.offset))
        pace = "slower" if largest.offset > 0 else "faster"
        notes.append(
            f"the machine's sentinel ran {units.percent(abs(largest.offset))} {pace} in B, which may be the machine's drift: "
            "intervals of times reach as much further"
        )
    unknown = dict.fromkeys(drift.unknown for drift in found.drifts.values() if drift.unknown)
    notes += [f"how the machine drifted between the runs is not known, and not in the intervals: {why}" for why in unknown]
    return notes


def _counts(found: Comparison, named: dict[str, str]) -> Table | Lines:
    """The counts that differ, or that none does."""
    if not found.counted:
        return Lines("", ["counts: no case was counted on both sides"])
    differ = len({count.case.id for count in found.changed})
    same = f"counts: {len(found.counted) - differ} of {len(found.counted)} counted cases are equal in every count"
    if not found.changed:
        return Lines("", [same])
    rows = [(named[count.case.id], count.column, *_change(count)) for count in found.changed]
    return Table(same, ("case", "count", "A", "B", "change"), rows, (2, 3, 4))


def _uncounted(found: Comparison) -> list[str]:
    """What only one side counted, such as a column that an older vbench does not have: no difference, and a line for each."""
    missing: dict[tuple[str, str], int] = {}
    for count in found.counts:
        side = "A" if count.before is None else "B" if count.after is None else ""
        if side:
            missing[side, count.column] = missing.get((side, count.column), 0) + 1
    return [f"{column}: not in {side}, {_cases(number)}" for (side, column), number in missing.items()]


def _cases(number: int) -> str:
    return "1 case" if number == 1 else f"{number} cases"


def _change(count: Count) -> tuple[str, str, str]:
    old, new = count.before, count.after
    numbers = all(isinstance(value, int | float) and value for value in (old, new))
    return _exact(old), _exact(new), units.change(new / old - 1) if numbers else ""


def _exact(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {times}" for name, times in value.items()) or "none"
    return f"{value:.6g}"


def _rest(found: Comparison, named: dict[str, str]) -> dict[str, list[str]]:
    """What has no row above: other statuses, and cases that one side lacks."""
    both = names([*found.matched.only_before, *found.matched.only_after])
    return {
        "counted on one side only": _uncounted(found),
        "computed in other precisions": [line for pair in found.matched.pairs if (line := _executed(pair, named))],
        "did not end alike": [_status(pair, named) for pair in found.statuses],
        "only in A": _listed([both[case.id] for case in found.matched.only_before]),
        "only in B": _listed([both[case.id] for case in found.matched.only_after]),
    }


def _executed(pair: Pair, named: dict[str, str]) -> str:
    """Where the engine's own account says that other shares of the work ran in other precisions; empty where it does not."""
    old, new = (entry.result.values.get("executed_precision") for entry in pair)
    if not old or not new or old == new:
        return ""
    shares = (", ".join(f"{name} {units.percent(share)}" for name, share in side.items()) for side in (old, new))
    return f"{named[pair.case.id]}: {' -> '.join(shares)}"


def _status(pair: Pair, named: dict[str, str]) -> str:
    old, new = (entry.result for entry in pair)
    reason = next((f": {result.reason}" for result in (new, old) if result.status != "ok" and result.reason), "")
    return f"{named[pair.case.id]}: {old.status} -> {new.status}{reason}"


def _listed(given: Sequence[str]) -> list[str]:
    more = [f"and {len(given) - _MOST} more (--json has them)"] if len(given) > _MOST else []
    return [*given[:_MOST], *more]


def _some(given: Sequence[str]) -> str:
    return ", ".join(given[:_MOST]) + (f" and {len(given) - _MOST} more" if len(given) > _MOST else "")
