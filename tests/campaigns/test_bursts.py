from __future__ import annotations

import itertools
import shutil
import sys
import time

import pytest
from campaign import bursts
from campaign.bursts import Burst, Bursts
from hypothesis import given
from hypothesis import strategies as st


@given(seed=st.text(max_size=10), length=st.floats(0, 5000))
def test_a_schedule_is_drawn_once_and_never_overlaps(seed: str, length: float) -> None:
    found = bursts.schedule(seed, length)
    assert found == bursts.schedule(seed, length)
    assert all(bursts.ON_S[0] <= burst.seconds <= bursts.ON_S[1] for burst in found)
    assert all(0 < burst.start_s <= length + 0.01 for burst in found)
    assert all(one.start_s + one.seconds + bursts.OFF_S[0] <= other.start_s + 0.02 for one, other in itertools.pairwise(found))


def test_another_seed_is_another_schedule() -> None:
    assert bursts.schedule("0:0", 600) != bursts.schedule("0:1", 600)


def test_a_schedule_loads_the_machine_for_part_of_the_time() -> None:
    share = sum(burst.seconds for burst in bursts.schedule("0", 1e6)) / 1e6
    assert 0.25 < share < 0.45


def sleeper(seconds: int) -> list[str]:
    return [sys.executable, "-c", f"import time; time.sleep({seconds})"]


def test_a_burst_ends_with_the_block_and_is_written_down() -> None:
    with Bursts([Burst(0.0, 600), Burst(601.0, 5)], sleeper) as neighbour:
        time.sleep(0.2)
    assert len(neighbour.ran) == 1
    start, end = neighbour.ran[0]
    assert start <= end < start + 600


def test_bursts_run_one_after_the_other() -> None:
    with Bursts([Burst(0.0, 0), Burst(0.0, 0)], sleeper) as neighbour:
        neighbour._thread.join()
    (_, first_end), (second_start, _) = neighbour.ran
    assert first_end <= second_start


def test_a_block_that_raises_ends_its_burst() -> None:
    neighbour = Bursts([Burst(0.0, 600)], sleeper)
    with pytest.raises(ValueError, match="why"), neighbour:
        raise ValueError("why")  # noqa: EM101 - as short as it can be
    assert not neighbour._thread.is_alive()


@pytest.mark.skipif(shutil.which("stress-ng") is None, reason="stress-ng is not installed")
@pytest.mark.slow
def test_the_command_of_a_burst_runs() -> None:
    with Bursts([Burst(0.0, 1)]) as neighbour:
        neighbour._thread.join()
    assert len(neighbour.ran) == 1
