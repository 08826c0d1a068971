"""The peak of live activations and the bytes moved, by hand, as properties, and against the allocator's own record."""

from __future__ import annotations

import gc
from itertools import starmap
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._C._profiler import _EventType
from torch.autograd.profiler import profile
from torch.nn import functional

from vbench import config
from vbench.counting import count, scratch
from vbench.counting.scratch import allocated
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


class Run(nn.Module):
    """A module out of a function."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        self.held = torch.ones(4)
        self.weight = nn.Parameter(torch.ones(4))
        self.register_buffer("scale", torch.ones(4))
        self.kept: dict[str, torch.Tensor] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(self, x)


def memory(
    function: Any, shape: tuple[int, ...] = (4,), *, device: str = "meta", batch: int = 1
) -> tuple[int | None, int | None]:
    with torch.device(device):
        found = walk(Run(function), shape, device=device, batch=batch)
    return found.peak_activation_bytes, found.bytes_moved


def chain(_: Run, x: torch.Tensor) -> torch.Tensor:
    for _ in range(5):
        x = x + 1
    return x


def kept_branch(_: Run, x: torch.Tensor) -> torch.Tensor:
    first = x * 2
    return chain(_, first) + first


def in_place(_: Run, x: torch.Tensor) -> torch.Tensor:
    return (x * 2).add_(1).relu_()


def views(_: Run, x: torch.Tensor) -> torch.Tensor:
    y = (x * 2).view(-1, 2, 2).transpose(1, 2)
    left, right = y.split(1, dim=1)
    del y
    return left[..., 0] + right[..., 0]


def weights(module: Run, x: torch.Tensor) -> torch.Tensor:
    return x * module.weight * module.scale.view(1, 4) + module.held.add_(0)


def keeps(module: Run, x: torch.Tensor) -> torch.Tensor:
    if "table" not in module.kept:
        module.kept["table"] = x.new_zeros(1000)
    return x + module.kept["table"][:4]


def expands(_: Run, x: torch.Tensor) -> torch.Tensor:
    return x + x.sum(1, keepdim=True).expand(-1, 4)


# name: function, peak, bytes moved, in tensors of 16 bytes as large as the input, which is alive all the while.
HANDMADE = {
    "nothing but the input": (lambda _, x: x, 1, 0),
    "input and output": (lambda _, x: x + 1, 2, 2),
    "a chain holds the input and two more": (chain, 3, 10),
    "what is read later stays": (kept_branch, 4, 2 + 10 + 3),
    "an operator in place adds nothing, and reads and writes": (in_place, 2, 6),
    "views are free, and keep their storage": (views, 2.25, 2 + 0.75),
    "weights, buffers and other tensors of the module do not count": (weights, 3, 3 + 3 + 2 + 3),
    "a network that keeps what it makes is counted as it runs ever after": (keeps, 2, 3),
    "what is written over is not read": (lambda _, x: torch.empty_like(x).copy_(x), 2, 2),
    "an expanded tensor has the bytes that it has": (expands, 2.25, 1.25 + 2.25),
    "of two outputs one may be let go": (lambda _, x: x.max(1).values, 1.25, 1 + 0.25 + 0.5),
    "and counts if it is not": (lambda _, x: x.max(1), 1.75, 1 + 0.25 + 0.5),
}


@pytest.mark.parametrize("name", HANDMADE)
def test_memory_by_hand(name: str) -> None:
    function, peak, moved = HANDMADE[name]
    assert memory(function) == (16 * peak, 16 * moved)
    assert memory(function, device="cpu") == (16 * peak, 16 * moved)
    assert memory(function, batch=3)[0] == 3 * 16 * peak


def test_max_pool_indices_die_inside_their_operator_unless_somebody_wants_them() -> None:
    # 16 numbers in, 4 out; their indices are of twice the size.
    assert memory(lambda _, x: functional.max_pool2d(x, 2), (1, 4, 4)) == (64 + 16, 64 + 16 + 32)
    wanted = memory(lambda _, x: functional.max_pool2d(x, 2, return_indices=True), (1, 4, 4))
    assert wanted == (64 + 16 + 32, 64 + 16 + 32)


def test_a_tensor_that_cannot_be_weighed_leaves_both_unknown() -> None:
    found = walk(Run(lambda _, x: x.to_sparse().to_dense()), (4,), device="cpu")
    assert (found.peak_activation_bytes, found.bytes_moved) == (None, None)
    assert found.operators


def test_the_collector_of_cycles_changes_nothing() -> None:
    def cycle(_: Run, x: torch.Tensor) -> torch.Tensor:
        y = x * 2
        loop: list[Any] = [y]
        loop.append(loop)
        del y, loop
        gc.collect()
        return (x + 1) + 1

    before = gc.isenabled()
    assert memory(cycle) == (16 * 3, 16 * 6)
    gc.disable()
    try:
        assert memory(chain) == (48, 160)
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert before


def test_the_batch_changes_the_memory_and_no_count() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))

    one, eight = (count(build, (3, 8, 8), second=False, batch=batch) for batch in (1, 8))
    assert (one.batch, eight.batch) == (1, 8)
    assert (one.macs, one.activations, one.operators) == (eight.macs, eight.activations, eight.operators)
    assert one.peak_activation_bytes == 4 * (3 * 64 + 2 * 144)
    assert eight.peak_activation_bytes == 8 * one.peak_activation_bytes
    weights = 4 * (27 * 4 + 4 + 144 * 5 + 5)
    assert (one.bytes_moved or 0) - weights == 4 * (3 * 64 + 144 + 2 * 144 + 144 + 5)
    assert (eight.bytes_moved or 0) - weights == 8 * ((one.bytes_moved or 0) - weights)


def test_a_batch_that_the_network_refuses_leaves_the_other_counts() -> None:
    found = count(lambda: Run(lambda _, x: x.view(4) * 2), (4,), second=False, batch=2)
    assert (found.other_ops, found.peak_activation_bytes, found.bytes_moved) == (4, None, None)
    assert "memory could not be counted at batch 2" in found.notes[0]


LAYERS = st.lists(
    st.sampled_from(
        [
            lambda c: nn.Conv2d(c, c, 3, padding=1),
            lambda c: nn.Conv2d(c, c, 1, bias=False),
            nn.BatchNorm2d,
            lambda _: nn.ReLU(inplace=True),
            lambda _: nn.Sigmoid(),
            lambda _: nn.MaxPool2d(3, 1, 1),
            lambda c: nn.Sequential(nn.Upsample(scale_factor=2), nn.AvgPool2d(2), nn.Conv2d(c, c, 1)),
        ]
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25)
@given(LAYERS, st.integers(1, 4), st.integers(4, 9), st.integers(1, 6))
def test_the_peak_grows_with_the_batch_and_holds_every_operators_output(
    layers: list[Any], channels: int, side: int, batch: int
) -> None:
    with torch.device("meta"):
        network = nn.Sequential(*(layer(channels) for layer in layers))
    shape = (channels, side, side)
    found, more = (walk(network, shape, batch=size) for size in (batch, batch + 1))
    assert found.peak_activation_bytes is not None
    assert more.peak_activation_bytes is not None
    assert found.peak_activation_bytes < more.peak_activation_bytes
    largest = max(record.elements for record in found.records)
    assert found.peak_activation_bytes >= 4 * max(largest, batch * channels * side**2)
    assert (more.bytes_moved or 0) > (found.bytes_moved or 0)
    # Nor does it matter what was walked before.
    assert walk(network, shape, batch=batch) == found


def _record(step: Any, held: int) -> tuple[int, int]:
    """The highest sum of allocated bytes at the ends of dispatched operators, and the highest at any time.

    An operator that another one called is part of that one.
    """
    with torch.no_grad(), profile(use_kineto=True, profile_memory=True) as record:
        step()
    marks: list[tuple[int, int, int]] = []

    def visit(event: Any, *, inside: bool) -> None:
        operator = event.tag == _EventType.TorchOp
        if event.tag == _EventType.Allocation:
            marks.append((event.start_time_ns, 0, event.extra_fields.alloc_size))
        elif operator and not inside:
            marks.append((event.end_time_ns, 1, 0))
        for child in event.children:
            visit(child, inside=inside or operator)

    assert record.kineto_results is not None
    for event in record.kineto_results.experimental_event_tree():
        visit(event, inside=False)
    total, at_ends, at_all = held, held, held
    for _, is_end, size in sorted(marks, key=lambda mark: mark[:2]):
        total += size
        at_all = max(at_all, total)
        at_ends = max(at_ends, total) if is_end else at_ends
    return at_ends, at_all


@pytest.mark.parametrize("architecture", CATALOGUE, ids=lambda item: item.name)
def test_the_walk_is_what_the_allocator_saw_at_the_ends_of_operators(architecture: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINETO_LOG_LEVEL", "99")
    shape = (3, 96, 96)
    with torch.device("meta"):
        network = architecture.build().eval()
    peaks = [walk(network, shape, batch=batch).peak_activation_bytes for batch in (1, 2)]
    network = network.to_empty(device="cpu")
    for tensor in (*network.parameters(), *network.buffers()):
        tensor.detach().zero_()
    assert walk(network, shape, device="cpu").peak_activation_bytes == peaks[0]
    for batch, peak in enumerate(peaks, 1):
        inputs = torch.zeros(batch, *shape)
        at_ends, at_all = _record(lambda inputs=inputs: network(inputs), inputs.nbytes)
        assert peak == pytest.approx(at_ends, rel=0.02)
    with torch.no_grad():
        # What a kernel takes may depend on what the libraries keep from the run before.
        found = scratch(lambda: network(inputs), inputs.nbytes, peak)
    assert found == pytest.approx(at_all - peak, rel=0.02, abs=0.02 * peak)


def test_scratch_is_what_an_operator_takes_and_gives_back() -> None:
    def step() -> torch.Tensor:
        x = torch.zeros(1000)
        return x.add(1).double().sum()

    seen = allocated(step)
    assert seen == 4000 + 4000 + 8000, "the zeros, their sum with 1 and that in double precision"
    assert scratch(step, 100, seen) == 100
    assert scratch(step, 0, seen + 1) == 0
    assert allocated(lambda: None) is None


def test_the_order_of_independent_walks_does_not_matter() -> None:
    with torch.device("meta"):
        runs = [(Run(chain), (4,)), (nn.Conv2d(2, 3, 3), (2, 8, 8)), (nn.BatchNorm2d(2), (2, 4, 4)), (nn.MaxPool2d(2), (2, 4, 4))]
    forward = list(starmap(walk, runs))
    backward = list(starmap(walk, reversed(runs)))
    assert forward == backward[::-1]
