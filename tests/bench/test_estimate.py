"""How long a run will take: what the plan prints is not less than the run, so it counts all that a run does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import effort, estimate
from vbench.config import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Plant = Callable[[Mapping[str, str]], Path]

pytestmark = pytest.mark.usefixtures("registries")


def settings(**said: Any) -> Settings:
    return msgspec.structs.replace(Settings(), min_processes=6, spread=60.0, **said)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (12.0, 60.0 + 7 * 1.5 + 2.0),  # a short run is spread over a minute; six rounds and the check start a server each
        (120.0, 120.0 + 7 * 1.5 + 20.0),
    ],
)
def test_the_total_counts_the_spread_the_servers_and_the_checks(make: Any, seconds: float, expected: float) -> None:
    case = make.case("my/net")
    assert estimate.total([case], settings(), {case.id: seconds}) == pytest.approx(expected)


def test_one_process_is_not_spread(make: Any) -> None:
    case = make.case("my/net")
    quick = msgspec.structs.replace(settings(), min_processes=1)
    assert estimate.total([case], quick, {case.id: 3.0}) == pytest.approx(3.0 + 2 * 1.5 + 3.0)


def test_the_fake_device_waits_for_nothing(make: Any) -> None:
    case = make.case("my/net", engine="fake", device="fake")
    assert estimate.total([case], settings(), {case.id: 3.0}) == 3.0
    assert estimate.total([], settings(), {}) == 0.0


def test_the_plan_prints_that_total_and_keeps_what_each_case_takes(commands: Any, plant: Plant) -> None:
    root = plant({"bench.toml": ""})
    done = commands(root, "run", "squeezenet/1.1", "--list")
    assert done.returncode == 0, done.stderr
    (case,) = [line for line in done.stdout.splitlines() if line.startswith("squeezenet")]
    total = done.stderr.partition("about ")[2]
    assert "at least 6 processes each" in done.stderr
    assert case.split()[-1] not in total
    assert total.startswith("1:"), total  # a minute and some seconds


@pytest.mark.parametrize(
    ("scenario", "processes", "passes"),
    [
        ("single-stream", 6, 1.0 + 0.5),
        ("offline", 6, 5.0 + 1.0 + 0.5),
        ("concurrent:4", 6, 1.0 + 0.5),
        ("sustained:90s", 1, 90.0),
    ],
)
def test_a_scenario_takes_its_own_time(make: Any, scenario: str, processes: int, passes: float) -> None:
    case = make.case("squeezenet/1.1", scenario=scenario)
    found = estimate.estimate([case], settings(), {}, macs_per_s=1e15)
    assert found[case.id] == pytest.approx(processes * (0.5 + passes), rel=0.01)
    assert estimate.estimate([case], settings(), {case.id: 3.0}, 1e15)[case.id] == processes * 3.0


def test_a_long_case_alone_is_one_round_and_its_check_does_not_last(make: Any) -> None:
    case = make.case("my/net", scenario="sustained:90s")
    assert estimate.total([case], settings(), {case.id: 92.0}) == pytest.approx(92.0 + 2 * 1.5 + 2.0)


def test_a_worker_has_the_time_that_its_scenario_takes_beside_its_own(make: Any) -> None:
    patient = settings(timeout=100.0)
    assert effort.timeout(make.case(), patient) == 100.0
    assert effort.timeout(make.case(scenario="sustained:10m"), patient) == 700.0
    assert effort.timeout(make.case(batch=2), patient, 25_000_000_000) == 300.0, "a large network is slow, and does not hang"
