"""What bounds each layer of a profile: its arithmetic, its traffic, or neither, by the ceilings measured on the same machine.

A layer takes at least as long as its operations take at the peak, and at least as long as its bytes take at the bandwidth. The
longer of the two is what the ceilings explain of its time. Where that is half of the time or more, the layer is bound by that
ceiling; where it is less, most of its time goes to something that neither ceiling knows: it is bound by overhead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .core import Case, Ceiling, Layer, Machine
from .kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

COMPUTE, MEMORY, OVERHEAD, UNKNOWN = "compute", "memory", "overhead", "unknown"
BOUNDS = {
    COMPUTE: "its operations at the measured peak take at least half of its time, and longer than its bytes do",
    MEMORY: "its bytes at the measured bandwidth take at least half of its time, and longer than its operations do",
    OVERHEAD: "both take less than half of its time: the rest goes to calls, to starting threads, to packing, and to kernels "
    "that reach neither ceiling",
    UNKNOWN: "a ceiling, its bytes or its time is not known",
}
# The share of a layer's time that a ceiling must explain to be what bounds it: most of it.
EXPLAINED = 0.5


class Judged(Layer, frozen=True, kw_only=True):
    """A layer with its share of the layers' sum, what it achieved, which shares of the ceilings that is, and what bounds it."""

    share: float | None = None
    flops_per_s: float | None = None
    peak_share: float | None = None
    bytes_per_s: float | None = None
    bandwidth_share: float | None = None
    bound: str = UNKNOWN

    @property
    def name(self) -> str:
        """The module's path, or what the engine calls the operator where it knows none."""
        return self.path or f"({self.operator})"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Layers together: of a kind, of a module, or of one operator. `bounds` are shares of the group's time by what bounds it.

    `bytes` and what follows from them are None where the engine does not say what one of the layers moves, `seconds` where none
    of them has a time of its own.
    """

    name: str
    layers: int
    macs: int
    bytes: int | None
    seconds: float | None
    share: float | None
    flops_per_s: float | None
    peak_share: float | None
    bytes_per_s: float | None
    bandwidth_share: float | None
    bounds: dict[str, float]

    @property
    def bound(self) -> str:
        """What bounds most of its time."""
        return max(self.bounds, key=lambda name: self.bounds[name]) if self.bounds else UNKNOWN


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Where the time of a case goes: `layers` in the order in which they ran, and the same by kind.

    `total_s` is the median of requests that nothing watched, `before_s` and `after_s` those before and after the profile;
    `layers_s` the sum of the layers, `run_s` the median of a whole run under the profiler. `ceilings` are by precision.
    """

    case: Case
    case_id: str
    total_s: float
    before_s: float
    after_s: float
    requests: int
    layers_s: float
    run_s: float
    runs: int
    profiler: str
    ceilings: dict[str, Ceiling]
    layers: tuple[Judged, ...]
    kinds: tuple[Group, ...]
    machine: Machine
    versions: dict[str, str] = {}
    started: str = ""
    notes: tuple[str, ...] = ()

    @property
    def overhead(self) -> float:
        """How much longer a run takes under the profiler, as a share of one without it."""
        return self.run_s / self.total_s - 1.0

    @property
    def covered(self) -> float:
        """The sum of the layers as a share of a run without the profiler; what is missing from 1 lies outside of any layer."""
        return self.layers_s / self.total_s


def judged(layers: Sequence[Layer], ceilings: Mapping[str, Ceiling]) -> tuple[Judged, ...]:
    """Each layer against the ceilings of its own precision; the traffic's is the same in all."""
    whole = sum(layer.seconds or 0.0 for layer in layers)
    bandwidth = next((c.bandwidth_bytes_per_s for c in ceilings.values() if c.bandwidth_bytes_per_s), None)
    return tuple(_judged(layer, whole, ceilings.get(layer.precision, Ceiling()).peak_flops, bandwidth) for layer in layers)


def _judged(layer: Layer, whole: float, peak: float | None, bandwidth: float | None) -> Judged:
    seconds = layer.seconds or None
    flops = 2.0 * layer.macs / seconds if seconds and layer.macs else None
    moved = layer.bytes / seconds if seconds and layer.bytes is not None else None
    return Judged(
        **{name: getattr(layer, name) for name in Layer.__struct_fields__},
        share=None if layer.seconds is None or not whole else layer.seconds / whole,
        flops_per_s=flops,
        peak_share=flops / peak if flops and peak else None,
        bytes_per_s=moved,
        bandwidth_share=moved / bandwidth if moved is not None and bandwidth else None,
        bound=bound(layer, peak, bandwidth),
    )


def bound(layer: Layer, peak: float | None, bandwidth: float | None) -> str:
    """What bounds a layer, by the rule at the head of this file; what is not known decides nothing."""
    arithmetic = 0.0 if not layer.macs else 2.0 * layer.macs / peak if peak else None
    traffic = layer.bytes / bandwidth if layer.bytes is not None and bandwidth else None
    if not layer.seconds or arithmetic is None or traffic is None:
        return UNKNOWN
    if max(arithmetic, traffic) < EXPLAINED * layer.seconds:
        return OVERHEAD
    return COMPUTE if arithmetic > traffic else MEMORY


def by_kind(layers: Iterable[Judged]) -> tuple[Group, ...]:
    """The kinds that ran, the one that takes most time first."""
    return grouped(layers, lambda layer: layer.kind, order=list(KINDS))


def by_operator(layers: Iterable[Judged]) -> tuple[Group, ...]:
    """What the engine calls its operators, the one that takes most time first."""
    return grouped(layers, lambda layer: layer.operator)


def by_module(layers: Iterable[Judged], depth: int | None = None) -> tuple[Group, ...]:
    """The modules, or those `depth` steps below the network with all that is in them; `(OPERATOR)` where none is known."""

    def name(layer: Judged) -> str:
        return ".".join(layer.path.split(".")[:depth]) if layer.path else layer.name

    return grouped(layers, name)


def grouped(layers: Iterable[Judged], name: Callable[[Judged], str], order: Sequence[str] = ()) -> tuple[Group, ...]:
    """Layers of one name together; those that take equally long are in the order given, and in that of their first run."""
    found: dict[str, list[Judged]] = {text: [] for text in order}
    for layer in layers:
        found.setdefault(name(layer), []).append(layer)
    groups = [_group(text, same) for text, same in found.items() if same]
    return tuple(sorted(groups, key=lambda group: -(group.seconds or 0.0)))


def _group(name: str, layers: Sequence[Judged]) -> Group:
    times = [layer.seconds for layer in layers if layer.seconds is not None]
    seconds, whole = sum(times), sum(layer.share or 0.0 for layer in layers)
    macs = sum(layer.macs for layer in layers)
    sizes = [layer.bytes for layer in layers]
    moved = None if None in sizes else sum(size for size in sizes if size is not None)
    bounds = {text: sum(layer.seconds or 0.0 for layer in layers if layer.bound == text) for text in BOUNDS}
    return Group(
        name=name,
        layers=len(layers),
        macs=macs,
        bytes=moved,
        seconds=seconds if times else None,
        share=whole if times else None,
        flops_per_s=2.0 * macs / seconds if macs and seconds else None,
        peak_share=_weighted(layers, "peak_share") if macs else None,
        bytes_per_s=moved / seconds if moved is not None and seconds else None,
        bandwidth_share=_weighted(layers, "bandwidth_share") if moved is not None else None,
        bounds={text: part / seconds for text, part in bounds.items() if part and seconds},
    )


def _weighted(layers: Sequence[Judged], field: str) -> float | None:
    """The share of a ceiling that layers reach together: least time over time, so that each is held against its own ceiling."""
    seconds = sum(layer.seconds or 0.0 for layer in layers)
    parts = [(getattr(layer, field), layer.seconds) for layer in layers if layer.seconds]
    known = [share * took for share, took in parts if share is not None and took is not None]
    return sum(known) / seconds if known and seconds else None
