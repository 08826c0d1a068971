"""What a test may expect of a network: counted once, measured once, and held to budgets. Knows no test framework."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import msgspec

from . import api, inside, machine, units
from . import head as heads
from .budgets import Budget, Judged, judge, number
from .errors import NothingSelectedError, UsageError, VbenchError
from .gate import exact
from .results import row as row_of
from .stats import median
from .watch import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .api import Prepared
    from .core import Case, Record

# What a test asks for unless it says otherwise, whatever the suite of bench.toml is like.
_ONE = {
    "device": "cpu", "engine": "eager", "precision": "fp32", "batch": 1, "layout": "nchw", "phase": "infer",
    "scenario": "single-stream",
}  # fmt: skip
_AXES = ("device", "engine", "precision", "batch", "threads", "layout", "phase")


class Said(NamedTuple):
    """A budget that was judged: for which test and network, and what came of it."""

    test: str
    case: str
    judged: Judged


class Measured(NamedTuple):
    """The row of a case, and the median of its fastest process in seconds."""

    row: dict[str, Any]
    fastest: float | None


class Bench:
    """All that a session of tests counts and measures; each case once."""

    def __init__(self, folder: Path, *, time_limit: str, interval: str, timing: bool, alone: bool) -> None:
        """Raises UsageError where the settings cannot be read."""
        try:
            share = float(interval.removesuffix("%")) / (100 if interval.endswith("%") else 1)
            self._settings: dict[str, Any] = {"time_limit": units.parse_duration(time_limit), "interval": share}
        except ValueError as error:
            message = f"vbench_time_limit and vbench_interval: {error}; write for example 60s and 5%"
            raise UsageError(message) from None
        self._folder, self._timing, self._alone = folder, timing, alone
        self._counted: dict[str, dict[str, Any]] = {}
        self._measured: dict[str, Measured] = {}
        self.records: list[Record] = []
        self.said: list[Said] = []

    def subject(
        self, architecture: str, options: dict[str, Any], test: str, told: Callable[[Judged], None], fail: Callable[..., Any]
    ) -> Subject:
        """A network to hold to budgets. Raises UsageError where it is none, or is several."""
        own = options.pop("settings", {})
        axes: dict[str, Any] = {axis: (value,) for axis, value in _ONE.items()} | {"threads": (machine.usable_cores(),)}
        for axis in _AXES:
            if (value := options.pop(axis, None)) is not None:
                if isinstance(value, list | tuple):
                    message = f"{axis}={value!r}: a test asks for one case; write one value, and parametrize the test for more"
                    raise UsageError(message)
                axes[axis] = (value,)
        try:
            prepared = api.prepare([architecture], settings=self._settings | own, **axes, **options)
        except TypeError as error:
            message = (
                f"vbench({architecture!r}, …): {error}; known are {', '.join((*_AXES, 'input', 'plugin', 'config', 'settings'))}"
            )
            raise UsageError(message) from None
        if len(prepared.plan.cases) != 1:
            message = f"{architecture} names {len(prepared.plan.cases)} cases, and a test asks for one: name an architecture"
            raise UsageError(message)
        return Subject(self, prepared, test, told, fail)

    def counted(self, prepared: Prepared) -> dict[str, Any]:
        """The counts of the case, from a worker of its own. Raises VbenchError where it cannot be counted."""
        # Counts hang on no engine and no device, and an engine that needs no network has none of them.
        case = msgspec.structs.replace(prepared.plan.cases[0], engine="eager", device="cpu")
        key = exact.key(case)
        if key not in self._counted:
            entries, failed = exact.count([case], prepared.settings)
            if failed:
                message = f"{case.architecture} cannot be counted: {failed[key]}"
                raise VbenchError(message)
            self._counted[key] = msgspec.to_builtins(entries[key])
        return self._counted[key]

    def measured(self, prepared: Prepared) -> Measured | None:
        """The row of the case as `vbench run` would have it, or None where nothing is to be timed. Raises VbenchError."""
        if not self._timing:
            return None
        if not self._alone:
            message = "tests that run beside each other would be each other's noise: leave out -n, or add --vbench-no-timing"
            raise UsageError(message)
        case = prepared.plan.cases[0]
        if case.id not in self._measured:
            self._folder.mkdir(parents=True, exist_ok=True)
            record = api.begin(prepared, self._folder / f"{heads.new_id()}.jsonl").execute(Silent())
            self.records.append(record)
            (result,) = record.results
            found = [r.latency_ns for r in record.replicates if r.role == "measure" and r.latency_ns]
            fastest = min((median(samples) for samples in found), default=None)
            self._measured[case.id] = Measured(row_of(record.run, result), None if fastest is None else fastest / 1e9)
        return self._measured[case.id]

    def write(self, path: Path) -> None:
        """What was measured, in the format of pytest-benchmark. Raises UsageError where the file cannot be written.

        And NothingSelectedError where no test has measured a latency.
        """
        try:
            path.write_text(_benchmarks(self.records), "utf-8")
        except OSError as error:
            message = f"--vbench-json {path}: {error.strerror}; name another file"
            raise UsageError(message) from None

    def lines(self) -> list[str]:
        """For people: what was held against what."""
        return [f"{one.judged.word:12}  {one.case}: {one.judged.line}  ({one.test})" for one in self.said]


def _benchmarks(records: Sequence[Record]) -> str:
    """The file of pytest-benchmark with the cases of all runs of this session; a case without a latency is left out."""
    from .exports import pytest_benchmark  # noqa: PLC0415 - only for those who ask
    from .exports.format import Asked  # noqa: PLC0415 - as above

    found = []
    for record in records:
        with suppress(NothingSelectedError):
            found.append(msgspec.json.decode(str(pytest_benchmark.text([record], Asked()).content)))
    if not found:
        message = "--vbench-json: no test has measured a latency, so there is nothing to write"
        raise NothingSelectedError(message)
    whole = found[0] | {"benchmarks": [benchmark for one in found for benchmark in one["benchmarks"]]}
    return msgspec.json.format(msgspec.json.encode(whole)).decode() + "\n"


class Subject:
    """A network that is held to budgets. Every budget returns the subject, or fails the test."""

    def __init__(
        self, bench: Bench, prepared: Prepared, test: str, told: Callable[[Judged], None], fail: Callable[..., Any]
    ) -> None:
        self._bench, self._prepared, self._test, self._told, self._fail = bench, prepared, test, told, fail

    @property
    def case(self) -> Case:
        """What is counted and measured."""
        return self._prepared.plan.cases[0]

    @property
    def counts(self) -> dict[str, Any]:
        """Params, MACs and the rest by their columns, at batch 1."""
        found: dict[str, Any] = self._answer(self._bench.counted)
        return found

    @property
    def row(self) -> dict[str, Any]:
        """Every column of the contract, measured; empty with --vbench-no-timing."""
        found = self._answer(self._bench.measured)
        return {} if found is None else found.row

    def max_params(self, limit: float | str) -> Self:
        """At most so many parameters, for example 5e6 or "5M"."""
        __tracebackhide__ = True
        return self._exact("params", limit, "")

    def max_macs(self, limit: float | str) -> Self:
        """At most so many multiply-accumulates per image, for example "600M"."""
        __tracebackhide__ = True
        return self._exact("macs", limit, "")

    def max_weight_bytes(self, limit: float | str) -> Self:
        """At most so many bytes of weights, for example "20MB"."""
        __tracebackhide__ = True
        return self._exact("weight_bytes", limit, "B")

    def max_activation_bytes(self, limit: float | str) -> Self:
        """At most so many bytes of activations at once, at batch 1."""
        __tracebackhide__ = True
        return self._exact("peak_activation_bytes", limit, "B")

    def max_latency(self, limit: float | str) -> Self:
        """A request takes at most so long, in seconds or for example "30ms", as far as the 95 % interval of its median tells."""
        __tracebackhide__ = True
        return self._timed("latency_s", limit, "s")

    def min_throughput(self, limit: float | str) -> Self:
        """At least so many images per second."""
        __tracebackhide__ = True
        return self._timed("throughput_per_s", limit, "1/s", least=True)

    def max_memory(self, limit: float | str) -> Self:
        """At most so many bytes measured, of the device where it has memory of its own; a plain number without an interval."""
        __tracebackhide__ = True
        column = "peak_host_bytes" if self.case.device.partition(":")[0] in {"cpu", "fake"} else "peak_device_bytes"
        found = self._answer(self._bench.measured)
        return self if found is None else self._judge(found.row, Budget(column=column, limit=number(limit, "B"), unit="B"))

    def benchmark(self, fixture: Any) -> Self:
        """Time it in this process by pytest-benchmark's own fixture, with the counts and the case in its extra_info.

        One process has no interval that holds for the next one: compare such numbers with each other, not with `max_latency`.
        """
        __tracebackhide__ = True
        fixture.extra_info |= {"case": self.case.id, **{name: self.counts[name] for name in ("params", "macs", "weight_bytes")}}
        self._answer(lambda prepared: self._inside(prepared, fixture))
        return self

    def _inside(self, prepared: Prepared, fixture: Any) -> None:
        with inside.session(self.case, prepared.settings) as step:
            fixture(step)

    def _exact(self, column: str, limit: float | str, unit: str) -> Self:
        __tracebackhide__ = True
        return self._judge(self.counts, Budget(column=column, limit=self._number(limit, unit), unit=unit))

    def _timed(self, column: str, limit: float | str, unit: str, *, least: bool = False) -> Self:
        __tracebackhide__ = True
        budget = Budget(column=column, limit=self._number(limit, unit), unit=unit, least=least, timed=True)
        found = self._answer(self._bench.measured)
        if found is None:
            return self
        if found.row["status"] != "ok":
            self._fail(f"{self.case.architecture} is {found.row['status']}: {found.row['reason']}", pytrace=False)
        return self._judge(found.row, budget, found.fastest if column == "latency_s" else None)

    def _number(self, limit: float | str, unit: str) -> float:
        __tracebackhide__ = True
        found: float = self._answer(lambda _: number(limit, unit))
        return found

    def _answer(self, ask: Callable[[Prepared], Any]) -> Any:
        """What a user can cause is a line, not a traceback."""
        __tracebackhide__ = True
        try:
            return ask(self._prepared)
        except VbenchError as error:
            wrong = str(error)
        return self._fail(wrong, pytrace=False)

    def _judge(self, row: dict[str, Any], budget: Budget, fastest: float | None = None) -> Self:
        __tracebackhide__ = True
        judged = judge(row, budget, fastest)
        self._bench.said.append(Said(self._test, self.case.architecture, judged))
        self._told(judged)
        return self
