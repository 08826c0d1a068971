"""AlexNet: five convolutions and three wide linear layers, the network that the others are compared with.

`two-group` is the paper's: two halves that meet only in the third convolution and in the linear layers, so that each could have a
GPU of its own; the first grouped convolutions. `one-tower` is the form for a single GPU that torchvision ships: nearly the same
cost in a different shape. In both, 96 % of the weights are in the linear layers.
"""

from __future__ import annotations

from torch import nn

from vbench import Accuracy, Naming, Paper, architecture

from ._blocks import wide_head
from ._published import TEN_CROPS, paper, torchvision_v1
from ._trunks import alexnet_convolutions

PAPER = Paper(
    title="ImageNet Classification with Deep Convolutional Neural Networks",
    authors="Krizhevsky, Sutskever, Hinton",
    year=2012,
)

ONE_TOWER = (64, 192, 384, 256, 256)  # filters of the five convolutions, in Krizhevsky 2014, "One weird trick"
TWO_GROUP = (96, 256, 384, 384, 256)  # the paper's, both groups together

NAMES = (
    *(("^0.0", "features.0"), ("^2.0", "features.3"), ("^4.0", "features.6"), ("^5.0", "features.8"), ("^6.0", "features.10")),
    *(("^8.2", "classifier.1"), ("^8.5", "classifier.4"), ("^8.8", "classifier.6")),
)


@architecture(
    "alexnet/one-tower",
    input=(3, 224, 224),
    topic="baseline",
    paper=PAPER,
    params=61_100_840,
    macs=714_188_480,
    accuracy=[torchvision_v1(56.522, 79.066)],
    deviation="the single tower of Krizhevsky 2014 (arXiv 1404.5997): 64-192-384-256-256 filters instead of 96-256-384-384-256"
    " in two groups, no local response norm, 224 px with padding 2 instead of 227 px; so the paper's own accuracy does not apply",
    weights=[Naming(library="torchvision", rules=NAMES)],
)
def one_tower(classes: int = 1000) -> nn.Module:
    """Build the one-tower AlexNet for inputs of shape `(batch, 3, 224, 224)`."""
    return nn.Sequential(*alexnet_convolutions(ONE_TOWER, padding=2, norm=False), wide_head(ONE_TOWER[-1], 6, classes))


@architecture(
    "alexnet/two-group",
    input=(3, 227, 227),
    topic="grouped",
    paper=PAPER,
    params=60_965_224,
    macs=724_406_816,
    accuracy=[
        Accuracy(
            source="BVLC/caffe models/bvlc_alexnet, ImageNet-1k val", protocol="1 model, 1 crop, 227 px", recipe="BVLC", top1=57.1
        ),
        paper("Krizhevsky et al. 2012, Table 2", TEN_CROPS, top1=59.3, top5=81.8),
    ],
    deviation="227 px without padding, as in BVLC's Caffe: the 224 px of the paper do not give the 55 px map that it draws. The"
    " constant of the local response norm is Caffe's 1, where the paper has 2",
)
def two_group(classes: int = 1000) -> nn.Module:
    """Build the paper's AlexNet for inputs of shape `(batch, 3, 227, 227)`."""
    return nn.Sequential(*alexnet_convolutions(TWO_GROUP, padding=0, groups=2), wide_head(TWO_GROUP[-1], 6, classes))
