"""Result files read fast: the same rows as deriving gives, and deriving where the quick way has not all of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vbench import results
from vbench.errors import ResultFileError, UsageError
from vbench.history.reading import read, read_all
from vbench.store import tails

from .conftest import case

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("latency_s", "throughput_per_s", "peak_host_bytes")


def derived(path: Path) -> list[tuple[str, dict[str, float]]]:
    """What the rows say that come from the replicates."""
    found = []
    for result in results.read(path).results:
        if result.status == "ok":
            wanted = [f"{column}{end}" for column in COLUMNS for end in ("", "_low", "_high")]
            found.append((result.case.id, {name: result.values[name] for name in wanted if name in result.values}))
    return found


def rows(path: Path, **options: Any) -> list[tuple[str, dict[str, float]]]:
    return [(row.case.id, row.values) for row in read(path, COLUMNS, **options).rows]


def test_what_is_read_fast_is_what_is_derived(runs: Any) -> None:
    path = runs.add({case(): 10.0, case("net/two"): 20.0, case("net/bad"): None})
    quick, slow = read(path, COLUMNS), read(path, COLUMNS, derive=True)
    assert (quick.derived, slow.derived) == (False, True)
    assert quick.head == slow.head
    assert quick.rows == slow.rows
    assert rows(path) == derived(path)
    assert [row.case.architecture for row in quick.rows] == ["net/one", "net/two"]
    assert quick.rows[0].flags == slow.rows[0].flags


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_however_a_file_was_cut_it_is_derived_or_refused_as_reading_it_whole_does(runs: Any, data: st.DataObject) -> None:
    path = runs.add({case(): 10.0, case("net/two"): 20.0})
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 2))])
    try:
        expected = derived(path)
    except UsageError:
        with pytest.raises(UsageError):
            read(path, COLUMNS)
        return
    found = read(path, COLUMNS)
    assert found.derived
    assert [(row.case.id, row.values) for row in found.rows] == expected


def test_of_a_file_that_was_resumed_the_last_rows_count(runs: Any) -> None:
    path = runs.add({case(): 10.0})
    other = runs.add({case(): 12.0})
    end = path.read_bytes().splitlines(keepends=True)[-1]
    later = [line for line in other.read_bytes().splitlines(keepends=True) if b'"type":"run"' not in line]
    first = path.read_bytes().removesuffix(end)
    path.write_bytes(first + b"".join(later))
    assert rows(path)[0][1]["latency_s"] == pytest.approx(0.012)
    assert not read(path, COLUMNS).derived


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b'{"type":"result"', b'{"type": "result"'),  # written by somebody else
        lambda text: text.replace(b'"status":"complete"', b'"status":"interrupted"'),
        lambda text: re.sub(rb'\{"type":"result"[^\n]*net/two[^\n]*\n', b"", text),
        lambda text: re.sub(rb'\{"type":"result"[^\n]*\n', b"", text),
        lambda text: text.replace(b'"values":{"latency_s"', b'"values":7,"old":{"latency_s"', 1),
    ],
    ids=["spaces", "interrupted", "a row is missing", "no rows", "another row"],
)
def test_where_the_rows_are_not_all_there_they_are_derived(runs: Any, change: Any) -> None:
    path = runs.add({case(): 10.0, case("net/two"): 20.0})
    expected = rows(path)
    path.write_bytes(change(path.read_bytes()))
    found = read(path, COLUMNS)
    assert found.derived
    assert [(row.case.id, row.values) for row in found.rows] == expected


def test_rows_that_are_longer_than_a_block_are_all_read(runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = runs.add({case(f"net/{i}"): 10.0 + i for i in range(20)})
    for block in (1, 100, 2_000):
        monkeypatch.setattr(tails, "BACK", block)
        monkeypatch.setattr(tails, "FRONT", block)
        found = read(path, COLUMNS)
        assert not found.derived
        assert len(found.rows) == 20


def test_a_column_that_holds_no_number_gives_none(runs: Any) -> None:
    path = runs.add({case(): 10.0})
    path.write_bytes(path.read_bytes().replace(b'"latency_s":0.01,', b'"latency_s":"fast",'))
    assert "latency_s" not in read(path, COLUMNS).rows[0].values
    assert "throughput_per_s" in read(path, COLUMNS).rows[0].values


def test_a_file_of_a_newer_schema_is_refused(runs: Any) -> None:
    path = runs.add({case(): 10.0})
    path.write_bytes(path.read_bytes().replace(b'"schema":1', b'"schema":9', 1))
    with pytest.raises(UsageError, match="has schema 9"):
        read(path, COLUMNS)


def test_runs_come_in_the_order_of_time_and_each_once(runs: Any, tmp_path: Path) -> None:
    paths = [runs.add({case(): 10.0}) for _ in range(3)]
    copy = tmp_path / "results" / "a-copy.jsonl"
    copy.write_bytes(paths[2].read_bytes())
    told: list[str] = []
    found = read_all([paths[1], tmp_path / "results"], COLUMNS, warn=told.append)
    assert [reading.head.started[:10] for reading in found] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    (line,) = told
    assert "is the same run as" in line


def test_in_a_folder_what_another_program_has_written_anew_is_read_too(runs: Any, tmp_path: Path) -> None:
    file = runs.add({case(): 10.0})
    (was,) = read_all([file], COLUMNS)
    file.write_text("".join(json.dumps(json.loads(line)) + "\n" for line in file.read_text().splitlines()))
    (found,) = read_all([tmp_path / "results"], COLUMNS)
    assert (found.head, found.rows, found.derived) == (was.head, was.rows, True)


def test_in_a_folder_what_is_no_result_file_is_passed_over_and_what_is_damaged_is_named(runs: Any, tmp_path: Path) -> None:
    good, bad = runs.add({case(): 10.0}), runs.add({case(): 10.0})
    lines = bad.read_bytes().splitlines(keepends=True)
    bad.write_bytes(b"".join([lines[0], b"{torn\n", *lines[1:-1]]))
    (good.parent / "x.pairs.jsonl").write_text('{"type":"gate"}\n')
    told: list[str] = []
    found = read_all([tmp_path / "results"], COLUMNS, warn=told.append)
    assert [one.file for one in found] == [str(good)]
    (line,) = told
    assert "damaged: line 2" in line
    with pytest.raises(ResultFileError, match="damaged: line 2"):
        read_all([bad], COLUMNS)
    with pytest.raises(UsageError, match="not a vbench result file"):
        read_all([good.parent / "x.pairs.jsonl"], COLUMNS)
    with pytest.raises(UsageError, match="cannot read the result file"):
        read_all([tmp_path / "none.jsonl"], COLUMNS)
