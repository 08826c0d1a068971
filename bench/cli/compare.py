"""`vbench compare`: two result files, or two sets of them, case by case. Without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from . import _common as common
from . import _options as options

HELP = """Show two result files side by side, case by case: ratios of B to A, with intervals, and every count that differs.

A and B are result files, folders or globs; of several runs the newest of each case counts. Times are compared only where both
were measured on one machine. Versions, settings and variables that differ are named above the tables, which are sorted from
worst to best.

It is no gate: two runs are of different hours, and the exit code is 0 whatever differs. `vbench gate` compares in pairs.
Nothing is measured, and torch is not imported."""


def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="Result file, folder, glob or URL: what is compared with.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="Result file, folder, glob or URL: what is compared.")],
    metric: Annotated[
        options.Many,
        typer.Option(
            metavar="METRICS", help="Measured columns or metrics.  [default: latency,throughput,host_memory,device_memory]"
        ),
    ] = None,
    only: Annotated[options.Many, typer.Option(metavar="NAMES", help="Only these architectures, names or globs.")] = None,
    exclude: options.Exclude = None,
    mix_machines: Annotated[
        bool, typer.Option("--mix-machines", help="Show times of different machines side by side, without a verdict.")
    ] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it as Markdown.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Compare; see HELP, which typer shows."""
    from ..compare import look, plain, text  # noqa: PLC0415 - --help must be quick

    if markdown and json_:
        message = "--markdown and --json are two forms of the same: leave one out"
        raise UsageError(message)
    asked = look.Asked(
        metrics=common.words(metric), only=common.words(only), exclude=common.words(exclude), mix_machines=mix_machines
    )
    found = look.look(before, after, asked)
    if json_:
        common.dump(plain.plain(found))
    else:
        print(text.markdown(found) if markdown else text.plain(found))
