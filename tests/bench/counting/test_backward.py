"""The multiply-accumulates of the backward pass, by hand and over the whole catalogue."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from vbench import config
from vbench.counting import count
from vbench.counting.backward import backward_macs
from vbench.counting.walk import walk
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()
# The first twelve networks, and one of each further kind of layer: the whole catalogue would take minutes.
CATALOGUE = [
    *ARCHITECTURES.match(config.load().suite("default").architectures),
    *ARCHITECTURES.match(
        ["densenet/121", "efficientnet/b0", "inception/v3", "mobilenet/v3-small", "se/resnet-50", "shufflenet/v2-1.0"]
    ),
]


def frozen() -> nn.Module:
    network = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3))
    network[0].requires_grad_(requires_grad=False)
    return network


class Run(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.weight = nn.Parameter(torch.ones(8, 8))

    def forward(self, x: torch.Tensor) -> Any:
        return self.function(x, self.weight)


# name: module, input shape, MACs: those of the weights' gradients, then those of the gradients that pass between layers.
HANDMADE = {
    "one convolution: its input needs none": (lambda: nn.Conv2d(3, 8, 3), (3, 10, 10), 64 * 8 * 27),
    "two convolutions": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Conv2d(8, 4, 3)),
        (3, 10, 10),
        64 * 8 * 27 + 36 * 4 * 72 + 36 * 4 * 72,
    ),
    "grouped, with stride": (
        lambda: nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.Conv2d(8, 12, 3, 2, 1, groups=4)),
        (8, 10, 10),
        100 * 64 + 2 * 25 * 12 * 18,
    ),
    "transposed, grouped": (
        lambda: nn.Sequential(nn.Conv2d(4, 4, 1), nn.ConvTranspose2d(4, 6, 3, 2, 1, groups=2)),
        (4, 5, 5),
        25 * 16 + 2 * 25 * 4 * 3 * 9,
    ),
    "one linear layer": (lambda: nn.Linear(7, 5), (7,), 35),
    "two linear layers": (lambda: nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3)), (7,), 35 + 15 + 15),
    "linear over positions": (lambda: nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3)), (4, 7), 4 * (35 + 15 + 15)),
    "a frozen layer has no gradient": (frozen, (7,), 15),
    "nothing to train": (lambda: frozen()[0], (7,), 0),
    "all outputs count": (lambda: Run(lambda x, w: {"a": x @ w, "b": [(x @ w).relu()]}), (8,), 64 + 64),
    "an output that nobody can train is left out": (lambda: Run(lambda x, w: (x @ w, x.argmax(1))), (8,), 64),
    "batch norm and dropout add nothing": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4), nn.Dropout()),
        (3, 6, 6),
        36 * 12,
    ),
    "attention": (
        lambda: Run(lambda x, w: functional.scaled_dot_product_attention(x @ w, x @ w, x @ w)),
        (2, 4, 16, 8),
        # The weight's gradient of three products, and two gradients for each of the two products inside.
        3 * 2 * 4 * 16 * 64 + 2 * 2 * (2 * 4 * 16 * 16 * 8),
    ),
}


@pytest.mark.parametrize("name", HANDMADE)
def test_gradients_cost_what_they_cost_by_hand(name: str) -> None:
    build, shape, macs = HANDMADE[name]
    with torch.device("meta"):
        network = build()
    assert backward_macs(network, shape) == macs
    if name != "attention":  # its fused kernel on the processor computes the scores a second time
        assert backward_macs(build(), shape, device="cpu") == macs


@pytest.mark.parametrize("architecture", CATALOGUE, ids=lambda item: item.name)
def test_a_backward_pass_is_twice_the_forward_pass_without_the_inputs_gradient(architecture: Any) -> None:
    shape = (3, 96, 96)
    with torch.device("meta"):
        network = architecture.build()
    forward = walk(network, shape)
    first = next(record.macs for record in forward.records if record.macs)
    assert backward_macs(network, shape) == 2 * forward.macs - first


sizes = st.integers(1, 4)


@settings(max_examples=25)
@given(groups=sizes, cin=sizes, cout=sizes, kernel=sizes, stride=sizes, transposed=st.booleans())
def test_each_gradient_of_a_convolution_costs_what_the_forward_pass_costs(  # noqa: PLR0913 - each is an axis that hypothesis draws
    *, groups: int, cin: int, cout: int, kernel: int, stride: int, transposed: bool
) -> None:
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    with torch.device("meta"):
        network = nn.Sequential(nn.Conv2d(2, groups * cin, 1), kind(groups * cin, groups * cout, kernel, stride, groups=groups))
    first, second = (record.macs for record in walk(network, (2, 6, 6)).records if record.kind == "product")
    assert backward_macs(network, (2, 6, 6)) == first + 2 * second


def test_it_is_counted_for_a_training_step_and_not_otherwise() -> None:
    def build() -> nn.Module:
        return nn.Linear(7, 5)

    assert count(build, (7,), second=False).backward_macs is None
    assert count(build, (7,), second=False, backward=True).backward_macs == 35


def test_a_network_that_reads_values_is_counted_on_the_cpu() -> None:
    found = count(lambda: Run(lambda x, w: (x @ w) * (1 + x.sum().item())), (8,), second=False, backward=True)
    assert (found.method, found.backward_macs) == ("real", 64)


def test_a_network_that_cannot_be_trained_keeps_its_other_counts() -> None:
    def refuses(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            message = "made for inference"
            raise RuntimeError(message)
        return x @ w

    found = count(lambda: Run(refuses), (8,), second=False, backward=True)
    assert (found.macs, found.backward_macs) == (64, None)
    assert found.notes == ("the backward pass could not be counted: RuntimeError: made for inference",)
