"""What was found, as it goes to the result file: exact counts, a process's measurements, accuracies, the machine's ceilings."""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["ok", "skipped", "failed", "timeout", "oom", "crashed"]


class Accuracy(msgspec.Struct, frozen=True, kw_only=True):
    """One published or measured accuracy, in percent, with the protocol that makes it comparable.

    `protocol` says how it was evaluated (models, crops, resolution), `recipe` how the weights were trained. Values
    of different protocols are never drawn in one chart. `value` with `metric` serves tasks other than classification
    (mIoU, AP, PCKh).
    """

    source: str
    protocol: str
    recipe: str = ""
    top1: float | None = None
    top5: float | None = None
    value: float | None = None
    metric: str = "top1"
    kind: Literal["published", "measured"] = "published"

    @property
    def quality(self) -> float | None:
        """The headline number of the task: top-1 unless `metric` names another."""
        return self.top1 if self.metric == "top1" else self.value

    @property
    def headline(self) -> tuple[str, float] | None:
        """What is shown where there is room for one number: the metric and the quality, or top-5 where that is all there is."""
        if self.quality is not None:
            return self.metric, self.quality
        return None if self.top5 is None else ("top5", self.top5)


class Measured(Accuracy, frozen=True, kw_only=True):
    """An accuracy that was measured here, of so many pictures, with its 95 % interval in percent, and with that of its top-5.

    `marks` has a letter for each picture in the order of its evaluation: its class's rank from 0 to 4, `-` beyond these, `x`
    where it could not be read. `reference` is what was published of the network, `note` what that has to say to it. What an int8
    or compressed network was made with is its `calibration`.
    """

    kind: Literal["published", "measured"] = "measured"
    started: str
    pictures: int
    low: float
    high: float
    low5: float | None = None
    high5: float | None = None
    marks: str = ""
    calibration: str = ""
    reference: Accuracy | None = None
    note: str = ""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Exact costs of one forward pass, per image; `peak_activation_bytes` and `bytes_moved` are those of the whole `batch`.

    MACs are multiply-accumulates of convolution, linear and matrix products without bias; `other_ops` counts output elements
    of every other arithmetic operator. `backward_macs` is counted where the case is a training step. `receptive_field` and
    `output_stride` are those of the last map along its longer side, in pixels; None where no map has a place in the picture.
    """

    params: int
    trainable_params: int
    buffers: int
    weight_bytes: int
    macs: int
    other_ops: int
    activations: int
    operators: dict[str, int]
    uncounted_ops: dict[str, int] = {}
    macs_second: int | None = None
    batch: int = 1
    peak_activation_bytes: int | None = None
    bytes_moved: int | None = None
    backward_macs: int | None = None
    receptive_field: float | None = None
    output_stride: float | None = None
    method: str = "meta"
    notes: tuple[str, ...] = ()


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """What this machine can do at most, as measured on it: operations per second of a large matrix product, bytes of a copy."""

    peak_flops: float | None = None
    bandwidth_bytes_per_s: float | None = None
    method: str = ""


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """Operators of a prepared network that are alike, by the engine's own account of what runs.

    `kind` is `convolution`, `matmul`, `conversion` (of a format or a precision), or the engine's own name for it in lower case;
    `precision` is what it computes in; `place` is `first` or `last` for the first and the last that has MACs, which stand alone,
    else empty. `macs` are those of one picture, `seconds` those of a run of the whole batch; None where the engine does not say.
    """

    kind: str
    precision: str
    place: Literal["", "first", "last"] = ""
    count: int = 1
    macs: int = 0
    seconds: float | None = None


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One operator of a prepared network as it ran, by the engine's own account; all numbers are of a run of the whole batch.

    `path` is the module that it came from, empty where the engine does not know; `operator` what the engine calls it, and `kind`
    one of `kinds.KINDS`. `bytes` are those of its inputs, weights and results, each once, in the types in which it ran. `seconds`
    is the median over the profiled runs; None where it ran as a part of something else, or where the engine does not say.
    """

    path: str = ""
    operator: str
    kind: str
    precision: str
    output: tuple[int, ...] = ()
    macs: int = 0
    bytes: int | None = None
    seconds: float | None = None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine's profiler says: the layers in the order in which they ran, and the seconds that a profiled run took."""

    layers: tuple[Layer, ...]
    run_s: float
    runs: int
    profiler: str


class Replicate(msgspec.Struct, frozen=True, kw_only=True):
    """What one fresh worker process found. `server` identifies the forkserver that it was forked from.

    Its `role` is `check` (counted and verified, once per case, never timed), `measure`, `energy` (once per case, after
    all timing), or `pair` (half of a pair of the gate, never in a result file). `sentinel_ns` are the times of a fixed piece
    of work before and after the passes; `device_ns` and `enqueue_ns` belong to devices that work behind the host's back;
    `series` holds pairs of a second and a value (of a batch and a value where batches were swept), and `states` what the
    device said of itself after each of them, by name. `operators` are what the engine runs, as it was asked in the check;
    `account` is what it says to a profile, and never in a result file.
    """

    case: str
    role: Literal["check", "measure", "energy", "pair"] = "measure"
    index: int
    round: int
    server: int
    status: Status
    reason: str = ""
    started_s: float = 0.0
    seconds: float = 0.0
    latency_ns: tuple[int, ...] = ()
    warmup_ns: tuple[int, ...] = ()
    sentinel_ns: tuple[int, ...] = ()
    device_ns: tuple[int, ...] = ()
    enqueue_ns: tuple[int, ...] = ()
    series: tuple[tuple[float, float], ...] = ()
    states: dict[str, tuple[float, ...]] = {}
    values: dict[str, float] = {}
    notes: dict[str, str] = {}
    output: tuple[float, ...] = ()
    counted: Counted | None = None
    operators: tuple[Operator, ...] = ()
    account: Account | None = None
