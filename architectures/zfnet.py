"""ZFNet: AlexNet after looking inside it; smaller filters and strides in front, and one tower.

`small` is the network of Figure 3, `wide` the one with 512-1024-512 filters in the last three convolutions (Table 2b). Its five
convolutions are the ZF-5 of SPP-net.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import Accuracy, Naming, Paper, architecture

from ._blocks import wide_head
from ._published import paper, pytorchcv
from ._trunks import ZF_WIDTHS, zf_convolutions

PAPER = Paper(
    title="Visualizing and Understanding Convolutional Networks",
    authors="Zeiler, Fergus",
    year=2013,
    link="https://arxiv.org/abs/1311.2901",
)
CROPS_UNKNOWN = "1 model, crops not stated"

NAMES = (
    *(("^0.0.0", "features.stage1.unit1.conv"), ("^0.3.0", "features.stage2.unit1.conv")),
    *(
        ("^0.6.0", "features.stage3.unit1.conv"),
        ("^0.7.0", "features.stage3.unit2.conv"),
        ("^0.8.0", "features.stage3.unit3.conv"),
    ),
    *(("^2.2", "output.fc1.fc"), ("^2.5", "output.fc2.fc"), ("^2.8", "output.fc3")),
)

Widths = tuple[int, int, int]

NETS: dict[str, tuple[Widths, int, int, tuple[Accuracy, ...]]] = {
    # filters of the third to fifth convolution, parameters, MACs, accuracies
    "small": (
        ZF_WIDTHS,
        62_357_608,
        1_168_032_896,
        (pytorchcv(60.21, 82.73), paper("Zeiler and Fergus 2013, Table 2", CROPS_UNKNOWN, top1=61.6, top5=83.5)),
    ),
    "wide": (
        (512, 1024, 512),
        107_627_624,
        2_476_704_896,
        (pytorchcv(63.63, 85.1), paper("Zeiler and Fergus 2013, Table 2 (b)", CROPS_UNKNOWN, top1=62.5, top5=84.0)),
    ),
}


def _net(widths: Widths, classes: int = 1000) -> nn.Sequential:
    """Build the network for inputs of shape `(batch, 3, 224, 224)`."""
    return nn.Sequential(zf_convolutions(widths), nn.MaxPool2d(3, 2, ceil_mode=True), wide_head(widths[-1], 6, classes))


for _name, (_widths, _params, _macs, _accuracy) in NETS.items():
    architecture(
        f"zfnet/{_name}",
        input=(3, 224, 224),
        topic="baseline",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=_accuracy,
        deviation="normalises before each pooling, over three channels, as SPP-net's authors do in their model file; the paper's"
        " Figure 3 pools first, and pytorchcv, whose single crop stands here, normalises over five",
        weights=[Naming(library="pytorchcv", rules=NAMES)],
    )(partial(_net, _widths))
