"""Pruned, shared and binary weights on networks small enough to see all of it."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from vbench.compress import _encoding as encoding
from vbench.compress import _layers, _pruning
from vbench.compress import _likeness as likeness
from vbench.compress._container import Coding
from vbench.compress.binary import Binary
from vbench.compress.codebook import Codebook
from vbench.compress.deep_compression import DeepCompression
from vbench.compress.magnitude import Magnitude


class Work:
    """What a compressor says, kept."""

    shape, task, seed = (3, 16, 16), "classification", 0

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.codings: dict[str, Coding] = {}

    def pictures(self, count: int) -> torch.Tensor:
        raise AssertionError(count)

    def note(self, key: str, text: str) -> None:
        self.notes[key] = text

    def add(self, name: str, number: float) -> None:
        raise AssertionError(name, number)

    def same(self, twin: Any, *, tolerance: float) -> None:
        raise AssertionError(twin, tolerance)

    def written(self, tensor: str, kind: Any, *, bits: int = 0, index_bits: int = 8) -> None:
        self.codings[tensor] = Coding(kind=kind, bits=bits, index_bits=index_bits)


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, groups=16), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(64, 40), nn.ReLU(), nn.Linear(40, 10),
    ).eval()  # fmt: skip


def _account(module: nn.Module, work: Work) -> encoding.Account:
    """What it comes to on disk; that it is read again exactly is part of that."""
    return encoding.account(module, work.codings, encoding.dense_bytes(module))


def _weights(module: nn.Module) -> list[np.ndarray[Any, Any]]:
    return [layer.values.copy() for layer in _layers.layers(module)]


def test_magnitude_keeps_the_largest_of_each_layer(network: nn.Module) -> None:
    before, work = _weights(network), Work()
    assert Magnitude().apply(network, work, ratio=0.9, **{"global": False}) is network
    for was, now in zip(before, _weights(network), strict=True):
        kept = now != 0
        assert kept.sum() == round(0.1 * was.size)
        assert np.array_equal(now[kept], was[kept])
        assert np.abs(was[kept]).min() >= np.abs(was[~kept]).max()
        assert not np.signbit(now[~kept]).any()
    found = _account(network, work)
    total = sum(was.size for was in before)
    assert found.values["zeros"] + found.values["nonzeros"] == total
    assert found.values["nonzeros"] == sum(round(0.1 * was.size) for was in before)
    assert found.values["encoded_bytes"] < found.values["dense_bytes"] / 2


def test_magnitude_ranks_all_layers_together_on_request(network: nn.Module) -> None:
    with torch.no_grad():
        network[0].weight.mul_(1e-3)
    before, work = _weights(network), Work()
    Magnitude().apply(network, work, ratio=0.5, **{"global": True})
    after = _weights(network)
    assert not after[0].any()
    assert sum(np.count_nonzero(now) for now in after) == round(0.5 * sum(was.size for was in before))


@pytest.mark.parametrize("keep", [1, 2, 3, 5, 6, 7])
def test_of_equal_weights_the_first_are_kept(keep: int) -> None:
    tensors = [np.array([[1.0, -1.0], [2.0, 1.0]], np.float32), np.array([[1.0, 0.5]], np.float32)]
    _pruning.prune(tensors, keep)
    assert sum(np.count_nonzero(tensor) for tensor in tensors) == min(keep, 6)
    if keep == 3:
        assert tensors[0].tolist() == [[1.0, -1.0], [2.0, 0.0]]


def test_something_is_always_kept() -> None:
    assert _pruning.kept(0.001, 9) == 1
    assert _pruning.kept(0.5, 9) == 4
    assert _pruning.kept(0.999, 9) == 9


@pytest.mark.parametrize("bits", [1, 3, 8])
def test_a_codebook_leaves_so_many_values(network: nn.Module, bits: int) -> None:
    before, work = _weights(network), Work()
    Codebook().apply(network, work, bits=bits)
    for was, now in zip(before, _weights(network), strict=True):
        assert len(np.unique(now)) <= min(1 << bits, was.size)
        assert np.abs(was - now).max() <= np.ptp(was)
        assert now.all()
    found = _account(network, work)
    assert {coding.kind for coding in work.codings.values()} == {"codebook"}
    numbers = sum(was.size for was in before) * bits / 8
    assert found.values["encoded_bytes"] > numbers
    assert found.values["zeros"] == 0


def test_a_codebook_leaves_zeros_alone(network: nn.Module) -> None:
    work = Work()
    Magnitude().apply(network, work, ratio=0.9, **{"global": False})
    before = [was != 0 for was in _weights(network)]
    sparse = _account(copy.deepcopy(network), work).values["encoded_bytes"]
    Codebook().apply(network, work, bits=2)
    after = _weights(network)
    assert all(np.array_equal(now != 0, was) for was, now in zip(before, after, strict=True))
    assert all(len(np.unique(now)) <= 4 for now in after)
    assert {coding.kind for coding in work.codings.values()} == {"deep"}
    assert _account(network, work).values["encoded_bytes"] < sparse


def test_deep_compression_does_both(network: nn.Module) -> None:
    before, work = _weights(network), Work()
    DeepCompression().apply(network, work, density=0.25, conv=3, fc=2)
    for layer, was in zip(_layers.layers(network), before, strict=True):
        assert np.count_nonzero(layer.values) == round(0.25 * was.size)
        assert len(np.unique(layer.values)) <= 1 << (3 if layer.kind == "conv" else 2)
        coding = work.codings[layer.name]
        assert (coding.bits, coding.index_bits) == ((3, 8) if layer.kind == "conv" else (2, 5))
    assert _account(network, work).values["encoded_bytes"] < encoding.dense_bytes(network) / 4


def test_a_published_table_fits_by_kind_and_order() -> None:
    torch.manual_seed(0)
    sizes = (3, 8, 8, 8, 8, 8)
    convolutions = [nn.Conv2d(a, b, 3) for a, b in itertools.pairwise(sizes)]
    module, work = nn.Sequential(*convolutions, nn.Flatten(), *(nn.Linear(40, 40) for _ in range(3))), Work()
    DeepCompression().apply(module, work, density="alexnet", conv=8, fc=5)
    shares = [np.count_nonzero(layer.values) / layer.values.size for layer in _layers.layers(module)]
    np.testing.assert_allclose(shares, [0.84, 0.38, 0.35, 0.37, 0.37, 0.09, 0.09, 0.25], atol=0.003)
    assert [coding.index_bits for coding in work.codings.values()] == [4] * 8
    assert work.notes["published"].startswith("35 times smaller")
    assert "conv1" in work.notes["layers"]
    with pytest.raises(ValueError, match="13 convolutions and then 3 linear layers; this network has 5 and 3"):
        DeepCompression().apply(module, work, density="vgg-16", conv=8, fc=5)
    with pytest.raises(ValueError, match="leave out fc"):
        DeepCompression().apply(module, work, density="alexnet", conv=8, fc=4)


def test_binary_keeps_signs_and_the_mean_size(network: nn.Module) -> None:
    before, work = _weights(network), Work()
    Binary().apply(network, work, all=False)
    after = _weights(network)
    assert np.array_equal(after[0], before[0])
    assert np.array_equal(after[-1], before[-1])
    for was, now in zip(before[1:-1], after[1:-1], strict=True):
        assert np.array_equal(np.signbit(was), np.signbit(now))
        flat, size = np.abs(was).reshape(len(was), -1), np.abs(now).reshape(len(now), -1)
        np.testing.assert_allclose(size, np.broadcast_to(flat.mean(1, keepdims=True), size.shape), rtol=1e-6)
    assert set(work.codings) == {"3.weight", "6.weight"}
    part = _account(network, work).values["encoded_bytes"]
    Binary().apply(network, work, all=True)
    whole = _account(network, work).values["encoded_bytes"]
    assert whole < part


def test_nothing_to_do_is_said() -> None:
    with pytest.raises(ValueError, match="no convolution and no linear layer"):
        Magnitude().apply(nn.ReLU(), Work(), ratio=0.5, **{"global": False})
    with pytest.raises(ValueError, match="binary:all"):
        Binary().apply(nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3)), Work(), all=False)
    broken = nn.Linear(3, 3)
    with torch.no_grad():
        broken.weight[0, 0] = float("inf")
    with pytest.raises(ValueError, match="not finite"):
        Codebook().apply(broken, Work(), bits=1)


def test_a_weight_that_two_layers_share_stands_once() -> None:
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    other.weight = one.weight
    module = nn.Sequential(one, other)
    assert [layer.name for layer in _layers.layers(module)] == ["0.weight"]
    assert encoding.dense_bytes(module) == (16 + 4 + 4) * 4


def test_weights_in_another_layout_are_changed_too(network: nn.Module) -> None:
    network.to(memory_format=torch.channels_last)
    Codebook().apply(network, Work(), bits=1)
    assert all(len(np.unique(weight)) == 2 for weight in _weights(network))
    Binary().apply(network, Work(), all=True)
    assert len(network[0].weight[0].abs().unique()) == 1


def test_what_a_later_step_changed_is_written_raw(network: nn.Module) -> None:
    work = Work()
    Codebook().apply(network, work, bits=1)
    with torch.no_grad():
        network[0].weight[0, 0, 0] += torch.arange(3)
    found = _account(network, work)
    assert "0.weight" in found.notes["encoded"]


def test_what_differs_is_named(network: nn.Module) -> None:
    wanted = encoding.arrays(network)
    got = {name: tensor.copy() for name, tensor in wanted.items()}
    encoding.verify(wanted, got)
    got["3.bias"][2] = np.nextafter(got["3.bias"][2], 9, dtype=np.float32)
    with pytest.raises(ValueError, match=r"3\.bias is not read again"):
        encoding.verify(wanted, got)
    with pytest.raises(ValueError, match="is not read again"):
        encoding.verify(wanted, {})


def test_the_answers_are_compared_with_those_of_the_network_as_it_was(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = torch.randn(likeness.MOST, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    same, said = likeness.of(network, copy.deepcopy(network), pictures, classes=True)
    assert (same["fidelity_sqnr_db"], same["fidelity_cosine"]) == (200.0, pytest.approx(1.0))
    assert said == "on 16 smooth seeded pictures"
    pruned = Magnitude().apply(copy.deepcopy(network), Work(), ratio=0.9, **{"global": False})
    barely = Magnitude().apply(copy.deepcopy(network), Work(), ratio=0.1, **{"global": False})
    far, near = (likeness.of(network, one, pictures, classes=True)[0]["fidelity_sqnr_db"] for one in (pruned, barely))
    assert far < near < 200.0
    monkeypatch.setattr(likeness, "SECONDS", 0.0)
    assert likeness.of(network, pruned, pictures, classes=False)[1] == "on 4 smooth seeded pictures"
    with torch.no_grad():
        pruned[0].bias[0] = float("nan")
    assert likeness.of(network, pruned, pictures, classes=True) == ({}, "left empty: the output holds NaN or infinity")


def test_types_that_numpy_lacks_are_written_by_their_bits() -> None:
    module = nn.Linear(3, 3, dtype=torch.bfloat16)
    assert encoding.arrays(module)["weight"].dtype == np.int16
