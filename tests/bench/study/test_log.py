"""The log: whole lines survive whatever cut it, and a study goes on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vbench import journal, results
from vbench.errors import ResultFileError, UsageError
from vbench.study import log as logs
from vbench.study.parts import Head, Seeds, Trial

if TYPE_CHECKING:
    from pathlib import Path


def _trial(arm: str, seed: int) -> Trial:
    return Trial(arm=arm, seed=seed, values={"top1": 50.0 + seed}, params=1, macs=2, loss=0.5, weights="w", digest="d")


@pytest.fixture
def written(head: Head, tmp_path: Path) -> Path:
    writer = logs.Writer(tmp_path / "study", head)
    for seed in (0, 1):
        for arm in ("toy/wide", "toy/narrow"):
            writer.trial(_trial(arm, seed))
    writer.close()
    return tmp_path / "study"


def test_what_was_written_is_read(written: Path, head: Head) -> None:
    found = logs.read(written)
    assert found.head == head
    assert found.trials["toy/wide", 1] == _trial("toy/wide", 1)
    assert found.missing() == [("toy/wide", 2), ("toy/narrow", 2)], "all arms of a seed before the next seed"
    assert logs.read(written / "study.jsonl").trials == found.trials


def test_a_log_that_was_cut_anywhere_goes_on(written: Path) -> None:
    path = written / "study.jsonl"
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    for end in range(first, len(data), 7):
        path.write_bytes(data[:end])
        whole = data[:end].count(b"\n") - 1
        writer = logs.Writer(written)
        assert len(writer.log.trials) == whole
        writer.trial(_trial("toy/wide", 2))
        writer.close()
        assert len(logs.read(written).trials) == whole + 1


def test_a_line_that_was_damaged_is_named(written: Path) -> None:
    path = written / "study.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[2] = lines[2][:20]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ResultFileError, match="line 3 is not of schema 1"):
        logs.read(written)


def test_more_seeds_are_a_line_of_their_own(written: Path, head: Head) -> None:
    writer = logs.Writer(written)
    writer.widen(2)
    assert writer.log.head.seeds == head.seeds, "fewer than there are change nothing"
    writer.widen(5)
    writer.close()
    assert logs.read(written).head.seeds == (0, 1, 2, 3, 4)
    assert len(logs.read(written).missing()) == 6


def test_a_new_study_does_not_overwrite_another(written: Path, head: Head) -> None:
    with pytest.raises(UsageError, match=r"go on with it by `vbench study toy --resume .*study`"):
        logs.Writer(written, head)


def test_what_is_no_log_of_a_study_is_one_line(tmp_path: Path, written: Path) -> None:
    with pytest.raises(UsageError, match="name a folder that `vbench study NAME -o DIR` wrote"):
        logs.read(tmp_path / "gone")
    other = tmp_path / "run.jsonl"
    other.write_text('{"type":"run","schema":1}\n')
    with pytest.raises(UsageError, match="its first line is not a study"):
        logs.read(other)
    newer = written / "study.jsonl"
    newer.write_text(newer.read_text().replace('"schema":1', '"schema":99', 1))
    with pytest.raises(UsageError, match="has schema 99, and this vbench reads up to 1"):
        logs.read(written)


def test_a_folder_of_results_is_read_without_the_studies_in_it(written: Path) -> None:
    (written / "costs.jsonl").write_text("")
    assert [path.name for path in results.files([written])] == ["costs.jsonl"]
    assert journal.kind(written / "study.jsonl") == ""


def test_every_field_of_the_log_is_in_the_contract(repository: Path) -> None:
    page = (repository / "docs" / "contract.md").read_text("utf-8")
    told = page[page.index("- `study.jsonl`") : page.index("- `results/<machine>/campaigns/`")]
    assert [name for kind in (Head, Trial, Seeds) for name in kind.__struct_fields__ if f"`{name}`" not in told] == []
