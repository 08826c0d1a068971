"""`vbench claims` as it is typed: it counts, demonstrates and times what is missing, once, and judges any result file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vbench import claims, gathering, journal
from vbench.claims import lines
from vbench.claims.entry import FAILS, HOLDS, Point, Show, judge
from vbench.claims.evidence import Evidence
from vbench.cli import _quiz
from vbench.groups import Group, Ratio
from vbench.results import record

if TYPE_CHECKING:
    from conftest import Maker


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def counted(folder: Path, commands: Any) -> Path:
    """The file of a run that counted and demonstrated what two entries need."""
    done = commands(folder, "claims", "any-size", "naive-854", "--no-timing")
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("results/*/*.jsonl")
    assert [row.split()[0] for row in done.stdout.splitlines()[2:5]] == ["claim", "naive-854", "any-size"]
    assert done.stdout.rstrip().endswith("2 holds")
    return Path(file)


def test_what_was_counted_is_in_the_file_and_read_again_without_measuring(folder: Path, counted: Path, commands: Any) -> None:
    size = counted.stat().st_size
    held = lines.read(counted)
    assert {(one.demonstration, one.architecture) for one in held} >= {
        (lines.COUNT, "block/inception-slide-naive"),
        ("sizes", "sppnet/none"),
    }
    assert all(one.status == "ok" for one in held)
    done = commands(folder, "claims", "--from", str(counted), "any-size", "naive-854", "--json", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert [(one["id"], one["verdict"]) for one in json.loads(done.stdout)] == [("naive-854", HOLDS), ("any-size", HOLDS)]
    assert (folder / "out" / "claims.html").is_file()
    assert counted.stat().st_size == size


def test_what_to_type_next_is_said_where_the_table_has_no_room_for_it(folder: Path, counted: Path, commands: Any) -> None:
    done = commands(folder, "claims", "--from", str(counted), "checkerboard", "naive-854")
    assert done.stderr == f"vbench: conditions, and what is open: `vbench claims NAME --details --from {counted}`\n"
    assert commands(folder, "claims", "--from", str(counted), "naive-854").stderr == ""
    done = commands(folder, "claims", "--from", str(counted), "checkerboard", "--details")
    assert done.stderr == ""
    assert "Slide: Dilated/Atrous Convolution and ESP Net. Source: Mehta et al. 2018" in done.stdout


def test_a_changed_count_in_the_file_flips_the_verdict(folder: Path, counted: Path, commands: Any) -> None:
    other = folder / "other.jsonl"
    other.write_text(counted.read_text("utf-8").replace('"macs":854196224', '"macs":954196224'), "utf-8")
    done = commands(folder, "claims", "--from", str(other), "naive-854", "--json")
    assert json.loads(done.stdout)[0]["verdict"] == FAILS


def test_going_on_does_only_what_is_missing(folder: Path, counted: Path, commands: Any) -> None:
    copy = folder / "copy.jsonl"
    copy.write_bytes(counted.read_bytes())
    before = len(lines.read(copy))
    done = commands(folder, "claims", "any-size", "bottleneck-358", "--no-timing", "--resume", str(copy))
    assert done.returncode == 0, done.stderr
    assert "1 counts and demonstrations into" in done.stderr
    assert [one.architecture for one in lines.read(copy)[before:]] == ["block/inception-slide-bottleneck"]


def test_cases_are_timed_in_rounds_into_the_same_file(folder: Path, commands: Any) -> None:
    place = folder / "timed"
    place.mkdir()
    (place / "bench.toml").write_text("[run]\nspread = 0\nmin-processes = 1\n")
    done = commands(place, "claims", "no-more-time", "--threads", "1", "--time-limit", "3s", "--details")
    assert done.returncode == 0, done.stderr
    (file,) = place.glob("results/*/*.jsonl")
    held = journal.read(file)
    assert held.run is not None
    assert {case.architecture for case in held.run.cases} == {f"block/dilated-3x3-r{rate}" for rate in (1, 4, 16)}
    assert held.ended == "complete"
    assert "measured: rate 4 over rate 1: " in done.stdout


def test_reading_imports_no_torch(counted: Path, folder: Path) -> None:
    code = (
        "import sys; sys.argv = ['vbench', 'claims', '--from', sys.argv[1], '-o', 'page']\n"
        "from vbench.cli import main\n"
        "try: main()\n"
        "except SystemExit as leaving: assert not leaving.code, leaving.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, str(counted)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("saves-61",), ("unknown claim 'saves-61'", "saves-60", "--list")),
        (("--from", "r.jsonl", "--no-timing", "--threads", "1"), ("--from reads", "leave out --threads, --no-timing")),
        (("--from", "absent.jsonl"), ("cannot read", "absent.jsonl")),
        (("--resume", "r.jsonl", "--threads", "1"), ("--resume goes on", "leave out --threads")),
        (("--quiz",), ("--quiz asks on a terminal",)),
        (("naive-854", "efficient-soft-max", "--threads", "1,2"), ("--threads", "write one")),
    ],
    ids=" ".join,
)
def test_a_wrong_word_is_one_line_that_helps(folder: Path, commands: Any, words: tuple[str, ...], said: tuple[str, ...]) -> None:
    done = commands(folder, "claims", *words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert all(word in done.stderr for word in said), done.stderr


def test_nothing_to_measure_is_said(folder: Path, commands: Any) -> None:
    done = commands(folder, "claims", "projects-neck")
    assert done.returncode == 3
    assert "can be measured" in done.stderr


def test_what_is_listed_is_what_there_is(folder: Path, commands: Any) -> None:
    rows = commands(folder, "claims", "--list").stdout.splitlines()
    assert [row.split()[0] for row in rows[1:]] == [entry.id for entry in claims.select()]
    found = json.loads(commands(folder, "claims", "--list", "--json", "naive-854").stdout)
    assert found[0]["counts"] == ["block/inception-slide-naive"]


def test_what_claims_need_is_wanted_once_and_of_groups_what_is_stated() -> None:
    ratios = (
        Ratio(metric="macs", of="a/1", to="a/2", stated=2.0, source="s"),
        Ratio(metric="macs", of="a/3", to="a/2"),
    )
    groups = {"googlenet-alexnet": Group(title="t", prose="p", members=("a/1", "a/2", "a/3"), ratio=ratios)}
    asked = gathering.wanted(claims.select(["twelve-times", "efficient-soft-max", "stable", "differentiable"]), groups)
    assert asked.counts == ("pose/decode-soft-argmax", "pose/decode-argmax", "pose/simple-baseline-50", "a/1", "a/2")
    assert asked.points == tuple(map(Point, asked.counts[:3]))
    assert asked.shows == (Show("decoded", "pose/decode-soft-argmax"), Show("decoded", "pose/decode-argmax"))


def test_a_quiz_asks_again_until_it_understands_and_counts_what_was_right(
    make: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["what", "3", "", "1", "q"])
    chosen = claims.select(["naive-854", "bottleneck-358", "five-million", "twelve-times", "projects-neck"])
    guesses = _quiz.ask(chosen, lambda _: next(answers))
    assert guesses == {"naive-854": HOLDS, "five-million": FAILS}
    assert "'what' is none of 1, 2, 3" in capsys.readouterr().out
    shown = [
        lines.Shown(
            demonstration=lines.COUNT, architecture="block/inception-slide-naive", counted=make.counted(macs=854_000_000)
        ),
        lines.Shown(demonstration=lines.COUNT, architecture="googlenet/bottleneck", counted=make.counted(params=5_000_000)),
    ]
    seen = Evidence([record(make.run(), [], "complete")], shown)
    told = _quiz.told([judge(entry, seen) for entry in chosen], guesses)
    assert told.endswith("1 of 2 predictions were right")
    assert "you: does not hold; it holds" in told


def test_the_end_of_the_input_ends_the_quiz() -> None:
    def closed(_: str) -> str:
        raise EOFError

    assert _quiz.ask(claims.select(["naive-854"]), closed) == {}
