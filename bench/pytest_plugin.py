"""The pytest plugin: a fixture `vbench` that holds networks to budgets, and a bridge to pytest-benchmark.

It is loaded by every pytest of an environment that has vbench, so it imports nothing until the fixture is asked for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .budgets import Judged
    from .expectations import Bench, Subject

KEY = "vbench"


class InconclusiveWarning(UserWarning):
    """A budget on time that could neither be kept nor broken: its interval holds the limit."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all of whose names begin with `--vbench`."""
    group = parser.getgroup("vbench", "vbench: budgets for networks")
    group.addoption("--vbench-json", metavar="FILE", help="write what was measured as pytest-benchmark does, for its compare")
    group.addoption("--vbench-results", metavar="DIR", help="keep the result files here (vbench report and history read them)")
    group.addoption("--vbench-strict", action="store_true", help="a budget that is inconclusive fails too")
    group.addoption("--vbench-no-timing", action="store_true", help="judge counted budgets only, and time nothing")
    parser.addini("vbench_time_limit", "the longest that a network is measured in a test", default="60s")
    parser.addini("vbench_interval", "the width of an interval at which measuring ends", default="5%")


@pytest.fixture(scope="session")
def _vbench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """What was counted and measured, for all tests together."""
    from .errors import UsageError  # noqa: PLC0415 - as the module says
    from .expectations import Bench  # noqa: PLC0415 - as above

    config = request.config
    kept = config.getoption("--vbench-results")
    folder = Path(kept).resolve() if kept else tmp_path_factory.mktemp("vbench")
    apart = os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")
    try:
        bench = Bench(
            folder, time_limit=config.getini("vbench_time_limit"), interval=config.getini("vbench_interval"),
            timing=not config.getoption("--vbench-no-timing"), alone=not apart.isdigit() or int(apart) <= 1,
        )  # fmt: skip
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[_BENCH] = bench
    return bench


_BENCH = pytest.StashKey["Bench"]()
_FAILED = pytest.StashKey[str]()
_NOBODY = "--vbench-json: no test has asked for the fixture vbench, so there is nothing to write"


@pytest.fixture
def vbench(request: pytest.FixtureRequest, _vbench: Bench) -> Any:
    """Ask for a network: `vbench("resnet/18")` or `vbench("mymodels:net", input=(3, 224, 224))`, then hold it to budgets.

    Further arguments are the axes of `vbench.run` (`device`, `engine`, `precision`, `batch`, `threads`, one each), `plugin`,
    `config`, and `settings`. The budgets return what they were called on, so that they can be chained:
    `max_params`, `max_macs`, `max_weight_bytes` and `max_activation_bytes` are counted and exact; `max_latency`,
    `min_throughput` and `max_memory` measure, once per network and session.
    """
    strict = request.config.getoption("--vbench-strict")

    def told(judged: Judged) -> None:
        """Over is a failure, and inconclusive a warning or a failure."""
        __tracebackhide__ = True
        if judged.word == "over" or (judged.word == "inconclusive" and strict):
            pytest.fail(f"{judged.word}: {judged.line}", pytrace=False)
        if judged.word == "inconclusive":
            request.node.warn(InconclusiveWarning(judged.line))

    def ask(architecture: str, **options: Any) -> Subject:
        """One network, for the test that asks."""
        __tracebackhide__ = True
        from .errors import VbenchError  # noqa: PLC0415 - as the module says

        try:
            return _vbench.subject(architecture, options, request.node.name, told, pytest.fail)
        except VbenchError as error:
            wrong = str(error)
        return pytest.fail(wrong, pytrace=False)

    return ask


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was asked for; a file that cannot be written, or would be empty, fails the session."""
    target = session.config.getoption("--vbench-json")
    if not target or hasattr(session.config, "workerinput"):
        return
    from .errors import VbenchError  # noqa: PLC0415 - as the module says

    bench, failed = session.config.stash.get(_BENCH, None), _NOBODY
    if bench is not None:
        try:
            bench.write(Path(target))
        except VbenchError as error:
            failed = str(error)
        else:
            return
    session.config.stash[_FAILED] = failed
    session.exitstatus = session.exitstatus or pytest.ExitCode.USAGE_ERROR


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each budget, with what it was held against."""
    bench = terminalreporter.config.stash.get(_BENCH, None)
    failed = terminalreporter.config.stash.get(_FAILED, "")
    if failed:
        terminalreporter.write_line(f"vbench: {failed}", red=True)
    if bench is None or not bench.said:
        return
    terminalreporter.section("vbench budgets")
    for line in bench.lines():
        terminalreporter.write_line(line)
