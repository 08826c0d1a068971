"""Result files that somebody made to do harm: refused in a line, row by row where that is enough, and never a traceback."""

from __future__ import annotations

import json
import re
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import vbench
from vbench import journal
from vbench.errors import VbenchError
from vbench.history import reading
from vbench.store import compacting, loading

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("duckdb", reason="duckdb is not installed: pip install 'vbench[scale]'")

LATENCY = re.compile(rb'"latency_s":0\.01002[0-9]*')
HUGE = {
    "an integer of 300 digits": b'"latency_s":' + b"9" * 300,
    "beyond 64 bits": b'"latency_s":18446744073709551616',
    "nested": b'"uncounted_ops":' + b'{"a":' * 20 + b"1" + b"}" * 20,
    "a NUL": b'"bound":"a\\u0000b"',
    "a text without end": b'"bound":"' + b"x" * 100_000 + b'"',
}


@pytest.mark.parametrize("what", HUGE)
def test_a_row_that_no_measurement_gives_is_refused_and_the_others_stand(runs: Any, what: str) -> None:
    path = runs.add()
    path.write_bytes(LATENCY.sub(lambda _: HUGE[what], path.read_bytes()))
    for compacted in (False, True):
        told: list[str] = []
        records = loading.records([runs.folder], warn=told.append)
        assert [row.case.architecture for record in records for row in record.results] == ["net/two", "other/one"]
        assert compacted or told[0].startswith("refused: the row net/one@")
        assert len(told) == (not compacted)
        assert bool(compacting.compact(runs.folder, warn=told.append).left) != compacted
    (first, *_) = reading.read(path, ["latency_s"]).rows
    assert first.values.get("latency_s", 0.0) < 1


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "deep in the head": lambda data: data.replace(
        b'"settings":{', b'"settings":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b",", 1
    ),
    "deep in a row": lambda data: data.replace(
        b'"values":{"latency_s"', b'"values":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b',"latency_s"', 1
    ),
    "deep in a replicate": lambda data: data.replace(b'"notes":{', b'"notes":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b",", 1),
    "out of range": lambda data: data.replace(b'"seed":0', b'"seed":1e999', 1),
    "a huge batch": lambda data: data.replace(b'"batch":1,', b'"batch":' + b"9" * 50 + b","),
    "no text": lambda data: data.replace(b'"net/one"', b'"\xff\xfe"', 1),
    "huge samples": lambda data: data.replace(b'"latency_ns":[', b'"latency_ns":[' + b"9" * 400 + b","),
    "no head": lambda data: data[data.index(b"\n") + 1 :],
    "one line without end": lambda data: data.replace(b"\n", b" "),
}


@pytest.mark.parametrize("what", DAMAGE)
@pytest.mark.parametrize("derive", [False, True])
def test_a_hostile_file_takes_no_other_with_it(runs: Any, what: str, *, derive: bool) -> None:
    bad, good = runs.add(), runs.add(ms=20.0)
    bad.write_bytes(DAMAGE[what](bad.read_bytes()))
    told: list[str] = []
    found = loading.records([runs.folder], derive=derive, warn=told.append)
    assert good.stem in {record.run.run_id for record in found}
    assert all("\n" not in line for line in told)
    done = compacting.compact(runs.folder, derive=derive, warn=told.append)
    assert done.files >= 1
    assert good.stem in {record.run.run_id for record in loading.records([runs.folder], warn=told.append)}
    for named in (lambda: vbench.load(bad, where={"batch": 1}), lambda: journal.read(bad)):
        said = ""
        try:
            with warnings.catch_warnings(action="ignore"):
                named()
        except VbenchError as error:
            said = str(error)
        assert "\n" not in said


def test_a_script_in_a_name_is_a_name(runs: Any) -> None:
    path = runs.add()
    name = "net/<script>alert(1)</script>'; DROP TABLE x; --"
    path.write_bytes(path.read_bytes().replace(b"net/one", name.encode()))
    for _ in range(2):
        assert vbench.load(runs.folder, where={"architecture": name})["architecture"].tolist() == [name]
        compacting.compact(runs.folder)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_whatever_byte_is_wrong_it_is_read_or_refused(runs: Any, data: st.DataObject) -> None:
    path = runs.add()
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    told: list[str] = []
    loading.records([runs.folder], warn=told.append)
    assert all("\n" not in line for line in told)
    path.unlink()


def test_a_part_that_somebody_else_made_is_passed_over(runs: Any) -> None:
    duckdb: Any = pytest.importorskip("duckdb")
    runs.add()
    compacting.compact(runs.folder)
    (target,) = (runs.folder / "compacted").glob("runs-*.parquet")
    (file,) = list(runs.folder.rglob("*.jsonl"))
    row = {
        "_run": 0,
        "file": file.relative_to(runs.folder).as_posix(),
        "size": file.stat().st_size,
        "rows": 3,
        "ended": "",
        "head": "{[}",
    }
    listed = ", ".join(f"{json.dumps(value).replace(chr(34), chr(39))} AS {name}" for name, value in row.items())
    duckdb.connect().execute(f"COPY (SELECT {listed}) TO '{target}' (FORMAT parquet)")
    told: list[str] = []
    records = loading.records([runs.folder], warn=told.append)
    assert sum(len(record.results) for record in records) == 3
    assert "not as vbench writes it" in told[0]
