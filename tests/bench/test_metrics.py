"""What a metric may give: plain values in the columns that it declared; anything else and it has failed, alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from vbench import results
from vbench.registry import metric

if TYPE_CHECKING:
    from vbench.core import Case, Replicate

pytestmark = pytest.mark.usefixtures("registries")


def timed(case: Case, make: Any) -> list[Replicate]:
    """A check, and six processes that took 10 ms."""
    return [make.check(case), *(make.replicate(case, index) for index in range(6))]


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.bool_(1), True),
        ([np.float32(0.5), (1, None)], [0.5, [1, None]]),
        ({"a": np.int8(1)}, {"a": 1}),
        ("word", "word"),
    ],
)
def test_what_a_metric_gives_is_kept_as_plain_values(value: Any, kept: Any, make: Any) -> None:
    case = make.case("a/b")
    given = {"odd": value, "other": 7, "latency_s": 8}
    metric("odd", unit="", better="none", description="d", kind="derived", columns={"odd": "o", "none": "n"})(lambda *_: given)
    result = results.derive_case(make.run(case), case, timed(case, make), "complete")
    assert (result.flags, result.values["odd"], result.values["latency_s"]) == ((), kept, pytest.approx(0.010))
    assert type(result.values["odd"]) is type(kept)
    assert {"other", "none"}.isdisjoint(result.values)
    assert msgspec.json.decode(msgspec.json.encode(result.values))["odd"] == kept


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float64("nan"), np.zeros(2), {1: 2}, [object()], 1j, b"bytes"])
def test_a_metric_that_gives_what_no_file_can_hold_has_failed(value: Any, make: Any) -> None:
    case = make.case("a/b")
    metric("odd", unit="", better="none", description="d", kind="derived", columns={"fine": "f", "odd": "o"})(
        lambda *_: {"fine": 1, "odd": value}
    )
    result = results.derive_case(make.run(case), case, timed(case, make), "complete")
    assert (result.status, result.flags) == ("ok", ("metric_failed",))
    assert {"fine", "odd"}.isdisjoint(result.values)
    assert result.values["latency_s"] == pytest.approx(0.010)
