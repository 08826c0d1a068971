"""`vbench report`: a summary and charts from result files, without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HELP = "Write summary.md and the charts, as PNG and SVG, from result files. Nothing is measured, and torch is not imported."


def report(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="Result files, folders or globs.")],
    out: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The folder to write to.")] = Path("report"),
    protocol: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The accuracy protocol to draw; left out, the most common one.")
    ] = None,
    mix_machines: Annotated[bool, typer.Option("--mix-machines", help="Draw times of several machines in one chart.")] = False,
) -> None:
    """Write the report; see HELP, which typer shows."""
    from .. import reports, results  # noqa: PLC0415 - --help must be quick

    records = [results.read(path) for path in results.files(files)]
    for path in reports.make(records, out, protocol=protocol, mix_machines=mix_machines):
        print(path)
