"""The energy pass in a run: once per case, after all timing, and without any say in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import vbench
from vbench import energy, estimate, journal, results
from vbench.cli import _live
from vbench.config import Settings
from vbench.devices.fake import CLOCK, FakeAsync

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Record, Replicate

NS = 1_000_000_000

TIRED = '''
from vbench import architecture, engine
from vbench.devices.fake import CLOCK
from vbench.engines.fake import FakeEngine, FakeSession

class Tired(FakeSession):
    """Dies after four seconds, which no timed pass reaches."""

    def step(self):
        super().step()
        if CLOCK.now > 4e9:
            raise RuntimeError("the network had enough")

@engine("tired")
class TiredEngine(FakeEngine):
    """Its sessions die."""

    def skip(self, case):
        return None

    def prepare(self, module, case):
        return Tired(case)
'''
SETTINGS = {
    "energy": True,
    "min_processes": 2,
    "max_processes": 2,
    "spread": 0.0,
    "warmup": 0.5,
    "latency": 0.05,
    "throughput": 0.05,
}


def run(folder: Path, **options: Any) -> Record:
    given = {"engine": ["fake"], "device": ["fake:async"], "settings": SETTINGS} | options
    return vbench.run("resnet/18", output=folder / "r.jsonl", **given)


def energies(record: Record) -> list[Replicate]:
    return [r for r in record.replicates if r.role == "energy"]


def test_energy_is_read_once_per_case_after_everything_that_is_timed(tmp_path: Path) -> None:
    record = run(tmp_path, phase=["infer", "train"])
    assert [r.role for r in record.replicates] == ["measure"] * 4 + ["energy"] * 2
    assert {r.case for r in energies(record)} == {case.id for case in record.run.cases}
    for result in record.results:
        values = result.values
        assert result.status == "ok"
        assert values["latency_processes"] == 2
        assert values["power_w"] == pytest.approx(50.0)
        assert values["idle_power_w"] == pytest.approx(10.0)
        assert values["energy_j"] == pytest.approx(50.0 / values["throughput_per_s"], rel=0.05)
        assert values["energy_above_idle_j"] == pytest.approx(0.8 * values["energy_j"])
        assert values["energy_method"] == "fake counter"
    assert {"build_s", "first_run_s", "latency_s"} & set(energies(record)[0].values) == set()
    assert _live.unread(record) == {}
    assert "energy per image" in _live.table(record)


def test_without_asking_there_is_no_pass_and_no_column(tmp_path: Path) -> None:
    record = run(tmp_path, settings=SETTINGS | {"energy": False})
    assert energies(record) == []
    assert {"energy_j", "energy_note", "power_w"} & set(record.results[0].values) == set()
    assert record.frame()["energy_j"].isna().all()
    assert "energy per image" not in _live.table(record)


def test_a_device_without_a_counter_leaves_an_empty_cell_and_a_line(tmp_path: Path) -> None:
    record = run(tmp_path, device=["fake"])
    assert record.results[0].status == "ok"
    assert record.results[0].values.get("energy_j") is None
    assert record.results[0].values["energy_note"] == "the fake device uses no energy"
    assert list(record.frame()["energy_note"]) == ["the fake device uses no energy"]
    assert _live.unread(record) == {"the fake device uses no energy": [record.run.cases[0].id]}


def test_a_pass_that_dies_takes_no_time_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tired.py").write_text(TIRED)
    record = run(tmp_path, engine=["tired"], plugin=[str(tmp_path / "tired.py")])
    [dead] = energies(record)
    assert (dead.status, "had enough" in dead.reason) == ("failed", True)
    assert record.results[0].status == "ok"
    assert record.results[0].values["latency_processes"] == 2
    assert record.results[0].values.get("energy_j") is None
    assert record.results[0].values["energy_note"] == dead.reason
    assert record.exit_code == 0
    _live.closing(record)
    assert "energy of resnet/18: RuntimeError in" in capsys.readouterr().err


def test_a_run_that_was_cut_reads_what_is_missing(tmp_path: Path) -> None:
    whole = run(tmp_path)
    file = tmp_path / "r.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if b'"role":"measure"' in line or line.startswith(b'{"type":"run"')]
    file.write_bytes(b"".join(kept))
    again = vbench.run(resume=file)
    assert len(kept) == 3
    assert [r.role for r in again.replicates] == ["measure", "measure", "energy"]
    assert again.results[0].values["energy_j"] == pytest.approx(whole.results[0].values["energy_j"], rel=0.05)
    assert [r.role for r in vbench.run(resume=file).replicates] == ["measure", "measure", "energy"]
    assert journal.read(file).ended == "complete"


def test_scenarios_that_pause_have_no_energy_and_say_so(tmp_path: Path) -> None:
    record = run(tmp_path, scenario=["offline", "sustained:1s"])
    assert [r.case.split(",")[-2] for r in energies(record)] == ["sustained:1s"]
    reason = "read only under continuous submission (single-stream, sustained)"
    assert list(_live.unread(record)) == [reason]
    swept, long = sorted(record.results, key=lambda result: result.case.scenario)
    assert (swept.values.get("energy_j"), swept.values["energy_note"]) == (None, reason)
    assert long.values["energy_j"] > 0
    assert "energy_note" not in long.values


def test_estimates_know_the_pass() -> None:
    class Case:
        virtual = False
        engine = "eager"
        scenario = "single-stream"
        id = "x"

    plain, with_energy = Settings(spread=0.0), Settings(spread=0.0, energy=True)
    longer = estimate.total([Case()], with_energy, {"x": 6.0}) - estimate.total([Case()], plain, {"x": 6.0})  # type: ignore[list-item]
    assert longer >= 2 * energy.WINDOW_S


def test_the_fake_counter_counts_work_when_it_is_done() -> None:
    device = FakeAsync()
    device.synchronize()
    meter = device.energy()
    before = meter.joules()
    CLOCK.submit(1_000_000, NS)
    assert meter.joules() - before == pytest.approx(0.05)
    device.synchronize()
    assert meter.joules() - before == pytest.approx(50.0)
    device.rest(1.0)
    assert meter.joules() - before == pytest.approx(60.0)


def test_rows_are_the_same_with_and_without_the_pass(make: Any) -> None:
    case = make.case()
    head = make.run(case)
    timed = [make.check(case), *(make.replicate(case, index, values={"power_w": 70.0}) for index in range(6))]
    plain = results.derive_case(head, case, timed)
    numbers = {"energy_j": 2.0, "power_w": 50.0, "idle_power_w": 10.0}
    for status, values in (("ok", numbers), ("ok", {}), ("failed", {}), ("crashed", {}), ("timeout", {})):
        last = make.replicate(case, 0, role="energy", status=status, latency_ns=(), values=values, notes={"energy_method": "m"})
        row = results.derive_case(head, case, [*timed, last])
        assert (row.status, row.flags) == (plain.status, plain.flags)
        own = {"energy_j": 2.0, "power_w": 50.0, "idle_power_w": 10.0, "energy_method": "m"} if values else {}
        assert row.values == plain.values | own
    assert results.derive_case(head, case, [timed[0], last]).status == "skipped"


def test_an_empty_cell_says_why_and_power_is_that_of_the_pass_alone(make: Any) -> None:
    case = make.case()
    timed = [make.check(case), *(make.replicate(case, index, values={"power_w": 70.0}) for index in range(6))]
    asked = make.run(case, settings={"interval": 0.02, "energy": True})

    def values(head: Any, *passes: Replicate) -> dict[str, Any]:
        return results.derive_case(head, case, [*timed, *passes]).values

    def energy_pass(**fields: Any) -> Replicate:
        found: Replicate = make.replicate(case, 0, role="energy", latency_ns=(), **fields)
        return found

    assert {"power_w", "energy_note"} & set(values(make.run(case))) == set()
    assert values(asked)["energy_note"].startswith("not read: ")
    unread = values(asked, energy_pass(notes={"energy": "the counter stood still"}))
    assert (unread["energy_note"], "power_w" in unread) == ("the counter stood still", False)
    dead = values(asked, energy_pass(status="timeout", reason="no answer after 9 s"))
    assert dead["energy_note"] == "no answer after 9 s"
    read = values(asked, energy_pass(values={"energy_j": 2.0, "power_w": 50.0}, notes={"energy_method": "m"}))
    assert (read["energy_j"], read["power_w"], "energy_note" in read) == (2.0, 50.0, False)
