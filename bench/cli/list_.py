"""`vbench list`: what can be measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import tables, units
from ..errors import UsageError
from . import _common as common
from . import _options as options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Architecture

HELP = """List the architectures that can be measured, plugins included: topic, year, declared params and MACs, first accuracy.

--groups lists the groups of networks that are compared with each other, and --group NAME the members of one, with the ratios that
are stated of them and what is counted now. --compressors lists what can make a network smaller."""


def list_(
    patterns: Annotated[options.Many, typer.Argument(metavar="PATTERNS", help="Names or globs.")] = None,
    exclude: options.Exclude = None,
    topic: Annotated[options.Many, typer.Option(metavar="TOPICS", help="Only these topics.")] = None,
    group: Annotated[
        str | None, typer.Option(metavar="NAME", help="The members of a group, in its order, and its ratios.")
    ] = None,
    groups: Annotated[bool, typer.Option("--groups", help="All groups, in place of architectures.")] = False,
    compressors: Annotated[
        bool, typer.Option("--compressors", help="All compressors with their options, in place of architectures.")
    ] = False,
    plugin: options.Plugin = None,
    config: options.Config = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the entries as JSON.")] = False,
) -> None:
    """List; see HELP, which typer shows."""
    from .. import api, contrasts  # noqa: PLC0415 - loading plugins imports torch, and --help must not
    from ..plan import select  # noqa: PLC0415 - as above
    from ..suites import Suite  # noqa: PLC0415 - as above
    from . import _compressors, _groups  # noqa: PLC0415 - as above

    given = {"PATTERNS": patterns, "--exclude": exclude, "--topic": topic, "--group": group, "--groups": groups}
    _refuse(given, compressors=compressors, groups=groups, group=group)
    cfg, errors = api.setup(config, common.words(plugin))
    common.warn(errors)
    if compressors:
        common.dump(_compressors.entries()) if json_ else print(_compressors.table())
    elif groups:
        known = contrasts.known(cfg)
        if json_:
            common.dump([_groups.entry(name, entry) for name, entry in known.items()])
        else:
            print(_groups.table(known))
    elif group is not None:
        one = contrasts.find(cfg, group)
        chosen = contrasts.members(group, one)
        if json_:
            common.dump(_groups.entry(group, one) | {"members": _entries(chosen), "ratio": _groups.ratios(one)})
        else:
            print("\n".join([*_groups.text(group, one), _table(chosen), *_groups.ratio_table(one)]))
    else:
        suite = Suite(architectures=tuple(patterns or ("*",)), exclude=common.words(exclude), topic=common.words(topic))
        chosen = select(suite)
        common.dump(_entries(chosen)) if json_ else print(_table(chosen))
    if errors:
        raise typer.Exit(4)


def _refuse(given: dict[str, Any], *, compressors: bool, groups: bool, group: str | None) -> None:
    """Refuse to list two kinds of things at once. Raises UsageError."""
    words = [option for option, value in given.items() if value]
    if compressors and words:
        message = f"--compressors lists what makes networks smaller: leave out {', '.join(words)}"
        raise UsageError(message)
    words = [option for option in words if option != ("--groups" if groups else "--group")]
    if words and (groups or group):
        message = f"--group{'s' * groups} lists what the groups say: leave out {', '.join(words)}"
        raise UsageError(message)


def _entries(chosen: Sequence[Architecture]) -> list[dict[str, Any]]:
    import msgspec  # noqa: PLC0415 - only for --json

    return [{"name": a.label, "input": a.input, **msgspec.to_builtins(a.facts())} for a in chosen]


def _table(chosen: Sequence[Architecture]) -> str:
    rows = []
    for a in chosen:
        headline = a.accuracy[0].headline if a.accuracy else None
        quality = units.MISSING if headline is None else f"{headline[1]:.1f} {units.metric(headline[0])}"
        year = str(a.paper.year) if a.paper else units.MISSING
        size = "x".join(map(str, a.input))
        rows.append((a.label, a.topic, year, size, units.count(a.params), units.count(a.macs), quality))
    return tables.aligned(("name", "topic", "year", "input", "params", "MACs", "accuracy"), rows, right=(4, 5, 6))
