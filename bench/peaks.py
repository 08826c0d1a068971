"""What a device can do at most, found by doing it: products of matrices and convolutions, copies and reads.

This runs in a process of its own, whose threads are set before anything is computed. A peak is the best that was seen, over
several kinds of work and sizes, since it is held against networks that run on anything but the worst of them.
"""

from __future__ import annotations

import heapq
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from . import devices, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import torch

# Seconds: for a first look at each kind of work; for a finalist at least and at most; for one call, beyond which it is not tried.
LOOK, LEAST, MOST, SLOW = 0.04, 0.15, 0.6, 0.3
# The side of the largest matrix; how many of each kind of work get a long look.
LARGEST, FINALS = 2**14, 2
# A precision that is slower than so much of the fp32 peak is emulated.
EMULATED = 0.5
# Under this name stands what is moved, beside the precisions.
BYTES = "bytes"
# The three best times of a finalist agree this well where nothing disturbs; a size is worth its double while the rate grows so.
AGREE = 0.02
# Of the processor time that its threads would use undisturbed, what must have been theirs.
OWN_SHARE = 0.9
# Where a cache's size cannot be read, more than any common processor has.
CACHE = 64 * 2**20
GPU_BUFFER = 2**29
TYPES = {"fp32": "float32", "tf32": "float32", "bf16": "bfloat16", "fp16": "float16", "int8": "int8"}
# A number of these may be computed as a wider one inside, so that the wider one's peak bounds it too.
NARROWER = ("bf16", "fp16", "int8")


class Work(NamedTuple):
    """Something to do again and again, and how much of it one call is: operations, or bytes.

    Of each kind the two that a short look finds best get a long one, since a short one may be disturbed.
    """

    kind: str
    name: str
    call: Callable[[], Any]
    amount: float


class Timing(NamedTuple):
    """The shortest time of one call, and whether it was reached often enough to be the device's and not luck's."""

    seconds: float
    calls: int
    steady: bool


class Peak(msgspec.Struct, frozen=True):
    """The most in a second, what reached it, and whether nothing disturbed that; no number, and the reason."""

    rate: float | None
    how: str
    steady: bool = True


def measure(device: str, wanted: tuple[str, ...], threads: int) -> dict[str, Peak]:
    """The peaks of a device with so many threads, in this process: by precision, and its traffic as `bytes`."""
    import torch  # noqa: PLC0415 - the process that asks for this has no use for it

    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    if torch.get_num_threads() != threads:
        message = f"asked for {threads} threads and got {torch.get_num_threads()}"
        raise RuntimeError(message)
    here = devices.get(device)
    target, wait = here.target(), here.synchronize
    found: dict[str, Peak] = {}
    with torch.inference_mode():
        if BYTES in wanted:
            found[BYTES] = _tried(lambda: _best(_moves(target), wait, own=target == "cpu", threads=threads))
        wide: Peak | None = None
        asked = {precision for precision in TYPES if precision in wanted}
        for precision in sorted(asked | ({"fp32"} if asked & set(NARROWER) else set()), key=list(TYPES).index):
            reason = _lacks(precision, target)
            peak = Peak(None, reason) if reason else _operations(precision, target, wait, threads, wide)
            if precision == "fp32":
                wide = peak
            elif precision in NARROWER and wide is not None and (wide.rate or 0.0) > (peak.rate or 0.0):
                peak = Peak(wide.rate, f"{wide.how}, which is faster here than {precision}", wide.steady)
            found[precision] = peak
    return found


def _tried(best: Callable[[], Peak]) -> Peak:
    """What torch cannot do here is no peak, with its reason."""
    try:
        return best()
    except (RuntimeError, NotImplementedError, TypeError) as error:
        return Peak(None, " ".join(str(error).split())[:120] or type(error).__name__)


def _lacks(precision: str, target: str) -> str:
    """Why the device has no such arithmetic; "" where it has."""
    import torch  # noqa: PLC0415 - as above

    if precision != "tf32":
        return ""
    if not target.startswith("cuda") or torch.version.hip:
        return "only NVIDIA GPUs have tf32"
    return "" if torch.cuda.get_device_capability(target)[0] >= 8 else "this GPU is older than tf32"  # noqa: PLR2004 - Ampere


def _operations(precision: str, target: str, wait: Callable[[], None], threads: int, wide: Peak | None) -> Peak:
    """The most operations per second; `wide` is the peak of fp32, where that is known."""
    import torch  # noqa: PLC0415 - as above

    if target.startswith("cuda"):
        torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    kind = getattr(torch, TYPES[precision])
    least = EMULATED * (wide.rate or 0.0) if wide is not None else 0.0
    peak = _tried(lambda: _best(_work(kind, target, threads, least), wait, own=target == "cpu", threads=threads))
    return msgspec.structs.replace(peak, how=f"{precision}: {peak.how}")


def _work(kind: torch.dtype, target: str, threads: int, least: float) -> Generator[Work, float, None]:
    """Products of ever larger matrices for as long as that helps and, on the processor, convolutions without padding.

    Each is answered with the seconds that it took; a type whose products stay below `least` is emulated, and no convolution
    will help it.
    """
    import torch  # noqa: PLC0415 - as above

    own, whole = target == "cpu", kind == torch.int8
    size, best, looks = 256 if own else 1024, 0.0, 0
    while True:
        left, right = (_matrix(size, kind, target) for _ in range(2))
        out = torch.empty(size, size, dtype=torch.int32 if whole else kind, device=target)
        product, amount = torch._int_mm if whole else torch.mm, 2.0 * size**3  # noqa: SLF001 - torch's only product of int8
        took = yield Work("product", f"product of {size} x {size} matrices", _call(product, left, right, out), amount)
        turned = yield Work(
            "product", f"product of {size} x {size} matrices, one transposed", _call(product, left, right.t(), out), amount
        )
        took = min(took, turned)
        grew, best, looks = amount / took > best * (1 + AGREE), max(best, amount / took), looks + 1
        large = own and 16 * size**2 * out.element_size() > machine.memory_available() / 8
        if (looks > 2 and not grew) or 8 * took > SLOW or large or size >= LARGEST:  # noqa: PLR2004 - three sizes at least
            break
        size *= 2
    if own and not whole and best >= least:
        for channels, side in ((64, 56), (256, 28)):
            for layout in (torch.channels_last, torch.contiguous_format):
                weights = torch.randn(channels, channels, 3, 3).to(kind).to(memory_format=layout)
                images = torch.randn(threads, channels, side, side).to(kind).to(memory_format=layout)
                amount = 2.0 * threads * channels * (side - 2) ** 2 * channels * 9
                order = "channels last" if layout == torch.channels_last else "channels first"
                name = f"3 x 3 convolution of {channels} channels at {side} x {side}, {order}"
                yield Work(order, name, _call(torch.nn.functional.conv2d, images, weights), amount)


def _matrix(size: int, kind: torch.dtype, target: str) -> torch.Tensor:
    import torch  # noqa: PLC0415 - as above

    if kind == torch.int8:
        return torch.randint(-127, 128, (size, size), dtype=kind, device=target)
    return torch.randn(size, size, device=target).to(kind)


def _call(do: Callable[..., Any], *given: Any) -> Callable[[], Any]:
    """Products write where they are told, so that no time goes into new memory."""
    left, right, *out = given
    return (lambda: do(left, right, out=out[0])) if out else (lambda: do(left, right))


def _moves(target: str) -> Generator[Work, float, None]:
    """A copy, whose bytes are read and written, and a read; of more than the last cache holds."""
    import torch  # noqa: PLC0415 - as above

    size = GPU_BUFFER
    if target == "cpu":
        size = min(max(4 * last_cache(), CACHE), max(machine.memory_available() // 8, 2**20))
    source = torch.ones(size // 4, device=target)
    copy = torch.empty_like(source)
    yield Work("copy", f"copy of {size / 2**20:.0f} MiB", lambda: copy.copy_(source), 2.0 * size)
    yield Work("sum", f"sum over {size / 2**20:.0f} MiB", source.sum, float(size))


def last_cache(root: Path = Path("/")) -> int:
    """Bytes of the largest cache of the first core, as the kernel knows it; a generous guess elsewhere."""
    sizes = []
    for file in (root / "sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = file.read_text("ascii", "replace").strip()
        if text[:-1].isdigit() and text[-1] in "KM":
            sizes.append(int(text[:-1]) * {"K": 2**10, "M": 2**20}[text[-1]])
    return max(sizes, default=CACHE)


def _best(works: Generator[Work, float, None], wait: Callable[[], None], *, own: bool, threads: int) -> Peak:
    """The highest rate, what reached it, and whether nothing disturbed: a look at each, a long one at the best of each kind."""
    looked: dict[str, list[tuple[float, Work]]] = {}
    try:
        work = next(works)
        while True:
            seconds = _time(work.call, wait, LOOK, own=own).seconds
            looked.setdefault(work.kind, []).append((work.amount / seconds, work))
            work = works.send(seconds)
    except StopIteration:
        pass
    except RuntimeError:
        if not looked:
            raise  # else the larger do not fit into memory, or the type knows no convolution
    began, used = time.perf_counter(), time.process_time()
    finals = []
    for _, work in (final for found in looked.values() for final in heapq.nlargest(FINALS, found, key=lambda f: f[0])):
        timing = _time(work.call, wait, MOST, own=own)
        finals.append((work.amount / timing.seconds, work.name, timing))
    rate, name, timing = max(finals)
    share = (time.process_time() - used) / (time.perf_counter() - began) / threads
    # One thread is alone often enough for its best to be its own; two must be so at the same time.
    steady = timing.steady and (share > OWN_SHARE or not own or threads == 1)
    return Peak(rate, f"{name}, best of {timing.calls}", steady)


def _time(call: Callable[[], Any], wait: Callable[[], None], limit: float, *, own: bool) -> Timing:
    """Repeat until the three best times agree, or the time is up; many calls to one reading where the device works on its own."""
    clock = time.perf_counter
    call()
    wait()
    begin = clock()
    call()
    wait()
    first = clock() - begin
    together = 1 if own else max(1, math.ceil(0.005 / max(first, 1e-6)))
    times: list[float] = []
    end = clock() + limit
    least = clock() + min(LEAST, limit)
    while True:
        begin = clock()
        for _ in range(together):
            call()
        wait()
        now = clock()
        times.append((now - begin) / together)
        low = heapq.nsmallest(3, times)
        steady = len(low) > 2 and low[2] <= low[0] * (1 + AGREE)  # noqa: PLR2004 - three agree
        if (now >= least and steady) or (now >= end and len(times) > 1) or sum(times) * together > 4 * limit:
            return Timing(low[0], len(times) * together, steady)
