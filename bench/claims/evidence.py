"""What the rules look at: counts and times of a result file, and what was demonstrated. Nothing here measures.

Counts come from the frame of `vbench.load`, and from the lines that `vbench claims` adds for networks which it counts and does
not time. A ratio of times is made round by round, as a speed-up is: processes of one round ran within minutes of each other, so
what changes from round to round cancels.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from .. import results
from ..stats import median
from . import spans
from .entry import COUNTED, MEASURED, PUBLISHED, SHOWN, Part, Point
from .lines import COUNT
from .spans import Band, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..core import Accuracy, Case, Record
    from ..groups import Group, Ratio
    from .lines import Shown

_SETTING = ("engine", "device", "threads")
_WORDS = {"macs": "MACs"}


class Evidence:
    """The rows, processes, demonstrations and facts that the claims are judged by."""

    def __init__(self, records: Sequence[Record], shown: Iterable[Shown] = (), groups: dict[str, Group] | None = None) -> None:
        """Of several engines, devices or numbers of threads the most common counts; `setting` says which it is."""
        self._records = records
        self.frame = results.frame(records)
        self.groups = groups or {}
        self._shown: dict[tuple[str, str], list[Shown]] = {}
        for one in shown:
            self._shown.setdefault((one.demonstration, one.architecture), []).append(one)
        self._facts = {name: facts for record in records for name, facts in record.run.architectures.items()}
        plain = [(record, case) for record in records for case in record.run.cases if self._plain(case)]
        timed = {r.case for record in records for r in record.replicates if r.role == "measure" and r.status == "ok"}
        found = Counter(tuple(getattr(case, axis) for axis in _SETTING) for _, case in plain if case.id in timed)
        self.setting: tuple[Any, ...] | None = found.most_common(1)[0][0] if found else None
        self._cases = {
            Point(case.architecture, case.phase): (record, case)
            for record, case in plain
            if self.setting in {None, tuple(getattr(case, axis) for axis in _SETTING)}
        }

    def _plain(self, case: Case) -> bool:
        """Whether a case is the network as it was published: its own size, uncompressed, one request of one picture in fp32."""
        facts = self._facts.get(case.architecture)
        usual = facts is None or facts.input in {(), case.input_shape}
        axes = (case.compression, case.scenario, case.precision, case.batch, case.layout)
        return usual and not case.engine_options and axes == ("none", "single-stream", "fp32", 1, "nchw")

    def conditions(self) -> list[str]:
        """On what, with what and when it was measured, a line each."""
        machine, run = self._records[-1].run.machine, self._records[-1].run
        where = machine.processor or machine.slug
        cores = f", {_many(machine.usable_cores, 'core')}" if machine.usable_cores else ""
        torch = f", PyTorch {run.versions['torch']}" if "torch" in run.versions else ""
        if self.setting is None:
            return [f"{where}{cores}{torch}; {run.started[:10]}; nothing was timed"]
        engine, device, threads = self.setting
        return [f"{where}{cores}{torch}; {engine} fp32, batch 1, {device}, {_many(threads, 'thread')}; {run.started[:10]}"]

    def row(self, point: Point) -> dict[str, Any] | None:
        """The frame's row of what was measured or counted there; None where there is none."""
        if point not in self._cases:
            return None
        rows = self.frame[self.frame["case_id"] == self._cases[point][1].id]
        return None if rows.empty else {str(key): value for key, value in rows.iloc[-1].items()}

    def value(self, column: str, architecture: str, phase: str = "infer") -> Span:
        """One number of a row without an interval of its own: a count, a ceiling, or what was derived from them."""
        row = self.row(Point(architecture, phase))
        found = None if row is None else row.get(column)
        if found is None or pd.isna(found):
            counts = [getattr(one.counted, column, None) for one in self._shown.get((COUNT, architecture), ())]
            found = next((count for count in counts if count is not None), None)
        if found is None:
            return spans.missing(f"{architecture} was not counted")
        return spans.exact(float(found))

    def count(self, column: str, of: str, to: str) -> Span:
        """A counted ratio."""
        return spans.ratio(self.value(column, of), self.value(column, to))

    def seconds(self, point: Point) -> dict[tuple[int, int], float]:
        """The median latency of each process, by its record and round."""
        if point not in self._cases:
            return {}
        record, case = self._cases[point]
        own = [r for r in record.replicates if r.case == case.id and r.role == "measure" and r.status == "ok" and r.latency_ns]
        return {(id(record), r.round): median(r.latency_ns) / 1e9 for r in own}

    def over(self, change: Callable[..., float], *points: str | Point, unit: str = "") -> Span:
        """A number made of the times of several points, round by round, with the interval of its median."""
        asked = [Point(point) if isinstance(point, str) else point for point in points]
        times = [self.seconds(point) for point in asked]
        for point, found in zip(asked, times, strict=True):
            if not found:
                return spans.missing(self._untimed(point))
        rounds = sorted(set.intersection(*(set(found) for found in times)))
        if not rounds:
            return spans.missing("no round measured all of " + ", ".join(point.architecture for point in asked))
        return spans.sampled([change(*(found[number] for found in times)) for number in rounds], unit)

    def _untimed(self, point: Point) -> str:
        row = self.row(point)
        what = f"{point.architecture}{' in training' if point.phase == 'train' else ''}"
        wrong = row is not None and row["status"] not in {"ok", "skipped"}
        return f"{what} is {row['status']}: {row['reason']}" if row is not None and wrong else f"{what} was not timed"

    def time(self, of: str | Point, to: str | Point) -> Span:
        """A ratio of times."""
        return self.over(lambda a, b: a / b, of, to)

    def shown(self, demonstration: str, architecture: str, key: str, unit: str = "") -> Span:
        """A number of a demonstration; of one that several processes gave, the median with its interval."""
        found = self._shown.get((demonstration, architecture), [])
        told = [one.values for one in found if one.status == "ok"]  # noqa: PD011 - no frame
        values = [numbers[key] for numbers in told if key in numbers]
        if not values:
            wrong = next((f"{one.status}: {one.reason}" for one in found if one.status != "ok"), "was not done")
            return spans.missing(f"the demonstration {demonstration} of {architecture} {wrong}")
        return spans.exact(values[0], unit) if len(found) == 1 else spans.sampled(values, unit)

    def series(self, demonstration: str, architecture: str, key: str) -> tuple[float, ...]:
        """A row of numbers of a demonstration, those of its first process; empty where it has none."""
        found = self._shown.get((demonstration, architecture), [])
        return next((one.states[key] for one in found if one.status == "ok" and key in one.states), ())

    def curve(self, demonstration: str, architecture: str, along: str, key: str) -> dict[float, float]:
        """One row of a demonstration along another; empty where it has either of them not."""
        places, found = (self.series(demonstration, architecture, name) for name in (along, key))
        return dict(zip(places, found, strict=False))

    def published(self, architecture: str, wanted: Callable[[Accuracy], bool] = lambda _: True) -> list[Accuracy]:
        """The accuracies that the catalogue declares of a network, those that are wanted."""
        facts = self._facts.get(architecture)
        return [a for a in facts.accuracy if wanted(a)] if facts is not None else []

    def ratios(self, group: str, metric: str) -> tuple[Ratio, ...]:
        """The ratios of a group that the catalogue or bench.toml states, of one metric."""
        known = self.groups.get(group)
        return () if known is None else tuple(r for r in known.ratios if r.metric == metric and r.stated is not None)

    def stated(self, group: str, metric: str, tolerance: float = 0.0, digit: float = 0.0) -> list[Part]:
        """A part for each stated ratio of a group: what is counted, and the stated number.

        It is held to give or take `tolerance`, a share of it, and half of `digit`, the worth of one of its last digit.
        """
        found = []
        for ratio in self.ratios(group, metric):
            low, high = ratio.stated if isinstance(ratio.stated, tuple) else (ratio.stated, ratio.stated)
            assert low is not None  # noqa: S101 - so they were chosen
            assert high is not None  # noqa: S101 - as above
            band = Band(low * (1 - tolerance) - digit / 2, high * (1 + tolerance) + digit / 2)
            label = f"{_short(ratio.of)} over {_short(ratio.to)}, {_WORDS.get(metric, metric)}"
            found.append(Part(label, COUNTED, self.count(metric, ratio.of, ratio.to), band))
        return list(dict.fromkeys(found))


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _short(name: str) -> str:
    return name.removeprefix("block/")


def counted(label: str, span: Span, expected: Band | None = None) -> Part:
    """A part that was counted, or computed from what was."""
    return Part(label, COUNTED, span, expected)


def measured(label: str, span: Span, expected: Band | None = None) -> Part:
    """A part that rests on time."""
    return Part(label, MEASURED, span, expected)


def demonstrated(label: str, span: Span, expected: Band | None = None) -> Part:
    """A part that a demonstration found."""
    return Part(label, SHOWN, span, expected)


def printed(label: str, span: Span, expected: Band | None = None) -> Part:
    """A part that was published."""
    return Part(label, PUBLISHED, span, expected)
