"""What other libraries call the tensors of a network: rules that stand beside the network, and never a guess.

A rule replaces part of a module's path in our network by part of the path in theirs. The rules of a table are applied one
after the other, each to what the one before it left.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_FIELD = re.compile(r"\{(n|\d)([+-]\d+)?\}")
_MARKS = {"#": r"(\d+)", "*": r"([\w-]+)"}


class Naming(msgspec.Struct, frozen=True, kw_only=True):
    """How a library names the tensors of a network that it has in the same form.

    A rule `("stage#", "layer{0}")` reads: where our path holds a whole part `stage1`, theirs holds `layer1`. `#` stands for a
    number and `*` for a word, `{0}` for the first of them in theirs, `{1}` for the second, `{0+1}` for a number and one more,
    `{n}` for how many other beginnings of a path the rule has met before this one. `^` and `$` in ours tie a rule to the
    path's beginning and end; an empty theirs takes the part away. `left_out` are globs of tensors that a file may hold and
    the network has no place for, such as auxiliary heads. `flattened` says that the library writes linear layers as
    convolutions over the whole map.
    """

    library: str
    rules: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...] = ()
    flattened: bool = False

    def theirs(self, names: Iterable[str]) -> dict[str, str]:
        """What the library calls each of our tensors. Raises ValueError where two of ours would be one of theirs."""
        ours = list(names)
        paths = {path: path for path in (name.rpartition(".")[0] for name in ours)}
        for pattern, template in self.rules:
            paths = _renamed(paths, pattern, template)
        found = {}
        for name in ours:
            path, _, leaf = name.rpartition(".")
            found[name] = f"{paths[path]}.{leaf}" if paths[path] else leaf
        taken: dict[str, str] = {}
        for name, other in found.items():
            if other in taken:
                message = f"the names of {self.library}: {taken[other]} and {name} would both be {other}; mend the rules"
                raise ValueError(message)
            taken[other] = name
        return found

    def dropped(self, name: str) -> bool:
        """Whether a file may hold this tensor without a place for it."""
        return any(fnmatchcase(name, glob) for glob in self.left_out)


def _renamed(paths: dict[str, str], pattern: str, template: str) -> dict[str, str]:
    """Apply one rule to every path."""
    found = re.compile(_expression(pattern))
    met: dict[str, int] = {}
    after = {}
    for own, path in paths.items():
        match = found.search(path)
        if match is None:
            after[own] = path
            continue
        rank = met.setdefault(path[: match.end()], len(met))
        new = path[: match.start()] + _filled(template, match.groups(), rank) + path[match.end() :]
        after[own] = re.sub(r"\.{2,}", ".", new).strip(".")
    return after


def _expression(pattern: str) -> str:
    """The rule's pattern as a regular expression that matches whole parts of a path."""
    start = "^" if pattern.startswith("^") else r"(?:^|(?<=\.))"
    end = "$" if pattern.endswith("$") else r"(?=\.|$)"
    body = pattern.removeprefix("^").removesuffix("$")
    return start + "".join(_MARKS.get(sign) or re.escape(sign) for sign in body) + end


def _filled(template: str, words: tuple[str, ...], rank: int) -> str:
    def one(field: re.Match[str]) -> str:
        word = str(rank) if field[1] == "n" else words[int(field[1])]
        return str(int(word) + int(field[2])) if field[2] else word

    return _FIELD.sub(one, template)
