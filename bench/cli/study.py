"""`vbench study`: trains small networks here, and says of the lecture's contrasts what their accuracies show."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import tables
from ..errors import EXIT_FAILED, EXIT_INTERRUPTED, UsageError
from . import _common as common
from . import _measured
from . import _options as options

if TYPE_CHECKING:
    from ..study.base import Study
    from ..study.log import Log, Writer
    from ..study.parts import Trial

HELP = """Train small networks on this machine, and say what their accuracies show.

NAME is a study; left out, the studies are listed. Each arm of its contrasts is trained with several seeds, on data that needs no
download, all with the same recipe. The difference of the two sides of a contrast is taken seed by seed; where its 95 % interval
lies on both sides of what the source says, the contrast is undecided. Each training is in the log before it counts: --resume DIR
goes on after an interruption, and with --seeds N adds seeds to a study that is done."""

_EVERY_S = 60.0


def study(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The study.", show_default=False)] = None,
    only: Annotated[options.Many, typer.Option(metavar="CONTRASTS", help="Only these contrasts, names or globs.")] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="NAME", help="How much is trained: tiny, default or larger.  [default: default]")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(min=1, help="How often, each time with other pictures.  [default: the budget's]")
    ] = None,
    data: Annotated[
        str | None, typer.Option(metavar="KIND:PATH", help="Other data, as cifar10:PATH.  [default: the study's own]")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Trainings at a time.  [default: one for each core]")] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Log, weights, page and charts.  [default: results/<machine>/…]"),
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="DIR", help="Go on with the study in this folder.")] = None,
    from_: Annotated[Path | None, typer.Option("--from", metavar="DIR", help="Read this folder; train nothing.")] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Then time and evaluate the networks with their first weights.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the contrasts, and train nothing.")] = False,
    config: options.Config = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Train and tell; see HELP, which typer shows."""
    from ..study import log as logs  # noqa: PLC0415 - --help must be quick
    from ..study import studies  # noqa: PLC0415 - as above

    decided: dict[str, object] = {"--only": only, "--budget": budget, "--data": data}
    anew: dict[str, object] = {"--resume": resume, "--seeds": seeds, "--workers": workers, "--measure": measure}
    name = name or _meant(from_ or resume, decided | anew | {"--output": output})
    if name is None:
        _studies(as_json=json_)
        return
    chosen = studies.find(name)
    if list_:
        _contrasts(chosen, common.words(only), as_json=json_)
        return
    if from_ is not None:
        _refuse("--from reads a folder and trains nothing", decided | anew)
    if resume is not None:
        _refuse("--resume goes on with what its folder decided", decided | {"--output": output})
    interrupted = False
    if from_ is not None:
        log = logs.read(from_)
        _same(chosen, log, from_)
    else:
        writer = _writer(chosen, resume, output, config, only=common.words(only), budget=budget, seeds=seeds, data=data or "")
        interrupted = _train(chosen, writer, workers, config)
        log = writer.log
        if measure and not interrupted:
            interrupted = _measured.measure(log, config)
    _print(chosen, log, as_json=json_)
    if from_ is None:
        chosen.finished(log)
    written = _written(chosen, log, log.folder if from_ is None else output)
    common.warn([f"{len(written)} files in {written[0].parent}: {', '.join(path.name for path in written)}"] if written else [])
    if interrupted:
        common.warn([f"interrupted: `vbench study {name} --resume {shlex.quote(str(log.folder))}` goes on"])
        raise typer.Exit(EXIT_INTERRUPTED)
    if any(trial.status != "ok" for trial in log.trials.values()):
        raise typer.Exit(EXIT_FAILED)


def _meant(folder: Path | None, given: dict[str, object]) -> str | None:
    """The study of a folder, which knows it; None where nothing was asked of any. Raises UsageError where something was."""
    from ..study import log as logs  # noqa: PLC0415 - as above
    from ..study import studies  # noqa: PLC0415 - as above

    if folder is not None:
        return logs.read(folder).head.study
    if asked := [option for option, value in given.items() if value]:
        known = studies.known()
        message = f"{', '.join(asked)} of which study? {' or '.join(known)}: vbench study {known[0]} {asked[0]} …"
        raise UsageError(message)
    return None


def _studies(*, as_json: bool) -> None:
    from ..study import studies  # noqa: PLC0415 - as above

    found = [studies.find(name) for name in studies.known()]
    if as_json:
        common.dump([{"study": s.name, "title": s.title, "contrasts": len(s.contrasts), "data": s.own} for s in found])
        return
    print(tables.aligned(("study", "contrasts", "arms", "title"),
                         [(s.name, str(len(s.contrasts)), str(len(s.arms)), s.title) for s in found], right=(1, 2)))  # fmt: skip


def _contrasts(chosen: Study, only: tuple[str, ...], *, as_json: bool) -> None:
    found = chosen.select(only)
    if as_json:
        common.dump(found)
        return
    rows = [(c.id, c.of.arm, c.to.arm, chosen.measure(c.of.measure).title, c.expected, c.question) for c in found]
    print(tables.aligned(("contrast", "of", "to", "measure", "said", "question"), rows))


def _refuse(why: str, given: dict[str, object]) -> None:
    """Raises UsageError where what was decided before is said again."""
    if named := [option for option, value in given.items() if value]:
        message = f"{why}: leave out {', '.join(named)}"
        raise UsageError(message)


def _same(chosen: Study, log: Log, folder: Path) -> None:
    if log.head.study != chosen.name:
        message = f"{folder} is a study {log.head.study}: `vbench study {log.head.study} --from {folder}` reads it"
        raise UsageError(message)


def _writer(  # what a new study is asked for, or one that is gone on with
    chosen: Study, resume: Path | None, output: Path | None, config: Path | None, *, only: tuple[str, ...], budget: str | None,
    seeds: int | None, data: str,
) -> Writer:  # fmt: skip
    from .. import config as configs  # noqa: PLC0415 - as above
    from ..study import conduct  # noqa: PLC0415 - as above
    from ..study import log as logs  # noqa: PLC0415 - as above

    if resume is not None:
        _same(chosen, logs.read(resume), resume)
        writer = logs.Writer(resume)
        writer.widen(seeds or 0)
        return writer
    amount = chosen.budget(budget or "default")
    asked = conduct.Asked(amount, chosen.select(only), seeds or amount.seeds, data, shlex.join(["vbench", *sys.argv[1:]]))
    return conduct.begin(chosen, asked, output, configs.load(config).root / "results")


def _train(chosen: Study, writer: Writer, workers: int | None, config: Path | None) -> bool:
    """Train what is missing; whether it was interrupted."""
    from .. import machine  # noqa: PLC0415 - as above
    from ..study import conduct  # noqa: PLC0415 - as above

    count = workers or machine.usable_cores()
    try:
        conduct.conduct(writer, _Progress(chosen, count), workers=count, config=str(config.resolve()) if config else "")
    except KeyboardInterrupt:
        return True
    finally:
        writer.close()
    return False


def _print(chosen: Study, log: Log, *, as_json: bool) -> None:
    from ..study import text  # noqa: PLC0415 - as above

    if as_json:
        common.dump(text.plain(chosen, log))
    else:
        print(text.table(chosen, log))


def _written(chosen: Study, log: Log, folder: Path | None) -> list[Path]:
    """The page and the charts, beside the log or in another folder; nothing where a log is only read and none is named."""
    if folder is None or not log.trials:
        return []
    from ..study import charts, joining, judging, text  # noqa: PLC0415 - as above

    costs = joining.costs(joining.beside(log.folder), judging.rows(chosen, log).values())
    path = folder / "study.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = charts.write([*charts.draw(chosen, log, costs), *chosen.drawings(log, costs)], folder)
        pictures = [picture.name for picture in drawn if picture.suffix == ".png"]
        path.write_text(text.markdown(chosen, log, pictures), "utf-8")
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}; name another folder"
        raise UsageError(message) from None
    return [path, *drawn]


class _Progress:
    """Tells what was trained, and about how much time is left."""

    def __init__(self, chosen: Study, workers: int) -> None:
        self._study, self._workers = chosen, workers
        self._began = self._said = time.monotonic()
        self._done = 0

    def began(self, log: Log) -> None:
        """Say what is to come."""
        missing = len(log.missing())
        whole = len(log.head.arms) * len(log.head.seeds)
        if missing:
            common.warn([f"{missing} of {whole} trainings, {min(self._workers, missing)} at a time; log in {log.folder}"])

    def share(self, arm: str, seed: int, share: float) -> None:
        """A line now and then, where a training takes minutes."""
        if time.monotonic() - self._said > _EVERY_S:
            self._said = time.monotonic()
            common.warn([f"{arm}, seed {seed}: {share:.0%} of its training"])

    def ended(self, log: Log, trial: Trial) -> None:
        """One line for each."""
        self._done += 1
        self._said = time.monotonic()
        whole, left = len(log.head.arms) * len(log.head.seeds), len(log.missing())
        first = next((m for m in self._study.measures if m.name in trial.values), self._study.measures[0])
        value = trial.values.get(first.name)
        shown = trial.reason if value is None else f"{value:.{first.digits}f} {first.unit}"
        rest = (time.monotonic() - self._began) / self._done * left
        tail = f"; about {rest / 60:.0f} min left" if left else ""
        common.warn([f"[{whole - left}/{whole}] {trial.arm}, seed {trial.seed}: {shown} ({trial.seconds:.0f} s){tail}"])
