"""What an operator sees: the lines of a terminal, and metrics that Prometheus can read."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from vbench.cli import _cluster
from vbench.cluster import progress
from vbench.errors import UsageError

if TYPE_CHECKING:
    from vbench.core import Replicate


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def scraped(port: int) -> str:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        return str(answer.read().decode())


def test_a_run_can_be_watched_while_it_goes_on(bench: Any) -> None:
    parser = pytest.importorskip("prometheus_client.openmetrics.parser", reason="pip install prometheus-client")
    reached, on = threading.Event(), threading.Event()

    def answer(node: Any, job: Any) -> Replicate:
        if job.index == 3:
            reached.set()
            assert on.wait(10.0)
        return bench.found(node, job)

    conductor = bench.conductor(bench.pool(bench.node("a"), answer=answer), bench.cases(2))
    done: list[Any] = []
    port = free_port()
    with progress.serving(port, conductor.files):
        running = threading.Thread(target=lambda: done.extend(conductor.run()))
        running.start()
        assert reached.wait(10.0)
        end = time.monotonic() + 10.0
        while progress.lines(conductor.files()[0])[0].done < 6 and time.monotonic() < end:
            time.sleep(0.005)
        text = scraped(port)
        (line,) = progress.lines(conductor.files()[0])
        on.set()
        running.join()
        after = scraped(port)
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    samples = {(s.name, s.labels.get("place"), s.labels.get("phase")): s.value for f in families.values() for s in f.samples}
    assert samples["vbench_cluster_cases", None, None] == 2
    assert samples["vbench_cluster_cases_settled", None, None] == 0
    assert samples["vbench_cluster_place_processes", "a cpu", None] == 6
    assert samples["vbench_cluster_place_phase", "a cpu", "working"] == 1
    assert samples["vbench_cluster_place_phase", "a cpu", "lost"] == 0
    assert (line.place, line.machine, line.phase, line.done, line.missing) == ("a cpu", "some-machine", "working", 6, 6)
    assert line.case in {case.id for case in bench.cases(2)}
    assert "vbench_cluster_cases_settled 2.0" in after
    assert str(progress.whole(conductor.files())) == "2 of 2 cases have what they need, 12 processes"


def test_a_port_that_is_taken_is_one_line() -> None:
    pytest.importorskip("prometheus_client", reason="pip install prometheus-client")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"--metrics-port {port}: .*name another"), progress.serving(port, list):
            pass


def test_plain_lines_say_where_what_was_lost_and_how_long_it_takes(
    bench: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_cluster, "_SAID_S", 0.0)

    def answer(node: Any, job: Any) -> Replicate:
        if node.name == "b" and job.index == 1:
            pool.kill("b")
        time.sleep(0.002)
        return bench.found(node, job)

    pool = bench.pool(bench.node("a"), bench.node("b"), answer=answer)
    conductor = bench.conductor(pool, cases := bench.cases(4))
    conductor.follower = conductor.files()[0].follower = _cluster.Plain(rows=True)
    conductor.run()
    told = capsys.readouterr()
    assert f"  a cpu: measure {cases[0].id} #5 ok" in told.err or f"  a cpu: measure {cases[1].id} #5 ok" in told.err
    assert f"b cpu is lost (node {bench.node('b').short}, its process died); its cases go to the others" in told.err
    assert "place  machine" in told.err
    assert "4 cases have what they need" in told.err
    assert told.out.count("10.1 ms [10.0, 10.2]") == 4


def test_the_table_of_a_terminal(bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(_cluster, "_DRAWN_S", 0.0)
    conductor = bench.conductor(bench.pool(bench.node("a")), bench.cases(2))
    conductor.follower = conductor.files()[0].follower = _cluster.Live()
    conductor.run()
    told = capsys.readouterr()
    assert told.out.count("10.1 ms [10.0, 10.2]") == 2
    assert "measure family" not in told.err, "the table stands for the lines"
