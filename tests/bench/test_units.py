from __future__ import annotations

import functools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import units

positive = st.floats(min_value=1e-9, max_value=1e5, allow_nan=False)
anything = st.floats() | st.integers() | st.none()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0132, "13.2 ms"),
        (0.9999, "1.00 s"),
        (4.2e-6, "4.20 µs"),
        (90, "90.0 s"),
        (0, "0 s"),
        (-0.0132, "-13.2 ms"),
        (1234.5, "1234 s"),
    ],
)
def test_a_duration_is_written_at_the_step_that_keeps_it_short(value: float, text: str) -> None:
    assert units.duration(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (25_557_032, "25.6 M"),
        (4_089_184_256, "4.09 G"),
        (999, "999"),
        (0, "0"),
        (1_000, "1.00 k"),
        (999_999, "1.00 M"),
        (0.5, "0.500"),
    ],
)
def test_a_count(value: float, text: str) -> None:
    assert units.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(102_228_128, "97.5 MiB"), (1023, "1023 B"), (1024, "1.00 KiB"), (2**30 - 1, "1.00 GiB"), (1_047_000, "1022 KiB")],
)
def test_a_size_is_binary(value: int, text: str) -> None:
    assert units.bytes_(value) == text


def test_rates_shares_and_unknown_units() -> None:
    assert units.rate(74.12) == "74.1/s"
    assert units.rate(12_345) == "12.3 k/s"
    assert units.percent(0.0234) == "2.3 %"
    assert units.percent(0.5, 0) == "50 %"
    assert units.quantity(71.3, "%") == "71.3 %"
    assert units.quantity(23.456, "dB") == "23.5 dB"
    assert units.quantity(0.00042, "J") == "420 µJ"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(125, "2:05"), (0.4, "0:00"), (59.7, "1:00"), (3725, "1:02:05"), (-3, "0:00"), (None, "–"), (math.inf, "–")],
)
def test_a_clock(seconds: float | None, text: str) -> None:
    assert units.clock(seconds) == text


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((0.0132, 0.0129, 0.0136), "13.2 ms [12.9, 13.6]"),
        ((0.01321, 0.013204, 0.013216), "13.210 ms [13.204, 13.216]"),
        ((0.5, 0.2, 0.9), "500 ms [200, 900]"),
        ((1.0, 0.98, 1.02), "1.00 s [0.98, 1.02]"),
        ((0.01, 0.01, 0.01), "10.0 ms [10.0, 10.0]"),
        ((0.0132, None, 0.0136), "13.2 ms"),
        ((0.0, -0.001, 0.001), "0 ms [-1, 1]"),
        ((None, None, None), "–"),
    ],
)
def test_an_interval_decides_the_digits_of_its_value(numbers: tuple[float | None, float | None, float | None], text: str) -> None:
    assert units.interval(*numbers) == text


def test_an_interval_of_a_rate_carries_its_unit() -> None:
    assert units.interval(74.1, 72.0, 76.3, "1/s") == "74/s [72, 76]"
    assert units.interval(1.0, 0.3, 2.4, "times") == "1 times [0, 2]"
    assert units.interval(1.0, 0.3, 2.4, "times", least=1) == "1.0 times [0.3, 2.4]"


@given(anything, st.sampled_from(["s", "", "B", "1/s", "J", "%", "dB"]))
def test_no_number_is_too_odd_to_be_written(value: float | None, unit: str) -> None:
    text = units.quantity(value, unit)
    assert text.strip() == text
    assert len(text) < 30
    assert (text == units.MISSING) == (value is None or not math.isfinite(value))


@given(st.floats(allow_nan=False), st.floats(min_value=0), st.floats(min_value=0))
def test_no_interval_is_too_odd_to_be_written(value: float, below: float, above: float) -> None:
    text = units.interval(value, value - below, value + above)
    assert len(text) < 70


@given(positive)
def test_a_written_duration_reads_back_to_within_its_digits(seconds: float) -> None:
    assert units.parse_duration(units.duration(seconds)) == pytest.approx(seconds, rel=0.0051)


@given(positive, positive)
def test_written_durations_keep_their_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert units.parse_duration(units.duration(low)) <= units.parse_duration(units.duration(high))


@given(st.integers(min_value=1, max_value=2**49))
def test_a_written_size_reads_back_to_within_its_digits(size: int) -> None:
    assert units.parse_bytes(units.bytes_(size)) == pytest.approx(size, rel=0.0051)


@given(st.integers(min_value=0, max_value=2**49), st.integers(min_value=0, max_value=2**49))
def test_written_sizes_keep_their_order(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert units.parse_bytes(units.bytes_(low)) <= units.parse_bytes(units.bytes_(high))


@given(
    st.floats(min_value=1e-6, max_value=1e3), st.floats(min_value=1e-4, max_value=0.5), st.floats(min_value=1e-4, max_value=0.5)
)
def test_a_written_interval_still_holds_its_value_and_has_a_width(value: float, below: float, above: float) -> None:
    text = units.interval(value, value * (1 - below), value * (1 + above))
    middle, _, rest = text.partition(" ")
    low, high = rest.partition("[")[2].rstrip("]").split(", ")
    assert float(low) <= float(middle) <= float(high)
    assert float(low) < float(high)


@pytest.mark.parametrize(
    ("text", "size"),
    [("3GB", 3_000_000_000), ("512MiB", 2**29), ("512 mib", 2**29), ("1.5 KiB", 1536), ("4096", 4096), ("7 B", 7), (".5kB", 500)],
)
def test_sizes_that_people_type(text: str, size: int) -> None:
    assert units.parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "-3GB", "3G", "3 GBs", "nan", "1e3B", "9" * 400, "3GB 2MB"])
def test_what_is_no_size_is_refused_in_one_line_that_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size.*GiB.*3GB") as caught:
        units.parse_bytes(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4m30s", 270),
        ("90s", 90),
        ("15ms", 0.015),
        ("2m", 120),
        ("1h 2min", 3720),
        ("90", 90),
        ("2.5 s", 2.5),
        ("3us", 3e-6),
        ("1s500ms", 1.5),
    ],
)
def test_times_that_people_type(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "s", "-1s", "4 30", "30s4m", "1s1s", "4m30", "1d", "inf", "1e3", "9" * 400, "1s!", "4m min"]
)
def test_what_is_no_time_is_refused_in_one_line_that_says_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time.*4m30s") as caught:
        units.parse_duration(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=20))
def test_reading_raises_nothing_but_value_error(text: str) -> None:
    limits = [functools.partial(units.parse_quantity, unit=unit) for unit in ("s", "B", "1/s", "MACs", "params", "%", "J")]
    for read in (units.parse_bytes, units.parse_duration, *limits):
        try:
            assert read(text) >= 0
        except ValueError as error:
            assert repr(text) in str(error)  # noqa: PT017 - what is checked is that whatever is raised names the text


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("20ms", "s", 0.02),
        ("1.5 s", "s", 1.5),
        ("500MB", "B", 5e8),
        ("512MiB", "B", 2.0**29),
        ("1.5GMACs", "MACs", 1.5e9),
        ("600M", "MACs", 6e8),
        ("5M", "params", 5e6),
        ("1.5Bparams", "params", 1.5e9),
        ("30", "1/s", 30.0),
        ("30/s", "1/s", 30.0),
        ("30 fps", "1/s", 30.0),
        ("70", "%", 70.0),
        ("70.5 %", "%", 70.5),
        ("50mJ", "J", 0.05),
        ("2kJ", "J", 2000.0),
    ],
)
def test_a_limit_is_read_with_its_unit(text: str, unit: str, value: float) -> None:
    assert units.parse_quantity(text, unit) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("20", "s", "has no unit: write a number and ms or s, like 20ms"),
        ("500", "B", "has no unit: write a number and MB or MiB, like 500MB"),
        ("20 apples", "s", "is not a time"),
        ("1.5ms", "MACs", "is not a number of MACs"),
        ("0.7", "%", "is not a percentage"),
        ("5MJ", "J", "is not an energy"),
        ("", "1/s", "is not a rate"),
        ("0", "params", "write more than 0"),
        ("0ms", "s", "write more than 0"),
        ("-1", "1/s", "is not a rate"),
    ],
)
def test_a_limit_without_its_unit_or_with_another_is_refused(text: str, unit: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        units.parse_quantity(text, unit)


@given(st.floats(1e-3, 1e6), st.sampled_from(["ms", "s"]))
def test_a_time_is_read_as_it_was_written(number: float, unit: str) -> None:
    text = f"{number:.6f}{unit}"
    assert units.parse_quantity(text, "s") == pytest.approx(float(f"{number:.6f}") * {"ms": 1e-3, "s": 1.0}[unit])


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ((1.1234, 1.05, 1.21), "1.12 [1.05, 1.21]"),
        ((1.19, 1.0004, 1.4), "1.1900 [1.0004, 1.4000]"),
        ((0.98, 0.9, 1.0), "0.98 [0.90, 1.00]"),
        ((1.0, 1.0, 1.0), "1.00 [1.00, 1.00]"),
        ((1.0055, 1.0053, 1.0067), "1.0055 [1.0053, 1.0067]"),
        ((1.2, None, None), "1.20"),
        ((None, None, None), "–"),
    ],
)
def test_a_ratio_shows_on_which_side_of_1_its_ends_are(given_: tuple[float | None, ...], shown: str) -> None:
    assert units.ratio(*given_) == shown
