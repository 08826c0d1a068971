from __future__ import annotations

import itertools
import shutil
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import neighbour
from vbench.neighbour import Burst, Bursts


@given(seed=st.text(max_size=10), length=st.floats(0, 5000))
def test_a_schedule_is_drawn_once_and_never_overlaps(seed: str, length: float) -> None:
    found = neighbour.schedule(seed, length)
    assert found == neighbour.schedule(seed, length)
    assert all(neighbour.ON_S[0] <= burst.seconds <= neighbour.ON_S[1] for burst in found)
    assert all(0 < burst.start_s <= length + 0.01 for burst in found)
    assert all(one.start_s + one.seconds + neighbour.OFF_S[0] <= other.start_s + 0.02 for one, other in itertools.pairwise(found))


def test_another_seed_is_another_schedule() -> None:
    assert neighbour.schedule("0:0", 600) != neighbour.schedule("0:1", 600)


def test_a_schedule_loads_the_machine_for_part_of_the_time() -> None:
    share = sum(burst.seconds for burst in neighbour.schedule("0", 1e6)) / 1e6
    assert 0.25 < share < 0.45


def sleeper(seconds: int) -> list[str]:
    return [sys.executable, "-c", f"import time; time.sleep({seconds})"]


def test_a_burst_ends_with_the_block_and_is_written_down() -> None:
    with Bursts([Burst(0.0, 600), Burst(601.0, 5)], sleeper) as running:
        time.sleep(0.2)
    assert len(running.ran) == 1
    start, end = running.ran[0]
    assert start <= end < start + 600


def test_bursts_run_one_after_the_other() -> None:
    with Bursts([Burst(0.0, 0), Burst(0.0, 0)], sleeper) as running:
        running._thread.join()
    (_, first_end), (second_start, _) = running.ran
    assert first_end <= second_start


def test_a_block_that_raises_ends_its_burst() -> None:
    running = Bursts([Burst(0.0, 600)], sleeper)
    with pytest.raises(ValueError, match="why"), running:
        raise ValueError("why")  # noqa: EM101 - as short as it can be
    assert not running._thread.is_alive()


@pytest.mark.skipif(shutil.which("stress-ng") is None, reason="stress-ng is not installed")
@pytest.mark.slow
def test_the_command_of_a_burst_runs() -> None:
    with Bursts([Burst(0.0, 1)]) as running:
        running._thread.join()
    assert len(running.ran) == 1
