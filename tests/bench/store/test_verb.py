"""The verbs on what was compacted and on URLs: the same as on the files of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from vbench import cli
from vbench.store import compacting

from .conftest import case

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'vbench[scale]'")


class Verb:
    """A command in this process, which needs no torch for these."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.capsys, self.monkeypatch = capsys, monkeypatch

    def __call__(self, *words: object) -> tuple[int, str, str]:
        self.monkeypatch.setattr("sys.argv", ["vbench", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = self.capsys.readouterr()
        return int(left.value.code or 0), out, err


@pytest.fixture
def verb(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Verb:
    return Verb(capsys, monkeypatch)


def test_compact_says_what_it_made_and_that_there_is_nothing_new(verb: Verb, runs: Any) -> None:
    for _ in range(2):
        runs.add()
    code, out, err = verb("compact", runs.folder)
    assert (code, out, err) == (0, f"2 files with 6 rows in 1 part: {runs.folder}/compacted\n", "")
    assert verb("compact", runs.folder)[1] == f"nothing new: 2 files are in {runs.folder}/compacted\n"
    found = json.loads(verb("compact", runs.folder, "--again", "--json")[1])
    assert (found["files"], found["rows"], found["left"]) == (2, 6, 0)


def test_compact_of_nothing_is_a_line(verb: Verb, tmp_path: Path) -> None:
    code, out, err = verb("compact", tmp_path)
    assert (code, out) == (3, "")
    assert err.startswith("vbench: nothing to compact: ")
    assert verb("compact", tmp_path / "none")[0] == 2


@pytest.mark.parametrize("form", ["compacted", "url"])
def test_history_and_best_answer_alike_wherever_the_rows_come_from(
    verb: Verb, runs: Any, bucket: Any, cached: Path, form: str
) -> None:
    for day in range(12):
        runs.add(ms=10.0 if day < 6 else 12.0)
    history = ["history", "--json", "--only", "net/one", "--metric", "latency"]
    best = ["best", "--max-latency", "20ms", "--batch", "1", "--json"]
    before = [json.loads(verb(*words[:1], runs.folder, *words[1:])[1]) for words in (history, best)]
    place = str(runs.folder)
    if form == "url":
        bucket.put(place, "/bucket/results", recursive=True)
        place = "memory://bucket/results"
    else:
        compacting.compact(place)
    after = [json.loads(verb(*words[:1], place, *words[1:])[1]) for words in (history, best)]
    assert after[1] == before[1]
    assert [[point["value"] for point in segment["points"]] for one in after[0]["series"] for segment in one["segments"]] == [
        [point["value"] for point in segment["points"]] for one in before[0]["series"] for segment in one["segments"]
    ]
    assert [one["segments"][0]["changes"] for one in after[0]["series"]] == [
        one["segments"][0]["changes"] for one in before[0]["series"]
    ]
    assert after[0]["files"] == 12
    assert after[0]["derived"] == 0


def test_report_export_and_compare_read_urls(verb: Verb, runs: Any, bucket: Any, cached: Path, tmp_path: Path) -> None:
    for day in range(3):
        runs.add(ms=10.0 + day)
    bucket.put(str(runs.folder), "/bucket/results", recursive=True)
    url = "memory://bucket/results"
    code, out, err = verb("export", "json", url, "--newest", "1", "--columns", "run_id,architecture")
    assert code == 0
    assert {row["run_id"] for row in json.loads(out)} == {"20260303T040000Z-000003"}
    assert "fetching 1 file" in err
    assert verb("export", "csv", url)[1] == verb("export", "csv", runs.folder)[1]
    code, out, _ = verb("compare", f"{url}/*/20260301*", f"{url}/*/20260303*", "--json")
    assert code == 0
    assert json.loads(out)
    code, out, err = verb("report", url, "--newest", "1", "-o", tmp_path / "out", "--format", "png", "--chart", "quality-latency")
    assert (code, (tmp_path / "out" / "summary.md").exists()) == (0, True)


def test_a_store_that_cannot_be_read_is_a_line(verb: Verb, bucket: Any) -> None:
    for words in (["history"], ["best"], ["report"], ["export", "csv"], ["compact"]):
        code, out, err = verb(*words, "memory://nowhere/at-all")
        assert (code, out, err.count("\n")) == (2, "", 1)
    for words in (["history"], ["compact"]):
        assert verb(*words, "s3://bucket/../x")[2].count("\n") == 1


def test_an_accuracy_of_one_file_is_in_the_choice_of_another(verb: Verb, runs: Any) -> None:
    runs.add([case()])
    compacting.compact(runs.folder)
    runs.add([case()], ms=9.0)
    found = json.loads(verb("best", runs.folder, "--min-top1", "70", "--json")[1])
    assert json.dumps(found).count("net/one") >= 1
