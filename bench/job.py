"""One worker's task, and the steps that every kind of task shares: load, set the threads, make the inputs, look at the output."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import msgspec

from . import compress, machine, measure, plugins
from .accuracies import Shown
from .core import Architecture, Case, Source
from .registry import ARCHITECTURES, ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from .config import Settings
    from .devices import Device
    from .interfaces import Engine, Session

# Pictures are compared for so many seconds; all that there are, where they take less. In a quick look a few have shown enough.
VERIFY_S, QUICK_VERIFY_S = 20.0, 5.0


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One worker's task: `check` counts and verifies, `energy` reads a counter, `pair` does what it is asked, when it is asked.

    Without any of these the worker measures within `budget`. `batches` are those of a sweep that an earlier process of the
    case has decided on. `strangers` is a folder that nothing may be imported from: that of the other side of a pair. `spin`
    makes each step longer by that share of its own time: a slowdown that is known, for the gate to find. `weights` is the path of
    the case's file, or empty for random ones. `full_precision` are the paths of modules that a quantisation leaves as they are.
    `verify_s` is for how long answers are compared. `sensitivity` asks what makes a quantised case differ, on so many `pictures`:
    each of the `layers` alone, or the `engine`. `demonstration` names what is to be shown of the architecture instead,
    `profile` asks for its layers and their times, and `shown` for its answers to these pictures.
    """

    case: Case
    number: int = 0
    index: int = 0
    round: int = 0
    server: int = 0
    check: bool = False
    energy: bool = False
    pair: bool = False
    strangers: str = ""
    spin: float = 0.0
    count_only: bool = False
    architecture: Source | None = None
    engine: Source
    compressors: tuple[Source, ...] = ()
    catalogue: str = ""
    images: str = ""
    weights: str = ""
    seed: int = 0
    memory_limit: int | None = None
    device_memory_limit: int | None = None
    fit: int | None = None
    budget: measure.Budget = measure.Budget()
    batches: tuple[int, ...] = ()
    expected: tuple[float, ...] = ()
    verify_s: float = VERIFY_S
    full_precision: tuple[str, ...] = ()
    sensitivity: Literal["", "layers", "engine"] = ""
    pictures: int = 0
    demonstration: str = ""
    profile: bool = False
    shown: Shown | None = None

    @property
    def role(self) -> Literal["check", "measure", "energy", "pair"]:
        """Whose replicate this makes."""
        return "check" if self.check else "energy" if self.energy else "pair" if self.pair else "measure"


def memory_limit(settings: Settings) -> int:
    """What a worker may hold, in bytes: as set, or nine tenths of what is free now."""
    return settings.memory_limit or int(0.9 * machine.memory_available())


def catalogue() -> str:
    """Where a worker finds the catalogue that this process uses."""
    folder = plugins.catalogue_folder()
    return str(folder) if folder is not None else ""


def count_job(case: Case, settings: Settings) -> Job:
    """Counting alone, for the exact gate."""
    return Job(
        case=case, check=True, count_only=True, architecture=ARCHITECTURES.source(case.architecture),
        engine=ENGINES.source(case.engine), compressors=compress.sources(case), catalogue=catalogue(),
        memory_limit=memory_limit(settings),
    )  # fmt: skip


class Wrong(Exception):  # noqa: N818 - not an error of the harness but a finding about the network
    """The network or the engine gives an answer that cannot be right; the reason goes into the row."""


class Phase:
    """Says what the worker is doing, so that a crash can name it; written between passes, never inside one."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self.name = "start"

    def __call__(self, name: str) -> None:
        """Enter the phase."""
        self.name = name
        self._tell(name)


def load(job: Job) -> tuple[Architecture | None, Engine]:
    """Register again what the job names; the architecture is None for an engine that needs no network."""
    plugins.load(job.engine, job.catalogue)
    engine = ENGINES.get(job.case.engine)()
    if not getattr(engine, "builds", True) or job.architecture is None:
        return None, engine
    plugins.load(job.architecture, job.catalogue)
    architecture = ARCHITECTURES.get(job.case.architecture)
    # What building needs is imported now, or importing it would be part of the time that building takes.
    from . import data, weights  # noqa: F401, PLC0415 - they import torch

    if job.weights:
        path = Path(job.weights)
        fitted = weights.verified(architecture, path, job.case.weights) if job.check else weights.fit(architecture, path)
        architecture = msgspec.structs.replace(architecture, build=fitted)
    return compress.for_job(architecture, job), engine


def build(architecture: Architecture, case: Case, notes: dict[str, str]) -> torch.nn.Module:
    """The network with its weights, made smaller where the case says so; the notes get how it came to them, and what was done."""
    from . import data, weights  # noqa: PLC0415 - they import torch

    make: Any = architecture.build
    if architecture.compression != "none":
        return cast("torch.nn.Module", make.take(notes))
    module, notes["weights"] = data.build(make, case.seed, make.load if isinstance(make, weights.Fitted) else None)
    return module


def refuse_nan(module: torch.nn.Module) -> None:
    """Say so where a network's values are no numbers, before an engine sees them: a quantiser would make some of them.

    Raises Wrong, naming the tensor that has most of them.
    """
    found: dict[str, tuple[int, int]] = {}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        # The least and the largest value are NaN where any is, in one pass that makes no copy.
        if tensor.is_floating_point() and tensor.numel() and bool(tensor.detach().aminmax().min.isnan()):
            found[name] = (int(tensor.isnan().sum()), tensor.numel())
    if found:
        worst = max(found, key=lambda name: found[name])
        count, of = found[worst]
        more = f", and {len(found) - 1} more tensor{'s' * (len(found) > 2)}" if len(found) > 1 else ""  # noqa: PLR2004 - a plural
        message = f"the weights hold NaN: {count:,} of the {of:,} values of {worst}{more}; give sound ones with --weights FILE"
        raise Wrong(message)


def prepare(job: Job, engine: Engine, module: Any, case: Case, architecture: Architecture | None) -> tuple[Session, Any]:
    """The session, and the `Preparation` that an engine with `exports = True` was handed; None for the others."""
    if not getattr(engine, "exports", False):
        return engine.prepare(module, case), None
    from .preparation import Preparation  # noqa: PLC0415 - imports torch

    preparation = Preparation(
        module, case, images=job.images, preprocess=architecture.preprocess if architecture else None, seed=job.seed,
        full_precision=job.full_precision,
    )  # fmt: skip
    try:
        return cast("Any", engine).prepare(module, case, preparation), preparation
    except BaseException:
        preparation.close()
        raise


def start_seconds(elapsed_s: float, preparation: Any) -> dict[str, float]:
    """What making a case ready takes: `compile_s` with what is kept at hand, `compile_cold_s` with nothing kept.

    What took no part in either is left out: the digests by which the harness knows what it kept.
    """
    if preparation is None or not preparation.uses:
        return {"compile_s": elapsed_s}
    warm = max(0.0, elapsed_s - preparation.upkeep_s - preparation.made_s)
    return {"compile_s": warm, "compile_cold_s": warm + preparation.cold_s}


def refuse_strangers(job: Job) -> None:
    """Nothing may come from the other side's folder: base would be timed with head's code, and nothing could ever differ."""
    if not job.strangers:
        return
    other, harness = os.path.realpath(job.strangers) + os.sep, os.path.dirname(os.path.realpath(__file__)) + os.sep  # noqa: PTH120 - prefixes
    packages = os.path.realpath(sys.prefix) + os.sep
    for name, module in list(sys.modules.items()):
        file = os.path.realpath(getattr(module, "__file__", None) or "")
        if file.startswith(other) and not file.startswith((harness, packages)):
            message = (
                f"imported {name} from {file}, which is the other side's: it is installed from there; "
                "put its folder into the repository's root or src, or compare two environments (--base-python)"
            )
            raise Wrong(message)


def settle_threads(case: Case, notes: dict[str, str]) -> None:
    """As many threads as the case says, read back; denormals flushed, since they run many times slower."""
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    torch.set_num_threads(case.threads)
    torch.set_num_interop_threads(1)
    if torch.get_num_threads() != case.threads:
        message = f"asked for {case.threads} threads and got {torch.get_num_threads()}"
        raise Wrong(message)
    notes |= {"threads": str(torch.get_num_threads()), "flush_denormal": str(torch.set_flush_denormal(True)).lower()}


def settle_thread(case: Case) -> None:
    """The same for another thread of the worker: both are settings of the thread that makes them."""
    import torch  # noqa: PLC0415 - as above

    torch.set_num_threads(case.threads)
    torch.set_flush_denormal(True)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory is exhausted, which PyTorch reports as a RuntimeError."""
    text = str(error).lower()
    words = ("can't allocate memory", "out of memory", "bad_alloc", "alloc_failed")
    return isinstance(error, MemoryError) or any(word in text for word in words)


def settle_device(job: Job, device: Device, notes: dict[str, str]) -> None:
    """Put the switches that change what runs where the case says, read them back, and bound the device's memory."""
    found = device.settle(job.case.precision) | device.describe()
    notes |= {f"device_{name}": value for name, value in found.items()}
    if job.device_memory_limit is not None:
        reason = device.limit_memory(job.device_memory_limit)
        if reason:
            notes["device_memory_limit"] = reason


def other_batch(job: Job, engine: Engine, module: Any, architecture: Architecture | None) -> Callable[[int], Session]:
    """Makes a session of the same network for another batch, its inputs loaded.

    A larger batch rotates over fewer inputs: as many images as the case has, in two batches at least. Eight batches of 256
    images each would be most of the memory that such a batch is found to need.
    """

    def prepared(batch: int) -> Session:
        other = msgspec.structs.replace(job, case=msgspec.structs.replace(job.case, batch=batch))
        session, _ = prepare(other, engine, module, other.case, architecture)
        try:
            session.load(None if architecture is None else inputs(other, architecture, shared=max(1, batch // job.case.batch)))
        except BaseException:
            session.close()
            raise
        return session

    return prepared


def inputs(job: Job, architecture: Architecture | None, *, shared: int = 1) -> list[torch.Tensor]:
    """The inputs in rotation, each of shape `(batch, *input)`: pictures where the job names some, else seeded noise.

    `shared` divides how many they are, down to two.
    """
    from . import data  # noqa: PLC0415 - imports torch

    case, count = job.case, max(2, data.ROTATION // shared)
    if job.images and architecture is not None:
        tensor = data.images(job.images, case.input_shape, count * case.batch, architecture.preprocess)
        return list(tensor.split(case.batch))
    return data.noise(case.input_shape, case.batch, job.seed, count)


def fingerprint(session: Session, case: Case, architecture: Architecture | None) -> tuple[float, ...]:
    """Check the shape and the values of the last output; a few of its values, to compare between processes."""
    if architecture is None:
        return ()
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    from . import agreement  # noqa: PLC0415 - imports torch

    try:
        output = agreement.flatten(session.output())
    except (TypeError, ValueError) as error:
        message = f"wrong_shape: {error}"
        raise Wrong(message) from None
    if output.shape[0] != case.batch:
        message = f"wrong_shape: the output's first dimension is {output.shape[0]}, and the batch is {case.batch}"
        raise Wrong(message)
    if not bool(torch.isfinite(output).all()):
        message = "wrong_output: the output holds NaN or infinity"
        if case.precision == "fp16":
            message += "; fp16 ends at 65504, which random weights of a deep network exceed: --weights FILE, or --precision bf16"
        raise Wrong(message)
    return agreement.fingerprint(output[:1])
