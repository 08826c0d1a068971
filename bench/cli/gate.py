"""`vbench gate`: red when what a network costs has changed, and only then."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_REGRESSION, UsageError
from . import _common as common
from . import _options as options

if TYPE_CHECKING:
    from ..comparison import Asked

HELP = """Compare base with head on this machine: exact counts first, then latency in pairs of fresh processes measured by turns.

Base is a git revision, a folder or a wheel (--base), or another environment (--base-python). Verdicts are regression (exit 1),
pass, improvement, inconclusive (with the slowdown that it would have seen), and invalid or not_run (exit 4).

Without a base, --exact compares counted metrics with vbench.lock.json, and leaves with 1 where one differs: a network that
became smaller differs too, for a layer that was lost looks like that. --update-lock rewrites the file for the cases selected, to
be committed with the change that explains it."""


def gate(
    architectures: Annotated[options.Many, typer.Argument(metavar="ARCHITECTURES", help="Names or globs.")] = None,
    base: Annotated[str, typer.Option(metavar="REV|DIR|WHEEL", help="What head is compared with.")] = "",
    base_far: Annotated[str, typer.Option(metavar="REV|DIR|WHEEL", help="A second base further back, for slow creep.")] = "",
    base_python: Annotated[str, typer.Option(metavar="PATH", help="The interpreter of base's own environment.")] = "",
    head: Annotated[str, typer.Option(metavar="DIR|REV", help="Head's folder, or a revision; left out, this folder.")] = "",
    exact: Annotated[bool, typer.Option("--exact", help="Compare counted metrics with the lock file, and time nothing.")] = False,
    update_lock: Annotated[bool, typer.Option("--update-lock", help="Rewrite the lock file instead.")] = False,
    mode: Annotated[str, typer.Option(metavar="MODE", help="pingpong, abba (one in memory at a time) or duet.")] = "",
    metric: Annotated[options.Many, typer.Option(metavar="METRICS", help="latency, throughput, memory, compile.")] = None,
    min_effect: Annotated[
        str | None, typer.Option(metavar="SHARE", help="The least change that matters, for example 3%.")
    ] = None,
    alpha: Annotated[str | None, typer.Option(metavar="SHARE", help="The chance of any false red in a run.")] = None,
    time_limit: Annotated[
        str | None, typer.Option(metavar="TIME", help="For the whole gate, for example 15m; 0 for none.")
    ] = None,
    allow_output_change: Annotated[
        bool, typer.Option("--allow-output-change", help="Compare networks that no longer answer the same.")
    ] = False,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="Compare --base (HEAD) with itself, and say how often the gate was wrong.")
    ] = False,
    runs: Annotated[int, typer.Option(metavar="N", help="Complete runs that --self-test wants in its folder (-o DIR).")] = 1,
    inject: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Of --self-test: make one side slower, for example by 5%.")
    ] = None,
    neighbour: Annotated[
        bool, typer.Option("--neighbour", help="Of --self-test: beside stress-ng, which comes and goes.")
    ] = False,
    suite: options.Suite = "default",
    exclude: options.Exclude = None,
    device: options.Device = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    batch: options.Batch = None,
    threads: options.Threads = None,
    input_: options.Input = None,
    plugin: options.Plugin = None,
    config: options.Config = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The file for the pairs.")] = None,
    resume: Annotated[Path | None, typer.Option(metavar="FILE", help="Go on with this file of pairs.")] = None,
    github: Annotated[
        bool, typer.Option("--github", help="In a step of GitHub Actions: summary, annotations, and the output `verdict`.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the verdicts as JUnit XML too.")] = None,
    replay: Annotated[Path | None, typer.Option(metavar="FILE", help="The verdicts of a file of pairs, again.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Gate; see HELP, which typer shows."""
    chosen = {
        "names": architectures, "--base": base, "--base-far": base_far, "--base-python": base_python, "--mode": mode,
        "--metric": metric, "--min-effect": min_effect, "--alpha": alpha, "--time-limit": time_limit,
        "--allow-output-change": allow_output_change, "--exact": exact, "--update-lock": update_lock, "--self-test": self_test,
        "--suite": suite != "default", "--exclude": exclude, "--device": device, "--engine": engine, "--precision": precision,
        "--batch": batch, "--threads": threads, "--input": input_, "--plugin": plugin, "--config": config, "-o": output,
    }  # fmt: skip
    chosen |= {"--resume": resume, "--replay": replay, "--runs": runs != 1, "--inject": inject, "--neighbour": neighbour}
    # A folder is entered, and everything is as if it were typed there; a revision or a wheel only takes the place of this tree.
    there = bool(head) and Path(head).is_dir()
    chosen["--head"] = head and not there
    _refuse({option for option, value in chosen.items() if value})
    if github:
        from ..exports import github as actions  # noqa: PLC0415 - --help does not need it

        actions.check(os.environ)
    if there:
        # Whatever else is named is meant from where the command was typed.
        base, base_far, base_python = map(_from_here, (base, base_far, base_python))
        output, resume, replay, junit = (None if p is None else p.resolve() for p in (output, resume, replay, junit))
        _enter(Path(head))
        head = ""
    tell = functools.partial(_tell, json_=json_, github=github, junit=junit)
    if replay is not None:
        raise typer.Exit(tell(replay))
    from .. import comparison  # noqa: PLC0415 - it loads torch, and --help must not

    if resume is not None:
        raise typer.Exit(tell(_compare(comparison.resumed(resume), resume, resume=True)))
    changes = common.limits(metric, min_effect, time_limit)
    changes |= {"mode": mode} if mode else {}
    if (level := common.share(alpha, "--alpha")) is not None:
        changes["alpha"] = level
    asked = comparison.Asked(
        base=base, head=head, far=base_far, base_python=base_python, suite=suite, architectures=tuple(architectures or ()),
        exclude=common.words(exclude), extra=common.words(plugin), config=str(config or ""),
        allow_output_change=allow_output_change, changes=changes,
        axes=common.axes(device, engine, precision, batch, threads, input_),
        inject=common.share(inject, "--inject") or 0.0, neighbour=neighbour,
    )  # fmt: skip
    if exact or update_lock:
        raise typer.Exit(_locked(asked, update_lock=update_lock, json_=json_))
    if self_test:
        raise typer.Exit(_self_test(asked, output or Path("gate-self-test"), runs))
    if not base and not base_python:
        message = (
            "nothing to compare with: name a base, for example `vbench gate --base origin/main`, or type `vbench gate --exact`"
        )
        raise UsageError(message)
    raise typer.Exit(tell(_compare(asked, output, resume=False)))


# What times nothing has no use for these.
_TIMED = {
    "--base",
    "--base-far",
    "--base-python",
    "--mode",
    "--metric",
    "--min-effect",
    "--alpha",
    "--time-limit",
    "--self-test",
    "--head",
    "-o",
}
_TRIALS = {"--runs", "--inject", "--neighbour"}


def _refuse(given: set[str]) -> None:
    """Refuse options that would be passed over in silence. Raises UsageError."""
    rules = (
        ("--replay", given - {"--replay"}, "--replay has all of it in its file"),
        ("--resume", given - {"--resume"}, "--resume has all of it in its file"),
        ("--exact", given & (_TIMED | {"--allow-output-change", *_TRIALS}), "--exact compares with the lock file"),
        ("--update-lock", given & (_TIMED | {"--allow-output-change"}), "--update-lock writes the lock file, and times nothing"),
        ("--self-test", given & {"--head"}, "--self-test compares --base with itself"),
    )
    for option, wrong, why in rules:
        if option in given and wrong:
            message = f"{why}: leave out {', '.join(sorted(wrong))}"
            raise UsageError(message)
    if "--self-test" not in given and (wrong := given & _TRIALS):
        message = f"only --self-test repeats itself: leave out {', '.join(sorted(wrong))}, or add --self-test"
        raise UsageError(message)


def _from_here(name: str) -> str:
    """A base that is a path is meant from where the command was typed."""
    return str(Path(name).resolve()) if name and Path(name).exists() else name


def _enter(folder: Path) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        message = f"--head {folder}: {error.strerror}; name the folder of the bench.toml that head has"
        raise UsageError(message) from None


def _compare(asked: Asked, output: Path | None, *, resume: bool) -> Path:
    """Base against head; the file, from which everything is told."""
    from .. import comparison  # noqa: PLC0415 - it loads torch, and --help must not
    from ..gate.rounds import Progress  # noqa: PLC0415 - as above

    def say(progress: Progress) -> None:
        where = f"against {progress.against}, " if progress.against == "far" else ""
        round_ = f" {progress.round} of {progress.rounds}" if progress.round else ""
        print(f"vbench: {where}{progress.stage}{round_}: {progress.cases} cases, {progress.elapsed_s:.0f} s", file=sys.stderr)

    prepared = asked.prepare()
    common.warn(prepared.errors)
    with comparison.begin(prepared, asked, output=output, resume=resume, say=say) as gate:
        common.warn(gate.warnings)
        found = gate.run()
        path = gate.path
    ended = f"interrupted; vbench gate --resume {path} goes on" if found.ended == "interrupted" else f"pairs are in {path}"
    common.warn([ended])
    return path


def _tell(path: Path, *, json_: bool, github: bool, junit: Path | None) -> int:
    """The verdicts of a file, from its raw pairs, to whoever is to know; the exit code."""
    from ..exports import github as actions  # noqa: PLC0415 - --help needs none of these
    from ..exports import junit as xml  # noqa: PLC0415 - as above
    from ..gate import log, outcome, show  # noqa: PLC0415 - as above

    read = log.read(path)
    found = outcome.outcome(read)
    if json_:
        common.dump(found)
    else:
        print(show.text(found))
    if junit is not None:
        _write(junit, xml.text(found, read.head.started))
    if github:
        for line in actions.marks(found, read.head.places):
            print(line, file=sys.stderr if json_ else sys.stdout)
        actions.write(actions.summary(found, show.HEADER, show.table(found)), found, os.environ, path)
    return found.exit_code


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        message = f"--junit {path}: {error.strerror}; name another file"
        raise UsageError(message) from None


def _self_test(asked: Asked, folder: Path, runs: int) -> int:
    """Runs of one revision against itself, and a report over all that the folder holds; the exit code."""
    from .. import trials  # noqa: PLC0415 - it loads torch, and --help must not
    from ..gate import log, tables  # noqa: PLC0415 - as above

    if folder.exists() and not folder.is_dir():
        message = f"-o {folder}: --self-test wants a folder, and this is a file"
        raise UsageError(message)
    whole = trials.run(asked.prepare(), asked, folder, runs, told=lambda text: common.warn([text]))
    print(tables.report([log.read(path) for path in sorted(folder.glob("*.pairs.jsonl*"))]))
    return EXIT_OK if whole else EXIT_INTERRUPTED


def _locked(asked: Asked, *, update_lock: bool, json_: bool) -> int:
    """Counted metrics against the lock file; the exit code."""
    from ..gate import exact as gates  # noqa: PLC0415 - it loads torch, and --help must not

    prepared = asked.prepare()
    common.warn(prepared.errors)
    path = prepared.config.root / prepared.config.lock
    # Only the default suite stands for everything that is locked: another selection says nothing about the rest.
    whole = not (asked.architectures or asked.exclude or asked.axes) and asked.suite == "default"
    counted, failed = gates.count(prepared.plan.cases, prepared.settings)
    common.warn(f"{name}: {reason}" for name, reason in failed.items())
    if update_lock:
        changed = gates.update(path, counted, whole=whole and not failed and not prepared.errors)
        print(f"{path.name}: {len(counted)} entries, {changed} changed")
        return EXIT_FAILED if failed or prepared.errors else EXIT_OK
    differences = gates.compare(gates.read(path), counted, whole=whole)
    if json_:
        common.dump(differences)
    else:
        for difference in differences:
            print(difference.line())
        state = (
            "as locked" if not differences else f"{len(differences)} differences; if they are meant: vbench gate --update-lock"
        )
        print(f"{len(counted)} entries against {path.name}: {state}")
    return EXIT_FAILED if failed or prepared.errors else EXIT_REGRESSION if differences else EXIT_OK
