"""`vbench list`: what can be measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _common as common

HELP = "List the architectures that can be measured, plugins included: topic, year, declared params and MACs, first accuracy."

Many = list[str] | None


def list_(
    patterns: Annotated[Many, typer.Argument(metavar="PATTERNS", help="Names or globs.")] = None,
    exclude: Annotated[Many, typer.Option(metavar="NAMES", help="Names or globs to leave out.")] = None,
    topic: Annotated[Many, typer.Option(metavar="TOPICS", help="Only these topics.")] = None,
    plugin: Annotated[Many, typer.Option(metavar="PATHS", help="A file or folder that registers more.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A bench.toml other than the nearest.")] = None,
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
        print(common.plain_table(("name", "topic", "year", "input", "params", "MACs", "top-1"), rows, right=(4, 5, 6)))
    if errors:
        raise typer.Exit(4)
