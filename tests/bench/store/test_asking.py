"""Which rows are asked for, the same whether DuckDB or Python decides."""

from __future__ import annotations

import fnmatch
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.errors import UnknownNameError, UsageError
from vbench.store import asking

names = st.text(alphabet="ab/*?[]!-1", max_size=6)


def test_values_globs_and_numbers_select() -> None:
    wanted = asking.asked({"architecture": "resnet/*", "batch": [1, 8]})
    assert wanted.told({"architecture": "resnet/50", "batch": 8})
    assert not wanted.told({"architecture": "resnet/50", "batch": 2})
    assert not wanted.told({"architecture": "vgg/16", "batch": 1})
    assert asking.asked(None).told({})
    assert asking.asked({"topic": ""}).told({"topic": ""})


def test_an_unknown_column_and_an_odd_value_are_one_line() -> None:
    with pytest.raises(UnknownNameError, match="did you mean architecture"):
        asking.asked({"architectures": "x"})
    with pytest.raises(UnknownNameError):
        asking.asked({"latency_s": "x"})
    for odd in (None, 1.5, [], [None], {"a": 1}):
        if odd != {"a": 1}:
            with pytest.raises((UsageError, TypeError)):
                asking.asked({"architecture": odd})


@given(st.lists(names, min_size=1, max_size=3), names)
def test_what_duckdb_is_asked_for_holds_every_row_that_matches(values: list[str], name: str) -> None:
    duckdb: Any = pytest.importorskip("duckdb", reason="duckdb is not installed: pip install duckdb")
    wanted = asking.asked({"architecture": values})
    condition, parameters = wanted.sql()
    sql = f"SELECT count(*) FROM (SELECT ?::VARCHAR AS architecture) WHERE {condition}"  # noqa: S608 - what is tested
    (found,) = duckdb.connect().execute(sql, [name, *parameters]).fetchone()
    expected = any(name == value or fnmatch.fnmatchcase(name, value) for value in values)
    assert wanted.told({"architecture": name}) == expected
    assert found or not expected
    if not wanted.globs:
        assert bool(found) == expected
