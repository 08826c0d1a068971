"""What a compression saved, in a sentence: arithmetic, bytes on disk, and time as measured beside the whole network. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .core import Case

    Values = Mapping[str, Any]


def sentence(case: Case, own: Values, whole: Values | None, ratio: float | None, interval: tuple[float, float] | None) -> str:
    """All that is known of it; `whole` is the uncompressed row of the run, `ratio` how many times as quick the smaller one is."""
    parts = [_arithmetic(own, whole), _zeros(own), _disk(case, own), _time(ratio, interval)]
    return "; ".join(part for part in parts if part)


def _arithmetic(own: Values, whole: Values | None) -> str:
    before, after = (whole or {}).get("macs"), own.get("macs")
    if not before or not after:
        return ""
    return "as many MACs as before" if before == after else f"{before / after:.3g} times fewer MACs"


def _zeros(own: Values) -> str:
    zeros, rest = own.get("zeros"), own.get("nonzeros")
    if not zeros or rest is None:
        return ""
    return f"{units.percent(zeros / (zeros + rest))} of {units.count(zeros + rest)} weights zero, and multiplied like the others"


def _disk(case: Case, own: Values) -> str:
    size, ratio = own.get("encoded_bytes"), own.get("encoded_ratio")
    if size is None or ratio is None:
        return ""
    # What a Huffman code or a codebook makes of weights depends on which they are; of a dense file the size does not.
    noise = (
        ", of seeded noise: trained weights have another size" if case.weights.startswith("random:") and own.get("zeros") else ""
    )
    return f"{units.bytes_(size)} on disk, {ratio:.3g} times smaller than in fp32{noise}"


def _time(ratio: float | None, interval: tuple[float, float] | None) -> str:
    if ratio is None:
        return "its time is not compared: the run has no uncompressed row that was timed"
    if interval is None:
        return f"{ratio:.3g} times as quick, without an interval"
    low, high = interval
    word = "no time" if low <= 1.0 <= high else "quicker" if low > 1.0 else "slower"
    return f"{word}: {units.ratio(ratio, low, high)} times as quick as uncompressed"
