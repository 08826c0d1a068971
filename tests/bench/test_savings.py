"""What a compression saved, in words, and the speed-up over the uncompressed network that the words rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import results, savings
from vbench.reports import markdown

if TYPE_CHECKING:
    from vbench.core import Case, Record, Replicate

PRUNED = {"zeros": 900.0, "nonzeros": 100.0, "encoded_bytes": 1_000.0, "dense_bytes": 4_100.0}
COLUMNS = ("speedup_over_uncompressed", "speedup_over_uncompressed_low", "speedup_over_uncompressed_high", "saved")


def record(make: Any, whole: list[float], smaller: list[float], *, weights: str = "random:0") -> Record:
    """A run of a network and of the same pruned: images per second in each round."""
    cases = [make.case(weights=weights), make.case(weights=weights, compression="magnitude:0.9")]
    notes = {"magnitude published": "10 times smaller (Somebody 2015)"}
    done = [make.check(cases[0]), checked(make, cases[1], notes)]
    for case, rates in zip(cases, (whole, smaller), strict=True):
        done += [make.replicate(case, n, 1e3 / rate, values={"throughput_per_s": rate}) for n, rate in enumerate(rates)]
    return results.record(make.run(*cases), done, "complete")


def checked(make: Any, case: Case, notes: dict[str, str] | None = None) -> Replicate:
    """The check of the pruned network."""
    return msgspec.structs.replace(make.check(case), values=PRUNED, notes=notes or {})


def test_a_row_says_by_which_pictures_channels_were_ranked(make: Any) -> None:
    case = make.case(compression="taylor:0.5:data=noise+apoz:0.5:data=noise")
    notes = {"taylor data": "16 seeded ones", "apoz data": "16 seeded ones", "taylor loss": "a square", "other data": "none"}
    for told, wanted in ((notes, "16 seeded ones"), ({}, None), ({**notes, "apoz data": "4 others"}, "16 seeded ones; 4 others")):
        found = results.record(make.run(case), [checked(make, case, told)], "complete")
        assert found.results[0].values.get("ranked_by") == wanted


def values(found: Record) -> dict[str, Any]:
    return found.results[1].values


def test_zeros_save_bytes_and_no_time(make: Any) -> None:
    base = [100.0, 50.0, 100.0, 50.0, 100.0, 50.0]
    found = record(make, base, [rate * factor for rate, factor in zip(base, (0.99, 1.01, 1.0, 1.02, 0.98, 1.0), strict=True)])
    got = values(found)
    assert got["speedup_over_uncompressed"] == 1.0
    assert (got["speedup_over_uncompressed_low"], got["speedup_over_uncompressed_high"]) == pytest.approx((0.98, 1.02))
    assert (got["zeros"], got["nonzeros"], got["encoded_bytes"], got["encoded_ratio"]) == (900, 100, 1000, 4.1)
    assert got["saved"] == (
        "as many MACs as before; 90.0 % of 1.00 k weights zero, and multiplied like the others; "
        "1000 B on disk, 4.1 times smaller than in fp32, of seeded noise: trained weights have another size; "
        "no time: 1.00 [0.98, 1.02] times as quick as uncompressed"
    )
    assert not any(column in found.results[0].values for column in COLUMNS)


@pytest.mark.parametrize(("factor", "word"), [(1.5, "quicker: 1.50"), (0.9, "slower: 0.90"), (1.0, "no time: 1.00")])
def test_the_word_follows_the_interval(make: Any, factor: float, word: str) -> None:
    assert word in values(record(make, [100.0] * 6, [100.0 * factor] * 6))["saved"]


def test_one_process_each_has_no_interval(make: Any) -> None:
    got = values(record(make, [100.0], [110.0]))
    assert got["saved"].endswith("1.1 times as quick, without an interval")
    assert "speedup_over_uncompressed_low" not in got


def test_without_the_uncompressed_row_no_time_is_compared(make: Any) -> None:
    case = make.case(compression="magnitude:0.9")
    done = [checked(make, case), make.replicate(case)]
    (row,) = results.record(make.run(case), done, "complete").results
    assert "speedup_over_uncompressed" not in row.values
    assert row.values["saved"].endswith("the run has no uncompressed row that was timed")


def test_trained_weights_are_no_noise(make: Any) -> None:
    assert "noise" not in values(record(make, [1.0], [1.0], weights="vgg16:0676ba61a2b3"))["saved"]


def test_fewer_macs_are_said(make: Any) -> None:
    case = make.case(compression="l1-filter:0.5")
    assert savings.sentence(case, {"macs": 100}, {"macs": 250}, None, None).startswith("2.5 times fewer MACs; its time is not")
    assert savings.sentence(case, {}, None, None, None).startswith("its time is not compared")


def test_the_report_prints_it_with_what_was_published(make: Any) -> None:
    found = record(make, [100.0] * 6, [100.0] * 6)
    text = markdown.summary([found], [], [])
    assert "## What compressions saved" in text
    assert "no time: 1.00 [1.00, 1.00] times as quick" in text
    assert "published: 10 times smaller (Somebody 2015)" in text
    assert "90.0 %" in markdown.table([found], [])
