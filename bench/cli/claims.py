"""`vbench claims`: the lecture's quantitative sentences, each with what is counted and measured here, and a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import tables, units
from ..errors import EXIT_INTERRUPTED, NothingSelectedError, UsageError
from . import _common as common
from . import _options as options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..claims.entry import Claim, Finding
    from ..claims.evidence import Evidence
    from ..config import Config

HELP = """Put the lecture's quantitative sentences to the test on this machine.

CLAIMS are names, globs or topics of entries (--list shows them); left out, all of them. What they need is counted, demonstrated
and timed, in about 14 minutes on two cores, into one result file; each process is on disk before the next starts. --from FILE
reads such a file, or one of `vbench run`, and measures nothing.

A verdict is computed from the file: holds, holds under a condition, does not hold; undecided where the 95 % interval of a ratio
lies on both sides of what the sentence says, or where the file has no number; cannot be measured here, with the reason."""


def claims(
    names: Annotated[options.Many, typer.Argument(metavar="CLAIMS", help="Entries, globs or topics.")] = None,
    from_: Annotated[
        list[Path] | None, typer.Option("--from", metavar="FILE", help="Read this result file; measure nothing.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="FILE", help="Go on with this file.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Write claims.html and claims.md there.")
    ] = None,
    no_timing: Annotated[bool, typer.Option("--no-timing", help="Only count and demonstrate, in a minute.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the entries and what they need, and measure nothing.")] = False,
    quiz: Annotated[bool, typer.Option("--quiz", help="Ask for a prediction first, then show what was measured.")] = False,
    details: Annotated[bool, typer.Option("--details", help="Every number of every entry, in place of a table.")] = False,
    device: options.Device = None,
    threads: options.Threads = None,
    time_limit: Annotated[str | None, typer.Option(metavar="TIME", help="For what is timed.  [default: 12m40s]")] = None,
    config: options.Config = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Test; see HELP, which typer shows."""
    from .. import claims as entries  # noqa: PLC0415 - --help must be quick
    from .. import config as configs  # noqa: PLC0415 - as above

    given: dict[str, object] = {"--resume": resume, "--device": device, "--threads": threads}
    given |= {"--time-limit": time_limit, "--no-timing": no_timing}
    _refuse(from_, resume, given)
    chosen = entries.select(common.words(names))
    cfg = configs.load(config)
    if list_:
        _list(chosen, as_json=json_)
        return
    guesses: dict[str, str] = {}
    if quiz:
        from . import _quiz  # noqa: PLC0415 - as above

        guesses = _quiz.ask(chosen)
    interrupted = False
    if from_:
        paths = list(from_)
    else:
        settings: dict[str, Any] = {}
        if time_limit is not None:
            settings["time_limit"] = common.quantity(time_limit, units.parse_duration, "--time-limit") or None
        axes = {"device": common.words(device), "threads": common.numbers(threads, "--threads")}
        path, interrupted = _measure(chosen, cfg, resume, timing=not no_timing, settings=settings, axes=axes, config=config)
        paths = [path]
    seen = _evidence(paths, cfg)
    findings = entries.judged(chosen, seen)
    _print(findings, seen, as_json=json_, details=details)
    if not json_:
        common.warn(_further(findings, paths[0], details=details))
    if quiz:
        print(_quiz.told(findings, guesses))
    if output is not None:
        from ..claims import chapter  # noqa: PLC0415 - as above

        for written in chapter.write(findings, seen, output):
            common.warn([str(written)])
    if interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)


def _further(findings: Sequence[Finding], path: Path, *, details: bool) -> list[str]:
    """What to type next, where a verdict has a condition that the table has no room for, or more processes would decide."""
    from ..claims.entry import CONDITION, MEASURED, OPEN  # noqa: PLC0415 - as above

    said = []
    if not details and any(finding.verdict in {CONDITION, OPEN} for finding in findings):
        said.append(f"conditions, and what is open: `vbench claims NAME --details --from {path}`")
    wide = [f for f in findings if f.verdict == OPEN and any(part.span.known for part in f.of(MEASURED))]
    if wide:
        said.append(f"more processes narrow what is undecided: `vbench claims --resume {path} --time-limit 30m`")
    return said


def _refuse(from_: list[Path] | None, resume: Path | None, given: dict[str, object]) -> None:
    """Raises UsageError where an option that measures meets a file that is only read, or one that is gone on with."""
    named = [option for option, value in given.items() if value]
    if from_ and named:
        message = f"--from reads a file and measures nothing: leave out {', '.join(named)}"
        raise UsageError(message)
    if resume is not None and (fixed := [option for option in ("--device", "--threads") if option in named]):
        message = f"--resume goes on with the cases of its file: leave out {', '.join(fixed)}"
        raise UsageError(message)


def _list(chosen: Sequence[Claim], *, as_json: bool) -> None:
    if as_json:
        keys = ("id", "topic", "sentence", "place", "source", "says", "formula", "counts", "groups", "times", "shows")
        common.dump([{key: getattr(entry, key) for key in keys} for entry in chosen])
        return
    rows = [
        (entry.id, entry.topic, str(len(entry.counts)), str(len(entry.shows)), str(len(entry.times)), entry.sentence)
        for entry in chosen
    ]
    print(tables.aligned(("claim", "topic", "counts", "shows", "times", "sentence"), rows, right=(2, 3, 4)))


def _measure(
    chosen: Sequence[Claim], cfg: Config, resume: Path | None, *, timing: bool, settings: dict[str, Any], axes: dict[str, Any],
    config: Path | None,
) -> tuple[Path, bool]:  # fmt: skip
    """Count, demonstrate and time what is missing; the file, and whether it was interrupted."""
    from .. import api, contrasts, gathering  # noqa: PLC0415 - they load torch, and --help must not
    from . import _live  # noqa: PLC0415 - as above

    _, errors = api.setup(config)
    common.warn(errors)
    asked = gathering.wanted(chosen, contrasts.known(cfg))
    if not (asked.counts or asked.shows):
        message = f"nothing of {', '.join(entry.id for entry in chosen)} can be measured: `vbench claims --list`"
        raise NothingSelectedError(message)
    if resume is not None:
        begun = api.continued(resume, config=config, settings=settings)
        todo = gathering.Gathering(begun, asked, timing)
    else:
        todo = gathering.begin(asked, gathering.prepare(asked, config=config, settings=settings, **axes), None, timing=timing)
    record = gathering.execute(todo, _live.Plain(rows=False), lambda line: common.warn([line]))
    interrupted = timing and record.ended == "interrupted"
    common.warn([f"{todo.path}: `vbench claims --from {todo.path}` reads it again"])
    return todo.path, interrupted


def _evidence(paths: Sequence[Path], cfg: Config) -> Evidence:
    from .. import contrasts, results  # noqa: PLC0415 - as above
    from ..claims import lines  # noqa: PLC0415 - as above
    from ..claims.evidence import Evidence  # noqa: PLC0415 - as above

    files = results.files(paths)
    if not files:
        message = f"no result file in {', '.join(map(str, paths))}: `vbench claims` makes one"
        raise NothingSelectedError(message)
    records = [results.read(file) for file in files]
    if len(machines := {record.run.machine.fingerprint: record.run.machine.slug for record in records}) > 1:
        message = f"these files are of several machines ({', '.join(machines.values())}): name those of one"
        raise UsageError(message)
    shown = [one for file in files for one in lines.read(file)]
    return Evidence(records, shown, contrasts.known(cfg))


def _print(findings: Sequence[Finding], seen: Evidence, *, as_json: bool, details: bool) -> None:
    from ..claims import text  # noqa: PLC0415 - as above

    if as_json:
        common.dump([text.plain(finding) for finding in findings])
        return
    print("\n".join(seen.conditions()))
    print()
    print("\n\n".join(map(text.detail, findings)) if details else text.table(findings))
