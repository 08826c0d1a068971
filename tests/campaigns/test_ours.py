from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from campaign import ours
from hypothesis import given
from hypothesis import strategies as st

import vbench
from vbench import api, ceilings, core, judge, results

HERE = Path(__file__).resolve().parent
CASES = tuple(core.Case(architecture=f"net/{name}", input_shape=(3, 8, 8)) for name in "ab")


def record(medians: list[int], sentinels: list[int], earlier: tuple[float, ...] = ()) -> core.Record:
    """A run of two networks; the samples of a process lie evenly around its median."""
    head = core.Run(
        schema=1, run_id="r", started="", machine=core.Machine(slug="m", fingerprint="f"), versions={},
        settings={"interval": 0.02}, cases=CASES, definitions={}, architectures={}, sentinels={"cpu,t1": earlier},
    )  # fmt: skip
    replicates = [
        core.Replicate(
            case=case.id, index=index, round=index, server=index + 1, status="ok", started_s=1000.0 + index, seconds=1.5,
            latency_ns=(median - 900, median, median + 1, median + 700), sentinel_ns=(sentinel, sentinel),
            values={"steal_share": 0.01},
        )
        for case in CASES
        for index, (median, sentinel) in enumerate(zip(medians, sentinels, strict=True))
    ]  # fmt: skip
    check = core.Replicate(case=CASES[0].id, role="check", index=0, round=-1, server=0, status="ok", seconds=2.5)
    return results.record(head, [check, *replicates], "complete")


times = st.lists(st.integers(5_000_000, 50_000_000), min_size=6, max_size=14)


@given(medians=times, earlier=st.lists(st.floats(0.001, 0.01), max_size=8), data=st.data())
def test_intervals_derived_again_from_the_log_are_those_of_the_run(medians: list[int], earlier: list[float], data: Any) -> None:
    sentinels = data.draw(st.lists(st.integers(2_000_000, 4_000_000), min_size=len(medians), max_size=len(medians)))
    found = ours.condense(record(medians, sentinels, tuple(earlier)))
    kept = msgspec.json.decode(msgspec.json.encode(found))
    for name, row in ours.derive(kept).items():
        before = found["networks"][name]
        for field in ("latency_s", "low", "high", "run_low", "run_high"):
            assert row[field] == pytest.approx(before[field], rel=1e-12)
        assert row["flags"] == before["flags"]


def test_no_repetition_spends_its_time_on_ceilings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    now, done = [0.0], list[Any]()
    clock = SimpleNamespace(perf_counter=lambda: now[0], strftime=lambda *_: "stamp", gmtime=lambda: None)

    class Prepared:
        settings = "settings"
        plan = SimpleNamespace(open=CASES)

    def prepare(names: Any, **asked: Any) -> Any:
        done.append((names, asked))
        return Prepared

    def peaks(cases: Any, settings: Any, announce: Any) -> None:
        done.append((cases, settings))
        announce(["cpu,fp32,t1"])
        now[0] += 40.0

    def run(*names: str, **asked: Any) -> core.Record:
        done.append((names, {name: value for name, value in asked.items() if name != "output"}))
        now[0] += 5.0
        return record([10_000_000] * 7, [3_000_000] * 7)

    monkeypatch.setattr(ours, "time", clock)
    monkeypatch.setattr(api, "prepare", prepare)
    monkeypatch.setattr(ceilings, "for_run", peaks)
    monkeypatch.setattr(vbench, "run", run, raising=False)
    settings = {"device": "cpu", "engine": "eager", "threads": 2, "seed": 3}
    found = ours.run(ours.Task(1, settings, tmp_path, random.Random(0)), ["net/a"], interval=0.02)  # noqa: S311 - an order, not a secret
    assert found["seconds"] == 5.0
    first, measured, second = done
    assert first == second == (("net/a",), {
        "device": ["cpu"], "engine": ["eager"], "threads": [2], "config": None, "settings": {"interval": 0.02, "seed": 3},
    })  # fmt: skip
    assert measured == (CASES, "settings")


def test_a_condensed_run_holds_what_was_found() -> None:
    found = ours.condense(record([10_000_000 + i for i in range(7)], [3_000_000] * 7))
    row = found["networks"]["net/a"]
    assert found["check_s"] == 2.5
    assert ours.medians(row) == [(10_000_000.5 + i) / 1e9 for i in range(7)]
    assert ours.interval(row, "run_") == pytest.approx((0.0100000005, 0.0100000065), rel=1e-12)
    assert row["processes"][3]["sentinel_ns"] == [3_000_000, 3_000_000]
    assert row["processes"][3]["steal_share"] == 0.01
    assert ours.sentinels(found) == {"cpu,t1": pytest.approx(0.003)}


def test_what_was_stolen_can_be_judged_again_from_the_log_and_an_older_log_is_still_read() -> None:
    waited = {"waited_s": 0.09, "passes_s": 2.0, "threads": 2.0, "involuntary_switches": 1.0}
    whole = record([10_000_000 + i for i in range(7)], [3_000_000] * 7)
    busy = [msgspec.structs.replace(r, values=r.values | waited) if r.role == "measure" else r for r in whole.replicates]
    found = ours.condense(results.record(whole.run, busy, "complete"))
    kept = msgspec.json.decode(msgspec.json.encode(found))
    assert "stolen" in kept["networks"]["net/a"]["flags"]
    _, again = ours.evidence(kept, {})
    assert "stolen" in judge.flags([r for r in again if r.case == CASES[0].id])
    for row in kept["networks"].values():
        for process in row["processes"]:
            for name in ("waited_s", "passes_s", "threads"):
                del process[name]
    assert ours.derive(kept)["net/a"]["run_low"] == pytest.approx(found["networks"]["net/a"]["run_low"], rel=1e-12)


def test_an_earlier_history_widens_the_interval_with_drift_and_leaves_that_of_the_run() -> None:
    found = ours.condense(record([10_000_000 + 1000 * i for i in range(8)], [3_000_000] * 8))
    wandering = {"cpu,t1": (0.0028, 0.003, 0.0033, 0.0029, 0.0035, 0.003)}
    before, after = ours.derive(found, {})["net/a"], ours.derive(found, wandering)["net/a"]
    assert (after["run_low"], after["run_high"]) == (before["run_low"], before["run_high"])
    assert after["low"] < before["low"]
    assert after["high"] > before["high"]


def test_only_rows_that_were_measured_are_judged() -> None:
    good = {"status": "ok", "processes": [1]}
    runs = [{"networks": {"a": good}}, {"networks": {"a": good | {"status": "failed"}}}, {"networks": {"b": good}}]
    assert ours.rows(runs, "a") == [good]
    assert ours.rows([{"networks": {"a": good | {"processes": []}}}], "a") == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [("no file /a/b/c.py here", "no file c.py here"), ("resnet/18: 3/4 of it", "resnet/18: 3/4 of it"), ("", "")],
)
def test_a_log_names_no_folder_of_the_machine(text: str, kept: str) -> None:
    assert ours.without_paths(text) == kept


def test_folders_of_campaigns_are_left_out_when_results_are_searched(tmp_path: Path) -> None:
    for name in ("m/r.jsonl", "m/campaigns/coverage.jsonl", "m/campaigns/runs/r.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert results.files([tmp_path]) == [tmp_path / "m/r.jsonl"]
    assert results.files([tmp_path / "m/campaigns/runs"]) == [tmp_path / "m/campaigns/runs/r.jsonl"]


def test_analysing_imports_no_torch() -> None:
    names = sorted(path.stem for path in (HERE / "figures").glob("[a-z]*.py"))
    code = f"import sys; sys.path.insert(0, {str(HERE)!r}); from campaign import driver; import figures\n"
    code += f"import importlib\nfor name in {names}: importlib.import_module('figures.' + name)\n"
    code += "import json; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = json.loads(done.stdout)
    assert len(names) == 6
    assert "figures" in loaded
    assert "torch" not in loaded
