"""How a cluster run stands: a line for each place, and a text over them; the same numbers as OpenMetrics."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import further, units
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .sweep import Sweep

PHASES = ("waiting", "working", "idle", "done", "lost")


class Line(NamedTuple):
    """One place: `done` are the processes that measured there, `missing` those that its cases still need."""

    place: str
    machine: str
    phase: str
    case: str
    done: int
    missing: int
    left_s: float


class Whole(NamedTuple):
    """All files of a run: cases that are settled of all that can run, processes that measured, and seconds to go."""

    settled: int
    cases: int
    processes: int
    lost: int
    left_s: float

    def __str__(self) -> str:
        gone = f", {self.lost} places lost" if self.lost else ""
        left = f", about {units.clock(self.left_s)} left" if self.settled < self.cases else ""
        return f"{self.settled} of {self.cases} cases have what they need, {self.processes} processes{gone}{left}"


def lines(sweep: Sweep) -> list[Line]:
    """Every place of a file; the processes that it measured, by the numbers of the servers that it started."""
    with sweep.changed:
        return [
            Line(
                place=share.place.name,
                machine=sweep.run.machine.slug,
                phase=share.phase,
                case="" if share.current is None else share.current.id,
                done=share.done,
                missing=share.missing(share.run.cases),
                left_s=further.outlook_s(share) if share.alive else 0.0,
            )
            for share in sweep.shares
        ]


def whole(sweeps: Sequence[Sweep]) -> Whole:
    """All files together."""
    settled = cases = processes = lost = 0
    left_s = 0.0
    for sweep in sweeps:
        with sweep.changed:
            able = len(sweep.run.cases) - len(sweep.run.skipped)
            lacking = sum(bool(share.missing([case])) for share in sweep.shares for case in share.run.cases)
            lacking += sum(map(len, sweep.orphans))
            cases += able
            settled += able - lacking if sweep.shares else 0
            processes += sum(share.done for share in sweep.shares)
            lost += sum(share.phase == "lost" for share in sweep.shares)
            left_s = max([left_s, *(further.outlook_s(share) for share in sweep.shares if share.alive)])
    return Whole(settled, cases, processes, lost, left_s)


@contextmanager
def serving(port: int | None, sweeps: Callable[[], Sequence[Sweep]]) -> Iterator[None]:
    """Answer on `http://127.0.0.1:PORT/metrics` as long as it is open; without a port, do nothing.

    Raises UsageError where the package is missing or the port is taken.
    """
    if port is None:
        yield
        return
    try:
        import prometheus_client  # noqa: PLC0415 - only where it is asked for
    except ImportError:
        message = "--metrics-port needs prometheus-client, which is not installed: pip install 'vbench[ray]'"
        raise UsageError(message) from None
    registry = prometheus_client.CollectorRegistry()
    registry.register(Collector(sweeps))
    try:
        server, thread = prometheus_client.start_http_server(port, addr="127.0.0.1", registry=registry)
    except OSError as error:
        message = f"--metrics-port {port}: {error.strerror}; name another"
        raise UsageError(message) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Collector:
    """Makes the metrics when they are asked for."""

    def __init__(self, sweeps: Callable[[], Sequence[Sweep]]) -> None:
        self._sweeps = sweeps

    def describe(self) -> list[Any]:
        """Nothing before the run has begun."""
        return []

    def collect(self) -> Iterator[Any]:
        """One family after the other."""
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - only where it is asked for

        sweeps = list(self._sweeps())
        found = whole(sweeps)
        totals = {
            "vbench_cluster_cases": ("Cases that can run.", found.cases),
            "vbench_cluster_cases_settled": ("Cases that have the processes that they need, or failed.", found.settled),
            "vbench_cluster_left_seconds": ("Seconds until all have them, as far as is known.", found.left_s),
        }
        for name, (text, value) in totals.items():
            yield GaugeMetricFamily(name, text, value=value)
        places = [line for sweep in sweeps for line in lines(sweep)]
        names = ["place", "machine"]
        done = GaugeMetricFamily("vbench_cluster_place_processes", "Processes that measured at a place.", labels=names)
        left = GaugeMetricFamily("vbench_cluster_place_left_seconds", "Seconds until a place is done.", labels=names)
        phase = GaugeMetricFamily("vbench_cluster_place_phase", "1 for what a place does now.", labels=[*names, "phase"])
        for line in places:
            done.add_metric([line.place, line.machine], line.done)
            left.add_metric([line.place, line.machine], line.left_s)
            for name in PHASES:
                phase.add_metric([line.place, line.machine, name], float(name == line.phase))
        yield from (done, left, phase)
