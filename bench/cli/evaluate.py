"""`vbench evaluate`: the accuracy of networks with given weights, measured."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import modes
from ..errors import NothingSelectedError, UsageError
from . import _common as common
from . import _finetuning, _layers
from . import _options as options

if TYPE_CHECKING:
    from ..accuracies import Finished
    from ..core import Case, Record
    from ..evaluate import Begun

HELP = """Measure the accuracy of networks with given weights: top-1 and top-5 with their 95 % intervals, on labelled pictures.

--data is folder:PATH (a folder for each class, in the order of the network's outputs, as ImageNet's), cifar10:PATH (the binary
version), digits (scikit-learn's) or clutter:SEED (those of `vbench study`). Pictures are resized, cropped and normalised as the
architecture declares.

--finetune trains each compressed network on the half of the data that is for training, and evaluates it before and after; the
trained weights are files for `vbench run --weights`. --sensitivity prunes one layer at a time instead.

The file joins those of `vbench run`: -o may name one, and its rows get their accuracy; so they do where both files are given to
`vbench report`. Answers are on disk every few seconds, so the same command again, or --resume FILE, goes on where it stopped."""

_BATCH = 16
# A line of progress so often where nobody watches a terminal.
_EVERY_S = 30.0
_PERCENT = 100


def evaluate(
    architectures: Annotated[options.Many, typer.Argument(metavar="ARCHITECTURES", help="The networks.")] = None,
    weights: options.Weights = None,
    data: Annotated[str | None, typer.Option(metavar="DATA", help="folder:PATH, cifar10:PATH or digits.")] = None,
    classes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Which output each class folder is, where it is not their order.")
    ] = None,
    pictures: Annotated[int | None, typer.Option(metavar="N", help="A random sample of so many; left out, all.")] = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    compress: Annotated[options.Many, typer.Option(metavar="STEPS", help="As of run: none, l1-filter:0.5, …")] = None,
    finetune: Annotated[
        str | None,
        typer.Option(metavar="EPOCHS", help="Train what is compressed for so many passes; 3:rate=0.01 for another rate."),
    ] = None,
    sensitivity: Annotated[
        str | None, typer.Option(metavar="STEP", help="Each layer alone by this compressor, as l1-filter.")
    ] = None,
    ratios: Annotated[
        options.Many, typer.Option(metavar="RATIOS", help="Of --sensitivity.  [default: 0.1,0.3,0.5,0.7,0.9]")
    ] = None,
    device: options.Device = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help=f"Pictures at once. [default: {_BATCH}]")] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="Of the network; left out, as many as this process may use.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Threads that decode; left out, as many as this process may use.")
    ] = None,
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Leave out pictures that cannot be read.")] = False,
    input_: options.Input = None,
    images: Annotated[
        str | None, typer.Option(metavar="DIR", help="Pictures to quantise and to rank channels with, as of run.")
    ] = None,
    plugin: options.Plugin = None,
    config: options.Config = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="A new result file, or one to add to.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="FILE", help="Go on with this file.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="For one batch, for example 2m.")] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="For one worker, as 8GB; on a GPU, of its memory.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of the sample, and of what int8 is quantised with.")] = None,
) -> None:
    """Evaluate; see HELP, which typer shows."""
    for option, number in (("--workers", workers), ("--batch", batch), ("--threads", threads)):
        if number is not None and number < 1:
            message = f"{option} {number}: write a whole number of at least 1, for example {option} 2"
            raise UsageError(message)
    from ..units import parse_bytes, parse_duration  # noqa: PLC0415 - --help must be quick

    changes: dict[str, Any] = {
        "timeout": common.quantity(timeout, parse_duration, "--timeout"),
        "memory_limit": common.quantity(memory_limit, parse_bytes, "--memory-limit"), "images": images, "seed": seed,
    }  # fmt: skip
    changes = {name: value for name, value in changes.items() if value is not None}
    axes = {"--engine": engine, "--precision": precision, "--device": device, "--batch": batch, "--threads": threads}
    given = {"names": architectures, "--weights": weights, "--data": data, "--classes": classes, "--pictures": pictures}
    given |= axes | {"--compress": compress, "--input": input_, "--images": images, "-o": output, "--seed": seed}
    given |= {"--finetune": finetune, "--sensitivity": sensitivity, "--ratios": ratios}
    from .. import evaluate as evaluation  # noqa: PLC0415 - they load torch, and --help must not
    from .. import machine  # noqa: PLC0415 - as above

    how, code = evaluation.How(workers=workers or machine.usable_cores(), skip_broken=skip_broken), 0
    if resume is not None:
        if fixed := [option for option, value in given.items() if value]:
            message = f"--resume goes on with what its file says: leave out {', '.join(fixed)}"
            raise UsageError(message)
        begun, settings = _continued(resume, plugin, config, changes)
    else:
        begun, settings, code = _begun(given, changes, plugin, config, how)
    watcher = _Watcher()
    print(f"  {len(begun.todo)} of {len(begun.asked)} cases to evaluate, into {begun.path}", file=sys.stderr)
    record = evaluation.execute(begun, settings, how, watcher)
    if sensitivity is None:
        _show(record, begun, as_json=json_)
    else:
        _layers.show(record, begun.asked, begun.path.parent, as_json=json_)
    raise typer.Exit(_code(record, begun) or code)


def _begun(given: dict[str, Any], changes: dict[str, Any], plugin: Any, config: Path | None, how: Any) -> Any:
    """A new evaluation, or the rest of what its file holds of it."""
    names, weights, data = given["names"], given["--weights"], given["--data"]
    example = "vbench evaluate resnet/50 --weights resnet50.pth --data folder:val"
    if not names:
        message = f"say which network is to be evaluated: {example}"
        raise UsageError(message)
    if weights is None:
        message = f"--weights is missing, and random weights know nothing: {example}"
        raise UsageError(message)
    if data is None:
        message = f"--data is missing: folder:PATH (a folder for each class), cifar10:PATH or digits; {example}"
        raise UsageError(message)
    if given["--ratios"] and given["--sensitivity"] is None:
        message = (
            "--ratios are those of --sensitivity: add for example --sensitivity l1-filter, or write --compress l1-filter:0.5"
        )
        raise UsageError(message)
    if given["--sensitivity"] is not None and given["--finetune"] is not None:
        message = "--sensitivity asks what single layers bear without training: leave out --finetune, or write --compress instead"
        raise UsageError(message)
    ratios = _layers.ratios(given["--ratios"])
    from .. import api  # noqa: PLC0415 - loads torch
    from .. import evaluate as evaluation  # noqa: PLC0415 - as above
    from ..evaluate.planning import Planned  # noqa: PLC0415 - as above

    prepared = api.prepare(
        tuple(names), engine=modes.split(given["--engine"] or ()), precision=common.words(given["--precision"]),
        compress=common.words(given["--compress"]),
        device=common.words(given["--device"]), batch=(given["--batch"] or _BATCH,),
        threads=() if given["--threads"] is None else (given["--threads"],), layout=("nchw",), phase=("infer",),
        scenario=("single-stream",), input=common.shape(given["--input"]), weights=weights, plugin=common.words(plugin),
        config=config, also=False, settings=changes,
    )  # fmt: skip
    common.warn(prepared.errors)
    plan = prepared.plan
    if not plan.open:
        raise NothingSelectedError(next(iter(plan.skipped.values()), "nothing selected"))
    planned = Planned(plan, prepared.settings, prepared.weights, prepared.config.root)  # type: ignore[arg-type]  # weights were given
    asked = evaluation.Asked(data=data, classes=given["--classes"], pictures=given["--pictures"])
    code = 0
    if given["--sensitivity"] is not None:
        planned = _layers.widened(planned, given["--sensitivity"], ratios)
    if given["--finetune"] is not None:
        evaluation.begin(planned, asked, given["-o"])  # what it refuses is better known before hours of training
        planned, code = _finetuning.finetune(planned, asked, given["--finetune"], given["-o"], how)
    return evaluation.begin(planned, asked, given["-o"]), prepared.settings, code


def _continued(path: Path, plugin: Any, config: Path | None, changes: dict[str, Any]) -> Any:
    """What is missing of a file's latest evaluation, with the settings of bench.toml and those given anew."""
    from .. import api, journal, plugins  # noqa: PLC0415 - they load torch
    from .. import config as configs  # noqa: PLC0415 - as above
    from .. import evaluate as evaluation  # noqa: PLC0415 - as above

    cfg, errors = api.setup(config, common.words(plugin))
    common.warn(errors)
    for evaluated in journal.read(path).evaluated:
        for case in evaluated.head.cases:
            plugins.add_named(case.architecture, case.input_shape)
    return evaluation.continued(path), configs.changed(cfg.settings, changes)


def _show(record: Record, begun: Begun, *, as_json: bool) -> None:
    """The rows of what was asked for."""
    from .. import joins, results, tables  # noqa: PLC0415 - --help must be quick
    from ..reports import accuracy  # noqa: PLC0415 - as above
    from ..reports.rows import Row  # noqa: PLC0415 - as above

    wanted = [joins.key(case) for case in begun.asked]
    every = [result for result in record.results if joins.key(result.case) in wanted]
    every.sort(key=lambda result: wanted.index(joins.key(result.case)))
    good = [result for result in every if result.accuracy]
    if as_json:
        common.dump([results.row(record.run, result) for result in every])
    elif good:
        table = accuracy.table(Row(record.run, result) for result in good)
        print(tables.aligned(table.header, table.rows, right=table.right))
        print("\n".join(table.notes))


def _code(record: Record, begun: Begun) -> int:
    """As the contract says, of the evaluation alone: the costs of the same file have had theirs."""
    import msgspec  # noqa: PLC0415 - --help must be quick

    from .. import accuracies, journal, results  # noqa: PLC0415 - as above

    cases = {case.id for case in begun.asked}
    last: dict[str, Any] = {}
    for result in reversed(accuracies.results(journal.read(begun.path).evaluated)):
        if result.case.id in cases and (result.status != "skipped" or result.case.id not in last):
            last[result.case.id] = result
    for result in last.values():
        if result.reason:
            print(f"{result.case.id}: {result.status}: {result.reason}", file=sys.stderr)
    if record.ended == "interrupted":
        print(f"interrupted; every answer so far is in {begun.path}", file=sys.stderr)
        print(f"to go on: vbench evaluate --resume {shlex.quote(str(begun.path))}", file=sys.stderr)
    return results.exit_code(msgspec.structs.replace(record, results=tuple(last.values())))


class _Watcher:
    """A line of progress, written over itself in a terminal and now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = 0.0
        self._label = ""

    def case(self, begun: Begun, case: Case, done: int) -> None:
        """Name it, and what is there of it already."""
        number = [one.id for one in begun.todo].index(case.id) + 1
        options_ = "".join(f"[{key}={value}]" for key, value in case.engine_options)
        compressed = "" if case.compression == "none" else f"@{case.compression}"
        self._label = f"[{number}/{len(begun.todo)}] {case.architecture}{compressed} {case.engine}{options_} {case.precision}"
        gone = f", {done} of {begun.evaluated.head.pictures} pictures are there" if done else ""
        self._last = time.monotonic()
        self._say(f"{self._label}{gone}", last=not self._terminal)

    def shown(self, case: Case, marks: str, pictures: int, left_s: float) -> None:  # noqa: ARG002 - the watcher's signature
        """How far it is, what it has reached so far, and the time left."""
        if not self._terminal and time.monotonic() - self._last < _EVERY_S:
            return
        from .. import units  # noqa: PLC0415 - --help must be quick

        self._last = time.monotonic()
        share = _PERCENT * marks.count("0") / max(1, len(marks) - marks.count("x"))
        self._say(f"{self._label}: {len(marks)} of {pictures}, top-1 {share:.1f} %, {units.clock(left_s)} left")

    def finished(self, case: Case, finished: Finished) -> None:  # noqa: ARG002 - as above
        """What it came to."""
        top1 = finished.values.get("top1")
        found = f"{finished.status}: {finished.reason}" if top1 is None else f"top-1 {top1:.2f} %"
        gone = f", {len(finished.unreadable)} unreadable left out" if finished.unreadable else ""
        self._say(f"{self._label}: {found}{gone}", last=True)

    def _say(self, line: str, *, last: bool = False) -> None:
        if self._terminal:
            print(f"\r\033[K  {line}", end="\n" if last else "", file=sys.stderr, flush=True)
        else:
            print(f"  {line}", file=sys.stderr, flush=True)
