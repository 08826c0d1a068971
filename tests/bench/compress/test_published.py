"""The tables of Deep Compression explain themselves: densities and bits give the published sizes, and these the totals."""

from __future__ import annotations

import pytest

from vbench.compress._published import TABLES, Layer, Table

_BIASES = {"alexnet": (96, 256, 384, 384, 256, 4096, 4096, 1000)}
_BIASES["vgg-16"] = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512, 4096, 4096, 1000)
_LINES = [
    pytest.param(line, biases, id=f"{name}-{line.name}")
    for name, table in TABLES.items()
    for line, biases in zip(table.layers, _BIASES[name], strict=True)
]


def _size(line: Layer, biases: int, bits: float, *, fillers: bool) -> float:
    """The percentage of the layer's fp32 weights that is left: numbers and distances, the codebook and the biases in fp32."""
    entries = line.density
    if fillers:  # of positions drawn at random, so many more entries; those of trained weights stand closer
        entries /= 1.0 - (1.0 - line.density) ** (1 << line.index_bits)
    return 100 * (entries * bits / 32 + ((1 << line.bits) + biases) / line.weights)


@pytest.mark.parametrize(("line", "biases"), _LINES)
def test_the_bits_give_the_size_of_the_layer(line: Layer, biases: int) -> None:
    least, most = (_size(line, biases, line.bits + line.index_bits, fillers=f) for f in (False, True))
    # The density is rounded to a whole percent; the first layer's codebook is a seventh of it, and not all of it was stored.
    slack = 0.006 * (line.bits + line.index_bits) / 32 * 100 + (2.0 if line.name == "conv1_1" else 0.1)
    assert least - slack <= line.quantised <= most + slack


@pytest.mark.parametrize(("line", "biases"), _LINES)
def test_the_huffman_bits_give_the_coded_size(line: Layer, biases: int) -> None:
    bits = line.huffman_bits + line.huffman_index_bits
    least, most = (_size(line, biases, bits, fillers=f) for f in (False, True))
    slack = (0.006 * bits + 0.1 * line.density) / 32 * 100 + (4.0 if line.name == "conv1_1" else 0.1)
    assert least - slack <= line.coded <= most + slack
    assert line.coded < line.quantised


@pytest.mark.parametrize(("name", "density", "ratio", "tolerance"), [("alexnet", 0.11, 35, 0.02), ("vgg-16", 0.075, 49, 0.08)])
def test_the_layers_give_the_totals(name: str, density: float, ratio: float, tolerance: float) -> None:
    """The totals are the paper's own, which for VGG-16 are not quite those of its lines: these would give 53."""
    table: Table = TABLES[name]
    weights = sum(line.weights for line in table.layers)
    assert sum(line.weights * line.density for line in table.layers) / weights == pytest.approx(density, abs=0.005)
    assert table.ratio == ratio
    assert 100 * weights / sum(line.weights * line.coded for line in table.layers) == pytest.approx(ratio, rel=tolerance)


def test_convolutions_have_eight_bits_and_linear_layers_five() -> None:
    for table in TABLES.values():
        assert {(line.kind, line.bits) for line in table.layers} == {("conv", 8), ("fc", 5)}
        assert [line.kind for line in table.layers] == sorted(line.kind for line in table.layers)
