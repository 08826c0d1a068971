"""GoogLeNet: filters of three sizes side by side, made affordable by 1x1 reductions.

`naive` is the paper's Figure 2(a): every filter sees every input channel. `bottleneck` is Figure 2(b), the network of
Table 1 as published: biases, local response norm, no batch norm, without the auxiliary heads that only training uses.
`aux` has these heads. `naive-bn` and `bottleneck-bn` are the pair with batch norm in place of biases and local response norm, as
a network would be trained today. `torchvision` is what that library calls GoogLeNet: batch norm, and a 3x3 for every 5x5.

Two rows of the paper's Table 1 do not follow from the filters that it prints: 4c has 509,440 weights (printed 463K) and 5a
has 1,042,432 weights and 51.1 M MACs (printed 1072K and 54M). The first convolution has 9,408 weights and 118.0 M MACs
(printed 2.7K and 34M, which would fit a 7x1 followed by a 1x7). The declared counts follow the filters.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from vbench import Accuracy, Naming, Preprocess, architecture

from ._blocks import conv_norm, conv_relu, pooled_head
from ._modules import inception_naive, inception_reduced
from ._papers import GOOGLENET as PAPER
from ._published import paper, ported

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from ._modules import InceptionRow

INCEPTION: dict[str, InceptionRow] = {  # Table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
POOL_AFTER = ("3b", "4e")
HEADS = {"4a": 512, "4d": 528}  # Section 5: the modules that an auxiliary head follows, and the channels that they emit


class Auxiliary(nn.Module):
    """A trunk with further heads along the way: in training it answers once more for each of them, otherwise once."""

    def __init__(self, trunk: nn.Sequential, heads: dict[str, nn.Module]) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleDict(heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Map `(batch, 3, height, width)` to logits `(batch, classes)`; in training to those of every head, the trunk's first."""
        others = []
        for name, layer in self.trunk.named_children():
            x = layer(x)
            if self.training and name in self.heads:
                others.append(self.heads[name](x))
        return (x, *others) if others else x


def _net(
    inception: Callable[..., tuple[nn.Module, int]],
    classes: int,
    conv: Callable[..., nn.Module] = conv_relu,
    *,
    last_pool: int = 3,
    dropout: float = 0.4,
) -> nn.Sequential:
    # Pooling rounds up, as in the authors' framework: otherwise the maps are 27 and 13 instead of 28 and 14.
    net: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=conv(3, 64, 7, stride=2),
        pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
        norm1=nn.LocalResponseNorm(5),
        reduce2=conv(64, 64, 1),
        conv2=conv(64, 192, 3),
        norm2=nn.LocalResponseNorm(5),
        pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
    )
    if conv is not conv_relu:
        # Batch norm takes the place of the local response norm, as in every later Inception network.
        del net["norm1"], net["norm2"]
    cin = 192
    for name, row in INCEPTION.items():
        net[name], cin = inception(conv, cin, row)
        if name in POOL_AFTER:
            net[f"pool{name}"] = nn.MaxPool2d(last_pool if name == POOL_AFTER[-1] else 3, 2, ceil_mode=True)
    net["head"] = pooled_head(cin, classes, dropout)
    return nn.Sequential(net)


def _head(cin: int, classes: int) -> nn.Sequential:
    """Section 5's auxiliary classifier. The adaptive pooling does nothing at the published input size; it lets others through."""
    return nn.Sequential(
        nn.AvgPool2d(5, 3),
        nn.AdaptiveAvgPool2d(4),
        conv_relu(cin, 128, 1),
        nn.Flatten(),
        nn.Linear(128 * 4 * 4, 1024),
        nn.ReLU(inplace=True),
        nn.Dropout(0.7),
        nn.Linear(1024, classes),
    )


TABLE_3 = [
    paper("Szegedy et al. 2014, Table 3", top5=89.93),
    paper("Szegedy et al. 2014, Table 3", "1 model, 10 crops", top5=90.85),
    paper("Szegedy et al. 2014, Table 3", "1 model, 144 crops", top5=92.11),
    paper("Szegedy et al. 2014, Table 3", "7 models, 144 crops", top5=93.33),
]
BVLC = Accuracy(
    source="BVLC/caffe models/bvlc_googlenet, ImageNet-1k val",
    protocol="1 model, 1 crop, 224 px",
    recipe="BVLC",
    top1=68.7,
    top5=88.9,
)
NAIVE = (
    "never published as a network and never trained: Table 1 with every reduction and pool projection removed and the"
    " filters kept. The pooling branches then forward all of their input, so the width grows from 192 to 4944 channels"
)
NORMALISED = "batch norm after every convolution, in place of its bias and of the two local response norms; nobody published it"


@architecture(
    "googlenet/naive",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=97_526_008,
    macs=12_568_061_056,
    deviation=NAIVE,
)
def naive(classes: int = 1000) -> nn.Module:
    """Build the whole network out of Figure 2(a), for inputs of shape `(batch, 3, 224, 224)`.

    The paper draws the module only to reject it. No accuracy was ever published for it; its cost is what it shows.
    """
    return _net(inception_naive, classes)


@architecture(
    "googlenet/bottleneck",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=6_998_552,
    macs=1_582_671_872,
    accuracy=[BVLC, *TABLE_3],
    deviation="without the two auxiliary heads, which only training uses; with them 13,378,280 parameters",
)
def bottleneck(classes: int = 1000) -> nn.Module:
    """Build the network of Table 1, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(inception_reduced, classes)


@architecture(
    "googlenet/aux",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=13_378_280,
    macs=1_582_671_872,
    accuracy=[BVLC, *TABLE_3],
    deviation="the heads run in training only, as published: a forward pass of training costs 1,591,044,096 MACs",
)
def aux(classes: int = 1000) -> nn.Module:
    """Build the network of Table 1 with its auxiliary heads, for inputs of shape `(batch, 3, 224, 224)`.

    In training it returns three logits. The paper weighs the loss of the last two by 0.3.
    """
    return Auxiliary(_net(inception_reduced, classes), {name: _head(channels, classes) for name, channels in HEADS.items()})


@architecture(
    "googlenet/naive-bn",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=97_531_080,
    macs=12_568_061_056,
    deviation=f"{NAIVE}; {NORMALISED}",
)
def naive_bn(classes: int = 1000) -> nn.Module:
    """Build the naive network with batch norm, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(inception_naive, classes, conv_norm)


@architecture(
    "googlenet/bottleneck-bn",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=7_005_832,
    macs=1_582_671_872,
    deviation=NORMALISED,
)
def bottleneck_bn(classes: int = 1000) -> nn.Module:
    """Build the network of Table 1 with batch norm, for inputs of shape `(batch, 3, 224, 224)`.

    The Inception v3 paper prints 73.2 % for a "BN-GoogLeNet", on part of the images and without its layers: not this one's.
    """
    return _net(inception_reduced, classes, conv_norm)


NAMES = (
    *(("conv2", "conv3"), ("reduce2", "conv2"), ("head.#", "fc")),
    *(("*.one", "inception{0}.branch1"), ("*.three.#", "inception{0}.branch2.{1}")),
    *(("*.five.#", "inception{0}.branch3.{1}"), ("*.pool.1", "inception{0}.branch4.1"), ("0$", "conv"), ("1$", "bn")),
)


@architecture(
    "googlenet/torchvision",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=6_624_904,
    macs=1_498_376_192,
    accuracy=[ported("TensorFlow", 69.778, 89.53)],
    preprocess=Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    deviation="torchvision's network: a 3x3 wherever the paper has a 5x5 (a known slip that its weights were trained with), batch"
    " norm, a 2x2 pooling before 5a; without the auxiliary heads, with which it has 13,004,888 parameters",
    weights=[Naming(library="torchvision", rules=NAMES, left_out=("aux1.*", "aux2.*"))],
)
def torchvision(classes: int = 1000) -> nn.Module:
    """Build what torchvision calls GoogLeNet, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(partial(inception_reduced, large=3), classes, partial(conv_norm, eps=1e-3), last_pool=2, dropout=0.2)
