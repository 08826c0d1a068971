"""The exact gate: any difference is one, getting smaller is said to be that, and the file merges line by line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.errors import ConfigError, UsageError
from vbench.gate import exact
from vbench.gate.exact import METRICS, Entry, compare, read, update

if TYPE_CHECKING:
    from pathlib import Path

LOCKED = Entry(
    params=1_000,
    trainable_params=1_000,
    buffers=100,
    weight_bytes=4_400,
    macs=1_000_000,
    other_ops=500,
    activations=700,
    peak_activation_bytes=4_000,
    operators={"aten.convolution": 3, "aten.relu": 2},
    uncounted_ops={"aten.fft": 1},
)


def changed(**fields: Any) -> list[exact.Difference]:
    return compare({"a": LOCKED}, {"a": msgspec.structs.replace(LOCKED, **fields)}, whole=True)


def test_what_is_as_locked_is_no_difference() -> None:
    assert changed() == []
    assert compare({"a": LOCKED, "b": LOCKED}, {"a": LOCKED}, whole=False) == []


@pytest.mark.parametrize("metric", METRICS)
def test_any_number_that_differs_is_shown_and_a_smaller_one_says_how_to_accept_it(metric: str) -> None:
    before = getattr(LOCKED, metric)
    (grown,) = changed(**{metric: before + 1})
    assert (grown.improved, grown.line()) == (False, f"differs: a: {metric} {before:,} -> {before + 1:,}")
    (less,) = changed(**{metric: before - 1})
    line = f"improved: a: {metric} {before:,} -> {before - 1:,}; if that is meant: vbench gate --update-lock"
    assert (less.improved, less.line()) == (True, line)


@given(st.dictionaries(st.sampled_from(METRICS), st.integers(min_value=-50, max_value=50).filter(bool), min_size=1))
def test_one_number_that_grew_is_no_improvement_whatever_the_others_did(steps: dict[str, int]) -> None:
    (found,) = changed(**{metric: getattr(LOCKED, metric) + step for metric, step in steps.items()})
    assert found.improved == all(step < 0 for step in steps.values())
    assert set(found.changes) == set(steps)


@pytest.mark.parametrize(
    ("fields", "improved", "line"),
    [
        ({"operators": {"aten.convolution": 3, "aten.relu": 3}}, False, "differs: a: aten.relu 2 -> 3"),
        ({"operators": {"aten.convolution": 3, "aten.relu": 1}}, False, "differs: a: aten.relu 2 -> 1"),
        ({"operators": {"aten.convolution": 3, "aten.gelu": 2}}, False, "differs: a: aten.relu 2 -> 0, aten.gelu 0 -> 2"),
        ({"uncounted_ops": {}}, False, "differs: a: uncounted aten.fft 1 -> 0"),
        ({"uncounted_ops": {"aten.fft": 2}}, False, "differs: a: uncounted aten.fft 1 -> 2"),
        # Fewer operations by fewer operators is an improvement; by counting fewer of them it is not.
        ({"macs": 9, "operators": {"aten.convolution": 1, "aten.relu": 2}}, True, "improved: a: macs 1,000,000 -> 9, aten.con"),
        (
            {"macs": 9, "uncounted_ops": {"aten.fft": 1, "aten.conv": 1}},
            False,
            "differs: a: macs 1,000,000 -> 9, uncounted aten.conv",
        ),
        ({"macs": 9, "uncounted_ops": {}}, True, "improved: a: macs 1,000,000 -> 9, uncounted aten.fft 1 -> 0"),
    ],
)
def test_operators_alone_are_no_improvement_and_uncounted_ones_excuse_nothing(
    fields: dict[str, Any], *, improved: bool, line: str
) -> None:
    (found,) = changed(**fields)
    assert found.improved is improved
    assert found.line().startswith(line)


def test_new_and_removed_cases_differ() -> None:
    found = compare({"a": LOCKED, "c": LOCKED}, {"a": LOCKED, "b": LOCKED}, whole=True)
    assert [(difference.line(), difference.improved) for difference in found] == [("new: b", False), ("removed: c", False)]


def test_the_key_names_what_decides_the_counts_and_nothing_else(make: Any) -> None:
    case = make.case("resnet/50", batch=8, threads=4, layout="nhwc", device="fake", engine="fake")
    assert exact.key(case) == "resnet/50@none 3x32x32 fp32 infer" == exact.key(make.case("resnet/50"))
    for axis in ({"compression": "l1:0.5"}, {"input_shape": (3, 8, 8)}, {"precision": "int8"}, {"phase": "train"}):
        assert exact.key(make.case("resnet/50", **axis)) != exact.key(case)


def test_an_entry_holds_what_was_counted(make: Any) -> None:
    counted = make.counted(operators={"b": 1, "a": 2}, uncounted_ops={"d": 1, "c": 2})
    entry = exact.entry(counted)
    assert {metric: getattr(entry, metric) for metric in METRICS} == {metric: getattr(counted, metric) for metric in METRICS}
    assert (list(entry.operators.items()), list(entry.uncounted_ops)) == ([("a", 2), ("b", 1)], ["c", "d"])


def test_the_file_is_sorted_with_one_number_a_line_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    assert update(path, {"b": LOCKED, "a": LOCKED}) == 2
    text = path.read_text("utf-8")
    assert list(json.loads(text)) == ["a", "b"]
    assert text.endswith("}\n")
    assert all(len(re.findall(r": \d+", line)) <= 1 for line in text.splitlines())
    assert sum(len(re.findall(r": \d+", line)) for line in text.splitlines()) == 2 * (len(METRICS) + 3)
    assert read(path) == {"a": LOCKED, "b": LOCKED}
    assert update(path, {"a": LOCKED}) == 0
    assert path.read_text("utf-8") == text
    assert [file.name for file in tmp_path.iterdir()] == ["lock.json"]


def test_an_update_touches_what_was_counted_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    update(path, {"a": LOCKED, "c": LOCKED})
    before = path.read_text("utf-8").splitlines()
    bigger = msgspec.structs.replace(LOCKED, macs=2)
    assert update(path, {"c": bigger}) == 1
    after = path.read_text("utf-8").splitlines()
    assert [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]] == [('  "macs": 1000000,', '  "macs": 2,')]
    assert update(path, {"b": LOCKED}) == 1
    assert read(path) == {"a": LOCKED, "b": LOCKED, "c": bigger}
    assert update(path, {"a": LOCKED, "d": LOCKED}, whole=True) == 3
    assert list(read(path)) == ["a", "d"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": {"macs": "many"}}', b"\xff\xfe", b"<<<<<<< HEAD\n{}"])
def test_a_damaged_file_is_bad_usage_and_is_not_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "lock.json"
    path.write_bytes(content)
    for attempt in (lambda: read(path), lambda: update(path, {"a": LOCKED})):
        with pytest.raises(
            ConfigError, match=r"lock\.json cannot be read as a lock file: .*; restore it, or delete it and "
        ) as caught:
            attempt()
        assert caught.value.exit_code == 2
    assert path.read_bytes() == content


def test_a_file_that_is_absent_or_cannot_be_written_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make it with `vbench gate --update-lock` and commit it"):
        read(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"cannot write the lock file .*deep.lock\.json: No such file") as caught:
        update(tmp_path / "deep" / "lock.json", {"a": LOCKED})
    assert caught.value.exit_code == 2


def test_a_peak_that_became_known_or_unknown_differs_and_is_no_improvement() -> None:
    unknown = msgspec.structs.replace(LOCKED, peak_activation_bytes=None, macs=1)
    (lost,) = compare({"a": LOCKED}, {"a": unknown}, whole=True)
    assert (lost.improved, lost.changes["peak_activation_bytes"]) == (False, (4_000, None))
    assert lost.line() == "differs: a: macs 1,000,000 -> 1, peak_activation_bytes 4,000 -> unknown"
    (found,) = compare({"a": unknown}, {"a": msgspec.structs.replace(LOCKED, macs=0)}, whole=True)
    assert (found.improved, found.line()) == (False, "differs: a: macs 1 -> 0, peak_activation_bytes unknown -> 4,000")


def test_a_file_from_before_the_peak_was_locked_is_read(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    update(path, {"a": LOCKED})
    path.write_text("\n".join(line for line in path.read_text("utf-8").splitlines() if "peak" not in line), encoding="utf-8")
    assert read(path) == {"a": msgspec.structs.replace(LOCKED, peak_activation_bytes=None)}
