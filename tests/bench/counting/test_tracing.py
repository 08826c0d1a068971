"""Forward passes followed operator by operator: what is moved, copied, read as a value, and refused."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from vbench.counting import coverage, geometry, last_map, runs_at, traced


def test_sizes_are_tried_and_refusals_kept() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 8 * 8, 2))

    told = runs_at(build().to("meta"), [(3, 10, 10), (3, 11, 10), (3, 2, 2)])
    assert told[3, 10, 10] == ""
    assert "RuntimeError" in told[3, 11, 10]
    assert "RuntimeError" in told[3, 2, 2]


def test_fields_of_pyramids_of_slices_are_moved() -> None:
    class Cut(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[:, :, 3::2, 1:-4]

    found = geometry(nn.Sequential(nn.Conv2d(3, 3, 3), Cut(), nn.Conv2d(3, 3, 3)), (3, 30, 30))
    assert found is not None
    assert (found.start, found.stride, found.size) == ((3, 1), (2, 1), (7, 5))
    assert math.prod(found.map) == 11 * 21


def test_a_map_that_is_copied_enlarged_by_channels_or_aligned_at_its_corners_keeps_its_place() -> None:
    class Copied(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.empty_like(x).copy_(x)

    for layers, stride in (([Copied()], 4), ([nn.PixelShuffle(2)], 2), ([nn.ChannelShuffle(2)], 4)):
        found = geometry(nn.Sequential(nn.Conv2d(3, 8, 5, 4), *layers), (3, 33, 33))
        assert found is not None
        assert (found.size, found.stride) == ((5, 5), (stride, stride))
    aligned = nn.Upsample(size=(33, 33), mode="bilinear", align_corners=True)
    found = geometry(nn.Sequential(nn.Conv2d(3, 8, 1, 4), aligned), (3, 33, 33))
    assert found is not None
    assert found.stride == (1, 1), "nine units at the pixels 0, 4, ..., 32, and 33 from the first to the last"


class Reads(nn.Module):
    """Cannot run without values."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(x, x.new_ones(1, 1, 3, 3)) * float(x.mean().item() >= 0)


def test_what_reads_values_is_traced_with_values() -> None:
    _, graph_, device = traced(Reads, (1, 9, 9))
    found = last_map(graph_)
    assert device == "cpu"
    assert found is not None
    assert (found.size, found.map) == ((3, 3), (7, 7))
    assert coverage(graph_) == 1.0
