"""The report in words: `summary.md`, and the table of the README. Whatever comes from a file is escaped."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from .. import units
from ..flags import FLAGS
from ..registry import METRICS
from ..results import load_metrics
from . import accuracy, extra, text
from .cells import code, escape
from .departures import departures
from .rows import Protocol, Row, folded, rows, varied

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..core import Accuracy, Machine, Record
    from ..groups import Group, Ratio
    from .charts._points import Drawing

# So many networks with a flag are listed; of more, the table says which they are.
_LISTED = 8
# Each way a chart can be written, in this order.
FORMATS = ("png", "svg", "pdf")
# How the settings of a run are written; one that is not named here is written as it is.
_SETTINGS: dict[str, Callable[[Any], str]] = {
    "interval": lambda share: f"± {units.percent(share)}",
    "memory-limit": units.bytes_,
    **dict.fromkeys(("warmup", "latency", "throughput", "timeout", "time-limit", "spread"), units.duration),
}


def table(records: Iterable[Record], protocols: Sequence[Protocol]) -> str:
    """The table of the README and of the summary: a line per case, in the order of the plan. Ends in a line feed."""
    found = rows(records)
    return _table(found, text.columns(varied(found), protocols, found))


def _table(found: Iterable[Row], shown: Sequence[text.Column]) -> str:
    kept, many = folded(found)
    lines = [
        _line(escape(column.head) for column in shown),
        _line("---:" if column.number else ":---" for column in shown),
        *(_line(map(escape, text.cells(row, shown))) for row in kept),
        *(["", *(f"- {len(alike.rows)} cases were skipped: {escape(alike.reason)}" for alike in many)] if many else []),
    ]
    return "\n".join(lines) + "\n"


def summary(
    records: Sequence[Record],
    drawings: Sequence[Drawing],
    protocols: Sequence[Protocol],
    groups: Iterable[Group] = (),
    formats: Sequence[str] = FORMATS,
) -> str:
    """The whole of `summary.md`: what was measured where and how, the charts, and everything that went wrong."""
    found = rows(records)
    parts = ["# What these networks cost\n", _findings(drawings)]
    parts += [_run(record, protocols, alone=len(records) == 1) for record in records]
    parts += [
        _comparisons(found, groups, protocols),
        _charts(drawings, formats),
        _slow(found),
        _saved(found),
        _columns(),
        _flags(found),
        _wrong(found),
    ]
    parts += [_measured(found), _accuracies(found, protocols), _deviations(found)]
    return "\n".join(part for part in parts if part)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _items(items: Mapping[str, str]) -> str:
    return "".join(f"- {name}: {value}\n" for name, value in items.items() if value)


def _run(record: Record, protocols: Sequence[Protocol], *, alone: bool) -> str:
    """One run: the machine, when and how, and its table."""
    run = record.run
    head = "" if alone else f"## Run {escape(run.run_id)}\n\n"
    facts = {
        "Machine": escape(machine_text(run.machine)),
        "Measured": f"{escape(run.started)}, {_ended(record)}",
        "Command": code(run.command) if run.command else "",
        "Versions": escape(", ".join(f"{name} {version}" for name, version in run.versions.items())),
        "Settings": escape(settings_text(run.settings)),
        "Processes": escape(processes_text(record)),
        "Commit": code(run.commit) if run.commit else "",
        "Plugins that were not loaded": escape("; ".join(record.plugin_errors)),
    }
    return f"{head}{_items(facts)}\n" + (table([record], protocols) if record.results else "This run planned no case.\n")


def machine_text(machine: Machine) -> str:
    """All that a file says of its machine, in one line."""
    parts = [
        machine.processor or machine.slug,
        f"{machine.usable_cores} of {machine.cores} cores usable" if machine.cores else "",
        "" if machine.cpu_quota is None else f"a quota of {machine.cpu_quota:g} cores",
        "" if machine.memory_bytes is None else f"{units.bytes_(machine.memory_bytes)} of memory",
        *machine.gpus,
        f"driver {machine.driver}" if machine.driver else "",
        machine.virtual,
        f"governor {machine.governor}" if machine.governor else "",
        machine.system,
    ]
    return f"{', '.join(part for part in parts if part)} (fingerprint {machine.fingerprint})"


def _ended(record: Record) -> str:
    if record.ended == "complete":
        return "complete"
    verb = "evaluate" if record.results and not record.run.cases else "run"
    rest = f": {code(f'vbench {verb} --resume {record.path}')} measures what is missing" if record.path else ""
    return f"**interrupted**{rest}"


def settings_text(given: Mapping[str, Any]) -> str:
    """The settings of a run that were set, each in its unit."""
    return ", ".join(f"{key} {setting(key, value)}" for key, value in given.items() if value not in (None, ""))


def setting(key: str, value: Any) -> str:
    """The value of a setting of a run as people read it."""
    return _SETTINGS.get(key, str)(value)


def processes_text(record: Record) -> str:
    """How many fresh processes measured each case, and in how many rounds."""
    timed = [replicate for replicate in record.replicates if replicate.latency_ns]
    times = Counter(replicate.case for replicate in timed)
    planned = record.results[: len(record.run.cases)]  # behind them stand accuracies without costs
    each = [times[result.case.id] for result in planned if result.status == "ok"]
    if not each:
        return ""
    many = f"{min(each)}" if min(each) == max(each) else f"{min(each)} to {max(each)}"
    rounds = len({replicate.round for replicate in timed})
    return f"{many} for each case that is ok, in {rounds} round{'s' * (rounds != 1)}"


def _comparisons(found: Sequence[Row], groups: Iterable[Group], protocols: Sequence[Protocol]) -> str:
    """Every group of which all members are among the rows: what it says, the members in its order, and its counted ratios."""
    shown = text.columns(varied(found), protocols, found)
    parts = []
    for group in groups:
        own = {member: [row for row in found if row.name == member] for member in group.members}
        if all(own.values()):
            table = _table([row for member in own.values() for row in member], shown)
            ratios = "".join(_ratio(ratio, own[ratio.of][0], own[ratio.to][0]) for ratio in group.ratios)
            parts.append("\n".join(filter(None, (f"### {escape(group.title)}\n", f"{escape(group.prose)}\n", table, ratios))))
    return "## Comparisons\n\n" + "\n".join(parts) if parts else ""


def _ratio(ratio: Ratio, of: Row, to: Row) -> str:
    """A ratio as this run counted it, beside what is stated; nothing where it was not counted."""
    above, below = of.value(ratio.metric), to.value(ratio.metric)
    if above is None or not below:
        return ""
    stated = f"; stated: {ratio.claim} ({ratio.source})" if ratio.claim else ""
    return f"- {escape(f'{ratio.metric} of {ratio.of} over that of {ratio.to}: {above / below:.4g} counted{stated}')}\n"


def _findings(drawings: Sequence[Drawing]) -> str:
    """What the charts show, in sentences that were computed with them."""
    lines = "".join(f"- {escape(drawing.finding)}\n" for drawing in drawings if drawing.finding)
    return f"## What stands out\n\n{lines}" if lines else ""


def _charts(drawings: Sequence[Drawing], formats: Sequence[str] = FORMATS) -> str:
    """The charts, each with its files; in one line those that are left out, by the reason that they have in common."""
    parts = ["## Charts\n"]
    reasons: dict[str, list[str]] = {}
    for drawing in drawings:
        title = escape(drawing.title)
        if drawing.paint is None:
            reasons.setdefault(drawing.reason, []).append(title)
        else:
            parts.append(_picture(drawing, title, formats))
    if reasons:
        said = "; ".join(f"{', '.join(titles)} ({escape(reason)})" for reason, titles in reasons.items())
        parts.append(f"Not drawn: {said}.\n")
    return "\n".join(parts)


def _picture(drawing: Drawing, title: str, formats: Sequence[str]) -> str:
    """What a reader of markdown can show stands there, the other formats beside the title."""
    shown = next((name for name in ("png", "svg") if name in formats), None)
    links = ", ".join(f"[{name.upper()}]({drawing.name}.{name})" for name in formats if name != shown)
    picture = f"![{title}]({drawing.name}.{shown})\n\n" if shown else ""
    return f"{picture}{title}{f' ({links})' if links else ''}\n"


def _columns() -> str:
    """What the numbers are, in the words of the metrics themselves."""
    load_metrics()
    return "## What the numbers are\n\n" + _items(
        {escape(metric.name.replace("_", " ")): escape(metric.description) for metric in sorted(METRICS, key=lambda m: m.order)}
    )


def _flags(found: Sequence[Row]) -> str:
    measured = [row for row in found if row.result.status == "ok"]
    carried: dict[str, list[str]] = {}
    for row in measured:
        for flag in row.result.flags:
            carried.setdefault(flag, []).append(row.name)
    lines = {}
    for flag, names in carried.items():
        every = list(dict.fromkeys(names))
        more = f" and {len(every) - _LISTED} more: the table" if len(every) > _LISTED else ""
        some = ", ".join(every[:_LISTED]) + more
        who = f"all {len(names)} rows" if len(names) == len(measured) > 1 else some
        lines[f"**{escape(flag)}** ({escape(who)})"] = escape(FLAGS.get(flag, "no advice is known for it"))
    return f"## Flags, and what to do about them\n\n{_items(lines)}" if lines else ""


def _wrong(found: Sequence[Row]) -> str:
    kept, many = folded(found)
    lines = [
        f"- {code(row.case.id)}: {row.result.status}: {escape(row.result.reason or 'no reason was recorded')}\n"
        for row in kept
        if row.result.status != "ok"
    ]
    lines += [
        f"- {len(alike.rows)} cases: skipped: {escape(alike.reason)}: {', '.join(code(row.case.id) for row in alike.rows)}\n"
        for alike in many
    ]
    return f"## Not measured\n\n{''.join(lines)}" if lines else ""


def _slow(found: Sequence[Row]) -> str:
    """The cases in a narrower precision that are hardly quicker than in fp32, each with the cause that its profile shows."""
    lines = {
        f"{code(row.case.id)}, {escape(extra.speedup(row.result.values))} as quick as fp32": escape(
            row.result.values["slow_cause"]
        )
        for row in found
        if row.result.values.get("slow_cause")
    }
    return f"## Why a narrower precision is not quicker\n\n{_items(lines)}" if lines else ""


def _measured(found: Sequence[Row]) -> str:
    """The accuracies that `vbench evaluate` measured, with what was published beside them."""
    shown = accuracy.table(found)
    if not shown.rows:
        return ""
    lines = [
        _line(map(escape, shown.header)),
        _line("---:" if index in shown.right else ":---" for index in range(len(shown.header))),
        *(_line(map(escape, cells)) for cells in shown.rows),
    ]
    notes = "".join(f"\n- {escape(note)}" for note in shown.notes)
    return "## Accuracy, measured here\n\n" + "\n".join(lines) + "\n" + (f"{notes}\n" if notes else "")


def _saved(found: Sequence[Row]) -> str:
    """What each compression saved, and what was published of the same one."""
    lines = {}
    for row in found:
        if text := row.result.values.get("saved"):
            notes = {key: note for one in row.replicates for key, note in one.notes.items() if key.endswith(" published")}
            lines[code(row.case.id)] = escape("; ".join([text, *(f"published: {note}" for note in notes.values())]))
    return f"## What compressions saved\n\n{_items(lines)}" if lines else ""


def _accuracies(found: Sequence[Row], protocols: Sequence[Protocol]) -> str:
    """Where each accuracy comes from; what the charts and the table show is in bold."""
    head = ("architecture", "accuracy", "protocol", "weights by", "source")
    lines = [_line(head), _line([":---"] * len(head))]
    for row in {row.name: row for row in found}.values():
        drawn = [row.accuracy(protocol) for protocol in protocols]
        lines += [_accuracy(row, one, bold=any(one is a for a in drawn)) for one in row.facts.accuracy]
        if not row.facts.accuracy:
            lines.append(_line([escape(row.name), "none published", "", "", ""]))
    return "## Where the accuracies come from\n\n" + "\n".join(lines) + "\n"


def _accuracy(row: Row, given: Accuracy, *, bold: bool) -> str:
    shares = {"top1": given.top1, "top5": given.top5, given.metric: given.quality}
    known = {units.metric(metric): share for metric, share in shares.items() if share is not None}
    numbers = [f"{name} {units.quantity(share, '%', digits=4)}" for name, share in known.items()]
    told = escape(", ".join(numbers) if given.kind == "published" else f"{', '.join(numbers)} ({given.kind} here)")
    rest = (row.name, given.protocol, given.recipe, given.source)
    name, *where = map(escape, rest)
    return _line([name, f"**{told}**" if bold else told, *where])


def _deviations(found: Sequence[Row]) -> str:
    lines = {escape(", ".join(names)): escape(deviation) for deviation, names in departures(found).items()}
    return f"## Where a network departs from its paper\n\n{_items(lines)}" if lines else ""
