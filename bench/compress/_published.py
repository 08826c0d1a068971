"""What Deep Compression was published with: Han, Mao, Dally, ICLR 2016 (arXiv 1510.00149), tables 4 and 5.

The lines of the tables explain each other: densities and bits give the published sizes of the layers, and these the totals, which
the tests recompute. That is what the numbers below were checked by, for want of the pages themselves. The text of the paper
(section 2) has distances of 8 bits in convolutions and of 5 bits in linear layers; its tables have 4 bits for AlexNet, as has the
decoder that the authors published (github.com/songhan/Deep-Compression-AlexNet), and 5 bits for VGG-16.
"""

from __future__ import annotations

from typing import NamedTuple

SOURCE = "Han, Mao, Dally 2016, Deep Compression"


class Layer(NamedTuple):
    """A line of the table: its weights, the share of them that is kept, and bits and sizes without and with Huffman codes.

    `bits` and `index_bits` are those of a weight's number and of a distance, `huffman_bits` and `huffman_index_bits` their means
    when Huffman coded. `quantised` and `coded` are the size of the layer in percent of its weights in fp32, before and after
    Huffman coding.
    """

    name: str
    kind: str
    weights: int
    density: float
    bits: int
    huffman_bits: float
    index_bits: int
    huffman_index_bits: float
    quantised: float
    coded: float


class Table(NamedTuple):
    """A network's lines, and what the paper says of the whole: where it stands, how many times smaller it becomes."""

    where: str
    network: str
    ratio: float
    layers: tuple[Layer, ...]


TABLES = {
    "alexnet": Table("table 4", "AlexNet", 35, (
        Layer("conv1", "conv", 34_848, 0.84, 8, 6.3, 4, 1.2, 32.6, 20.53),
        Layer("conv2", "conv", 307_200, 0.38, 8, 5.5, 4, 2.3, 14.5, 9.43),
        Layer("conv3", "conv", 884_736, 0.35, 8, 5.1, 4, 2.6, 13.1, 8.44),
        Layer("conv4", "conv", 663_552, 0.37, 8, 5.2, 4, 2.5, 14.1, 9.11),
        Layer("conv5", "conv", 442_368, 0.37, 8, 5.6, 4, 2.5, 14.0, 9.43),
        Layer("fc6", "fc", 37_748_736, 0.09, 5, 3.9, 4, 3.2, 3.0, 2.39),
        Layer("fc7", "fc", 16_777_216, 0.09, 5, 3.6, 4, 3.7, 3.0, 2.46),
        Layer("fc8", "fc", 4_096_000, 0.25, 5, 4.0, 4, 3.2, 7.3, 5.85),
    )),
    "vgg-16": Table("table 5", "VGG-16", 49, (
        Layer("conv1_1", "conv", 1_728, 0.58, 8, 6.8, 5, 1.7, 40.0, 29.97),
        Layer("conv1_2", "conv", 36_864, 0.22, 8, 6.5, 5, 2.6, 9.8, 6.99),
        Layer("conv2_1", "conv", 73_728, 0.34, 8, 5.6, 5, 2.4, 14.3, 8.91),
        Layer("conv2_2", "conv", 147_456, 0.36, 8, 5.9, 5, 2.3, 14.7, 9.31),
        Layer("conv3_1", "conv", 294_912, 0.53, 8, 4.8, 5, 1.8, 21.7, 11.15),
        Layer("conv3_2", "conv", 589_824, 0.24, 8, 4.6, 5, 2.9, 9.7, 5.67),
        Layer("conv3_3", "conv", 589_824, 0.42, 8, 4.6, 5, 2.2, 17.0, 8.96),
        Layer("conv4_1", "conv", 1_179_648, 0.32, 8, 4.6, 5, 2.6, 13.1, 7.29),
        Layer("conv4_2", "conv", 2_359_296, 0.27, 8, 4.2, 5, 2.9, 10.9, 5.93),
        Layer("conv4_3", "conv", 2_359_296, 0.34, 8, 4.4, 5, 2.5, 14.0, 7.47),
        Layer("conv5_1", "conv", 2_359_296, 0.35, 8, 4.7, 5, 2.5, 14.3, 8.00),
        Layer("conv5_2", "conv", 2_359_296, 0.29, 8, 4.6, 5, 2.7, 11.7, 6.52),
        Layer("conv5_3", "conv", 2_359_296, 0.36, 8, 4.6, 5, 2.3, 14.8, 7.79),
        Layer("fc6", "fc", 102_760_448, 0.04, 5, 3.6, 5, 3.5, 1.6, 1.10),
        Layer("fc7", "fc", 16_777_216, 0.04, 5, 4.0, 5, 4.3, 1.5, 1.25),
        Layer("fc8", "fc", 4_096_000, 0.23, 5, 4.0, 5, 3.4, 7.1, 5.24),
    )),
}  # fmt: skip
