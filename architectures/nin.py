"""Network in network: two 1x1 convolutions behind every filter, and no linear layer; the last maps are the classes.

The 1x1 convolution and the pooling of whole maps are what GoogLeNet and most later networks took over. `imagenet` and `cifar-10`
are the first author's own networks, `imagenet-bn` is the one that was trained again with batch norm.
"""

from __future__ import annotations

from torch import nn

from vbench import Accuracy, Naming, architecture

from ._blocks import conv_norm, conv_relu, pooled_head
from ._papers import NIN as PAPER
from ._published import CIFAR_10, ONE_CROP, paper


def _mlpconv(cin: int, kernel: int, *widths: int, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    """Convolve, then 1x1 twice: a small network that slides over the map."""
    first, second, third = widths
    conv = conv_relu(cin, first, kernel, stride=stride, padding=padding)
    return nn.Sequential(conv, conv_relu(first, second, 1), conv_relu(second, third, 1))


def _normalised(cin: int, kernel: int, width: int, *, stride: int = 1) -> nn.Sequential:
    """Do the same with batch norm after each; the biases stay."""
    conv = conv_norm(cin, width, kernel, stride=stride, bias=True)
    return nn.Sequential(conv, conv_norm(width, width, 1, bias=True), conv_norm(width, width, 1, bias=True))


@architecture(
    "nin/imagenet",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=7_595_176,
    macs=1_100_188_800,
    accuracy=[
        Accuracy(
            source="mavenlin's nin_imagenet readme, ImageNet-1k val", protocol=ONE_CROP, recipe="authors' release", top1=59.36
        )
    ],
    deviation="the first author's model file for Caffe; the paper has no network for ImageNet. It costs 1,105,996,320"
    " MACs at 227 px",
)
def imagenet(classes: int = 1000) -> nn.Module:
    """Build the authors' network for ImageNet, for inputs of shape `(batch, 3, 224, 224)`."""
    return nn.Sequential(
        _mlpconv(3, 11, 96, 96, 96, stride=4, padding=0),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        _mlpconv(96, 5, 256, 256, 256),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        _mlpconv(256, 3, 384, 384, 384),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Dropout(),
        _mlpconv(384, 3, 1024, 1024, classes),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


@architecture(
    "nin/imagenet-bn",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=8_655_336,
    macs=1_259_939_840,
    accuracy=[
        Accuracy(source="soumith/imagenet-multiGPU.torch models/ninbn.lua", protocol=ONE_CROP, recipe="ninbn.lua", top1=62.6)
    ],
    deviation="the network of that file: batch norm, padding in the first layer and in every pooling, and a linear layer behind"
    " 1024 maps, where `nin/imagenet` has as many maps as classes",
)
def imagenet_bn(classes: int = 1000) -> nn.Module:
    """Build the network with batch norm, for inputs of shape `(batch, 3, 224, 224)`."""
    return nn.Sequential(
        _normalised(3, 11, 96, stride=4),
        nn.MaxPool2d(3, 2, 1),
        _normalised(96, 5, 256),
        nn.MaxPool2d(3, 2, 1),
        _normalised(256, 3, 384),
        nn.MaxPool2d(3, 2, 1),
        _normalised(384, 3, 1024),
        pooled_head(1024, classes),
    )


NAMES = (
    *(("^6.2.0", "output.final_conv.conv"), ("^0.#.0", "features.stage1.unit{0+1}.conv")),
    *(("^3.#.0", "features.stage2.unit{0+1}.conv"), ("^6.#.0", "features.stage3.unit{0+1}.conv")),
)


@architecture(
    "nin/cifar-10",
    input=(3, 32, 32),
    topic="inception",
    paper=PAPER,
    params=966_986,
    macs=222_486_528,
    accuracy=[
        paper("mavenlin's cifar10_nin readme", CIFAR_10, recipe="authors' release", top1=89.6),
        # Of a network whose poolings are padded, which gives maps of the same size.
        paper("pytorchcv README, CIFAR-10 test", CIFAR_10, recipe="Gluon, converted", top1=92.57),
    ],
    weights=[Naming(library="pytorchcv", rules=NAMES)],
)
def cifar_10(classes: int = 10) -> nn.Module:
    """Build the authors' network for CIFAR-10, for inputs of shape `(batch, 3, 32, 32)`."""
    return nn.Sequential(
        _mlpconv(3, 5, 192, 160, 96),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.Dropout(),
        _mlpconv(96, 5, 192, 192, 192),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Dropout(),
        _mlpconv(192, 3, 192, 192, classes),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
