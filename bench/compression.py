"""What makes a network smaller, as people write it: `l1-filter:0.5`, `taylor:0.3:global`, `magnitude:0.9+codebook:5`.

A step is a compressor's name with its options behind colons: those that must be given in their order, the others as
`key=value`, a flag by its name alone. Steps are joined by `+` and done from left to right. A default that is spelled out is
left out again, so that one case has one id.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from .errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NONE = "none"
# The step that trains what is left: done by `vbench evaluate --finetune` and kept as a file of weights.
FINETUNE = "finetune"
# What the option `data` of a compressor that looks at pictures says: those of the run, or seeded noise in their place.
PICTURES, NOISE = "images", "noise"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

Value = float | int | str | bool


class Option(msgspec.Struct, frozen=True):
    """One option of a compressor. Without a default it must be given, and may then be written without its name.

    `kind` is `ratio` (strictly between 0 and 1), `number`, `whole`, `flag`, `text`, or `word`, which is one of `words`; where
    there are words, they may stand for a number too. `low` and `high` are the least and the largest value of a number, both
    allowed.
    """

    name: str
    description: str
    kind: Literal["ratio", "number", "whole", "flag", "word", "text"] = "ratio"
    default: Value | None = None
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()

    @property
    def allowed(self) -> str:
        """What it takes, in words."""
        if self.kind == "flag":
            return "nothing: it is on where it is written"
        if self.kind == "text":
            return "a name"
        if self.kind == "word":
            return f"one of {', '.join(self.words)}"
        if self.kind == "ratio":
            return ", or ".join(("a number between 0 and 1, both excluded", *self.words))
        noun = "a whole number" if self.kind == "whole" else "a number"
        if math.isinf(self.high):
            return noun if math.isinf(self.low) else f"{noun} of at least {self.low:g}"
        return f"{noun} from {self.low:g} to {self.high:g}"

    def value(self, text: str) -> Value | None:
        """What a text stands for; None where that is not allowed."""
        if self.kind == "text":
            return text or None
        if self.kind == "word" or text in self.words:
            return text if text in self.words else None
        try:
            number: float = int(text) if self.kind == "whole" else float(text)
        except ValueError:
            return None
        inside = 0 < number < 1 if self.kind == "ratio" else self.low <= number <= self.high
        return number if inside else None


class Step(NamedTuple):
    """One compressor with the options that were given."""

    name: str
    options: dict[str, Value]


def split(text: str) -> list[tuple[str, list[str]]]:
    """The steps, each as its name and the words behind its colons; none for `none`. Raises UsageError for what is no step."""
    if text.strip() == NONE:
        return []
    found = []
    for part in text.split("+"):
        name, *words = (word.strip() for word in part.split(":"))
        if not _NAME.fullmatch(name) or not all(words):
            message = f"{text!r} is no compression: write a compressor with its options behind colons, for example l1-filter:0.5"
            raise UsageError(message)
        if name == NONE:
            message = f"{text!r}: {NONE} stands alone, for the network as it is"
            raise UsageError(message)
        found.append((name, words))
    return found


def steps(text: str, options: Callable[[str], Sequence[Option]]) -> list[Step]:
    """The steps with their options' values; `options` gives those of a compressor, and raises for a name that is none.

    Raises UsageError for an option that is unknown, missing, given twice, or not allowed.
    """
    return [Step(name, _values(name, words, options(name))) for name, words in split(text)]


def canonical(text: str, options: Callable[[str], Sequence[Option]]) -> str:
    """The same written in one way. Raises as `steps` does."""
    return "+".join(written(step, options(step.name)) for step in steps(text, options)) or NONE


def joined(parts: Iterable[str]) -> str:
    """One compression after the other."""
    return "+".join(part for part in parts if part != NONE) or NONE


def beyond(text: str, held: str) -> list[str] | None:
    """The steps of a compression behind those that are done already, each as it is written; None where it begins otherwise."""
    steps, done = ([] if one == NONE else one.split("+") for one in (text, held))
    return steps[len(done) :] if steps[: len(done)] == done else None


def _values(name: str, words: Sequence[str], known: Sequence[Option]) -> dict[str, Value]:
    by_name = {option.name: option for option in known}
    required = [option for option in known if option.default is None and option.kind != "flag"]
    found: dict[str, Value] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if equals:
            option = by_name.get(key)
        elif word in by_name and by_name[word].kind == "flag":
            option, text = by_name[word], ""
        else:
            option, text = next((one for one in required if one.name not in found), None), word
        if option is None or (option.kind == "flag" and equals):
            tail = nearest(key, by_name) if by_name else "it has none"
            message = f"{name} has no option {word!r}: {tail} (for example {example(name, known)})"
            raise UsageError(message)
        if option.name in found:
            message = f"{name}: {option.name} is given twice; write for example {example(name, known)}"
            raise UsageError(message)
        value = True if option.kind == "flag" else option.value(text)
        if value is None:
            message = f"{name}: {option.name} {text!r} is not allowed: it is {option.allowed}; for example {example(name, known)}"
            raise UsageError(message)
        found[option.name] = value
    for option in required:
        if option.name not in found:
            message = f"{name} needs {option.name} ({option.description}), {option.allowed}; for example {example(name, known)}"
            raise UsageError(message)
    return {option.name: found[option.name] for option in known if option.name in found}


def filled(step: Step, known: Sequence[Option]) -> dict[str, Any]:
    """All options of a step, those that were left out with their defaults."""
    defaults = {option.name: False if option.kind == "flag" else option.default for option in known}
    return defaults | step.options


def example(name: str, known: Sequence[Option]) -> str:
    """A step of that compressor as it may be written."""
    return ":".join((name, *(_sample(option) for option in known if option.default is None and option.kind != "flag")))


def _sample(option: Option) -> str:
    if option.kind == "word":
        return option.words[0]
    if option.kind == "ratio":
        return "0.5"
    return f"{max(1.0, option.low):g}"


def written(step: Step, known: Sequence[Option]) -> str:
    """The step in its one spelling."""
    parts = [step.name]
    for option in known:
        value = step.options.get(option.name)
        if value is None or value == (False if option.kind == "flag" else option.default):
            continue
        text = option.name if option.kind == "flag" else f"{value:.12g}" if isinstance(value, float) else str(value)
        parts.append(text if option.kind == "flag" or option.default is None else f"{option.name}={text}")
    return ":".join(parts)
