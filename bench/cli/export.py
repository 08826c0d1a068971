"""`vbench export`: results in the formats of others, without torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import NothingSelectedError, UsageError
from . import _common as common
from . import _options as options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..exports.format import Asked, Files, Format, Made

HELP = """Write results in a format that another tool reads. Nothing is measured, and torch is not imported.

FORMAT is asv, bencher, csv, github-action-benchmark, json, junit, latex, markdown, openmetrics, parquet,
pyperf or pytest-benchmark. FILES are those of `vbench run`, or one of
`vbench gate` (bencher, github-action-benchmark, junit, openmetrics). What a format has no place for is said on standard error."""


def export(
    name: Annotated[str, typer.Argument(metavar="FORMAT", help="One of the names above.")],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="Result files, folders, globs, their URLs, or a file of the gate.")
    ],
    out: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The file to write, or asv's folder; else printed.")
    ] = None,
    metric: Annotated[
        options.Many, typer.Option(metavar="METRICS", help="Of asv, bencher, github-action-benchmark, openmetrics.")
    ] = None,
    columns: Annotated[options.Many, typer.Option(metavar="COLUMNS", help="Of csv, json, latex, markdown, parquet.")] = None,
    newest: options.Newest = None,
) -> None:
    """Export; see HELP, which typer shows."""
    from .. import exports, journal  # noqa: PLC0415 - --help must be quick
    from ..exports.format import Asked  # noqa: PLC0415 - as above

    chosen = exports.find(name)
    asked = Asked(common.words(metric), common.words(columns))
    for option, given in (("--metric", asked.metrics), ("--columns", asked.columns)):
        if given and option not in chosen.takes:
            having = ", ".join(other for other, form in exports.formats().items() if option in form.takes)
            message = f"{option} means nothing to {name}: leave it out; it is for {having}"
            raise UsageError(message)
    if out is None and chosen.to != "text":
        what, where = ("a folder", "DIR") if chosen.to == "folder" else ("no text", "FILE")
        message = f"{name} is {what}: say where it goes with -o {where}"
        raise UsageError(message)
    if out is not None and journal.kind(out):
        message = f"-o {out}: that is a file of measurements, which would be overwritten; name another"
        raise UsageError(message)
    made = _make(name, chosen, files, asked, newest)
    common.warn(f"left out: {line}" for line in made.left)
    common.warn([made.note] if made.note else [])
    if out is None:
        sys.stdout.write(str(made.content))
    elif isinstance(made.content, str | bytes):
        _write(out, made.content)
        print(out)
    else:
        _fill(out, made.content)


def _make(name: str, chosen: Format, given: Sequence[Path], asked: Asked, newest: int | None) -> Made:
    """From the files to what is exported."""
    from .. import exports, journal, results, store  # noqa: PLC0415 - --help must be quick

    files = store.local(given, newest=newest, warn=lambda line: common.warn([line]))
    if not files:
        message = f"nothing to export: {', '.join(map(str, given))} holds no result file; `vbench run -o FILE` makes one"
        raise NothingSelectedError(message)
    gates = [path for path in files if journal.kind(path) == "gate"]
    if not gates:
        return chosen.of_runs(results.read_all(files), asked)
    if len(files) > 1:
        message = f"{gates[0]} is a file of the gate, which is exported alone, and these are {len(files)} files: name it only"
        raise UsageError(message)
    if chosen.of_gate is None:
        having = ", ".join(other for other, form in exports.formats().items() if form.of_gate is not None)
        message = f"{gates[0]} is a file of the gate, and {name} is made of those of `vbench run`; of the gate's: {having}"
        raise UsageError(message)
    from ..gate import log, points  # noqa: PLC0415 - only for these

    return chosen.of_gate(points.compared(log.read(gates[0])), asked)


def _write(path: Path, content: str | bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        message = f"-o {path}: {error.strerror}; name another place"
        raise UsageError(message) from None


def _fill(folder: Path, files: Files) -> None:
    """Write every file of a folder, or none where one of those that stand there is not to be touched."""
    texts = {}
    for name, make in files.items():
        path = folder / name
        try:
            old = path.read_text("utf-8") if path.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            message = f"-o {folder}: {path} cannot be read: {error}; name another folder"
            raise UsageError(message) from None
        texts[path] = make(old)
    for path, text in texts.items():
        _write(path, text)
        print(path)
