"""AlexNet: five convolutions and three wide linear layers, the network that the others are compared with.

`one-tower` is the form for a single GPU that torchvision ships. The paper's two towers (grouped convolutions, at 227 px)
have 60,965,224 parameters and 724,406,816 MACs: nearly the same cost in a different shape.
"""

from __future__ import annotations

from torch import nn

from vbench import Accuracy, Paper, architecture

from ._blocks import conv_relu, wide_head

PAPER = Paper(
    title="ImageNet Classification with Deep Convolutional Neural Networks",
    authors="Krizhevsky, Sutskever, Hinton",
    year=2012,
)

ONE_TOWER = (64, 192, 384, 256, 256)  # filters of the five convolutions, in Krizhevsky 2014, "One weird trick"


@architecture(
    "alexnet/one-tower",
    input=(3, 224, 224),
    topic="baseline",
    paper=PAPER,
    params=61_100_840,
    macs=714_188_480,
    accuracy=[
        Accuracy(
            source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="torchvision V1",
            top1=56.522,
            top5=79.066,
        ),
    ],
    deviation="the single tower of Krizhevsky 2014 (arXiv 1404.5997): 64-192-384-256-256 filters instead of 96-256-384-384-256"
    " in two groups, no local response norm, 224 px with padding 2 instead of 227 px; so the paper's own accuracy does not apply",
)
def one_tower(classes: int = 1000) -> nn.Module:
    """Build the one-tower AlexNet for inputs of shape `(batch, 3, 224, 224)`."""
    a, b, c, d, e = ONE_TOWER
    return nn.Sequential(
        conv_relu(3, a, 11, stride=4, padding=2),
        nn.MaxPool2d(3, 2),
        conv_relu(a, b, 5),
        nn.MaxPool2d(3, 2),
        conv_relu(b, c, 3),
        conv_relu(c, d, 3),
        conv_relu(d, e, 3),
        nn.MaxPool2d(3, 2),
        wide_head(e, 6, classes),
    )
