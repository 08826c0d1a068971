"""Result files that somebody made to break a reader: a refused file or a row, and never a traceback or another's script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable

PAGES = ("/", "/report", "/history", "/compare", "/runs.json", "/report.json", "/history.json")
DEEP = b'{"type":"replicate","values":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
HUGE = b"9" * 400
SCRIPT = "</script><script>window.hacked=1</script><img src=x onerror=alert(1)>"


def _deep_head(lines: list[Any]) -> list[Any]:
    return [b'{"type":"run","settings":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", *lines[1:]]


def _spoilt(lines: list[Any], at: int, **fields: Any) -> list[Any]:
    return [*lines[:at], lines[at] | fields, *lines[at + 1 :]]


def _huge_times(lines: list[Any]) -> list[Any]:
    text = msgspec.json.encode(lines[2] | {"latency_ns": ["HUGE"] * 10}).replace(b'"HUGE"', HUGE)
    return [*lines[:2], text, *lines[3:]]


BREAKS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "empty": lambda _: [],
    "no JSON": lambda _: [b"\x00\xff\xfe binary"],
    "another's JSON": lambda _: [{"some": "thing"}, [1, 2, 3]],
    "deep inside": lambda lines: [*lines[:3], DEEP, *lines[3:]],
    "deep from the start": _deep_head,
    "a number of 400 digits among the times": _huge_times,
    "a number beyond a float": lambda lines: [lines[0], b'{"type":"replicate","seconds":1e999}', *lines[1:]],
    "NaN": lambda lines: [lines[0], b'{"type":"replicate","seconds":NaN}', *lines[1:]],
    "a later schema": lambda lines: _spoilt(lines, 0, schema=99),
    "a schema of another kind": lambda lines: _spoilt(lines, 0, schema=[1]),
    "text for a machine": lambda lines: _spoilt(lines, 0, machine=SCRIPT),
    "settings of other kinds": lambda lines: _spoilt(lines, 0, settings={"interval": {"a": [SCRIPT]}, "seed": "x", "images": 7}),
    "huge counts": lambda lines: _spoilt(
        lines, 1, counted=lines[1]["counted"] | {"params": 10**30, "macs": -(10**30), "macs_second": 0, "activations": 10**300}
    ),
    "huge batches": lambda lines: _spoilt(lines, 0, cases=[one | {"batch": 10**40} for one in lines[0]["cases"]]),
    "no threads": lambda lines: _spoilt(lines, 0, cases=[one | {"threads": -1, "input_shape": []} for one in lines[0]["cases"]]),
    "a start that is no time": lambda lines: _spoilt(lines, 0, started=SCRIPT * 50, run_id="\x00" * 9),
    "rows of other cases": lambda lines: [*lines[:-2], lines[-2] | {"case": "x"}, lines[-1]],
    "rows with huge values": lambda lines: [
        *lines[:-3],
        *({**one, "values": one["values"] | {"latency_s": 10**305, "latency_s_low": -(10**305)}} for one in lines[-3:-1]),
        lines[-1],
    ],
    "negative times": lambda lines: [one | {"latency_ns": [-1, 0, 1]} if "latency_ns" in one else one for one in lines],
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_file_hides_no_other_and_breaks_no_page(ask: Any, folder: Any, name: str) -> None:
    good = folder.add("net/good").name
    folder.put("20260401T040000Z-bad.jsonl", BREAKS[name](folder.lines()))
    for path in PAGES:
        answer = ask(path)
        assert answer.status_code == 200, (path, answer.text[-300:])
        assert "Traceback" not in answer.text
        assert (good if path in {"/", "/compare"} else "net/good") in answer.text
    answer = ask("/compare.json?a=20260401T040000Z-bad.jsonl&b=20260401T040000Z-bad.jsonl")
    assert answer.status_code in {200, 400, 404, 500}
    assert answer.status_code == 200 or "\n" not in answer.json()["error"]
    assert {row["architecture"] for row in ask("/report.json").json()["rows"]} >= {"net/good"}


@pytest.mark.parametrize("name", ["no JSON", "another's JSON", "deep from the start", "a later schema", "text for a machine"])
def test_a_file_that_cannot_be_read_is_named_on_every_page_that_looked(ask: Any, folder: Any, name: str) -> None:
    folder.add("net/good")
    folder.put("20260401T040000Z-bad.jsonl", BREAKS[name](folder.lines()))
    for path in ("/", "/report", "/history", "/compare", "/report.json"):
        text = ask(path).text
        assert "20260401T040000Z-bad.jsonl" in text
        assert str(folder.root) not in text
    (refused,) = ask("/report.json").json()["refused"]
    assert "\n" not in refused["reason"]
    assert len(refused["reason"]) < 350


def test_text_from_a_file_stays_text_on_every_page(ask: Any, folder: Any) -> None:
    for _ in range(2):
        lines = folder.lines(command=SCRIPT, commit=SCRIPT)
        text = json.dumps(lines).replace("net/one", json.dumps(SCRIPT)[1:-1]).replace("Some CPU", json.dumps(SCRIPT)[1:-1])
        folder.put(f"{SCRIPT.replace('/', '')}{folder.days}.jsonl", json.loads(text))
    for path in ("/", "/report", "/history", "/compare"):
        answer = ask(path)
        assert answer.status_code == 200
        assert "<script>window" not in answer.text
        assert "<img" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        "file=../secret.jsonl", "file=/etc/passwd", "file=..%2f..%2fetc%2fpasswd", "file=%00", "file=nothing.jsonl", "file=",
        "last=0", "last=1e9", "last=x",
        "mix=perhaps", "unknown=1", "machine=nobody", f"file={'x' * 5000}", "file=%ff%fe", "%ff=1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", ["", ".json"])
def test_a_question_that_cannot_be_answered_is_one_line(ask: Any, folder: Any, query: str, form: str) -> None:
    folder.add()
    answer = ask(f"/report{form}?{query}")
    assert answer.status_code in {400, 404}
    assert "Traceback" not in answer.text
    assert "root:" not in answer.text
    if form:
        told = answer.json()["error"]
        assert told
        assert "\n" not in told
        assert len(told) < 400


@pytest.mark.parametrize("path", ["/../etc/passwd", "/asset/../../x", "/asset/%2e%2e%2fapp.py", "//", "/.git/config", "/%00"])
def test_no_address_is_a_path(ask: Any, folder: Any, path: str) -> None:
    folder.add()
    answer = ask(f"http://localhost:8137{path}")
    assert answer.status_code in {200, 404}
    assert "root:" not in answer.text
    if answer.status_code == 200:
        assert "What was measured" in answer.text


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_stands_in_a_field_the_others_are_shown(ask: Any, folder: Any, data: st.DataObject) -> None:
    for path in folder.root.iterdir():
        path.unlink()
    folder.days = 0
    folder.add("net/good")
    lines = folder.lines()
    at = data.draw(st.integers(0, len(lines) - 1))
    keys: list[Any] = list(lines[at])
    field = data.draw(st.sampled_from(keys))
    value = data.draw(ANYTHING)
    inner = lines[at][field]
    if isinstance(inner, dict) and inner and data.draw(st.booleans()):
        value = inner | {data.draw(st.sampled_from(list(inner))): value}
    try:
        folder.put("20260401T040000Z-bad.jsonl", _spoilt(lines, at, **{field: value}))
    except UnicodeEncodeError:
        return  # half a character, which JSON in UTF-8 cannot hold
    for path in ("/report", "/history.json"):
        answer = ask(path)
        assert answer.status_code == 200, answer.text[-300:]
        assert "net/good" in answer.text
