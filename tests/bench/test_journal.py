"""The result file survives whatever a crash, a full disk or an editor does to it, or says what is wrong with it."""

from __future__ import annotations

import gzip
import json
import math
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import journal, results
from vbench.core import Replicate, Run
from vbench.errors import ResultFileError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def whole(
    tmp_path: Path,
    make: Any,
) -> tuple[Path, Run, list[Replicate]]:
    """A complete file with everything that a line can hold, and what was written into it."""
    case = make.case("größe/½")
    run = make.run(case)
    replicates = [
        make.check(case, uncounted_ops={"aten::fft": 2}),
        make.replicate(case, 0, values={"build_s": 0.5}, notes={"weights": "filled"}),
        make.replicate(case, 1, status="failed", reason='ValueError: {"a": 1}\nsecond line'),
    ]
    path = tmp_path / "whole.jsonl"
    file = journal.Journal(path)
    file.append("run", run)
    for replicate in replicates:
        file.append("replicate", replicate)
    journal.append_result(file, results.derive_case(run, case, replicates))
    file.append("end", {"status": "complete"})
    file.close()
    return path, run, replicates


def test_what_is_written_is_read(whole: tuple[Path, Run, list[Replicate]]) -> None:
    path, run, replicates = whole
    assert journal.read(path) == (run, replicates, "complete", path.stat().st_size, [])


def test_every_line_is_json_with_a_type(whole: tuple[Path, Run, list[Replicate]]) -> None:
    lines = [json.loads(line) for line in whole[0].read_text("utf-8").splitlines()]
    assert [line["type"] for line in lines] == ["run", "replicate", "replicate", "replicate", "result", "end"]
    assert lines[0]["schema"] == journal.SCHEMA
    assert lines[4]["status"] == "failed"


def test_a_file_cut_at_any_byte_loads_up_to_the_cut_and_goes_on(
    whole: tuple[Path, Run, list[Replicate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, run, replicates = whole
    data = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(data) if byte == ord("\n")]
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of them, and no crash to survive here
    cut_file = path.with_name("cut.jsonl")
    for cut in range(len(data) + 1):
        cut_file.write_bytes(data[:cut])
        lines = journal.read(cut_file)
        survived = sum(end <= cut for end in ends)
        assert lines.run == (run if survived else None)
        assert lines.replicates == replicates[: max(0, survived - 1)]
        assert lines.ended == ("complete" if cut == len(data) else "")
        assert lines.size == ([0, *ends])[survived]
        file = journal.Journal(cut_file, lines.size)
        file.append("end", {"status": "resumed"})
        file.close()
        assert cut_file.read_bytes() == data[: lines.size] + b'{"type":"end","status":"resumed"}\n'


def test_each_line_is_on_disk_before_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    file = journal.Journal(tmp_path / "deep" / "er" / "r.jsonl")
    file.append("end", {"status": "one"})
    file.append("end", {"status": "two"})
    file.close()
    assert synced == [30, 60]


@pytest.fixture(scope="session")
def line_of(tmp_path_factory: pytest.TempPathFactory, make: Any) -> Callable[[Replicate], Path]:
    """Write a file of one replicate."""

    def write(replicate: Replicate) -> Path:
        path = tmp_path_factory.mktemp("line") / "r.jsonl"
        file = journal.Journal(path)
        file.append("run", make.run())
        file.append("replicate", replicate)
        file.close()
        return path

    return write


floats = st.floats(allow_nan=True, allow_infinity=True)


@given(values=st.dictionaries(st.text(max_size=5), floats, max_size=5), output=st.lists(floats, max_size=4), reason=st.text())
def test_neither_nan_nor_infinity_nor_broken_text_spoils_the_file(
    line_of: Callable[[Replicate], Path], values: dict[str, float], output: list[float], reason: str
) -> None:
    given = {"values": values, "output": tuple(output), "reason": reason + "\udcff"}
    path = line_of(Replicate(case="c", index=0, round=0, server=1, status="ok", **given))
    text = path.read_text("utf-8")
    assert not {"NaN", "Infinity", "-Infinity"} & set(text.replace(",", " ").replace(":", " ").split())
    back = journal.read(path).replicates[0]
    assert back.values == {name: value for name, value in values.items() if math.isfinite(value)}
    assert back.output == (tuple(output) if all(map(math.isfinite, output)) else ())
    assert back.reason == reason + "?"


def _edit(path: Path, number: int, change: Callable[[bytes], bytes]) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, lambda line: line[:40] + b"\n"),
        (3, lambda line: line[:-10] + b"\n"),
        (3, lambda line: line.replace(b"0.5", b"null")),
        (3, lambda line: line.replace(b'"ok"', b'"splendid"')),
        (3, lambda line: line.replace(b"filled", b"\xff\xfe")),
        (2, lambda _: b"\n"),
        (2, lambda _: b"[]\n"),
    ],
)
def test_damage_before_the_last_line_is_named_and_nothing_after_it_is_lost_in_silence(
    whole: tuple[Path, Run, list[Replicate]], number: int, change: Callable[[bytes], bytes]
) -> None:
    path, _, _ = whole
    _edit(path, number, change)
    with pytest.raises(ResultFileError, match=rf"whole\.jsonl is damaged: line {number} .* delete that line"):
        journal.read(path)


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_file_without_its_damaged_line_can_be_read(whole: tuple[Path, Run, list[Replicate]], number: int) -> None:
    path, run, replicates = whole
    _edit(path, number, lambda _: b"")
    left = [replicate for index, replicate in enumerate(replicates, 2) if index != number]
    assert journal.read(path)[:3] == (run, left, "complete")


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b'{"type":"run","schema":2,"new":true}\n', "schema 2, and this vbench reads up to 1: upgrade"),
        (b'{"type":"run"}\n', "schema None"),
        (b'{"type":"replicate"}\n', "not a vbench result file"),
        (b"name,latency\nresnet,1\n", "not a vbench result file"),
        (b"[1, 2, 3]", "not a vbench result file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not a vbench result file"),
    ],
)
def test_what_is_no_result_file_or_too_new_is_a_usage_error(tmp_path: Path, head: bytes, words: str) -> None:
    path = tmp_path / "foreign.jsonl"
    path.write_bytes(head)
    with pytest.raises(UsageError, match=words) as caught:
        journal.read(path)
    assert caught.value.exit_code == 2
    assert str(path) in str(caught.value)


def test_a_file_that_is_absent_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.jsonl"):
        journal.read(tmp_path / "none.jsonl")


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert journal.read(tmp_path / "empty.jsonl") == (None, [], "", 0, [])


def test_a_replicate_that_was_written_twice_counts_once(whole: tuple[Path, Run, list[Replicate]]) -> None:
    path, _, replicates = whole
    file = journal.Journal(path, journal.read(path).size)
    for replicate in replicates:
        file.append("replicate", replicate)
    file.close()
    lines = journal.read(path)
    assert lines.replicates == replicates
    assert lines.ended == ""  # more came after the end, and no end after that


@pytest.mark.parametrize("place", ["file/r.jsonl", "folder"])
def test_a_place_that_cannot_be_written_is_a_usage_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("in the way", "utf-8")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="-o FILE") as caught:
        journal.Journal(tmp_path / place)
    assert caught.value.exit_code == 2


FILL = """
import resource, sys
from pathlib import Path
from vbench.errors import ResultFileError
from vbench.journal import Journal

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
file = Journal(Path(sys.argv[1]))
written = 0
try:
    while True:
        file.append("end", {"status": "x" * 70})
        written += 1
except ResultFileError as error:
    print(error)
try:
    file.append("end", {"status": ""})
    written += 1
finally:
    file.close()
    print(written)
"""


def test_a_full_disk_damages_nothing_that_was_written(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    path = tmp_path / "full.jsonl"
    done = subprocess.run([sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True)
    message, written = done.stdout.splitlines()
    assert message.startswith(f"cannot write to {path}: File too large; everything measured before is safe in it")
    assert f"vbench run --resume {path}" in message
    lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len(lines) == int(written) == 11
    assert lines[-1] == {"type": "end", "status": ""}  # the shorter line found room behind the last whole one


def test_a_folder_may_hold_the_pairs_of_the_gate_too(whole: tuple[Path, Run, list[Replicate]], tmp_path: Path) -> None:
    pairs = tmp_path / "gate" / "g.pairs.jsonl"
    pairs.parent.mkdir()
    pairs.write_text('{"type":"gate","schema":1}\n')
    assert results.files([tmp_path]) == [whole[0]]
    assert results.files([pairs]) == [pairs]
    assert len(results.load(tmp_path)) == 1
    assert [journal.kind(path) for path in (whole[0], pairs, tmp_path, tmp_path / "none")] == ["run", "gate", "", ""]
    packed = tmp_path / "packed.pairs.jsonl.gz"
    packed.write_bytes(gzip.compress(pairs.read_bytes()))
    assert journal.kind(packed) == "gate"
    packed.write_bytes(packed.read_bytes()[:12])
    assert journal.kind(packed) == ""
    for text, kind in (('{ "type": "run", "schema": 1}', "run"), ('{"type":"runs"}', ""), ('[{"type":"run"}]', "")):
        pairs.write_text(text)
        assert journal.kind(pairs) == kind
