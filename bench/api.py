"""The Python interface: the same as the command line, for scripts and notebooks."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from . import ceilings, contrasts, devices, engines, journal, machine, pipeline, plugins, refusals
from . import compress as compressors
from . import config as configs
from . import head as heads
from .axes import refuse_absent
from .config import Config, Settings
from .core import Replicate, Run
from .errors import PluginError, UnknownNameError, UsageError
from .garbage import uncollected
from .plan import Elsewhere, Given, Plan, plan
from .registry import ARCHITECTURES
from .store import load, upload
from .suites import Suite, check_axes
from .watch import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .core import Architecture, Record
    from .errors import VbenchError
    from .watch import Watcher

# What a run that is resumed may be told anew: nothing that decides what a replicate means.
ANEW = ("time_limit", "timeout", "memory_limit")

__all__ = ["catalogue", "load", "prepare", "run"]


class Prepared(msgspec.Struct, frozen=True):
    """Everything that is known before the first worker starts."""

    config: Config
    settings: Settings
    plan: Plan
    errors: tuple[str, ...]
    weights: Given | None = None


def setup(config: Path | None = None, extra: Sequence[str] = ()) -> tuple[Config, list[PluginError]]:
    """Read bench.toml and load every plugin; `extra` are further files or folders, relative to here."""
    with uncollected():
        return _setup(config, extra)


def _setup(config: Path | None, extra: Sequence[str]) -> tuple[Config, list[PluginError]]:
    cfg = configs.load(config)
    own = next((cfg.root / p for p in cfg.plugins if plugins.is_catalogue(cfg.root / p)), None)
    errors = plugins.load_all([str(Path(p).resolve()) for p in extra], catalogue=own)
    errors += plugins.load_all(cfg.plugins, root=cfg.root, catalogue=own)
    engines.load_builtin()
    compressors.load_builtin()
    unique = {str(error): error for error in errors}
    return cfg, list(unique.values())


def catalogue(*patterns: str, exclude: Sequence[str] = ()) -> list[Architecture]:
    """The architectures whose names match the patterns (default: all), plugins included, sorted as registered.

    Raises UnknownNameError for a name without a wildcard that is not there.
    """
    setup()
    return ARCHITECTURES.match(patterns or ("*",), exclude)


def prepare(  # noqa: PLR0913 - the axes of the contract
    architectures: Sequence[str] = (),
    *,
    suite: str = "default",
    group: Sequence[str] = (),
    exclude: Sequence[str] = (),
    topic: Sequence[str] = (),
    device: Sequence[str] = (),
    engine: Sequence[str] = (),
    precision: Sequence[str] = (),
    batch: Sequence[int] = (),
    threads: Sequence[int] = (),
    layout: Sequence[str] = (),
    phase: Sequence[str] = (),
    scenario: Sequence[str] = (),
    compress: Sequence[str] = (),
    cold_cache: bool = False,
    cuda_graph: bool = False,
    input: tuple[int, ...] | None = None,  # noqa: A002 - the field's own word
    weights: str | Path | None = None,
    plugin: Sequence[str] = (),
    config: Path | None = None,
    quick: bool = False,
    also: bool = True,
    settings: dict[str, Any] | None = None,
    there: Elsewhere | None = None,
) -> Prepared:
    """From a selection to a plan. Raises UsageError or NothingSelectedError before anything is measured.

    The cases of the suites that a suite names in `also` come after its own, where nothing else was asked for than that suite.
    `there` is what the machines of a cluster have, where it is they that measure.
    """
    cfg, errors = setup(config, plugin)
    base = cfg.suite(suite)
    axes = {
        "architectures": (*_many(architectures), *contrasts.names(cfg, _many(group))) or (("*",) if topic else ()),
        "exclude": _many(exclude),
        "topic": _many(topic),
        "device": _many(device),
        "engine": _many(engine),
        "precision": _many(precision),
        "batch": _many(batch),
        "threads": _many(threads),
        "layout": _many(layout),
        "phase": _many(phase),
        "scenario": _many(scenario),
        "compress": _many(compress),
        "cold_cache": cold_cache,
        "cuda_graph": cuda_graph,
    }
    chosen: Suite = msgspec.structs.replace(base, **{axis: value for axis, value in axes.items() if value})
    check_axes(chosen, "--")
    for name in chosen.architectures:
        plugins.add_named(name, input)
    refuse_absent(_many(scenario))
    changes = dict(settings or {})
    if quick:
        changes = {"time_limit": 50.0} | changes
    if quick or chosen.quick:
        changes = configs.QUICK | changes
    final = configs.changed(cfg.settings, changes)
    if final.images:
        from .data import pictures  # noqa: PLC0415 - imports torch

        pictures(final.images)
    chosen = _without_missing(chosen, errors)
    try:
        given = heads.weights(weights, chosen)
        planned = partial(
            plan, devices=there.devices if there else devices.known(), engines=engines.known(), compressors=compressors.known(),
            threads=there.threads if there else machine.usable_cores(), seed=final.seed, elsewhere=there is not None,
            images=bool(final.images),
        )  # fmt: skip
        label, smaller = ("", "none") if given is None else (given.label, given.compression)
        cases = planned(
            chosen, shape=input, weights=label, smaller=smaller, named=[axis for axis, value in axes.items() if value]
        )
        if also and not (quick or input or weights or any(axes.values())):
            for other in configs.also(cfg, suite):
                cases = cases.then(planned(_without_missing(other, errors), named=()), quick=other.quick)
    except UnknownNameError as error:
        raise _explained(error, errors) from None
    refusals.loadable(cases.open)
    return Prepared(cfg, final, cases, tuple(str(error) for error in errors), given)


def _without_missing(suite: Suite, errors: list[PluginError]) -> Suite:
    """A plugin that could not be loaded takes its own networks from a selection, and no others; each is said."""
    there = [n for n in suite.architectures if n in ARCHITECTURES or any(mark in n for mark in "*?[")]
    if not errors or not there:
        return suite
    gone = [n for n in suite.architectures if n not in there]
    errors.extend(PluginError(f"{n} is not measured: nothing of that name was registered") for n in gone)
    return msgspec.structs.replace(suite, architectures=tuple(there))


def _many(value: Any) -> tuple[Any, ...]:
    """A single name or size is as good as a list of one."""
    return (value,) if isinstance(value, str | int) else tuple(value)


class Begun(msgspec.Struct, frozen=True):
    """A run as it stands: new, or as far as an interrupted one came."""

    prepared: Prepared
    head: Run
    path: Path
    found: tuple[Replicate, ...] = ()
    size: int = 0
    complete: bool = False

    def execute(self, watcher: Watcher) -> Record:
        """Measure what is missing; of a run that is complete, nothing is. A new one first wants the machine's ceilings."""
        settings = self.prepared.settings
        began = time.perf_counter()
        head = self.head if self.size else ceilings.told(self.head, settings, watcher.ceilings)
        return pipeline.execute(
            head,
            settings,
            self.path,
            watcher,
            found=self.found,
            size=self.size,
            complete=self.complete,
            plugin_errors=self.prepared.errors,
            ceilings_s=time.perf_counter() - began,
        )


def begin(prepared: Prepared, output: Path | None = None) -> Begun:
    """A new run, into `output` or into `results/<machine>/`."""
    head = heads.new(prepared.plan, prepared.settings, prepared.config.root, prepared.weights)
    path = output or heads.default_path(head, prepared.config.root)
    if path.is_file() and journal.whole(path):
        message = f"{path} exists: go on with it by `vbench run --resume {path}`, or name another with -o FILE"
        raise UsageError(message)
    return Begun(prepared, head, path)


def continued(
    path: Path, *, plugin: Sequence[str] = (), config: Path | None = None, settings: dict[str, Any] | None = None,
    place: heads.Place | None = None,
) -> Begun:  # fmt: skip
    """An interrupted run, with its own cases and settings except for those given anew.

    Raises UsageError where it cannot be continued honestly, here or at that `place`: another machine, versions, networks.
    """
    cfg, errors = setup(config, plugin)
    head = heads.read(path)
    for case in head.cases:
        plugins.add_named(case.architecture, case.input_shape)
    try:
        lines = heads.resume(path, place)
    except UnknownNameError as error:
        raise _explained(error, errors) from None
    if lines.evaluated and not head.cases:
        message = f"{path} is of vbench evaluate, and measured no costs: `vbench evaluate --resume {path}` goes on with it"
        raise UsageError(message)
    changes = {key.replace("-", "_"): value for key, value in (settings or {}).items()}
    if fixed := sorted(set(changes) - set(ANEW)):
        message = f"{fixed[0].replace('_', '-')} is fixed by {path}: of the settings only {', '.join(ANEW)} can be given anew"
        raise UsageError(message.replace("_", "-"))
    kept = configs.changed(msgspec.convert(head.settings, Settings), changes)
    prepared = Prepared(
        cfg, kept, Plan(head.cases, head.skipped, head.further, head.quick), tuple(str(error) for error in errors)
    )
    return Begun(prepared, head, path, tuple(lines.replicates), lines.size, complete=lines.ended == "complete")


def _explained(error: VbenchError, errors: Sequence[PluginError]) -> VbenchError:
    """A name that is not there because its plugin could not be loaded is the plugin's fault."""
    return PluginError("; ".join([*map(str, errors), str(error)])) if errors else error


def run(
    *architectures: str,
    output: str | Path | None = None,
    resume: str | Path | None = None,
    watcher: Watcher | None = None,
    **options: Any,
) -> Record:
    """Measure architectures on this machine and return the Record.

    Each name is `family/variant`, a glob, `timm:NAME`, `torchvision:NAME`, or `package.module:function` with
    `input=(3, 224, 224)`. Options are those of `vbench run`: `suite`, `group`, `exclude`, `topic`, the axes (`device`, `engine`,
    `precision`, `batch`, `threads`, `layout`, `phase`, `scenario`, `compress`, each a sequence), `cold_cache`, `cuda_graph`,
    `input`, `weights`, `plugin`, `config`, `quick`, `also` (False leaves out the further suites of a suite), and `settings`, a
    dict of the keys of `[run]` in bench.toml (times in seconds, sizes in bytes). `output` names the result file, else it goes to
    `results/<machine>/`; a URL (`s3://bucket/results`) is where it is put when it is complete; `resume` names an interrupted
    one to go on with (of the options it takes `plugin`, `config` and `settings`).

    Works in a script without a main guard, from `python -c`, from standard input and in a notebook: workers load
    architectures by name. Raises UsageError before anything is measured; a network that fails is a row of the Record.
    """
    plugins.stop_in_script()
    target = upload.target(output, again=resume is not None)
    if resume is not None:
        begun = continued(Path(resume), **options)
    else:
        begun = begin(prepare(architectures, **options), Path(output) if output is not None and target is None else None)
    record = begun.execute(watcher or Silent())
    if target is not None:
        target.put(begun.path, record)
    return record
