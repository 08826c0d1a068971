"""Pose networks: what their parts cost by hand, what they emit, and how a joint is read off a map."""

from __future__ import annotations

import pytest
import torch

from vbench.architectures._blocks import SoftArgmax


def gaussian(size: int, *centres: float, sigma: float = 2.0) -> torch.Tensor:
    """A map of one dimension, shape `(1, 1, size)`: the largest of a bell at each centre, each 1 high."""
    cells = torch.arange(size, dtype=torch.float64)
    bells = [torch.exp(-((cells - centre) ** 2) / (2 * sigma**2)) for centre in centres]
    return torch.stack(bells).amax(0).view(1, 1, size)


def test_soft_argmax_answers_x_then_y_then_z() -> None:
    plane, space = torch.zeros(2, 3, 8, 16), torch.zeros(2, 3, 4, 8, 16)
    plane[:, :, 5, 11] = 1
    space[:, :, 2, 5, 11] = 1
    for joint in range(3):
        assert SoftArgmax(1000)(plane)[1, joint].tolist() == [11, 5]
        assert SoftArgmax(1000)(space)[1, joint].tolist() == [11, 5, 2]


@pytest.mark.parametrize("place", [20.3, 20.5])
def test_soft_argmax_is_finer_than_a_cell(place: float) -> None:
    # The logarithm of a bell is what a network has to emit for its softmax to be the bell.
    assert SoftArgmax()(gaussian(64, place).log()).item() == pytest.approx(place, abs=1e-6)


def test_two_equal_peaks_give_the_middle() -> None:
    for beta in (1.0, 10.0, 100.0):
        assert SoftArgmax(beta)(gaussian(64, 12, 51)).item() == pytest.approx(31.5)
    assert SoftArgmax(100)(gaussian(64, 12, 50)).item() == pytest.approx(31.0, abs=1e-6)


def test_a_map_of_small_values_is_biased_to_the_centre_and_beta_mends_it() -> None:
    single = gaussian(64, 20)
    assert SoftArgmax()(single).item() == pytest.approx(30.3, abs=0.05)
    assert SoftArgmax(100)(single).item() == pytest.approx(20, abs=1e-6)


def test_soft_argmax_hands_gradients_to_every_cell() -> None:
    maps = gaussian(16, 5).view(1, 1, 4, 4).requires_grad_()
    SoftArgmax()(maps).sum().backward()
    assert maps.grad is not None
    assert bool((maps.grad != 0).all())
    # A constant added to a map changes nothing, so what arrives sums to nothing.
    assert maps.grad.sum().item() == pytest.approx(0, abs=1e-12)
