"""`vbench compact`: what reading rows needs of many result files, in a few that are read quickly. Without torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from . import _common as common

HELP = """Make thousands of result files quick to read: their rows go into a few Parquet files below RESULTS/compacted, which
vbench.load, history and best read in their place.

RESULTS is a folder, or a URL as s3://bucket/results. Result files are never changed or removed, and those that are newer than
what was compacted are read by themselves: so it may be run every night, twice, or at once, and be interrupted.

Nothing is measured, and torch is not imported."""


def compact(
    folder: Annotated[Path, typer.Argument(metavar="RESULTS", help="A folder of result files, or its URL.")],
    again: Annotated[bool, typer.Option("--again", help="Read every file anew, and replace what was compacted.")] = False,
    derive: Annotated[bool, typer.Option("--derive", help="Derive every row again from the raw samples; slow.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Compact; see HELP, which typer shows."""
    from ..store import compacting, places  # noqa: PLC0415 - --help must be quick

    def told(done: int, of: int) -> None:
        if sys.stderr.isatty() and (done % 50 == 0 or done == of):
            print(f"\r{done} of {of} files", end="\n" if done == of else "", file=sys.stderr)

    found = compacting.compact(folder, again=again, derive=derive, warn=lambda line: common.warn([line]), told=told)
    where = f"{places.address(folder) or folder}/{places.COMPACTED}"
    if json_:
        common.dump({"folder": where, **found._asdict()})
    elif found.parts:
        parts = "1 part" if len(found.parts) == 1 else f"{len(found.parts)} parts"
        files = "1 file" if found.files == 1 else f"{found.files:,} files"
        print(f"{files} with {found.rows:,} rows in {parts}: {where}")
    else:
        print(f"nothing new: {found.before:,} files are in {where}")
