"""Throughput over time, in virtual time: windows, what the device says between them, and what is left at the end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vbench import results
from vbench.scenarios import sustained

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000
S = 1000 * MS


@pytest.mark.parametrize(
    ("asked", "step", "windows"),
    [
        ("60s", 10 * MS, 60),
        ("2m", 10 * MS, 120),
        ("6s", 10 * MS, 60),  # a short time has as many windows, each a tenth of a second
        ("60s", 400 * MS, 50),  # three steps at least are a window
        ("1s", 10 * S, 1),
    ],
)
def test_windows_last_about_a_second_and_fill_the_time_that_was_asked(
    workshop: Any, bench: Callable[..., Any], asked: str, step: int, windows: int
) -> None:
    made = bench(workshop(lambda _: step), f"sustained:{asked}", batch=4)
    made.session.batch = 4
    found = sustained.measure(made)
    assert len(found["series"]) == windows
    lasts = found["series"][1][0] if windows > 1 else None
    assert [second for second, _ in found["series"]] == [pytest.approx(i * (lasts or 0)) for i in range(windows)]
    assert [rate for _, rate in found["series"]] == [pytest.approx(4 * S / step)] * windows
    assert found["warmup_ns"] == (step,) * 3
    assert made.values == {
        "throughput_per_s": pytest.approx(4 * S / step),
        "throughput_first_per_s": pytest.approx(4 * S / step),
        "throughput_last_per_s": pytest.approx(4 * S / step),
        "sustained_ratio": pytest.approx(1.0),
    }


@settings(max_examples=20)
@given(share=st.floats(min_value=0.3, max_value=1.0), after=st.integers(min_value=13, max_value=46))
def test_a_device_that_slows_down_is_seen_in_the_last_fifth(workshop: Any, bench: Any, share: float, after: int) -> None:
    shop = workshop(lambda _: int(10 * MS / (share if shop.now > after * S else 1.0)))
    made = bench(shop, "sustained:60s")
    sustained.measure(made)
    assert made.values["throughput_first_per_s"] == pytest.approx(100.0)
    assert made.values["throughput_last_per_s"] == pytest.approx(100.0 * share, rel=1e-3)
    assert made.values["sustained_ratio"] == pytest.approx(share, rel=1e-3)


def test_the_device_is_asked_between_windows_and_never_inside_one(workshop: Any, bench: Callable[..., Any]) -> None:
    shop = workshop(lambda _: 10 * MS)
    sustained.measure(bench(shop, "sustained:2s"))
    # The warm-up waits around each step; a window waits, submits without waiting, and waits once.
    assert re.fullmatch(r"(wsw){3}S(ws{3,}wS){50,60}", shop.calls), shop.calls[:60]


def test_what_the_device_said_stands_beside_the_series(workshop: Any, bench: Callable[..., Any]) -> None:
    shop = workshop(lambda _: 200 * MS)
    shop.states = [
        {"clock_mhz": 1900.0, "power_w": 50.0, "throttle": 0.0},
        {"clock_mhz": 1800.0, "power_w": 300.0, "throttle": 64.0, "temperature_c": 70.0},
        {"clock_mhz": 1500.0, "power_w": 310.0, "throttle": 4.0},
    ]
    made = bench(shop, "sustained:3s")
    found = sustained.measure(made)
    count = len(found["series"])
    assert count == 5
    assert found["states"] == {
        "clock_mhz": (1800.0, *(1500.0,) * 4),
        "power_w": (300.0, *(310.0,) * 4),
        "throttle": (64.0, *(4.0,) * 4),
    }
    said = {name: made.values[name] for name in ("clock_mhz_start", "clock_mhz", "throttle")}
    assert said == {"clock_mhz_start": 1900.0, "clock_mhz": 1500.0, "throttle": 68.0}
    assert "power_w" not in made.values  # the energy pass has it


@given(st.lists(st.floats(min_value=1e-3, max_value=1e6), min_size=1, max_size=100), st.floats(min_value=0.01, max_value=100))
def test_the_summary_lies_within_the_windows_and_follows_their_unit(rates: list[float], unit: float) -> None:
    found = sustained.summary(rates)
    assert all(min(rates) <= found[f"throughput_{part}per_s"] <= max(rates) for part in ("", "first_", "last_"))
    scaled = sustained.summary([rate * unit for rate in rates])
    assert scaled["sustained_ratio"] == pytest.approx(found["sustained_ratio"])
    assert sustained.summary(rates[::-1])["sustained_ratio"] == pytest.approx(1 / found["sustained_ratio"])


@pytest.mark.usefixtures("registries")
def test_the_columns_are_those_of_the_one_process(make: Any) -> None:
    case = make.case(scenario="sustained:60s", engine="fake", device="fake")
    values = sustained.summary([100.0] * 30 + [80.0] * 30)
    row = results.derive_case(make.run(case), case, [make.replicate(case, latency_ns=(), values=values)], "complete").values
    assert {name: row[name] for name in values} == values
    assert (row["sustained_ratio"], row["throughput_per_s"], row["throughput_processes"]) == (0.8, 90.0, 1)
    assert "throughput_per_s_low" not in row
