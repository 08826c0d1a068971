"""What a module runs: operators with their MACs, in what they compute, and where values only change their format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from vbench.engines import _account
from vbench.engines._account import Ran, grouped
from vbench.engines.eager import Eager

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vbench.core import Operator


class Small(nn.Module):
    """A convolution in groups, one of another layout, a product, and a change of type and back."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(4, 8, 3, padding=1, groups=2)
        self.head = nn.Linear(8, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found = self.grouped(images).relu()
        found = found.to(torch.float64).to(found.dtype)
        found = found.contiguous(memory_format=torch.channels_last)
        return self.head(found.mean((2, 3)))


def by_kind(operators: Sequence[Operator]) -> dict[tuple[str, str, str], tuple[int, int]]:
    return {(o.kind, o.precision, o.place): (o.count, o.macs) for o in operators}


def test_a_modules_operators_with_their_macs_per_picture() -> None:
    module = Small().eval()
    with torch.inference_mode():
        operators = _account.of_module(module, torch.ones(2, 4, 6, 6))
    found = by_kind(operators)
    assert found["convolution", "fp32", "first"] == (1, 8 * 36 * 2 * 9)
    assert found["matmul", "fp32", "last"] == (1, 80)
    assert found["conversion", "fp32", ""][0] == 2  # to fp64, and to another layout
    assert found["conversion", "fp64", ""] == (1, 0)  # and back
    assert found["relu", "fp32", ""] == (1, 0)
    assert all(o.seconds is not None and o.seconds >= 0 for o in operators)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_an_eager_session_computes_in_the_precision_of_its_case(precision: str, make: Any) -> None:
    session: Any = Eager().prepare(Small(), make.case(precision=precision, input_shape=(4, 6, 6)))
    session.load([torch.ones(1, 4, 6, 6)])
    session.step()
    assert session.output().dtype == {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    assert {o.precision for o in session.operators() if o.macs} == {precision}
    assert torch.is_inference_mode_enabled()  # as it was before it was asked
    session.close()


def test_tf32_is_what_a_gpu_multiplies_fp32_in() -> None:
    found = by_kind(_account.of_module(Small().eval(), torch.ones(1, 4, 6, 6), tf32=True))
    assert ("convolution", "tf32", "first") in found
    assert ("relu", "fp32", "") in found


def test_attention_and_vectors_count() -> None:
    def call(x: torch.Tensor) -> torch.Tensor:
        attended = nn.functional.scaled_dot_product_attention(x, x, x)
        return attended[0, 0] @ torch.ones(16)

    operators = _account.of_module(call, torch.ones(1, 2, 5, 16))
    assert sum(o.macs for o in operators) == 2 * 5 * 5 * (16 + 16) + 5 * 16


@given(
    st.lists(
        st.builds(Ran, st.sampled_from("ab"), st.sampled_from(["fp32", "int8"]), st.integers(0, 3), st.none() | st.just(0.5))
    )
)
def test_groups_keep_every_operator_once_and_the_first_and_last_product_alone(ran: list[Ran]) -> None:
    operators = grouped(ran, 1)
    products = [one for one in ran if one.macs]
    assert sum(o.count for o in operators) == len(ran)
    assert sum(o.macs for o in operators) == sum(one.macs for one in ran)
    places = {o.place: o for o in operators if o.place}
    assert set(places) == ({"first"} if len(products) == 1 else {"first", "last"} if products else set())
    for place, one in (("first", products[:1]), ("last", products[1:][-1:])):
        assert [(o.kind, o.precision, o.macs, o.count) for o in operators if o.place == place] == [
            (product.kind, product.precision, product.macs, 1) for product in one
        ]
    for o in operators:
        same = [one.seconds for one in ran if (one.kind, one.precision) == (o.kind, o.precision)]
        assert (o.seconds is None) <= (None in same)
