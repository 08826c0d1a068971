"""What really ran, as the engine accounts for it: shares that add up, and what is said where they cannot be believed."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import journal, results
from vbench.core import Operator
from vbench.exports import csv, latex, markdown
from vbench.exports.format import Asked
from vbench.metrics import executed

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Record, Result

MACS = 1000
PRECISIONS = ("fp32", "tf32", "bf16", "fp16", "int8")
accounts = st.lists(
    st.builds(Operator, kind=st.just("convolution"), precision=st.sampled_from(PRECISIONS), macs=st.integers(0, 10**12)),
    max_size=6,
)


def account(**macs: int) -> tuple[Operator, ...]:
    return tuple(Operator(kind="convolution", precision=precision, macs=count) for precision, count in macs.items())


def record(make: Any, operators: tuple[Operator, ...], precision: str = "int8", **counts: int) -> Record:
    case = make.case(precision=precision)
    check = msgspec.structs.replace(make.check(case, **{"macs": MACS, "macs_second": MACS} | counts), operators=operators)
    return results.record(make.run(case), [check, *(make.replicate(case, index) for index in range(6))], "complete", "r.jsonl")


def row(make: Any, operators: tuple[Operator, ...], precision: str = "int8") -> Result:
    return record(make, operators, precision).results[0]


def test_shares_are_of_the_counted_multiply_accumulates(make: Any) -> None:
    values = row(make, (*account(int8=900, fp32=90), *account(fp32=10), Operator(kind="pooling", precision="fp32"))).values
    assert values["executed_precision"] == {"int8": 0.9, "fp32": 0.1}
    assert list(values["executed_precision"]) == ["int8", "fp32"]
    assert values["executed_share"] == 0.9


@pytest.mark.parametrize(
    ("macs", "precision", "shares", "flags"),
    [
        ({"int8": 400, "fp32": 600}, "int8", {"fp32": 0.6, "int8": 0.4}, {"mostly_other_precision"}),
        ({"int8": 500, "fp32": 500}, "int8", {"fp32": 0.5, "int8": 0.5}, set()),
        ({"bf16": 1000}, "fp32", {"bf16": 1.0}, {"mostly_other_precision"}),
        ({"fp32": 1000}, "fp32", {"fp32": 1.0}, set()),
        ({"int8": 990}, "int8", {"int8": 1.0}, set()),
        ({"int8": 1010}, "int8", {"int8": 1.0}, set()),
        ({"int8": 300}, "int8", {"unknown": 0.7, "int8": 0.3}, {"account_disagrees"}),
        ({"fp32": 700}, "int8", {"fp32": 0.7, "unknown": 0.3}, {"account_disagrees", "mostly_other_precision"}),
        ({"int8": 1500, "fp32": 500}, "int8", {"int8": 0.75, "fp32": 0.25}, {"account_disagrees"}),
    ],
)
def test_an_account_that_is_not_of_these_macs_is_not_trusted(
    make: Any, macs: dict[str, int], precision: str, shares: dict[str, float], flags: set[str]
) -> None:
    found = row(make, account(**macs), precision)
    assert found.values["executed_precision"] == shares
    assert found.values["executed_share"] == shares.get(precision, 0.0)
    assert {"account_disagrees", "mostly_other_precision"} & set(found.flags) == flags


@pytest.mark.parametrize("operators", [(), account(int8=0), (Operator(kind="pooling", precision="fp32", seconds=1.0),)])
def test_an_engine_that_says_nothing_leaves_the_columns_empty(make: Any, operators: tuple[Operator, ...]) -> None:
    found = row(make, operators)
    assert {"executed_precision", "executed_share"}.isdisjoint(found.values)
    assert {"account_disagrees", "mostly_other_precision"}.isdisjoint(found.flags)


def test_a_network_that_was_not_counted_has_the_shares_of_the_account() -> None:
    assert executed.shares(account(int8=3, fp32=1), None) == {"int8": 0.75, "fp32": 0.25}


@given(operators=accounts, macs=st.none() | st.integers(0, 10**13))
def test_shares_add_up_and_the_unknown_ones_only_take(operators: list[Operator], macs: int | None) -> None:
    found = executed.shares(operators, macs)
    total = sum(operator.macs for operator in operators)
    assert bool(found) == bool(total)
    if found:
        assert math.isclose(sum(found.values()), 1.0)
        assert all(share > 0 for share in found.values())
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert (executed.UNKNOWN in found) == bool(macs and total < 0.99 * macs)
        alone = executed.shares(operators, None)
        assert all(found[name] <= share * (1 + 1e-12) for name, share in alone.items())


def test_the_dictionary_goes_through_every_table_and_through_the_file(make: Any, tmp_path: Path) -> None:
    found = record(make, account(int8=900, fp32=100))
    path = tmp_path / "r.jsonl"
    file = journal.Journal(path)
    file.append("run", found.run)
    for replicate in found.replicates:
        file.append("replicate", replicate)
    for result in found.results:
        journal.append_result(file, result)
    file.append("end", {"status": "complete", "finished": ""})
    file.close()
    (back,) = results.load(path)["executed_precision"]
    assert back == {"int8": 0.9, "fp32": 0.1}
    assert [r for r in results.read(path).replicates if r.operators] == [found.replicates[0]]
    columns = Asked(columns=("executed_precision", "executed_share"))
    text = csv.text([found], columns).content
    assert text == 'executed_precision,executed_share\n"{""int8"": 0.9, ""fp32"": 0.1}",0.9\n'
    assert '{"int8": 0.9, "fp32": 0.1} | 0.9' in markdown.text([found], columns).content
    assert r"\{\textquotedbl{}int8\textquotedbl{}: 0.9" in latex.text([found], columns).content
    (told,) = msgspec.json.decode(msgspec.json.encode([results.row(found.run, found.results[0])]))
    assert json.loads(json.dumps(told))["executed_precision"] == {"int8": 0.9, "fp32": 0.1}
    assert "some" not in results.html(found)
