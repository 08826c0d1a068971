"""From a compressed picture to an answer: decode, resize, normalise, transfer, forward, post-process.

The whole request is timed as one, without waiting between its parts; the parts are timed in a pass of their own.
"""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING, Any

from .. import datasets
from .. import measure as passes
from ..measure import NS
from ..stats import median
from . import _state, single_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from PIL import Image

    from ..core import Architecture
    from ..interfaces import Session
    from . import Bench

    # A part of a request, and what it makes of what the part before it gave.
    Parts = tuple[tuple[str, Callable[[Any], Any]], ...]

ANSWERS = 5
# A typical photograph of ImageNet, and how it is compressed.
SIZE = (375, 500)
QUALITY = 90


class Whole:
    """Requests in rotation, each from the first part to the last, for passes that know a session."""

    def __init__(self, session: Session, parts: Parts, requests: Sequence[Any]) -> None:
        self.synchronize = session.synchronize
        self.output = session.output
        self.load = session.load
        self.close = session.close
        self._functions = [function for _, function in parts]
        self._requests = requests
        self._next = 0

    def step(self) -> None:
        """One request."""
        value = self._requests[self._next]
        self._next = (self._next + 1) % len(self._requests)
        for function in self._functions:
            value = function(value)


def measure(bench: Bench) -> dict[str, Any]:
    """Warm up, time whole requests, then the parts of as many, then throughput and memory of whole requests."""
    clock, phase, budget = bench.clock, bench.phase, bench.job.budget
    phase("pictures")
    requests = _requests(bench)
    parts = _parts(bench)
    whole = dataclasses.replace(bench, session=Whole(bench.session, parts, requests))
    found: dict[str, Any] = {"warmup_ns": single_stream.warm_up(whole)}
    # The forward pass alone: in a whole request the device mostly waits for the host to decode.
    _state.look(bench, median(found["warmup_ns"][-passes.GROUP :]))
    phase("latency")
    found["latency_ns"] = passes.latency(whole.session, clock, budget)
    phase("parts")
    times = time_parts(parts, requests, bench.session.synchronize, clock, len(found["latency_ns"]))
    bench.values |= {f"{name}_s": median(ns) / NS for name, ns in times.items()}
    phase("throughput")
    step_ns = None if bench.device.timer() is None else median(found["latency_ns"])
    bench.values["throughput_per_s"] = passes.throughput(whole.session, clock, budget, bench.case.batch, step_ns)
    _state.look(bench, median(times["forward"]))
    phase("memory")
    bench.values |= single_stream.memory(whole)
    return found


def time_parts(
    parts: Parts, requests: Sequence[Any], synchronize: Callable[[], None], clock: Callable[[], int], count: int
) -> dict[str, list[int]]:
    """Nanoseconds of every part in `count` requests, the device waited for after each."""
    times: dict[str, list[int]] = {name: [] for name, _ in parts}
    for index in range(count):
        value = requests[index % len(requests)]
        synchronize()
        for name, function in parts:
            start = clock()
            value = function(value)
            synchronize()
            times[name].append(clock() - start)
    return times


def _requests(bench: Bench) -> list[Any]:
    """For each request the bytes of a batch of pictures: those of the folder that the job names, else photographs made up."""
    if bench.architecture is None:
        bench.notes["pictures"] = "none: this engine has no network to show them to, and the forward pass is all there is"
        return [None]
    from .. import data  # noqa: PLC0415 - imports torch

    batch = bench.case.batch
    wanted = data.ROTATION * batch
    if bench.job.images:
        blobs = [path.read_bytes() for path in data.pictures(bench.job.images)[:wanted]]
        origin = f"{len(blobs)} of the folder"
    else:
        blobs = photographs(wanted, bench.job.seed)
        origin = f"{wanted} made up, {SIZE[1]}x{SIZE[0]}, JPEG of quality {QUALITY}"
    bench.notes["pictures"] = f"{origin}, {median([len(blob) for blob in blobs]) / 1000:.0f} kB in the median"
    blobs = [blobs[index % len(blobs)] for index in range(wanted)]
    return [blobs[start : start + batch] for start in range(0, wanted, batch)]


def _parts(bench: Bench) -> Parts:
    """What a request goes through. On the processor there is nothing to transfer, and loading belongs to normalising."""
    session = bench.session

    def load(tensor: torch.Tensor) -> None:
        session.load([tensor])

    def forward(_: object) -> None:
        session.step()

    if bench.architecture is None:
        return (("forward", forward),)
    architecture = bench.architecture
    prepare = preparation(architecture, bench.case.input_shape)
    answer = answers if architecture.task == "classification" else on_host
    if bench.device.target() == "cpu":
        *before, (name, normalise) = prepare
        into = ((name, lambda pictures: load(normalise(pictures))),)
        prepare = (*before, *into)
    else:
        prepare = (*prepare, ("transfer", load))
    return (*prepare, ("forward", forward), ("postprocess", lambda _: answer(session.output())))


def preparation(architecture: Architecture, shape: Sequence[int]) -> Parts:
    """From the bytes of a batch of pictures to the tensor that the architecture declares, as `data.images` makes it."""
    import torch  # noqa: PLC0415 - the fake engine never needs it

    from .. import data  # noqa: PLC0415 - imports torch

    preprocess = architecture.preprocess

    def decode(blobs: Sequence[bytes]) -> list[Image.Image]:
        return [datasets.decode(io.BytesIO(blob), shape[0]) for blob in blobs]

    def resize(pictures: Sequence[Image.Image]) -> list[Image.Image]:
        return [data.resize(picture, shape, preprocess) for picture in pictures]

    def normalise(pictures: Sequence[Image.Image]) -> torch.Tensor:
        return torch.stack([data.normalise(picture, preprocess) for picture in pictures])

    return (("decode", decode), ("resize", resize), ("normalise", normalise))


def answers(output: Any) -> list[list[tuple[int, float]]]:
    """The likeliest classes of each picture with their probabilities, as Python's numbers."""
    from ..agreement import flatten  # noqa: PLC0415 - imports torch

    scores = flatten(output)
    likely = scores.softmax(1).topk(min(ANSWERS, scores.shape[1]))
    classes, shares = likely.indices.tolist(), likely.values.tolist()
    return [list(zip(*pair, strict=True)) for pair in zip(classes, shares, strict=True)]


def on_host(output: Any) -> Any:
    """Every tensor of an output on the host, in fp32."""
    import torch  # noqa: PLC0415 - the fake engine never needs it

    if isinstance(output, torch.Tensor):
        return output.detach().to("cpu", torch.float32)
    if isinstance(output, dict):
        return {key: on_host(value) for key, value in output.items()}
    return [on_host(value) for value in output] if isinstance(output, list | tuple) else output


def photographs(count: int, seed: int, size: tuple[int, int] = SIZE, quality: int = QUALITY) -> list[bytes]:
    """Seeded pictures of that height and width as JPEG, as hard to decode as photographs are.

    Noise whose amplitude falls with the spatial frequency, as it does in natural images (Field 1987), mostly the same in
    all channels. It compresses to about the 108 kB of the training pictures of ImageNet (138 GB for 1.28 million).
    """
    import numpy as np  # noqa: PLC0415 - only for pictures
    from PIL import Image  # noqa: PLC0415 - as above

    height, width = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = np.inf  # the mean is set below
    found = []
    for index in range(count):
        noise = np.random.default_rng((seed, index)).standard_normal((4, height, width))
        planes = np.fft.irfft2(np.fft.rfft2(noise) / frequency, s=size)
        planes /= planes.std(axis=(1, 2), keepdims=True)
        pixels = np.clip(115.0 + 50.0 * (planes[0] + 0.25 * planes[1:]), 0, 255).astype(np.uint8)
        file = io.BytesIO()
        Image.fromarray(pixels.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
        found.append(file.getvalue())
    return found
