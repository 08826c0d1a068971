"""Groups of bench.toml: architectures that are compared with each other, in a fixed order, with what is said about them.

The table [groups.NAME] is read as the rest of bench.toml is; what is counted of a group is in `contrasts`.
"""

from __future__ import annotations

import msgspec

from .errors import ConfigError

# What a ratio may be of: counts of one forward pass, the same on every machine.
METRICS = {
    "params": "weights and biases",
    "macs": "multiply-accumulates",
    "other_ops": "results of every other arithmetic operation",
    "activations": "numbers that convolutions and linear layers emit",
    "weight_bytes": "bytes of weights and buffers",
    "bytes_moved": "bytes that every operation reads and writes",
    "peak_activation_bytes": "bytes of maps that are alive at once",
}
_WILD = "*?["


class Ratio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A count of `of` over that of `to`, and what the source says that it is: a number, or the two that it lies between."""

    metric: str
    of: str
    to: str
    stated: float | tuple[float, float] | None = None
    source: str = ""

    @property
    def claim(self) -> str:
        """What is stated, in words; "" where nothing is."""
        if self.stated is None:
            return ""
        return f"{self.stated:g}" if isinstance(self.stated, float) else " to ".join(f"{end:g}" for end in self.stated)


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Architectures that are compared with each other, by name and in order, and a sentence that says what they show."""

    title: str
    topic: str = ""
    prose: str
    members: tuple[str, ...]
    ratio: Ratio | tuple[Ratio, ...] = ()

    @property
    def ratios(self) -> tuple[Ratio, ...]:
        """All of them, where one was written without brackets too."""
        return (self.ratio,) if isinstance(self.ratio, Ratio) else self.ratio


# What is allowed, and an example, for every key; of the tables within `ratio`, the keys are those of the entry.
ALLOWED: dict[str, tuple[str, str]] = {
    "groups.*.title": ("a few words, on one line", 'title = "Pooling early and late"'),
    "groups.*.topic": ("a topic (vbench list)", 'topic = "squeezed"'),
    "groups.*.prose": ("a sentence that says what the comparison shows", 'prose = "Pooling early saves work and no weights."'),
    "groups.*.members": (
        "a list of names, each once and without wildcards",
        'members = ["squeezenet/1.0", "squeezenet/1.1"]',
    ),
    "groups.*.ratio": (
        f"a table or a list of them: metric ({', '.join(METRICS)}), of and to (two members), stated (a number, or two), source",
        'ratio = { metric = "macs", of = "squeezenet/1.0", to = "squeezenet/1.1", stated = 2.4, source = "README" }',
    ),
}


def check(group: Group, where: str) -> None:
    """Refuse what could not be compared. Raises ConfigError; `where` is put before the key."""
    repeated = [name for name in group.members if group.members.count(name) > 1]
    wild = [name for name in group.members if any(mark in name for mark in _WILD)]
    problems = {
        "title": (group.title, "" if _one_line(group.title) else "empty, or more than a line"),
        "prose": (group.prose, "" if _one_line(group.prose) else "empty, or more than a line"),
        "members": (
            list(group.members),
            (not group.members and "an empty list compares nothing")
            or (wild and f"{wild[0]} is a pattern, and which names it matches has no order")
            or (repeated and f"{repeated[0]} is named twice")
            or "",
        ),
    }
    for key, (value, problem) in problems.items():
        if problem:
            raise _wrong(where, key, value, problem)
    for ratio in group.ratios:
        if problem := _impossible(ratio, group.members):
            written = {key: value for key, value in msgspec.to_builtins(ratio).items() if value not in (None, "")}
            raise _wrong(where, "ratio", written, problem)


def _one_line(text: str) -> bool:
    return bool(text.strip()) and "\n" not in text


def _impossible(ratio: Ratio, members: tuple[str, ...]) -> str:
    """Why this ratio cannot be formed, or was stated by nobody; "" where it can."""
    low, high = ratio.stated if isinstance(ratio.stated, tuple) else (ratio.stated, ratio.stated)
    if ratio.metric not in METRICS:
        return f"{ratio.metric} is not counted"
    if strange := [name for name in (ratio.of, ratio.to) if name not in members]:
        return f"{strange[0]} is no member"
    if low is not None and high is not None and not 0 < low <= high < float("inf"):
        return "stated is no ratio"
    return "" if bool(ratio.source) == (low is not None) else "stated and source belong together"


def _wrong(where: str, key: str, value: object, problem: str) -> ConfigError:
    allowed, example = ALLOWED[f"groups.*.{key}"]
    return ConfigError(f"{where}{key} = {value!r}: {problem}; allowed is {allowed}; for example: {example}")
