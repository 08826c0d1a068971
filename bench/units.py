"""Every number that a person reads is written here, and every quantity that a person types is read here.

A missing value (None, or a float that is no number) is shown as an en dash, never as 0.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise

MISSING = "–"

# Per SI unit: the factor and the text of each step, smallest first. A space belongs to the text.
_SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "s": ((1e-9, " ns"), (1e-6, " µs"), (1e-3, " ms"), (1.0, " s")),
    "": ((1.0, ""), (1e3, " k"), (1e6, " M"), (1e9, " G"), (1e12, " T")),
    "B": ((1.0, " B"), (2.0**10, " KiB"), (2.0**20, " MiB"), (2.0**30, " GiB"), (2.0**40, " TiB")),
    "1/s": ((1.0, "/s"), (1e3, " k/s"), (1e6, " M/s"), (1e9, " G/s")),
    "B/s": ((1.0, " B/s"), (1e3, " kB/s"), (1e6, " MB/s"), (1e9, " GB/s"), (1e12, " TB/s")),
    "FLOP/s": ((1.0, " FLOP/s"), (1e3, " kFLOP/s"), (1e6, " MFLOP/s"), (1e9, " GFLOP/s"), (1e12, " TFLOP/s")),
    "J": ((1e-6, " µJ"), (1e-3, " mJ"), (1.0, " J"), (1e3, " kJ")),
    "%": ((1.0, " %"),),
}
# Outside of these bounds of the scaled number, digits before or after the point are mere zeros.
_PLAIN = (1e-3, 1e6)
_DIGITS = 3
_MOST_DECIMALS = 6

# The measures of quality whose names are columns too.
_METRICS = {"top1": "top-1", "top5": "top-5"}

_BYTES = (
    {"": 1, "b": 1} | {f"{p}b": 1000**i for i, p in enumerate("kmgt", 1)} | {f"{p}ib": 1024**i for i, p in enumerate("kmgt", 1)}
)
_SECONDS = {"h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
# What else a person may type, by the unit that is asked for: the words in lower case, what one of each is, and an example.
_PREFIXED = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_TYPED: dict[str, tuple[dict[str, float], str]] = {
    "1/s": ({"": 1.0, "/s": 1.0, "fps": 1.0, "images/s": 1.0, "k/s": 1e3}, "a rate: write images in a second, like 30 or 30/s"),
    "MACs": (
        {p + word: size for p, size in _PREFIXED.items() for word in ("", "mac", "macs")},
        "a number of MACs: write it with k, M, G or T, like 1.5G or 600MMACs",
    ),
    "params": (
        {p + word: size for p, size in (_PREFIXED | {"b": 1e9}).items() for word in ("", "params")},
        "a number of parameters: write it with k, M or G, like 5M",
    ),
    "%": ({"": 1.0, "%": 1.0}, "a percentage: write a number of 1 or more, like 70 or 70%"),
    # The prefixes of joules tell a thousandth from a million, so their case counts.
    "J": ({"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "µJ": 1e-6, "kJ": 1e3}, "an energy: write a number and J, mJ, uJ or kJ, like 50mJ"),
}
_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_TYPED_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([^\d\s.]*)\s*")
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([a-zµ]*)\s*", re.IGNORECASE)


def quantity(value: float | None, unit: str, *, digits: int = _DIGITS) -> str:
    """Write a value given in `unit` with `digits` significant digits, at the step that keeps it short.

    `unit` is "s", "B", "1/s", "B/s", "FLOP/s", "J", "%" (the value is in percent), "" for a count, or any other text, which
    is appended.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    factor, text = _step(value, unit, digits)
    if factor == 1.0 and value == int(value) and unit in {"", "B"}:
        return f"{int(value)}{text}"  # things that are counted one by one have no digits after the point
    return _decimal(value / factor, digits) + text


def steps() -> dict[str, tuple[tuple[float, str], ...]]:
    """The factor and the text of each step by unit, for what writes numbers outside of this process."""
    return dict(_SCALES)


def duration(seconds: float | None) -> str:
    """Write a time: "13.2 ms". `clock` writes time that is waited for."""
    return quantity(seconds, "s")


def count(number: float | None) -> str:
    """Write how many: "25.6 M", "4.09 G"; below a thousand every one is shown."""
    return quantity(number, "")


def bytes_(number: float | None) -> str:
    """Write a size in binary units: "97.5 MiB"."""
    return quantity(number, "B")


def rate(per_second: float | None) -> str:
    """Write how many in a second: "74.1/s"."""
    return quantity(per_second, "1/s")


def metric(name: str) -> str:
    """Write the name of a measure of quality as people do: "top-1"; mIoU, AP and PCKh are written as they are."""
    return _METRICS.get(name, name)


def percent(share: float | None, decimals: int = 1) -> str:
    """Write a share of one as a percentage: 0.0234 is "2.3 %"."""
    return MISSING if share is None or not math.isfinite(share) else f"{share * 100:.{decimals}f} %"


def change(relative: float | None) -> str:
    """Write a relative change with its sign: 0.039 is "+3.9 %"."""
    return MISSING if relative is None or not math.isfinite(relative) else f"{relative * 100:+.1f} %"


def changes(low: float | None, high: float | None) -> str:
    """Write the interval of a relative change: "-0.5 to +1.2 %"."""
    return MISSING if low is None or high is None else f"{change(low).removesuffix(' %')} to {change(high)}"


def clock(seconds: float | None) -> str:
    """Write time that is waited for as minutes and seconds: "2:05", from an hour on "1:02:05"."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def age(seconds: float) -> str:
    """Write how long ago something was, in whole days, hours or minutes: "3 d", "5 h", "0 min"."""
    for size, unit in ((86_400, "d"), (3_600, "h")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds // 60)} min"


def parse_days(text: str) -> float:
    """As `parse_duration`, with days too: "30d" is 30 x 24 hours, "1d12h" half a day more."""
    days, found, rest = text.partition("d")
    if not found:
        return parse_duration(text)
    if not days.isascii() or not days.isdigit():
        message = f"{text!r} is not a time: write a whole number of days first, like 30d or 1d12h"
        raise ValueError(message)
    return int(days) * 86_400.0 + (parse_duration(rest) if rest else 0.0)


def interval(value: float | None, low: float | None, high: float | None, unit: str = "s", *, least: int = 0) -> str:
    """Write a value with its interval in one unit: "13.2 ms [12.9, 13.6]".

    The digits follow from the interval: the last one shown is of the size of a tenth to the whole of its half-width, so
    that nothing is shown which is not known; but `least` of them after the point. Without an interval the value stands alone.
    """
    if value is None or low is None or high is None or not all(map(math.isfinite, (value, low, high))):
        return quantity(value, unit)
    widest = max(value, low, high, key=abs)
    factor, text = _step(value if abs(value) * _PLAIN[1] > abs(widest) else widest, unit, _DIGITS)
    middle, *ends = (number / factor for number in (value, low, high))
    half = abs(ends[1] / 2 - ends[0] / 2)
    decimals = min(_decimals(half, 1), _decimals(middle, 2 * _DIGITS)) if half else _decimals(middle, _DIGITS)
    decimals = max(decimals, least)
    style = f".{decimals}f" if not widest or _PLAIN[0] <= abs(widest / factor) < _PLAIN[1] else f".{_DIGITS}g"
    return f"{middle:{style}}{text} [{ends[0]:{style}}, {ends[1]:{style}}]"


def ratio(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write how many times as much, with its interval where it has one: "1.12 [1.03, 1.22]".

    The digits follow from the interval, at least two after the point; an end that is not 1 is not written as 1 unless it takes
    more than six.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if low is None or high is None or not all(map(math.isfinite, (low, high))):
        return f"{value:.{max(2, _decimals(value, _DIGITS))}f}"
    decimals = max(2, _decimals((high - low) / 2, 1)) if high > low else 2
    while decimals < _MOST_DECIMALS and any(end != 1.0 and float(f"{end:.{decimals}f}") == 1.0 for end in (low, high)):
        decimals += 1
    return f"{value:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def scale(value: float, unit: str) -> tuple[float, str]:
    """The step at which an axis shows values of about this size: what to divide them by, and the unit's text ("ms", "k/s")."""
    factor, text = _step(value, unit, _DIGITS)
    return factor, text.strip()


def parse_bytes(text: str) -> int:
    """Read a size in bytes: "3GB" is 3 x 1000^3, "512MiB" 512 x 1024^2, "4096" itself; ValueError says what is allowed."""
    match = _QUANTITY.fullmatch(text)
    factor = _BYTES.get(match[2].lower(), math.inf) if match else math.inf
    size = float(match[1]) * factor if match else math.inf
    if not math.isfinite(size):
        message = (
            f"{text!r} is not a size: write a number and B, kB, MB, GB or TB (1000) or KiB, MiB, GiB or TiB (1024), like 3GB"
        )
        raise ValueError(message)
    return round(size)


def parse_duration(text: str) -> float:
    """Read a time in seconds: "4m30s", "90s", "15ms", "2m"; a bare number is seconds; ValueError says what is allowed."""
    parts = list(_QUANTITY.finditer(text))
    whole = "".join(part[0] for part in parts) == text and bool(parts)
    names = [part[2].lower() or "s" for part in parts]
    sizes = [_SECONDS.get(name, math.nan) for name in names]
    seconds = sum(float(part[1]) * size for part, size in zip(parts, sizes, strict=True))
    bare = len(parts) > 1 and any(not part[2] for part in parts)
    falling = all(large > small for large, small in pairwise(sizes))
    if not whole or bare or not falling or not math.isfinite(seconds):
        message = f"{text!r} is not a time: write numbers with h, m, s, ms, us or ns, largest first, like 4m30s, 90s or 15ms"
        raise ValueError(message)
    return seconds


def parse_quantity(text: str, unit: str) -> float:
    """Read a limit that a person typed, in base units: "20ms", "500MB", "1.5GMACs", "30/s", "70%", "50mJ".

    `unit` is "s", "B", "1/s", "MACs", "params", "%" or "J". Of a time or a size a bare number is refused, since 20 was hardly
    meant as 20 s. ValueError says what is allowed.
    """
    match = _TYPED_QUANTITY.fullmatch(text)
    if unit in {"s", "B"}:
        if match is not None and not match[2]:
            example = "ms or s, like 20ms" if unit == "s" else "MB or MiB, like 500MB"
            message = f"{text!r} has no unit: write a number and {example}"
            raise ValueError(message)
        value = parse_duration(text) if unit == "s" else float(parse_bytes(text))
    else:
        words, allowed = _TYPED[unit]
        word = "" if match is None else match[2] if unit == "J" else match[2].lower()
        value = float(match[1]) * words[word] if match is not None and word in words else math.nan
        if not math.isfinite(value) or (unit == "%" and value < 1.0):
            message = f"{text!r} is not {allowed}"
            raise ValueError(message)
    if value <= 0:
        message = f"{text!r} is nothing that anything could keep: write more than 0"
        raise ValueError(message)
    return value


def _step(value: float, unit: str, digits: int) -> tuple[float, str]:
    """The largest step in which the value, rounded to `digits`, is at least 1; so 999.9 ms is written 1.00 s."""
    steps = _SCALES.get(unit, ((1.0, f" {unit}"),))
    if not value:
        return next(step for step in steps if step[0] == 1.0)
    return next((step for step in reversed(steps) if abs(float(f"{value / step[0]:.{digits - 1}e}")) >= 1), steps[0])


def _decimal(number: float, digits: int) -> str:
    if not number:
        return "0"
    if not _PLAIN[0] <= abs(number) < _PLAIN[1]:
        return f"{number:.{digits}g}"
    return f"{number:.{_decimals(number, digits)}f}"


def _decimals(number: float, digits: int) -> int:
    """How many digits after the point show `digits` significant ones, after rounding to that many."""
    exponent = int(f"{number:.{digits - 1}e}".partition("e")[2]) if number else 0
    return max(0, digits - 1 - exponent)
