"""`vbench list`: what can be measured."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import tables
from . import _common as common
from . import _options as options

HELP = "List the architectures that can be measured, plugins included: topic, year, declared params and MACs, first accuracy."


def list_(
    patterns: Annotated[options.Many, typer.Argument(metavar="PATTERNS", help="Names or globs.")] = None,
    exclude: options.Exclude = None,
    topic: Annotated[options.Many, typer.Option(metavar="TOPICS", help="Only these topics.")] = None,
    plugin: options.Plugin = None,
    config: options.Config = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the entries as JSON.")] = False,
) -> None:
    """List; see HELP, which typer shows."""
    from .. import api, units  # noqa: PLC0415 - loading plugins imports torch, and --help must not
    from ..config import Suite  # noqa: PLC0415 - as above
    from ..plan import select  # noqa: PLC0415 - as above

    _, errors = api.setup(config, common.words(plugin))
    common.warn(errors)
    suite = Suite(architectures=tuple(patterns or ("*",)), exclude=common.words(exclude), topic=common.words(topic))
    chosen = select(suite)
    if json_:
        import msgspec  # noqa: PLC0415 - only for --json

        common.dump([{"name": a.name, "input": a.input, **msgspec.to_builtins(a.facts())} for a in chosen])
    else:
        rows = []
        for a in chosen:
            first = a.accuracy[0] if a.accuracy else None
            quality = f"{first.quality:.1f}" if first is not None and first.quality is not None else units.MISSING
            year = str(a.paper.year) if a.paper else units.MISSING
            size = "x".join(map(str, a.input))
            rows.append((a.name, a.topic, year, size, units.count(a.params), units.count(a.macs), quality))
        print(tables.aligned(("name", "topic", "year", "input", "params", "MACs", "top-1"), rows, right=(4, 5, 6)))
    if errors:
        raise typer.Exit(4)
