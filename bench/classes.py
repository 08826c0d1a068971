"""Which output of a network a class of a data set is: by their order, or as a file says."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from .datasets import some
from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .datasets import Pictures


def mapping(path: Path, option: str = "--classes") -> dict[str, int]:
    """Which of a network's outputs each class is: read from JSON, or from lines of text.

    A line is a class and the number of its output, or a class alone (and perhaps its description), whose output is the number of
    the line; JSON is an object from class to number, a list of classes, or Keras's from number to `[class, description]`. Raises
    UsageError for a file that is none of these, or that gives two classes one output.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{option} {path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        raise UsageError(message) from None
    try:
        found = _from_json(json.loads(text)) if path.suffix.lower() == ".json" else _from_lines(text)
    except (ValueError, TypeError, IndexError, AttributeError):
        found = {}
    if not found:
        message = f"{option} {path}: write a line `CLASS OUTPUT` for each class folder, or a class a line in the order of outputs"
        raise UsageError(message)
    if shared := [index for index, times in Counter(found.values()).items() if times > 1 or index < 0]:
        both = some([name for name, index in found.items() if index == shared[0]])
        message = f"{option} {path}: output {shared[0]} is given to {both}: each class has an output of its own, from 0 on"
        raise UsageError(message)
    return found


def _from_json(found: Any) -> dict[str, int]:
    if isinstance(found, list):
        return {str(name): index for index, name in enumerate(found)}
    if all(isinstance(value, int) for value in found.values()):
        return {str(name): int(index) for name, index in found.items()}
    return {str(entry if isinstance(entry, str) else entry[0]): int(index) for index, entry in found.items()}


def _from_lines(text: str) -> dict[str, int]:
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if all(len(line) == 2 and line[1].isdigit() for line in lines):  # noqa: PLR2004 - a class and its output
        return {name: int(index) for name, index in lines}
    names = [line[0] for line in lines]
    if len(set(names)) < len(names):
        raise ValueError
    return {name: index for index, name in enumerate(names)}


def targets(pictures: Pictures, outputs: int | None, named: Mapping[str, int] | None, said: str) -> tuple[int, ...]:
    """Which output of a network each class is: by their order, or as a mapping says; `outputs` is how many it has, if known.

    Raises UsageError where classes and outputs do not go together.
    """
    many = len(pictures.classes)
    if named is None:
        if outputs is not None and outputs != many:
            message = (
                f"{said}: {many} classes ({some(pictures.classes)}), and the network answers {outputs}: give the data it was "
                "trained for, or say which output each class is with --classes FILE"
            )
            raise UsageError(message)
        return tuple(range(many))
    if unknown := [name for name in pictures.classes if name not in named]:
        message = f"{said}: {len(unknown)} of {many} classes are not in --classes: {some(unknown)}; it has {some(list(named))}"
        raise UsageError(message)
    found = tuple(named[name] for name in pictures.classes)
    if outputs is not None and max(found) >= outputs:
        worst = pictures.classes[found.index(max(found))]
        message = f"{said}: --classes gives {worst} output {max(found)}, and the network answers {outputs}, from 0 on"
        raise UsageError(message)
    return found
