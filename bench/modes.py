"""Engines with options as people write them: `openvino[hint=throughput]`, several in one bracket or each in its own.

What an engine offers it says itself: `modes` maps each key to its allowed values, the first of which is what it does unasked,
and each flag of `options` is `off` or `on`. A default that is spelled out is left out again, so that one case has one id.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .core import Case

# Keys and values, as a case carries them.
Options = tuple[tuple[str, str], ...]

_WRITTEN = re.compile(r"(?P<name>[^\[\]]*)(?P<options>(\[[^\[\]]*\])*)")
_FLAG = ("off", "on")


def split(given: Iterable[str]) -> tuple[str, ...]:
    """Words with commas between them, where a comma inside of brackets parts nothing: `eager,openvino[a=b,c=d]` are two."""
    found = []
    for text in given:
        depth, word = 0, ""
        for letter in text:
            depth += (letter == "[") - (letter == "]")
            if letter == "," and depth <= 0:
                found.append(word)
                word = ""
            else:
                word += letter
        found.append(word)
    return tuple(word.strip() for word in found if word.strip())


def parse(text: str) -> tuple[str, Options]:
    """The name of an engine and its options, in the order in which they stand. Raises UsageError for what is neither."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None or not match["name"].strip():
        raise UsageError(_misspelt(text, "this is no name with options in brackets"))
    options: dict[str, str] = {}
    for part in re.split(r"[\[\];,]", match["options"]):
        if not part.strip():
            continue
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise UsageError(_misspelt(text, f"{part.strip()!r} is not key=value"))
        if key in options:
            raise UsageError(_misspelt(text, f"{key} is given twice"))
        options[key] = value
    if match["name"].strip() == "all" and options:
        raise UsageError(_misspelt(text, "`all` takes no options, since each engine has its own"))
    return match["name"].strip(), tuple(options.items())


def chosen(name: str, given: Options, engine: Any) -> Options:
    """The options that a case carries: those that differ from what the engine does unasked, sorted.

    Raises UsageError for a key or a value that the engine does not have, with those that it has.
    """
    allowed = offered(engine)
    kept = []
    for key, value in given:
        if key not in allowed:
            tail = nearest(key, allowed) if allowed else "it has none"
            message = f"engine {name!r} has no option {key!r}: {tail}"
            raise UsageError(message)
        if value not in allowed[key]:
            values = ", ".join(allowed[key])
            message = f"{name}[{key}={value}]: allowed is {values}; for example: --engine '{name}[{key}={allowed[key][-1]}]'"
            raise UsageError(message)
        if value != allowed[key][0]:
            kept.append((key, value))
    return tuple(sorted(kept))


def offered(engine: Any) -> dict[str, Sequence[str]]:
    """Every option of an engine, a class or one of its kind, with the values that it takes, the default first."""
    flags: dict[str, Sequence[str]] = dict.fromkeys(getattr(engine, "options", ()), _FLAG)
    return flags | dict(getattr(engine, "modes", {}))


def written(case: Case) -> str:
    """A case's engine with its options, as the axis takes it."""
    return case.engine + "".join(f"[{key}={value}]" for key, value in case.engine_options)


def _misspelt(text: str, problem: str) -> str:
    return f"engine {text!r}: {problem}; write for example openvino[hint=throughput], more of them as [a=b;c=d]"
