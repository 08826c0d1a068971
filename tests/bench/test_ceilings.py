"""Ceilings are measured once in a process of their own, kept by all that could change them, and never stop a run."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import vbench
from vbench import api, cache, ceilings, config, machine, pipeline
from vbench.ceilings import Need
from vbench.cli import _live, doctor
from vbench.config import Settings
from vbench.core import Ceiling
from vbench.peaks import BYTES, Peak
from vbench.plan import Plan
from vbench.watch import Silent

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.usefixtures("registries")
ONE = Need("cpu", "fp32", 1)
TWO = Need("cpu", "fp32", 2)
LONG = Settings()
QUICK = Settings(min_processes=1, max_processes=1)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


class Asked:
    """Stands in for the measuring process: answers with what it was given, in turn, and remembers the questions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Peak) -> None:
        self.questions: list[tuple[str, tuple[str, ...], int]] = []
        self._answers = list(answers)
        monkeypatch.setattr(ceilings, "_ask", self)

    def __call__(self, device: str, wanted: tuple[str, ...], threads: int) -> dict[str, Peak]:
        self.questions.append((device, wanted, threads))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return dict.fromkeys(wanted, answer)


def announced() -> tuple[list[str], Any]:
    said: list[str] = []
    return said, said.extend


def test_a_run_measures_what_is_not_kept_says_so_and_keeps_it(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    asked = Asked(monkeypatch, Peak(5.0, "product"))
    said, announce = announced()
    cases = [make.case(threads=1), make.case(threads=1, batch=8), make.case(threads=2)]
    found = ceilings.for_run(cases, LONG, announce)
    expected = Ceiling(peak_flops=5.0, bandwidth_bytes_per_s=5.0, method="product")
    assert found == {"cpu,fp32,t1": expected, "cpu,fp32,t2": expected}
    assert said == ["cpu,fp32,t1", "cpu,fp32,t2"]
    assert asked.questions == [("cpu", ("fp32", BYTES), 1), ("cpu", ("fp32", BYTES), 2)]
    assert ceilings.for_run(cases, LONG, pytest.fail) == found
    # Traffic is the same in every precision.
    ceilings.for_run([make.case(precision="bf16")], LONG, announce)
    assert asked.questions[2:] == [("cpu", ("bf16",), 1)]


def test_a_quick_look_takes_only_what_is_kept(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    Asked(monkeypatch, Peak(5.0, "product"))
    ceilings.for_run([make.case(threads=1)], LONG, announced()[1])
    monkeypatch.setattr(ceilings, "_ask", pytest.fail)
    found = ceilings.for_run([make.case(threads=1), make.case(threads=2)], QUICK, pytest.fail)
    assert found["cpu,fp32,t1"].peak_flops == 5.0
    assert (found["cpu,fp32,t2"].peak_flops, found["cpu,fp32,t2"].bandwidth_bytes_per_s) == (None, None)
    assert "vbench doctor --ceilings" in found["cpu,fp32,t2"].method


def test_the_quick_cases_of_a_run_take_what_is_kept_and_the_others_measure(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    asked = Asked(monkeypatch, Peak(5.0, "product"))
    whole, quick, both = make.case(), make.case(precision="int8"), make.case(engine="onnxruntime")
    said, announce = announced()
    found = ceilings.told(make.run(whole, quick, both, quick=(quick.id, both.id)), LONG, announce).ceilings
    assert (asked.questions, said) == ([("cpu", ("fp32", BYTES), whole.threads)], [f"cpu,fp32,t{whole.threads}"])
    assert {name.split(",")[1]: ceiling.peak_flops for name, ceiling in found.items()} == {"fp32": 5.0, "int8": None}


def test_only_what_runs_on_a_real_device_and_is_counted_has_ceilings(make: Any) -> None:
    cases = [make.case(device="fake", engine="fake"), make.case(device="fake:async", engine="fake"), make.case(engine="fake")]
    assert ceilings.needs(cases) == []
    run = make.run(make.case(threads=64), cases[0], skipped={make.case(threads=64).id: "too many threads"})
    assert ceilings.told(run, LONG, pytest.fail) == run


def test_what_ceilings_take_counts_against_the_time_limit(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    now = [100.0]
    given: dict[str, Any] = {}

    def slow(run: Any, *_: Any) -> Any:
        now[0] += 33.0
        return run

    monkeypatch.setattr(api, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    monkeypatch.setattr(api.ceilings, "told", slow)
    monkeypatch.setattr(api.pipeline, "execute", lambda *_, **words: given.update(words))
    head = make.run(make.case())
    prepared = api.Prepared(config.Config(suites={}), LONG, Plan(head.cases, {}), ())
    api.Begun(prepared, head, Path("r.jsonl")).execute(Silent())
    assert given["ceilings_s"] == 33.0
    api.Begun(prepared, head, Path("r.jsonl"), size=9).execute(Silent())  # one that is resumed has its ceilings
    assert given["ceilings_s"] == 0.0


@given(limit=st.none() | st.floats(1, 1e4), took=st.floats(0, 1e3), cases=st.integers(1, 9), skipped=st.booleans())
def test_ceilings_leave_the_required_processes_what_they_need(
    make: Any, limit: float | None, took: float, cases: int, *, skipped: bool
) -> None:  # fmt: skip
    planned = [make.case(batch=1 + index) for index in range(cases)]
    run = make.run(*planned, skipped={planned[0].id: "no"} if skipped else {})
    state = pipeline.State(run, Settings(time_limit=limit), Path("r.jsonl"), [], took)
    assert state.elapsed() >= took
    assert state.measuring() == 0.0  # what is spread over time begins later
    if limit is None:
        assert state.limit is None
        return
    assert state.limit is not None
    needed = 2.0 * LONG.min_processes * (cases - skipped)
    assert state.limit - took >= min(limit, needed) - 1e-6
    assert state.limit == limit or state.limit == pytest.approx(took + min(limit, needed))
    assert state.left() <= state.limit - took
    assert ("for ceilings" in _live.opening(state)) == (took >= 1)


def test_what_other_work_disturbed_is_looked_at_again_and_neither_kept_nor_used(
    monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    asked = Asked(monkeypatch, Peak(5.0, "product", steady=False))
    (found,) = ceilings.for_run([make.case()], LONG, announced()[1]).values()
    assert len(asked.questions) == ceilings.LOOKS
    assert (found.peak_flops, found.bandwidth_bytes_per_s) == (None, None)
    assert "other work disturbed it" in found.method
    assert ceilings.kept(ONE) is None
    Asked(monkeypatch, Peak(5.0, "product", steady=False), Peak(4.0, "quiet product"))
    (found,) = ceilings.for_run([make.case()], LONG, announced()[1]).values()
    assert found == Ceiling(peak_flops=4.0, bandwidth_bytes_per_s=4.0, method="quiet product")


def test_who_asks_for_it_gets_the_disturbed_too_unless_more_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    Asked(monkeypatch, Peak(5.0, "product", steady=False))
    assert "more may be possible" in ceilings.refresh([ONE])["cpu,fp32,t1"].method
    assert ceilings.kept(ONE) == Peak(5.0, "product", steady=False)
    Asked(monkeypatch, Peak(3.0, "product", steady=False))
    ceilings.refresh([ONE])
    assert ceilings.kept(ONE) == Peak(5.0, "product", steady=False)
    Asked(monkeypatch, Peak(4.0, "product"))
    ceilings.refresh([ONE])
    assert ceilings.kept(ONE) == Peak(4.0, "product")


def test_a_failure_is_a_reason_and_is_not_kept(monkeypatch: pytest.MonkeyPatch, make: Any) -> None:
    Asked(monkeypatch, Peak(None, "not measured: no such device"))
    (found,) = ceilings.for_run([make.case()], LONG, announced()[1]).values()
    assert found == Ceiling(method="not measured: no such device")
    assert ceilings.kept(ONE) is None


def process(**fields: Any) -> Any:
    return lambda words, **_: subprocess.CompletedProcess(words, **{"returncode": 0, "stdout": b"", "stderr": b""} | fields)


def late(words: Sequence[str], **_: Any) -> None:
    raise subprocess.TimeoutExpired(list(words), 120)


def gone(*_: Any, **__: Any) -> None:
    message = "no more processes"
    raise OSError(message)


@pytest.mark.parametrize(
    ("stand_in", "words"),
    [
        (process(returncode=1, stderr=b"Traceback\nRuntimeError: asked for 9 threads and got 1\n"), "asked for 9 threads"),
        (process(returncode=-9), "exit code -9"),
        (process(stdout=b""), "not measured"),
        (process(stdout=b"\nhello\n"), "not measured"),
        (process(stdout=b'{"fp32": 3}\n'), "not measured"),
        (late, "no answer after 120 s"),
        (gone, "no more processes"),
    ],
)
def test_a_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, stand_in: Any, words: str) -> None:
    monkeypatch.setattr(ceilings.subprocess, "run", stand_in)
    found = ceilings._ask("cpu", ("fp32", BYTES), 9)
    assert set(found) == {"fp32", BYTES}
    for peak in found.values():
        assert peak.rate is None
        assert words in peak.how


def test_what_a_process_prints_before_its_answer_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = msgspec.json.encode({"fp32": Peak(2.0, "product")})
    monkeypatch.setattr(ceilings.subprocess, "run", process(stdout=b"a warning\n\n" + answer + b"\n"))
    assert ceilings._ask("cpu", ("fp32",), 1) == {"fp32": Peak(2.0, "product")}


def test_an_entry_is_named_by_all_that_could_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    card, other = Need("cuda:0", "fp32", 1), Need("cuda:0", "fp32", 2)
    names = {ceilings._entry(part) for part in (*ONE.parts, *TWO.parts, *card.parts)}
    assert len(names) == 6
    assert ceilings._entry(card) == ceilings._entry(other), "a GPU does not wait for the host's threads"
    before, before_card = ceilings._entry(ONE), ceilings._entry(card)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert ceilings._entry(ONE) == before
    assert ceilings._entry(card) != before_card
    here = machine.describe()
    monkeypatch.setattr(machine, "describe", lambda: msgspec.structs.replace(here, fingerprint="another"))
    another = ceilings._entry(ONE)
    monkeypatch.setattr(machine, "versions", lambda: {"torch": "0"})
    assert len({before, another, ceilings._entry(ONE)}) == 3


peaks = st.builds(Peak, st.none() | st.floats(1, 1e15), st.just("x"), st.booleans())


@given(peaks, peaks)
def test_of_two_looks_the_undisturbed_counts_else_the_higher(one: Peak, other: Peak) -> None:
    found = ceilings.better(one, other)
    assert found in (one, other)
    assert found.steady == (one.steady or other.steady)
    if one.steady == other.steady:
        assert (found.rate or 0.0) == max(one.rate or 0.0, other.rate or 0.0)
    assert ceilings.better(None, one) == one


def test_doctor_prints_every_precision_of_every_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 4)
    asked = Asked(monkeypatch, Peak(2.5e11, "product"))
    doctor.doctor(ceilings=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:6]] == [["cpu", p, "1"] for p in ("fp32", "tf32", "bf16", "fp16", "int8")]
    assert "250 GFLOP/s" in lines[1]
    assert ("cpu", 4) in {(device, threads) for device, _, threads in asked.questions}
    doctor.doctor(ceilings=True, json_=True)
    found = msgspec.json.decode(capsys.readouterr().out, type=dict[str, Ceiling])
    assert found["cpu,int8,t4"] == Ceiling(peak_flops=2.5e11, bandwidth_bytes_per_s=2.5e11, method="product")


def _threads() -> tuple[int, int]:
    tasks = Path("/proc/self/task")
    return torch.get_num_threads(), len(list(tasks.iterdir())) if tasks.is_dir() else 0


def test_this_processor_has_a_peak_and_a_bandwidth_and_this_process_keeps_its_threads() -> None:
    before = _threads()
    found = ceilings._ask("cpu", ("tf32", "int8", BYTES), 1)
    assert _threads() == before
    assert found["tf32"] == Peak(None, "only NVIDIA GPUs have tf32")
    assert found[BYTES].rate is not None
    assert found[BYTES].rate > 0
    assert found["fp32"].rate is not None
    assert found["int8"].rate is not None
    assert found["int8"].rate >= found["fp32"].rate > 0
    assert ("product" in found["fp32"].how) or ("convolution" in found["fp32"].how)
    assert ("copy" in found[BYTES].how) or ("sum" in found[BYTES].how)


NET = """
import torch
from vbench import architecture

@architecture("ceiling/net", input=(3, 8, 8))
def net(classes=10):
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, classes))
"""


def test_a_run_holds_its_rows_against_the_ceilings_in_its_head(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(NET)
    for part in ONE.parts:
        cache.write(ceilings._entry(part), Peak(1.0, "by hand"))
    record = vbench.run(
        "ceiling/net", plugin=[str(tmp_path / "nets.py")], threads=[1], quick=True, output=tmp_path / "r.jsonl",
        settings={"warmup": 0.02, "latency": 0.02, "throughput": 0.02},
    )  # fmt: skip
    assert record.run.ceilings == {"cpu,fp32,t1": Ceiling(peak_flops=1.0, bandwidth_bytes_per_s=1.0, method="by hand")}
    (result,) = record.results
    assert result.status == "ok", result.reason
    assert result.values["efficiency"] > 1.05
    assert "too_fast" in result.flags
    (row,) = vbench.load(tmp_path / "r.jsonl").to_dict("records")
    assert (row["peak_flops"], row["bound"], row["efficiency"]) == (1.0, result.values["bound"], result.values["efficiency"])
