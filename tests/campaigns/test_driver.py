from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from campaign import driver, host, log, ours

import vbench
from vbench import engines, plugins, registry, results
from vbench.errors import UsageError, VbenchError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    from campaign.ours import Task


class Fake:
    """A campaign whose measurement is a number, or whatever it is told to raise."""

    def __init__(self, *raises: BaseException | None) -> None:
        self.raises = list(raises)
        self.measured: list[int] = []
        self.drawn: dict[int, float] = {}
        self.campaign = driver.Campaign("fake", "A fake.", 3, self.arguments, self.settings, self.measure, self.figures)

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--budget", type=float, default=1.0)

    def settings(self, given: argparse.Namespace) -> dict[str, Any]:
        return {"budget": given.budget}

    def measure(self, task: Task) -> dict[str, Any]:
        self.measured.append(task.number)
        error = self.raises.pop(0) if self.raises else None
        if error is not None:
            raise error
        self.drawn[task.number] = task.random.random()
        return {"value": task.number}

    def figures(self, found: log.Log, given: argparse.Namespace) -> str:
        return f"{len(found.repetitions)} repetitions"


def run(fake: Fake, path: Path, *words: str) -> int:
    return driver.main(fake.campaign, ["--out", str(path), "--anyway", *words])


def test_the_second_call_does_only_what_is_missing(tmp_path: Path) -> None:
    path, first, second, third = tmp_path / "f.jsonl", Fake(), Fake(), Fake()
    assert run(first, path, "--repetitions", "2") == 0
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:20])
    assert run(second, path, "--repetitions", "3") == 0
    assert run(third, path, "--repetitions", "3") == 0
    assert (first.measured, second.measured, third.measured) == ([0, 1], [1, 2], [])
    assert [entry["value"] for entry in log.read(path).ordered()] == [0, 1, 2]
    assert first.drawn[1] == second.drawn[1] != second.drawn[2]


def test_every_repetition_says_how_the_machine_was(tmp_path: Path) -> None:
    assert run(Fake(), tmp_path / "f.jsonl", "--repetitions", "1") == 0
    entry = log.read(tmp_path / "f.jsonl").repetitions[0]
    assert entry["anyway"] is True
    assert {"seconds", "others_cores", "steal_share"} <= entry["conditions"].keys()
    assert entry["started_s"] > 0


def test_a_failed_repetition_is_written_down_and_done_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f.jsonl"
    assert run(Fake(None, VbenchError("cannot open /some/where/x.json")), path) == 0
    found = log.read(path)
    assert found.missing(3) == [1]
    assert [(f["repetition"], f["reason"]) for f in found.failures] == [(1, "cannot open x.json")]
    again = Fake()
    assert run(again, path) == 0
    assert again.measured == [1]
    assert "failed (cannot open x.json)" in capsys.readouterr().err


def test_a_campaign_that_only_fails_stops(tmp_path: Path) -> None:
    fake = Fake(*[VbenchError("why")] * 9)
    assert run(fake, tmp_path / "f.jsonl", "--repetitions", "9") == 4
    assert fake.measured == [0, 1, 2]


def test_ctrl_c_leaves_a_log_to_go_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, again = tmp_path / "f.jsonl", Fake()
    assert run(Fake(None, KeyboardInterrupt()), path) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert run(again, path) == 0
    assert again.measured == [1, 2]


def test_a_busy_machine_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(host, "busy", lambda: "others use 1.00 cores")
    fake, path = Fake(), tmp_path / "f.jsonl"
    assert driver.main(fake.campaign, ["--out", str(path)]) == 2
    assert capsys.readouterr().err == "fake: others use 1.00 cores\n"
    assert not path.exists()
    assert fake.measured == []


def test_other_settings_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "f.jsonl"
    assert run(Fake(), path, "--repetitions", "1") == 0
    capsys.readouterr()
    assert run(Fake(), path, "--budget", "2") == 2
    said = capsys.readouterr().err
    assert "budget was 1.0 and is 2.0" in said
    assert said.count("\n") == 1


def test_analysing_measures_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, fake = tmp_path / "f.jsonl", Fake()
    assert run(Fake(), path) == 0
    assert driver.main(fake.campaign, ["--analyse", str(path)]) == 0
    assert capsys.readouterr().out == "3 repetitions\n"
    assert driver.main(fake.campaign, ["--analyse", str(tmp_path / "none.jsonl")]) == 2
    assert fake.measured == []


def test_without_stress_ng_the_load_campaign_says_so(
    script: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert driver.main(script("load").CAMPAIGN, ["--out", str(tmp_path / "l.jsonl"), "--anyway"]) == 2
    assert capsys.readouterr().err == "load: stress-ng is not installed, and the load comes from it: apt-get install stress-ng\n"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A configuration with a network that the fake engine measures; the registries are put back afterwards."""
    net = "from vbench import architecture\narchitecture('campaign/net', input=(3, 8, 8))(lambda classes=10: None)\n"
    (tmp_path / "nets.py").write_text(net)
    (tmp_path / "bench.toml").write_text('plugins = ["nets.py"]\n[suites.default]\narchitectures = ["campaign/net"]\n')
    # What is loaded once and for all must be there before the registries are saved, or it would be gone afterwards.
    plugins.load_all()
    engines.load_builtin()
    results.load_metrics()
    saved = [(kind, dict(kind._items), dict(kind._sources)) for kind in registry._all()]
    loaded = set(plugins._loaded)
    yield tmp_path / "bench.toml"
    for kind, items, sources in saved:
        kind._items.clear()
        kind._items.update(items)
        kind._sources.clear()
        kind._sources.update(sources)
    plugins._loaded.clear()
    plugins._loaded.update(loaded)


def test_a_coverage_campaign_on_the_fake_engine_is_continued(
    script: Callable[[str], ModuleType], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project.parent / "campaigns" / "coverage.jsonl"
    words = ["--config", str(project), "--device", "fake", "--engine", "fake", "--networks", "campaign/net", "--tools"]
    words += ["--anyway", "--min-processes", "1", "--max-processes", "1", "--out", str(path)]
    campaign = script("coverage").CAMPAIGN
    for repetitions in ("1", "2"):
        assert driver.main(campaign, [*words, "--repetitions", repetitions]) == 0, capsys.readouterr().err
    runs = [entry["vbench"] for entry in log.read(path).ordered()]
    assert len({run["run_id"] for run in runs}) == len(runs) == 2
    assert all((path.parent / run["file"]).is_file() for run in runs)
    assert str(project.parent) not in path.read_text()
    assert [len(run["networks"]["campaign/net"]["processes"]) for run in runs] == [1, 1]
    for history in ([], ["--re-derive", "previous"]):
        assert driver.main(campaign, ["--analyse", str(path), *history]) == 0
        assert "| campaign/net | vbench (run alone) |" in capsys.readouterr().out


def test_an_interrupted_run_is_no_repetition(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Interrupted:
        ended = "interrupted"

    monkeypatch.setattr(vbench, "run", lambda *names, **options: Interrupted(), raising=False)
    monkeypatch.setattr(ours, "warm", lambda names, asked: None)
    settings = {"device": "fake", "engine": "fake", "threads": 1, "seed": 0}
    with pytest.raises(KeyboardInterrupt):
        ours.run(ours.Task(0, settings, tmp_path, random.Random(0)), ["a/b"])  # noqa: S311 - an order, not a secret


def test_a_network_that_is_not_there_is_one_line(
    script: Callable[[str], ModuleType], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--config", str(project), "--networks", "campaign/nett", "--anyway", "--out", str(project.parent / "c.jsonl")]
    for name in ("coverage", "loop", "bias", "cost", "repeatability"):
        assert driver.main(script(name).CAMPAIGN, words) == UsageError.exit_code
        said = capsys.readouterr().err
        assert said.startswith(f"{name}: ")
        assert "campaign/net" in said
        assert said.count("\n") == 1


def test_lines_of_a_log_are_plain_json(tmp_path: Path) -> None:
    assert run(Fake(), tmp_path / "f.jsonl") == 0
    kinds = [json.loads(line)["type"] for line in (tmp_path / "f.jsonl").read_text().splitlines()]
    assert kinds == ["head", "repetition", "repetition", "repetition"]
