"""`vbench history`: how the numbers of this machine went from run to run, and where they changed. Without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import NothingSelectedError
from . import _common as common
from . import _options as options

HELP = """Show how numbers went from run to run, and where a level changed.

A series is one case on one machine; another version of python, torch, the engine or the driver begins a segment that is not
compared with the one before. A change has at least three runs after it, and is 2 % or more. It informs: the exit code is 0 with
and without a change. What would confirm a change is printed with it.

Left out, FILES are those below results/. Nothing is measured, and torch is not imported."""


def history(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES", help="Result files, folders, globs, or their URLs.")
    ] = None,
    metric: Annotated[
        options.Many, typer.Option(metavar="METRICS", help="Measured columns or metrics.  [default: latency,throughput]")
    ] = None,
    only: Annotated[options.Many, typer.Option(metavar="NAMES", help="Only these architectures, names or globs.")] = None,
    exclude: options.Exclude = None,
    alpha: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Of the series called changed, how many may be false.  [default: 1%]")
    ] = None,
    min_effect: Annotated[str | None, typer.Option(metavar="SHARE", help="The least change that matters.  [default: 2%]")] = None,
    derive: Annotated[bool, typer.Option("--derive", help="Derive every row again from the raw samples; slow.")] = False,
    every: Annotated[bool, typer.Option("--all", help="A line for the series without a change, too.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Write a page with a chart of every series.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Look; see HELP, which typer shows."""
    from ..history import look  # noqa: PLC0415 - --help must be quick
    from ..scan import Rule  # noqa: PLC0415 - as above

    usual, level, least = Rule(), common.share(alpha, "--alpha"), common.share(min_effect, "--min-effect")
    rule = Rule(level=usual.level if level is None else level, least=usual.least if least is None else least)
    asked = look.Asked(metrics=common.words(metric), only=common.words(only), exclude=common.words(exclude), derive=derive)
    found = look.look(files or [_results()], asked, rule, warn=lambda line: common.warn([line]))
    if json_:
        common.dump(look.plain(found))
    else:
        from ..reports.trends import text  # noqa: PLC0415 - as above

        print(text.text(found, every=every))
    if output is not None:
        from ..reports import trends  # noqa: PLC0415 - as above

        common.warn(trends.make(found, output)[:2])


def _results() -> Path:
    """Where `vbench run` puts its files: beside bench.toml."""
    from .. import config  # noqa: PLC0415 - as above

    folder = config.load().root / "results"
    if not folder.is_dir():
        message = f"no history: there is no {folder} yet; `vbench run` puts its files there, or name others: vbench history FILES"
        raise NothingSelectedError(message)
    return folder
