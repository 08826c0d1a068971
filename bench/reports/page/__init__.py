"""The page: every row of a report in one file that is filtered, zoomed, sorted and searched, and opens without a network.

Vega draws the chart; the templates and scripts beside this file are the rest of it, plain and without a framework. All that comes
from a file goes into the page in one of two ways: escaped by jinja2, or in one block of JSON without a `<` in it, from which the
scripts only ever set text.
"""

from __future__ import annotations

from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

import jinja2
import msgspec

from ... import __version__, units
from ...flags import FLAGS
from ..charts._points import machine_note, versions_note
from ..departures import departures
from ..markdown import machine_text, processes_text, settings_text
from ..rows import machines, varied
from . import colours, library
from .columns import REPEAT, Column, accuracy_name, columns, protocols

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...core import Machine, Record
    from ..charts._points import Drawing
    from ..rows import Protocol, Row

NAME = "report.html"
TEMPLATE = "page.html"
STYLE = "page.css"
# In the order in which they need each other.
SCRIPTS = (
    "units.js",
    "theme.js",
    "dom.js",
    "columns.js",
    "state.js",
    "select.js",
    "plot.js",
    "chart.js",
    "detail.js",
    "table.js",
    "controls.js",
    "main.js",
)
# What is chosen by ticking several; every value is shown until one is ticked.
_FACETS = (
    "topic",
    "family",
    "engine",
    "engine_options",
    "precision",
    "device",
    "compression",
    "task",
    "input_shape",
    "layout",
    "status",
)
# What a number depends on so much that a chart begins with one value of each.
_CONDITIONS = ("phase", "scenario", "batch", "threads")
_COLOURED = ("family", "topic", "engine", "precision", "device", "compression", "batch", "threads", "fingerprint")
_BUDGETS = ("latency_s", "memory_bytes", "params")
_TABLE = ("params", "macs", "activations", "latency_s", "throughput_per_s", "memory_bytes")
# A chart of fewer points is made of lines, which print well; one of more is painted, which is quicker.
_FEW = 600
# What ends a script early, and what is no line feed in JSON but one in a script of old.
_UNSAFE = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


class Around(NamedTuple):
    """What a page from a server has beside the one on a disk: HTML above it, more rules of style, its scripts' addresses."""

    top: str
    style: str
    scripts: tuple[str, ...]


def make(  # noqa: PLR0913 - what is shown, how, and where
    records: Sequence[Record],
    found: Sequence[Row],
    chosen: Sequence[Protocol],
    drawings: Iterable[Drawing] = (),
    *,
    mix: bool = False,
    around: Around | None = None,
) -> str:
    """The whole page as HTML. `chosen` are the protocols of the report, `drawings` the charts that lie beside it.

    Without `around` it is one file, scripts included.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(part(TEMPLATE))
    several, given = machines(found), list(drawings)
    flags = [flag for flag in FLAGS if any(flag in row.result.flags for row in found)]
    table = columns(found)
    return template.render(
        version=__version__,
        many=len(found),
        networks=len({row.name for row in found}),
        machines=[machine_text(machine) for machine in several],
        notes=[*_where(found, mix=mix), versions_note(found)],
        protocol=chosen[0] if chosen else None,
        runs=[_run(record) for record in records],
        flags={flag: FLAGS[flag] for flag in flags},
        deviations={", ".join(names): deviation for deviation, names in departures(found).items()},
        findings=[drawing.finding for drawing in given if drawing.finding],
        drawings=[drawing for drawing in given if drawing.paint is not None],
        meanings=[column for column in table if column.about and column.group != "identity"],
        around=around,
        style=part(STYLE) + (around.style if around else ""),
        library="" if around else library.vega(),
        scripts="" if around else script(SCRIPTS),
        data=embedded(_data(found, chosen, table, mix=mix)),
    )


def part(name: str) -> str:
    """One of the files beside this one."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def script(names: Iterable[str], own: str = "") -> str:
    """These scripts, and one more, as one that leaves nothing behind in the window."""
    parts = [f"// {name}\n{part(name)}" for name in names]
    return "\n".join(["(() => {", '"use strict";', *parts, *([own] if own else []), "})();"])


def embedded(value: Any) -> str:
    """JSON that stands in a page as it is: no text in it can end the block that it is in."""
    return msgspec.json.encode(value).decode().translate(_UNSAFE)


def _data(found: Sequence[Row], chosen: Sequence[Protocol], table: Sequence[Column], *, mix: bool) -> dict[str, Any]:
    """What the scripts are told beside the columns: where to begin, and how things look."""
    names = {column.name for column in table}
    several = machines(found)
    axes = [axis for axis in varied(found) if axis in names]
    shown = ["name", *(axis for axis in axes if axis not in {"weights", "compression"}), *_TABLE]
    x, y = _axes(found, chosen, names)
    shown += [*([y] if y not in shown else []), "status", "flags"]
    only = _conditions(found, x, names) | ({REPEAT: ["newest"]} if REPEAT in names else {})
    if len(several) > 1 and not mix:
        only["fingerprint"] = [several[0].fingerprint]
    return {
        "rows": len(found),
        "columns": table,
        "machines": {machine.fingerprint: _machine(found, machine) for machine in several},
        "looks": {name: colours.looks(_values(table, name)) for name in _COLOURED if name in names},
        "scales": units.steps(),
        "flags": FLAGS,
        "facets": [name for name in ("fingerprint", *_CONDITIONS, *_FACETS, REPEAT) if name in names],
        "budgets": [name for name in _BUDGETS if name in names],
        "few": _FEW,
        "mixed": mix,
        "start": {
            "x": x,
            "y": y,
            "color": "family",
            "shown": [name for name in shown if name in names],
            "only": only,
        },
    }


def _machine(found: Sequence[Row], machine: Machine) -> str:
    return machine_note([row for row in found if row.run.machine.fingerprint == machine.fingerprint])[0]


def _where(found: Sequence[Row], *, mix: bool) -> list[str]:
    """The machines, which the page of several shows one by one unless they are to be mixed."""
    several = machines(found)
    if mix or len(several) == 1:
        return machine_note(found)
    return [f"{len(several)} machines, whose times do not compare; the first that is shown is {_machine(found, several[0])}"]


def _values(table: Iterable[Column], name: str) -> list[str]:
    column = next(column for column in table if column.name == name)
    found: list[Any] = [column.k] if column.k is not None else [*(column.t or column.v or ())]
    return list(dict.fromkeys(str(value) for value in found if value is not None))


def _axes(found: Sequence[Row], chosen: Sequence[Protocol], names: set[str]) -> tuple[str, str]:
    """What the chart begins with: accuracy against latency, and what there is where either is missing."""
    costs = [name for name in ("latency_s", "throughput_per_s", "macs", "params") if name in names]
    known = [accuracy_name(protocol) for protocol in (*chosen, *protocols(found))]
    y = next((name for name in known if name in names), None)
    x = costs[0] if costs else "year"
    return x, y or (costs[1] if len(costs) > 1 else x)


def _conditions(found: Sequence[Row], x: str, names: set[str]) -> dict[str, list[str]]:
    """Of what numbers depend on: the combination that most rows were measured in."""
    measured = [row for row in found if row.value(x) is not None] or list(found)
    axes = [axis for axis in _CONDITIONS if axis in names and len({getattr(row.case, axis) for row in found}) > 1]
    combined = Counter(tuple(str(getattr(row.case, axis)) for axis in axes) for row in measured)
    most = max(combined, key=lambda key: combined[key])
    return {axis: [value] for axis, value in zip(axes, most, strict=True)}


def _run(record: Record) -> dict[str, str]:
    """What a reader must know of a run, by the words of the summary."""
    run = record.run
    facts = {
        "Run": run.run_id,
        "Machine": machine_text(run.machine),
        "Measured": f"{run.started}, {record.ended if record.ended == 'complete' else 'interrupted'}",
        "Command": run.command,
        "Versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "Settings": settings_text(run.settings),
        "Processes": processes_text(record),
        "Commit": run.commit,
        "Plugins that were not loaded": "; ".join(record.plugin_errors),
    }
    return {name: fact for name, fact in facts.items() if fact}
