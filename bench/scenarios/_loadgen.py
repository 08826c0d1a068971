"""One run of MLPerf LoadGen's server scenario: it schedules the arrivals and keeps the time, we answer.

LoadGen counts each latency from the scheduled arrival, so that a query that finds the server busy has waited, and one that
could only be handed over late has too.
"""

from __future__ import annotations

import json
import queue
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlperf_loadgen as loadgen
import msgspec

from ._rates import PERCENTILE, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..interfaces import Session

    Requests = queue.SimpleQueue[int | None]

# LoadGen draws a number of a picture for each query; a session rotates through its own, so any number will do.
_SAMPLES = 8


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """So many queries at that mean rate, from that seed; answered up to a batch at a time, and late after the bound."""

    rate: float
    queries: int
    bound_s: float
    batch: int
    seed: int


def run(session: Session, load: Load) -> Trial:
    """Let the queries arrive, answer them in order, and read LoadGen's own results.

    Raises whatever the session raises, once every query has been answered: LoadGen waits for all of them.
    """
    requests: Requests = queue.SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="vbench-loadgen-") as folder:
        sut = loadgen.ConstructSUT(lambda samples: _take(requests, samples), _nothing)
        qsl = loadgen.ConstructQSL(_SAMPLES, _SAMPLES, _nothing, _nothing)
        settings, logs = _settings(load), _logs(folder)
        try:
            # LoadGen has a thread of its own and sleeps between arrivals; the session stays in the thread that made it.
            issuing = threading.Thread(target=_issue, args=(sut, qsl, settings, logs, requests), name="loadgen", daemon=True)
            issuing.start()
            problem = serve(requests, session, load.batch, _answer)
            issuing.join()
        finally:
            loadgen.DestroyQSL(qsl)
            loadgen.DestroySUT(sut)
        if problem is not None:
            raise problem
        return read(Path(folder) / "mlperf_log_detail.txt", load.rate)


def serve(requests: Requests, session: Session, batch: int, answer: Callable[[Sequence[int]], None]) -> Exception | None:
    """Answer queries in order until None comes: with what waits, up to a batch, in one step; blocked where nothing waits.

    After a step has failed, the rest is answered without one, since whoever asked waits for every answer.
    """
    problem: Exception | None = None
    ended = False
    while not ended:
        first = requests.get()
        if first is None:
            break
        together = [first]
        while len(together) < batch and not ended:
            try:
                further = requests.get_nowait()
            except queue.Empty:
                break
            if further is None:
                ended = True
            else:
                together.append(further)
        if problem is None:
            try:
                session.step()
                session.synchronize()
            except Exception as error:  # noqa: BLE001 - a network may raise anything; it is raised again at the end
                problem = error
        answer(together)
    return problem


def read(log: Path, rate: float) -> Trial:
    """The results in LoadGen's detailed log, which holds an object in JSON per line after a mark."""
    found: dict[str, Any] = {}
    for line in log.read_text("utf-8").splitlines():
        _, mark, text = line.partition(":::MLLOG ")
        if mark:
            entry = json.loads(text)
            found[entry["key"]] = entry["value"]
    verdict = str(found["result_validity"])
    if verdict != "VALID":
        checks = {
            "result_perf_constraints_met": "the bound",
            "result_min_queries_met": "the number of queries",
            "early_stopping_met": "its rule of 99 % confidence",
        }
        verdict += f" ({', '.join(name for key, name in checks.items() if not found[key])} not met)"
    return Trial(
        rate=rate,
        offered=float(found["result_scheduled_samples_per_sec"]),
        p50_s=found["result_50.00_percentile_latency_ns"] * 1e-9,
        p99_s=found["result_99.00_percentile_latency_ns"] * 1e-9,
        queries=int(found["result_query_count"]),
        passed=bool(found["result_perf_constraints_met"]) and bool(found["result_min_queries_met"]),
        verdict=f"LoadGen {str(found['loadgen_version']).split()[0]} calls it {verdict}",
    )


def _take(requests: Requests, samples: Sequence[Any]) -> None:
    for sample in samples:
        requests.put(sample.id)


def _answer(together: Sequence[int]) -> None:
    loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(number, 0, 0) for number in together])


def _nothing(*_: object) -> None:
    """The pictures are loaded already, and no query is held back."""


def _issue(sut: int, qsl: int, settings: Any, logs: Any, requests: Requests) -> None:
    try:
        loadgen.StartTestWithLogSettings(sut, qsl, settings, logs, "")
    finally:
        requests.put(None)


def _settings(load: Load) -> Any:
    settings = loadgen.TestSettings()
    settings.scenario = loadgen.TestScenario.Server
    settings.mode = loadgen.TestMode.PerformanceOnly
    settings.server_target_qps = load.rate
    settings.server_target_latency_ns = round(load.bound_s * 1e9)
    settings.server_target_latency_percentile = PERCENTILE
    # The number of queries alone says how long it lasts: so every rate meets the same arrivals, closer together or apart.
    settings.min_query_count = settings.max_query_count = load.queries
    settings.min_duration_ms = 1
    settings.schedule_rng_seed = settings.sample_index_rng_seed = settings.qsl_rng_seed = load.seed
    return settings


def _logs(folder: str) -> Any:
    output = loadgen.LogOutputSettings()
    output.outdir = folder
    output.copy_summary_to_stdout = False
    logs = loadgen.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    return logs
