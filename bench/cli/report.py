"""`vbench report`: a summary and charts from result files, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _common as common
from . import _options as options

HELP = """Write summary.md, the interactive report.html and the charts, as PNG, SVG and PDF, from result files.
Nothing is measured, and torch is not imported.

report.html is one file that opens without a network: the rows are filtered, searched and sorted in it, its chart has any two
numbers for axes, and budgets draw the Pareto front again.

A group (vbench list --groups) whose members are all in the files has a table of its own, with what it says. A chart for which
the files have nothing is left out, and the summary says why."""


def report(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="Result files, folders, globs, or their URLs.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")] = Path("report"),
    protocol: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The accuracy protocol to draw; left out, the most common one of each metric."),
    ] = None,
    mix_machines: Annotated[bool, typer.Option("--mix-machines", help="Draw times of several machines in one chart.")] = False,
    chart: Annotated[
        options.Many, typer.Option(metavar="NAMES", help="Only these charts, by name or glob (quality-latency); all if left out.")
    ] = None,
    format_: Annotated[
        options.Many, typer.Option("--format", metavar="FORMATS", help="Write charts as these: png, svg, pdf; all if left out.")
    ] = None,
    newest: options.Newest = None,
    config: options.Config = None,
) -> None:
    """Write the report; see HELP, which typer shows."""
    from .. import config as configs  # noqa: PLC0415 - --help must be quick
    from .. import contrasts, reports, results, store  # noqa: PLC0415 - as above

    records = results.read_all(store.local(files, newest=newest, warn=lambda line: common.warn([line])))
    groups = contrasts.known(configs.load(config)).values()
    written = reports.make(
        records,
        out,
        protocol=protocol,
        mix_machines=mix_machines,
        groups=groups,
        only=common.words(chart),
        formats=common.words(format_) or reports.FORMATS,
    )
    for path in written:
        print(path)
