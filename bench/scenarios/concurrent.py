"""Several callers at once, each waiting for its own answers: what sharing one device costs each of them.

`concurrent:2` has two threads that submit through sessions of their own on the same weights, on CUDA and XPU each on
a stream of its own. On the fake device, whose clock only one thread can move, the streams take turns.

Nothing is said about memory: the worker's own session and the rotation of every stream are our doing, and nobody else's need.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import job as jobs
from .. import measure as passes
from ..stats import median
from . import _state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..interfaces import Session
    from . import Bench

# Each request is its beginning and its end on the same clock, in nanoseconds.
Requests = list[tuple[int, int]]

# So many latencies of a process are kept, evenly spaced in time: more would make the file large and no percentile better.
KEPT = 1000

_WITH_STREAMS = ("cuda", "xpu")


def measure(bench: Bench) -> dict[str, Any]:
    """Warm up together, then submit together for the time of the latency and the throughput pass."""
    count = int(bench.parameter)
    warmup, requests, begun = _in_turn(bench, count) if bench.case.virtual else _in_threads(bench, count)
    bench.values["throughput_per_s"] = rate(requests, bench.case.batch, begun)
    served = [len(stream) for stream in requests]
    bench.values["stream_balance"] = min(served) / max(served)
    bench.notes["memory"] = "left empty: each stream rotates over inputs of its own, beside those that the worker holds"
    bench.notes["streams"] = "requests by stream: " + ", ".join(map(str, served))
    ordered = sorted((request for stream in requests for request in stream), key=lambda request: request[0])
    kept = thinned([end - begin for begin, end in ordered])
    if len(kept) < len(ordered):
        bench.notes["latency_kept"] = f"{len(kept)} of {len(ordered)} requests, evenly spaced"
    _state.look(bench, median(kept) / count)
    return {"latency_ns": tuple(kept), "warmup_ns": tuple(warmup)}


def rate(requests: Sequence[Requests], batch: int, begun: int) -> float:
    """Images per second while every stream was at work: from when they were let go until the first one ended.

    A request that lies across the end counts by the part of its time that lies before it.
    """
    end = min(stream[-1][1] for stream in requests)
    inside = sum(max(0, min(stop, end) - start) / max(1, stop - start) for stream in requests for start, stop in stream)
    return inside * batch / (max(1, end - begun) / passes.NS)


def thinned(samples: Sequence[int], most: int = KEPT) -> list[int]:
    """At most so many of the samples, evenly spaced and in their order."""
    kept = min(most, len(samples))
    return [samples[index * len(samples) // kept] for index in range(kept)]


def _enough(requests: Sequence[Requests]) -> bool:
    """Each stream must have had its ten on average: by the total, since a stream that starves must not hold up the end."""
    return sum(map(len, requests)) >= passes.MIN_SAMPLES * len(requests)


def _nanoseconds(bench: Bench) -> int:
    return int((bench.job.budget.latency + bench.job.budget.throughput) * passes.NS)


def _in_turn(bench: Bench, count: int) -> tuple[list[int], list[Requests], int]:
    """One thread serves the streams in turn: each waits for all the others, as on a device that does one thing at a time."""
    sessions = [bench.prepare(bench.case.batch) for _ in range(count)]
    clock = bench.clock
    bench.phase("warm-up")
    warmup = [taken for session in sessions for taken in passes.warm_up(session, clock, bench.job.budget)[0]]
    _state.look(bench, median(warmup))
    bench.phase("streams")
    requests: list[Requests] = [[] for _ in sessions]
    begun = clock()
    asked = [begun] * count
    while clock() < begun + _nanoseconds(bench) or not _enough(requests):
        for index, session in enumerate(sessions):
            passes.sample(session, clock, 1)
            requests[index].append((asked[index], clock()))
            asked[index] = clock()
    for session in reversed(sessions):
        session.close()
    return warmup, requests, begun


class _Shared(NamedTuple):
    """What the threads of the streams have in common; each stream has its own place in the lists."""

    warmups: list[list[int]]
    requests: list[Requests]
    unsettled: list[int]
    errors: list[BaseException]
    preparing: threading.Lock
    ready: threading.Barrier
    start: threading.Barrier
    going: threading.Event


def _in_threads(bench: Bench, count: int) -> tuple[list[int], list[Requests], int]:
    """A thread per stream. What goes wrong in one ends them all, and is raised here."""
    begun: list[int] = []

    def let_go() -> None:
        begun.append(bench.clock())

    empty: tuple[list[list[int]], list[Requests]] = [[] for _ in range(count)], [[] for _ in range(count)]
    barriers = threading.Barrier(count), threading.Barrier(count, action=let_go)
    shared = _Shared(*empty, [], [], threading.Lock(), *barriers, threading.Event())
    bench.phase("streams")
    threads = [threading.Thread(target=_guarded, args=(bench, shared, index), name=f"stream {index}") for index in range(count)]
    for thread in threads:
        thread.start()
    # Asked from here once a request was answered: all streams are at work then, and none of them waits for the driver.
    shared.going.wait()
    bench.values |= _state.merged(bench.values, bench.device.state())
    for thread in threads:
        thread.join()
    if shared.errors:
        raise shared.errors[0]
    if shared.unsettled:
        bench.notes["warmup_not_settled"] = f"in {len(shared.unsettled)} of {count} streams"
    return [taken for warmup in shared.warmups for taken in warmup], shared.requests, begun[0]


def _guarded(bench: Bench, shared: _Shared, index: int) -> None:
    """Serve; an error is kept for the thread that can report it, and the others, wherever they are, come to an end."""
    try:
        _serve(bench, shared, index)
    except threading.BrokenBarrierError:
        return  # another stream failed, and says why
    except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for this one
        shared.errors.append(error)
        shared.ready.abort()
        shared.start.abort()
        shared.going.set()


def _serve(bench: Bench, shared: _Shared, index: int) -> None:
    """One stream: warm up while the others do, begin when all are ready, go on until the time is over."""
    clock, mine = bench.clock, shared.requests[index]
    with _session(bench, shared.preparing) as session:
        shared.ready.wait()
        shared.warmups[index], settled = passes.warm_up(session, clock, bench.job.budget)
        if not settled:
            shared.unsettled.append(index)
        shared.start.wait()
        end = clock() + _nanoseconds(bench)
        while not shared.errors:
            taken = passes.sample(session, clock, 1)[0]
            now = clock()
            mine.append((now - taken, now))
            if len(mine) == 1:
                shared.going.set()
            if now >= end and _enough(shared.requests):
                return


@contextmanager
def _session(bench: Bench, preparing: threading.Lock) -> Iterator[Session]:
    """A session that belongs to the thread that asks: inference mode, threads and denormals are settings of a thread."""
    if bench.architecture is not None:
        jobs.settle_thread(bench.case)
    with _stream(bench.device.target()):
        with preparing:  # making a module ready may change it, and all streams share one
            session = bench.prepare(bench.case.batch)
            bench.device.synchronize()
        try:
            yield session
        finally:
            session.close()


@contextmanager
def _stream(target: str) -> Iterator[None]:
    """A stream of its own where the device has them, so that one caller's wait is not a wait for the others' work."""
    kind = target.partition(":")[0]
    if kind not in _WITH_STREAMS:
        yield
        return
    import torch  # noqa: PLC0415 - a worker of the fake engine never needs it

    backend = getattr(torch, kind)
    with backend.stream(backend.Stream(device=target)):
        yield
