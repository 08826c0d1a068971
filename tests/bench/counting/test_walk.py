"""The first count, against hand-computed costs of small modules."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from vbench.counting import walk as walking
from vbench.counting.rules import FREE, OTHER, kind_of
from vbench.counting.second import second_count
from vbench.counting.walk import walk


class Run(nn.Module):
    """A module out of a function, with weights if it needs them."""

    def __init__(self, function: object, *weights: tuple[int, ...]) -> None:
        super().__init__()
        self.function = function
        self.weights = nn.ParameterList(torch.empty(*shape) for shape in weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, *self.weights)


def attention(x: torch.Tensor) -> torch.Tensor:
    return functional.scaled_dot_product_attention(x, x, x)


# name: module, input shape, MACs, activations. MACs are written as output elements times the length of their sums.
PRODUCTS = {
    "convolution": (lambda: nn.Conv2d(3, 8, 3), (3, 10, 10), 8 * 8 * 8 * 27, 512),
    "bias adds nothing": (lambda: nn.Conv2d(3, 8, 3, bias=False), (3, 10, 10), 8 * 8 * 8 * 27, 512),
    "groups and stride": (lambda: nn.Conv2d(8, 12, 3, 2, 1, groups=4), (8, 10, 10), 12 * 5 * 5 * 18, 300),
    "depthwise, dilated": (lambda: nn.Conv2d(6, 6, 3, dilation=2, groups=6), (6, 9, 9), 6 * 5 * 5 * 9, 150),
    "padding by word": (lambda: nn.Conv2d(3, 4, 3, padding="same"), (3, 6, 6), 4 * 6 * 6 * 27, 144),
    "one dimension": (lambda: nn.Conv1d(3, 4, 5), (3, 12), 4 * 8 * 15, 32),
    "three dimensions": (lambda: nn.Conv3d(2, 4, 3), (2, 5, 5, 5), 4 * 27 * 54, 108),
    "transposed": (lambda: nn.ConvTranspose2d(4, 6, 2, 2), (4, 5, 5), 25 * 4 * 6 * 4, 600),
    "transposed, grouped": (lambda: nn.ConvTranspose2d(4, 6, 3, 2, 1, groups=2), (4, 5, 5), 25 * 2 * 2 * 3 * 9, 486),
    "linear": (lambda: nn.Linear(7, 5), (7,), 35, 5),
    "linear over positions": (lambda: nn.Linear(7, 5), (3, 4, 7), 12 * 35, 60),
    "batched product": (lambda: Run(lambda x: x @ x.mT), (4, 3, 5), 4 * 9 * 5, 36),
    "broadcast product": (lambda: Run(lambda x, w: x @ w, (2, 1, 5, 6)), (4, 3, 5), 2 * 4 * 3 * 6 * 5, 144),
    "matrix with vector": (lambda: Run(lambda x, w: x[0] @ w, (5,)), (3, 5), 15, 3),
    "two vectors": (lambda: Run(lambda x, w: x[0] @ w, (5,)), (5,), 5, 1),
    "added product": (lambda: Run(lambda x, w: torch.baddbmm(x, x, w, beta=0.5), (1, 3, 3)), (3, 3), 27, 9),
    "einsum": (lambda: Run(lambda x, w: torch.einsum("bhid,hjd->bhij", x, w), (2, 5, 8)), (2, 3, 8), 2 * 3 * 5 * 8, 30),
    "attention": (lambda: Run(attention), (4, 16, 8), 2 * 4 * 16 * 16 * 8, 4 * 16 * (16 + 8)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_cost_what_they_cost_by_hand(name: str) -> None:
    build, shape, macs, activations = PRODUCTS[name]
    with torch.device("meta"):
        found = walk(build(), shape)
    assert (found.macs, found.activations, found.uncounted_ops) == (macs, activations, {})


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_second_count_agrees(name: str) -> None:
    build, shape, macs, _ = PRODUCTS[name]
    assert second_count(build(), shape).macs == macs


@pytest.mark.parametrize("name", ["convolution", "groups and stride", "linear over positions", "broadcast product", "attention"])
def test_the_real_cpu_counts_the_same_macs(name: str) -> None:
    build, shape, macs, _ = PRODUCTS[name]
    assert walk(build(), shape, device="cpu").macs == macs


@pytest.mark.parametrize("weights", [True, False])
def test_multi_head_attention_is_seen_through(weights: bool) -> None:  # noqa: FBT001 - a parameter of the test
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x, need_weights=weights)[0]

    macs = 16 * 32 * (3 * 32 + 32) + 2 * 4 * 16 * 16 * 8
    with torch.device("meta"):
        assert walk(Block(), (16, 32)).macs == macs
    assert walk(Block(), (16, 32), device="cpu").macs == macs
    assert second_count(Block(), (16, 32)).macs == macs


sizes = st.integers(1, 4)


@settings(max_examples=40)
@given(
    groups=sizes,
    cin=sizes,
    cout=sizes,
    kernel=sizes,
    stride=sizes,
    padding=st.integers(0, 2),
    side=st.integers(4, 9),
    bias=st.booleans(),
)
def test_convolutions_follow_the_formula(  # noqa: PLR0913, PLR0917 - each is an axis that hypothesis draws
    groups: int,
    cin: int,
    cout: int,
    kernel: int,
    stride: int,
    padding: int,
    side: int,
    bias: bool,  # noqa: FBT001 - as above
) -> None:
    def build() -> nn.Module:
        return nn.Conv2d(groups * cin, groups * cout, kernel, stride, padding, groups=groups, bias=bias)

    shape = (groups * cin, side, side)
    out = (side + 2 * padding - kernel) // stride + 1
    macs = out**2 * groups * cout * cin * kernel**2
    with torch.device("meta"):
        found = walk(build(), shape)
    assert found.macs == macs
    assert found.activations == out**2 * groups * cout
    assert second_count(build(), shape).macs == macs


class Unpooled(nn.Module):
    """A convolution with holes, its maxima, and those where they stood again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=2, dilation=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maxima, places = functional.max_pool2d(self.conv(x), 2, return_indices=True)
        return functional.max_unpool2d(maxima, places, 2)


def test_unpooling_is_arithmetic_on_what_it_makes_and_both_counters_follow_it() -> None:
    shape, before = (3, 6, 6), functional._check_unpool_output_size
    with torch.device("meta"):
        found = walk(Unpooled(), shape)
    other = second_count(Unpooled(), shape)
    assert found.macs == other.macs == 4 * 36 * 27
    # The maxima's 9 and what is unpooled, 36, of 4 channels.
    assert found.other_ops == other.other_ops == 4 * (9 + 36)
    assert found.uncounted_ops == other.uncounted_ops == {}
    assert functional._check_unpool_output_size is before


def block() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Flatten())


def test_other_arithmetic_counts_the_elements_it_makes() -> None:
    with torch.device("meta"):
        found = walk(block(), (3, 8, 8))
    assert found.other_ops == 256 + 256 + 64
    assert found.other_ops == second_count(block(), (3, 8, 8)).other_ops
    assert found.operators["aten.convolution"] == found.operators["aten.native_batch_norm"] == found.operators["aten.relu_"] == 1


def test_index_arithmetic_is_not_the_networks_work() -> None:
    with torch.device("meta"):
        found = walk(Run(lambda x: x[:, (torch.arange(4) * 2 + 1) % 4]), (4, 3))
    assert (found.other_ops, found.uncounted_ops) == (0, {})


def test_an_operator_without_a_rule_is_named() -> None:
    with torch.device("meta"):
        found = walk(Run(lambda x: torch.fft.fft(torch.fft.fft(x).real).real), (8,))
    assert found.uncounted_ops == {"aten._fft_r2c": 2}
    assert second_count(Run(lambda x: torch.fft.fft(x).real), (8,)).uncounted_ops == {"aten::fft_fft": 1, "aten::real": 1}


def test_what_runs_under_inference_mode_is_counted() -> None:
    layers = nn.Linear(7, 5, device="meta"), nn.Conv2d(1, 4, 3, device="meta"), nn.BatchNorm2d(4, device="meta").eval()

    @torch.inference_mode()
    def forward(x: torch.Tensor) -> torch.Tensor:
        return layers[2](layers[1](layers[0](x)))

    found = walk(Run(forward), (1, 6, 7))
    assert (found.macs, found.uncounted_ops) == (6 * 35 + 4 * 4 * 3 * 9, {})


def test_no_operator_is_in_two_lists() -> None:
    assert frozenset() == FREE & OTHER


def test_kinds_of_operators() -> None:
    aten = torch.ops.aten
    assert kind_of(aten.view.default) == "free"
    assert kind_of(aten.clone.default) == "free"
    assert kind_of(aten.gelu.default) == "other"
    assert kind_of(aten.native_layer_norm.default) == "other"
    assert kind_of(aten._fft_r2c.default) == "unknown"
    assert kind_of("no operator") == "unknown"


@pytest.mark.parametrize(
    "norm", [nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False), nn.BatchNorm2d(4, track_running_stats=False)]
)
def test_shortcuts_give_what_torch_gives(norm: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), norm, nn.ReLU(inplace=True)).to("meta")
    short = walk(network, (3, 8, 8))
    real = walk(network.to_empty(device="cpu"), (3, 8, 8), device="cpu")
    monkeypatch.setattr(walking, "SHORTCUTS", {})
    # Without values torch makes statistics that it does not make on the processor: those are moved, if never held.
    long = msgspec.structs.replace(walk(network.to("meta"), (3, 8, 8)), bytes_moved=real.bytes_moved)
    assert long == short
    assert real.peak_activation_bytes == short.peak_activation_bytes


def test_the_digest_is_that_of_the_work() -> None:
    with torch.device("meta"):
        digests = [
            walk(build(), shape).digest
            for build, shape in (
                (lambda: nn.Conv2d(4, 4, 3), (4, 8, 8)),
                (lambda: nn.Conv2d(4, 4, 3), (4, 9, 9)),
                (lambda: nn.Conv2d(4, 4, 3, stride=2), (4, 8, 8)),
                (lambda: nn.Conv2d(4, 4, 3, groups=2), (4, 8, 8)),
                (lambda: nn.Conv2d(4, 4, 3, bias=False), (4, 8, 8)),
                (lambda: nn.Conv2d(4, 4, 3, dtype=torch.float64), (4, 8, 8)),
                (lambda: nn.LayerNorm(8, eps=1e-5), (4, 8)),
                (lambda: nn.LayerNorm(8, eps=1e-6), (4, 8)),
            )
        ]
        again = walk(nn.Sequential(nn.Conv2d(4, 4, 3)), (4, 8, 8)).digest
    assert len(set(digests)) == len(digests)
    assert again == digests[0], "what a module is called is not work"
    assert walk(nn.Conv2d(4, 4, 3), (4, 8, 8), device="cpu").digest == digests[0], "the meta device stands for the real one"


def test_the_digest_is_the_same_in_another_process() -> None:
    code = (
        "import torch; from torch import nn; from vbench.counting.walk import walk\n"
        "with torch.device('meta'): print(walk(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softmax(1)), (3, 8, 8)).digest)"
    )
    other = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    with torch.device("meta"):
        assert other.stdout.strip() == walk(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softmax(1)), (3, 8, 8)).digest


def test_operators_know_their_modules() -> None:
    with torch.device("meta"):
        found = walk(nn.Sequential(block(), nn.Linear(64, 2)), (3, 8, 8))
    scopes = {record.name: record.scope for record in found.records}
    assert scopes["aten.convolution"] == ("", "0", "0.0")
    assert scopes["aten.addmm"] == ("", "1")
    assert found.modules == {
        "": (1, 2),
        "0": (1, 64),
        "0.0": (1, 4, 8, 8),
        "0.1": (1, 4, 8, 8),
        "0.2": (1, 4, 8, 8),
        "0.3": (1, 4, 4, 4),
        "0.4": (1, 64),
        "1": (1, 2),
    }


def test_attention_is_fused_again_after_a_walk() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    with pytest.raises(ValueError, match="broken"), torch.device("meta"):
        walk(Run(_broken), (3,))
    assert torch.backends.mha.get_fastpath_enabled() == before


def _broken(_: torch.Tensor) -> torch.Tensor:
    message = "broken"
    raise ValueError(message)
