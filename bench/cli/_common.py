"""What the verbs share: options that may be repeated or written with commas, JSON, and warnings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from .. import modes
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def words(given: Sequence[str] | None) -> tuple[str, ...]:
    """`--batch 1,8 --batch 16` as 1, 8, 16."""
    return tuple(word.strip() for text in given or () for word in text.split(",") if word.strip())


def numbers(given: Sequence[str] | None, option: str) -> tuple[int, ...]:
    """As `words`, for whole numbers. Raises UsageError naming the option."""
    try:
        return tuple(int(word) for word in words(given))
    except ValueError as error:
        message = f"{option}: {str(error).rpartition(': ')[2]} is not a whole number; write for example {option} 1,8"
        raise UsageError(message) from None


def shape(text: str | None) -> tuple[int, ...] | None:
    """`3x224x224` as (3, 224, 224)."""
    if text is None:
        return None
    parts = text.lower().split("x")
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        message = f"--input {text}: write channels, height and width, for example --input 3x224x224"
        raise UsageError(message)
    return tuple(int(part) for part in parts)


def quantity(text: str | None, parse: Any, option: str) -> Any:
    """A duration or a size given on the command line. Raises UsageError naming the option."""
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        message = f"{option}: {error}"
        raise UsageError(message) from None


def share(text: str | None, option: str) -> float | None:
    """`2%` or `0.02` as 0.02."""
    if text is None:
        return None
    try:
        return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)
    except ValueError:
        message = f"{option} {text}: write a share, for example {option} 2%"
        raise UsageError(message) from None


def axes(
    device: Sequence[str] | None,
    engine: Sequence[str] | None,
    precision: Sequence[str] | None,
    batch: Sequence[str] | None,
    threads: Sequence[str] | None,
    input_: str | None,
) -> dict[str, Any]:
    """The axes that were given, as `api.prepare` takes them."""
    given = {
        "device": words(device), "engine": modes.split(engine or ()), "precision": words(precision),
        "batch": numbers(batch, "--batch"), "threads": numbers(threads, "--threads"), "input": shape(input_),
    }  # fmt: skip
    return {key: value for key, value in given.items() if value}


def limits(metric: Sequence[str] | None, min_effect: str | None, time_limit: str | None) -> dict[str, Any]:
    """The keys of [gate] that were given anew; a time limit of 0 is none."""
    given = {"metrics": words(metric) or None, "min_effect": share(min_effect, "--min-effect")}
    found: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if time_limit is not None:
        from ..units import parse_duration  # noqa: PLC0415 - only for those who give one

        found["time_limit"] = quantity(time_limit, parse_duration, "--time-limit") or None
    return found


def warn(lines: Iterable[object]) -> None:
    """Warnings go to standard error, one line each."""
    for line in lines:
        print(f"vbench: {line}", file=sys.stderr)


def dump(value: Any) -> None:
    """JSON on standard output."""
    import msgspec  # noqa: PLC0415 - only for --json

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")
