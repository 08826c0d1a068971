"""The command line: one file per verb, and one place where an error becomes a line and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer

from .. import __version__
from ..errors import EXIT_INTERRUPTED, VbenchError
from . import (
    best,
    bisect,
    cache,
    claims,
    compact,
    compare,
    doctor,
    evaluate,
    export,
    gate,
    history,
    list_,
    profile,
    report,
    run,
    serve,
    show,
    study,
)

app = typer.Typer(
    name="vbench",
    help="Measure what a vision architecture costs on this machine, join it to its accuracy, and say how sure it is.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"vbench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and leave."),
) -> None:
    del version


app.command("run", help=run.HELP, short_help="Measure architectures on this machine.")(run.run)
app.command("list", help=list_.HELP, short_help="List what can be measured.")(list_.list_)
app.command("show", help=show.HELP, short_help="Show one architecture and what its modules cost.")(show.show)
app.command("evaluate", help=evaluate.HELP, short_help="Measure a network's accuracy on labelled pictures.")(evaluate.evaluate)
app.command("profile", help=profile.HELP, short_help="Say where a network's time goes, layer by layer.")(profile.profile)
app.command("report", help=report.HELP, short_help="Write a summary and charts from result files.")(report.report)
app.command("export", help=export.HELP, short_help="Write results in a format that another tool reads.")(export.export)
app.command("compare", help=compare.HELP, short_help="Show two result files side by side, with ratios.")(compare.compare)
app.command("best", help=best.HELP, short_help="Choose networks that keep limits, and price the limits.")(best.best)
app.command("gate", help=gate.HELP, short_help="Compare base with head: counts, then latency in pairs.")(gate.gate)
app.command("bisect", help=bisect.HELP, short_help="Find the commit that made a network slower.")(bisect.bisect)
app.command("history", help=history.HELP, short_help="Show how numbers went from run to run.")(history.history)
app.command("serve", help=serve.HELP, short_help="Show result files in a browser, as they change.")(serve.serve)
app.command("compact", help=compact.HELP, short_help="Make thousands of result files quick to read.")(compact.compact)
app.command("claims", help=claims.HELP, short_help="Put the lecture's sentences to the test.")(claims.claims)
app.command("study", help=study.HELP, short_help="Train small networks and compare them.")(study.study)
app.command("cache", help=cache.HELP, short_help="List or clear what engines made and kept.")(cache.cache)
app.command("doctor", help=doctor.HELP, short_help="Say what would spoil a measurement here.")(doctor.doctor)


class _Unread:
    """A stream whose reader may leave (`vbench list | head -1`): the verb goes on to its end, and its exit code stands."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or drop the text where nobody reads."""
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            self._leave()
            return len(text)

    def flush(self) -> None:
        """Flush, or not, where nobody reads."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def main() -> None:
    """Run a command: errors a user can cause are one line on standard error. Raises SystemExit with its code."""
    sys.stdout, sys.stderr = _Unread(sys.stdout), _Unread(sys.stderr)
    try:
        code = app(standalone_mode=False)
    except VbenchError as error:
        print(f"vbench: {error}", file=sys.stderr)
        code = error.exit_code
    except typer.Exit as leaving:
        code = leaving.exit_code
    except typer.Abort:
        code = EXIT_INTERRUPTED
    except KeyboardInterrupt:
        print("vbench: interrupted before anything was measured", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except Exception as error:
        usage = getattr(error, "format_message", None)
        if usage is None:
            raise
        context = getattr(error, "ctx", None)
        hint = f"; see `{context.command_path} --help`" if context is not None else ""
        print(f"vbench: {' '.join(usage().split()).rstrip('.')}{hint}", file=sys.stderr)
        code = getattr(error, "exit_code", 2)
    sys.stdout.flush()
    sys.exit(code or 0)


def script() -> None:
    """Entry of the `vbench` command: as `main`, but it leaves at once, since taking torch down again takes 0.3 s."""
    code: Any = 1
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
