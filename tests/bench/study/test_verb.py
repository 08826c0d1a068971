"""`vbench study` as it is typed: it trains what is missing, survives being killed, and reads a log without torch."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from PIL import Image
from safetensors.torch import load_file

from vbench.errors import UsageError
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES
from vbench.study import log as logs
from vbench.study import studies
from vbench.study.log import Log, Writer

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.study.base import Study

pytest.importorskip("sklearn")


def test_studies_and_contrasts_are_listed(commands: Any, project: Path) -> None:
    done = commands(project, "study", "--json")
    assert done.returncode == 0, done.stderr
    assert {one["study"] for one in json.loads(done.stdout)} == set(studies.known())
    done = commands(project, "study", "classification", "--list", "--only", "fire,s*d", "--json")
    assert [one["id"] for one in json.loads(done.stdout)] == ["stacked", "separated", "fire"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("clasification",), "unknown study 'clasification': did you mean classification?"),
        (("classification", "--only", "shufle"), "study classification has no contrast 'shufle': did you mean shuffle?"),
        (("classification", "--budget", "huge"), "--budget huge: study classification has tiny, default, larger"),
        (("classification", "--data", "digits"), "--data digits: study classification takes cifar10:PATH, folder:PATH"),
        (("classification", "--data", "cifar10:gone"), "--data cifar10:gone: data_batch_1.bin"),
        (
            ("--budget", "tiny"),
            "--budget of which study? classification or keypoints or pruning: vbench study classification --budget",
        ),
        (("--resume", "gone"), "cannot read gone: No such file or directory; name a folder"),
        (("classification", "--from", "gone"), "cannot read gone: No such file or directory; name a folder"),
        (("classification", "--from", "a", "--resume", "b"), "--from reads a folder and trains nothing: leave out --resume"),
        (
            ("classification", "--resume", "b", "--budget", "tiny"),
            "--resume goes on with what its folder decided: leave out --bud",
        ),
    ],
)
def test_what_a_user_gets_wrong_is_one_line_and_makes_no_folder(
    commands: Any, project: Path, words: tuple[str, ...], said: str
) -> None:
    done = commands(project, "study", *words)
    assert done.returncode == 2
    assert done.stderr.startswith(f"vbench: {said}")
    assert done.stderr.count("\n") == 1
    assert not (project / "results").exists()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes by their environment")
def test_a_study_that_is_killed_goes_on_and_has_the_weights_that_it_would_have_had(commands: Any, project: Path) -> None:
    words = ("study", "classification", "--only", "late", "--budget", "tiny", "--seeds", "1", "--workers", "1", "-o", "out")
    marker = project.name
    pid, errors = commands.start(project, *words, VBENCH_TEST=marker)
    path, end = project / "out" / "study.jsonl", time.monotonic() + 120
    while (not path.exists() or path.read_bytes().count(b"\n") < 2) and time.monotonic() < end:
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    commands.wait(pid)
    end = time.monotonic() + 2
    while _alive(marker) and time.monotonic() < end:
        time.sleep(0.02)
    assert not _alive(marker), errors.read_text()
    before = logs.read(project / "out").trials
    assert ("small/fire-early", 0) in before
    done = commands(project, "study", "classification", "--resume", "out", "--json")
    assert done.returncode == 0, done.stderr
    found = logs.read(project / "out")
    assert found.missing() == []
    assert all(found.trials[key] == trial for key, trial in before.items())
    told = json.loads(done.stdout)
    load_all()
    assert [arm["macs"] for arm in told["arms"]] == [ARCHITECTURES.get(f"small/{n}").macs for n in ("fire-early", "fire-late")]
    assert told["contrasts"][0]["verdict"] == "undecided"
    again = commands(project, *words[:-1], "again")
    assert again.returncode == 0, again.stderr
    digests = {trial.digest for trial in logs.read(project / "again").trials.values()}
    assert digests == {trial.digest for trial in found.trials.values()}
    state = load_file(project / "out" / "weights" / "small-fire-late-seed0.safetensors")
    ARCHITECTURES.get("small/fire-late").build(classes=10).load_state_dict(state)
    names = {path.name for path in (project / "out").iterdir()}
    assert {"study.jsonl", "study.md", "weights", "classification-top1-contrasts.png", "classification-top1-macs.svg"} <= names


def _alive(marker: str) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("VBENCH_TEST") == marker and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_a_log_is_read_and_drawn_without_torch(tmp_path: Path) -> None:
    study = studies.find("classification")
    _write(study, tmp_path / "out")
    lines = (
        "import sys",
        "sys.argv = ['vbench', 'study', '--from', 'out', '-o', 'page']",  # the folder knows which study it is
        "from vbench.cli import app",
        "app(standalone_mode=False)",
        "assert 'torch' not in sys.modules",
    )
    command = "\n".join(lines)
    done = subprocess.run([sys.executable, "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "convolution: holds. small/plain-8 is 20.0 points higher in top-1 than small/fully-connected" in done.stdout
    page = (tmp_path / "page" / "study.md").read_text("utf-8")
    assert all((tmp_path / "page" / name).is_file() for name in _pictures(page))
    assert not (tmp_path / "out" / "study.md").exists(), "a folder that is only read is left as it is"


def _pictures(page: str) -> list[str]:
    return [line[2:].partition("]")[0] for line in page.splitlines() if line.startswith("![")]


def _write(study: Study, folder: Path) -> Log:
    """A log of two contrasts as a study would have written it, its accuracies made up."""
    from vbench.machine import describe  # noqa: PLC0415 - only here
    from vbench.study.parts import SCHEMA, Head, Trial, needed  # noqa: PLC0415 - as above

    contrasts = study.select(("convolution", "stacked"))
    arms = tuple(study.arm(name) for name in needed(contrasts))
    head = Head(
        schema=SCHEMA, study_id="x", study=study.name, started="2026-01-01T00:00:00+00:00", budget=study.budget("tiny"),
        recipe=study.recipe, source="", seeds=(0, 1, 2), contrasts=tuple(c.id for c in contrasts), arms=arms, machine=describe(),
    )  # fmt: skip
    writer = Writer(folder, head)
    for number, arm in enumerate(arms):
        for seed in range(3):
            values = {"top1": 60.0 + 20.0 * (number > 0) + seed + 0.1 * number * (seed - 1)}
            writer.trial(Trial(arm=arm.name, seed=seed, values=values, params=100, macs=1000, seconds=1.0))
    writer.close()
    return writer.log


def test_measured_latencies_that_lie_with_a_log_are_drawn(tmp_path: Path, make: Any) -> None:
    from vbench.study import charts, joining, judging  # noqa: PLC0415 - only here

    study = studies.find("classification")
    log = _write(study, tmp_path)
    every = judging.rows(study, log).values()
    assert joining.costs(joining.beside(tmp_path), every) is None
    cases = [make.case(arm.architecture) for arm in log.head.arms]
    lines = [{"type": "run", **_plain(make.run(*cases))}]
    lines += [
        {"type": "replicate", **_plain(r)}
        for case in cases
        for r in [make.check(case), *(make.replicate(case, i) for i in range(6))]
    ]
    (tmp_path / "costs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    costs = joining.costs(joining.beside(tmp_path), every)
    assert costs is not None
    assert {name: latency.seconds for name, latency in costs.latencies.items()} == dict.fromkeys(
        (c.architecture for c in cases), 0.01
    )
    assert costs.told.startswith("eager, fp32, cpu, batch 1, 1 threads, nchw, single-stream")
    names = [drawing.name for drawing in charts.draw(study, log, costs)]
    assert names == [f"classification-top1-{what}" for what in ("contrasts", "macs", "params", "latency")]


def _plain(value: Any) -> dict[str, Any]:
    import msgspec  # noqa: PLC0415 - only here

    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def test_more_seeds_are_added_to_a_study_that_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vbench.study import conduct  # noqa: PLC0415 - only here

    study = studies.find("classification")
    _write(study, tmp_path)
    writer = Writer(tmp_path)
    writer.widen(4)
    asked: list[tuple[str, int]] = []

    class Child:
        def __init__(self, config: str) -> None:
            self.config = config

        def work(self, jobs: Any, said: Any) -> None:
            while (job := jobs.get()) is not None:
                asked.append((job.arm, job.seed))
                said.put((job, {"trial": {"arm": job.arm, "seed": job.seed, "values": {"top1": 50.0}}}))

        def end(self) -> None:
            """Nothing to end."""

    monkeypatch.setattr(conduct, "_Child", Child)
    conduct.conduct(writer, _Silent(), workers=2)
    writer.close()
    assert sorted(asked) == sorted((arm.name, 3) for arm in writer.log.head.arms)
    assert logs.read(tmp_path).missing() == []


class _Silent:
    began = share = ended = staticmethod(lambda *_: None)


def test_a_folder_without_halves_would_be_tested_on_what_it_was_trained_on(tmp_path: Path) -> None:
    study = studies.find("classification")
    for name in ("cat", "dog"):
        (tmp_path / "one" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "one" / name / "0.png")
        for half in ("train", "val"):
            (tmp_path / "two" / half / name).mkdir(parents=True)
            Image.new("RGB", (9, 7), (len(name) + 10 * (half == "val"), 0, 0)).save(tmp_path / "two" / half / name / "0.png")
    with pytest.raises(UsageError, match=r"it has no halves to train and to test on: name a folder that holds train and val"):
        study.check(f"folder:{tmp_path / 'one'}")
    study.check(f"folder:{tmp_path / 'two'}")
    found = study.data(0, study.budget("tiny"), f"folder:{tmp_path / 'two'}")
    assert found.train.inputs.shape == found.tests["test"].inputs.shape == (2, 3, 32, 32)
    assert found.train.targets.tolist() == [0, 1]
    ready = study.ready(found.tests["test"].inputs)
    assert float(ready.max()) == pytest.approx((13 / 255 - 0.5) / 0.25)
    assert float(ready.min()) == -2.0
    (tmp_path / "two" / "val" / "dog").rename(tmp_path / "two" / "val" / "wolf")
    with pytest.raises(UsageError, match="dog is a class of one half only"):
        study.check(f"folder:{tmp_path / 'two'}")
