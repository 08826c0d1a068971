"""`vbench serve`: result files as pages that follow them, for a browser. Without torch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import EXIT_INTERRUPTED, NothingSelectedError, UsageError
from . import _common as common
from . import _options as options

HELP = """Show result files in a browser: the runs, the report, the history and comparisons, each as a page and as JSON.

A new or changed file is in the pages when they are next asked for, and only that file is read; an object store (s3://…) is
listed twice a minute. Nothing is written there, and nothing outside of RESULTS is shown. A file that cannot be read is named, and
the others are shown.

It listens on this machine alone (127.0.0.1). --host for others needs a token, which a browser is asked for once, and a script
sends as `Authorization: Bearer TOKEN`. There is no TLS: what leaves a trusted network goes through ssh or a proxy that has it.

Left out, RESULTS is results/ beside bench.toml. Ctrl-C ends it. It needs the extra `serve`; torch is not imported."""


def serve(
    results: Annotated[
        str | None, typer.Argument(metavar="RESULTS", help="A folder of result files, one file, or the URL of a store.")
    ] = None,
    host: Annotated[str, typer.Option(metavar="NAME", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="NUMBER", min=0, max=65535, help="The port; 0 takes a free one.")] = 8137,
    token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN", envvar="VBENCH_TOKEN", show_default=False, help="What who asks must know. Better not typed."
        ),
    ] = "",
    allow_host: Annotated[
        options.Many, typer.Option(metavar="NAMES", help="Names by which a proxy calls this server, beside its own.")
    ] = None,
) -> None:
    """Serve; see HELP, which typer shows."""
    try:
        import fastapi  # noqa: F401, PLC0415 - --help must be quick, and not everybody serves
        import uvicorn  # noqa: F401, PLC0415 - as above
    except ImportError as error:
        message = f"vbench serve needs {error.name}, which is not installed: pip install 'vbench[serve]'"
        raise UsageError(message) from None
    from ..serve import app, listen, shelf  # noqa: PLC0415 - as above
    from ..serve import files as found  # noqa: PLC0415 - as above

    root = found.named(results) if results else _results()
    files = shelf.Shelf(root)
    place = listen.listen(host, port, token, common.words(allow_host))
    answers = app.make(files, place.rules)
    print(place.address, flush=True)
    common.warn([f"serving {root}{' to those who know the token' if token else ''}; Ctrl-C ends it"])
    sys.stderr.flush()
    if listen.run(answers, place):
        raise typer.Exit(EXIT_INTERRUPTED)


def _results() -> Path:
    """Where `vbench run` puts its files: beside bench.toml."""
    from .. import config  # noqa: PLC0415 - as above

    folder = config.load().root / "results"
    if not folder.is_dir():
        message = (
            f"nothing to serve: there is no {folder} yet; `vbench run` puts its files there, or name others: vbench serve DIR"
        )
        raise NothingSelectedError(message)
    return folder
