"""Inception v4 and Inception-ResNet: modules tuned once more, and modules that add to their input in place of a concatenation.

Batch norm stands after every convolution but the 1x1 that brings a residual module's channels back: that one has a bias, and what
it makes is scaled down before it is added, since sums of more than a thousand channels died in training (Section 3.3).

`resnet-v1` is the paper's: five modules of the last kind, then the classifier. The libraries that have it took a code for faces
over, with a sixth module without ReLU and 512 features before the classifier, so their accuracy is not its own. The paper's
Table 2 could not be read again, and no accuracy is declared. The factors 0.17, 0.10 and 0.20 are of that code too; the paper
says "between 0.1 and 0.3". `resnet-v2` is the network of the published weights, not of the paper's figures: its stem is that of
Inception v3 with one more module, its maps have 1088 and 2080 channels (1154 and 2048 there), and its last module has no ReLU.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from vbench import Accuracy, Naming, Preprocess, architecture

from ._blocks import Concat, conv_chain, conv_norm, crossed, pooled_head
from ._modules import branches, inception_added
from ._papers import INCEPTION_V4 as PAPER
from ._published import timm
from ._trunks import inception_stem

if TYPE_CHECKING:
    from ._blocks import Kernel

PX = "1 model, 1 crop, 299 px"
HALF = (0.5, 0.5, 0.5)

conv = partial(conv_norm, eps=1e-3)
chain = partial(conv_chain, conv)
halved = partial(chain, stride=2, padding=0)


class Stage(NamedTuple):
    """Modules of one kind: how many, the factor of what they add, and the channels and kernels of each branch.

    One without repeats makes the map smaller instead: its branches end with stride 2 beside a pooling, and nothing is added.
    """

    branches: tuple[tuple[tuple[int, Kernel], ...], ...]
    repeats: int = 0
    scale: float = 0.0
    relu: bool = True


RESNET_V1 = {
    "a": Stage((((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3))), 5, 0.17),  # Figure 10, at 35 x 35
    "reduction-a": Stage((((384, 3),), ((192, 1), (192, 3), (256, 3)))),  # Figure 7
    "b": Stage((((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1)))), 10, 0.10),  # Figure 11, at 17 x 17
    "reduction-b": Stage((((256, 1), (384, 3)), ((256, 1), (256, 3)), ((256, 1), (256, 3), (256, 3)))),  # Figure 12
    "c": Stage((((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1)))), 5, 0.20),  # Figure 13, at 8 x 8
}
RESNET_V2 = {  # Figures 16 to 19, with the channels of the published weights
    "a": Stage((((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))), 10, 0.17),
    "reduction-a": Stage((((384, 3),), ((256, 1), (256, 3), (384, 3)))),
    "b": Stage((((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))), 20, 0.10),
    "reduction-b": Stage((((256, 1), (384, 3)), ((256, 1), (288, 3)), ((256, 1), (288, 3), (320, 3)))),
    "c": Stage((((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))), 9, 0.20),
    "last": Stage((((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))), 1, 1.0, relu=False),
}


def _stages(table: dict[str, Stage], cin: int) -> tuple[OrderedDict[str, nn.Module], int]:
    net: OrderedDict[str, nn.Module] = OrderedDict()
    for name, stage in table.items():
        if stage.repeats:
            net[name] = nn.Sequential(
                *(inception_added(conv, cin, stage.branches, stage.scale, relu=stage.relu) for _ in range(stage.repeats))
            )
            continue
        net[name] = Concat(**branches(conv, cin, stage.branches, stride=2, padding=0), pool=nn.MaxPool2d(3, 2))
        cin += sum(branch[-1][0] for branch in stage.branches)
    return net, cin


def _pooled(cin: int, cout: int) -> nn.Sequential:
    """Average the neighbours that exist, then 1x1; at the border Inception v3 counts zeros as well."""
    return nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), conv(cin, cout, 1))


def _v4_stem() -> nn.Sequential:
    """Figure 3: convolution and pooling side by side wherever the map gets smaller."""
    return nn.Sequential(
        conv(3, 32, 3, stride=2, padding=0),
        conv(32, 32, 3, padding=0),
        conv(32, 64, 3),
        Concat(pool=nn.MaxPool2d(3, 2), three=halved(64, (96, 3))),
        Concat(
            three=chain(160, (64, 1), (96, 3), padding=0),
            seven=chain(160, (64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3), padding=0),
        ),
        Concat(three=halved(192, (192, 3)), pool=nn.MaxPool2d(3, 2)),
    )


def _v4_a() -> Concat:
    """Figure 4, at 35 x 35."""
    return Concat(
        one=conv(384, 96, 1),
        three=chain(384, (64, 1), (96, 3)),
        stack=chain(384, (64, 1), (96, 3), (96, 3)),
        pool=_pooled(384, 96),
    )


def _v4_b() -> Concat:
    """Figure 5, at 17 x 17."""
    return Concat(
        one=conv(1024, 384, 1),
        seven=chain(1024, (192, 1), (224, (1, 7)), (256, (7, 1))),
        stack=chain(1024, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7))),
        pool=_pooled(1024, 128),
    )


def _v4_c() -> Concat:
    """Figure 6, at 8 x 8."""
    return Concat(
        one=conv(1536, 256, 1),
        three=nn.Sequential(conv(1536, 384, 1), crossed(conv, 384, 256)),
        stack=nn.Sequential(chain(1536, (384, 1), (448, (3, 1)), (512, (1, 3))), crossed(conv, 512, 256)),
        pool=_pooled(1536, 256),
    )


V4_NAMES = (
    *(("stem.3.three.0", "features.3.conv"), ("stem.5.three.0", "features.5.conv"), ("stem.4.three", "features.4.branch0")),
    *(("stem.4.seven", "features.4.branch1"), ("stem.#", "features.{0}"), ("head.#", "last_linear")),
    *(("^reduction-a.three.0", "features.10.branch0"), ("^reduction-a.stack", "features.10.branch1")),
    *(("^reduction-b.three", "features.18.branch0"), ("^reduction-b.seven", "features.18.branch1")),
    *(("^c.#.three.0", "c.{0}.branch1_0"), ("three.1.wide", "branch1_1a"), ("three.1.tall", "branch1_1b")),
    *(("^c.#.stack.0.#", "c.{0}.branch2_{1}"), ("stack.1.wide", "branch2_3a"), ("stack.1.tall", "branch2_3b")),
    *(("one", "branch0"), ("three", "branch1"), ("seven", "branch1"), ("stack", "branch2"), ("pool", "branch3")),
    *(("^a.#", "features.{0+6}"), ("^b.#", "features.{0+11}"), ("^c.#", "features.{0+19}"), ("0$", "conv"), ("1$", "bn")),
)
RESNET_V2_NAMES = (
    *(("stem.0", "conv2d_1a"), ("stem.1", "conv2d_2a"), ("stem.2", "conv2d_2b"), ("stem.4", "conv2d_3b")),
    *(("stem.5", "conv2d_4a"), ("wide", "conv2d_7b"), ("head.#", "classif"), ("last.0", "block8")),
    *(("first.one", "mixed_5b.branch0"), ("first.five", "mixed_5b.branch1"), ("first.stack", "mixed_5b.branch2")),
    *(("first.pool", "mixed_5b.branch3"), ("^reduction-a.branch1.0", "mixed_6a.branch0")),
    *(("^reduction-a.branch2", "mixed_6a.branch1"), ("^reduction-b.branch#", "mixed_7a.branch{0-1}")),
    *(("^a.#", "repeat.{0}"), ("^b.#", "repeat_1.{0}"), ("^c.#", "repeat_2.{0}"), ("body.1", "conv2d")),
    *(("body.0.branch1.0", "branch0"), ("body.0.branch#", "branch{0-1}"), ("0$", "conv"), ("1$", "bn")),
)


@architecture(
    "inception/v4",
    input=(3, 299, 299),
    topic="inception",
    paper=PAPER,
    params=42_679_816,
    macs=12_253_974_624,
    accuracy=[
        timm("inception_v4.tf_in1k", 80.144, 94.982, PX),
        Accuracy(
            source="Cadene/pretrained-models.pytorch README, ImageNet-1k val",
            protocol=PX,
            recipe="TensorFlow, converted",
            top1=80.062,
            top5=94.926,
        ),
    ],
    preprocess=Preprocess(resize=1 / 0.875, interpolation="bicubic", mean=HALF, std=HALF),
    weights=[Naming(library="timm", rules=V4_NAMES)],
)
def v4(classes: int = 1000) -> nn.Module:
    """Build Inception v4 (Figure 9), for inputs of shape `(batch, 3, 299, 299)`."""
    reduction_a = Concat(three=halved(384, (384, 3)), stack=halved(384, (192, 1), (224, 3), (256, 3)), pool=nn.MaxPool2d(3, 2))
    reduction_b = Concat(
        three=halved(1024, (192, 1), (192, 3)),
        seven=halved(1024, (256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3)),
        pool=nn.MaxPool2d(3, 2),
    )
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=_v4_stem())
    net["a"] = nn.Sequential(*(_v4_a() for _ in range(4)))
    net["reduction-a"] = reduction_a
    net["b"] = nn.Sequential(*(_v4_b() for _ in range(7)))
    net["reduction-b"] = reduction_b
    net["c"] = nn.Sequential(*(_v4_c() for _ in range(3)))
    net["head"] = pooled_head(1536, classes, dropout=0.2)
    return nn.Sequential(net)


@architecture(
    "inception/resnet-v1",
    input=(3, 299, 299),
    topic="inception",
    paper=PAPER,
    params=22_756_328,
    macs=6_206_361_696,
    preprocess=Preprocess(resize=1 / 0.875, interpolation="bicubic", mean=HALF, std=HALF),
    deviation="sums are scaled by 0.17, 0.10 and 0.20, which the paper leaves open (between 0.1 and 0.3)",
)
def resnet_v1(classes: int = 1000) -> nn.Module:
    """Build Inception-ResNet-v1 (Figure 15, left), for inputs of shape `(batch, 3, 299, 299)`."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=inception_stem(), last=conv(192, 256, 3, stride=2, padding=0))
    trunk, cin = _stages(RESNET_V1, 256)
    return nn.Sequential(net | trunk | OrderedDict(head=pooled_head(cin, classes, dropout=0.2)))


@architecture(
    "inception/resnet-v2",
    input=(3, 299, 299),
    topic="inception",
    paper=PAPER,
    params=55_843_464,
    macs=13_155_794_016,
    accuracy=[timm("inception_resnet_v2.tf_in1k", 80.434, 95.312, f"{PX}, resize 333")],
    preprocess=Preprocess(resize=333 / 299, interpolation="bicubic", mean=HALF, std=HALF),
    deviation="the network of the published weights: the stem of Inception v3 with one more module, 1088 and 2080 channels where"
    " the paper's figures have 1154 and 2048, and 1536 channels before the pooling",
    weights=[Naming(library="timm", rules=RESNET_V2_NAMES)],
)
def resnet_v2(classes: int = 1000) -> nn.Module:
    """Build Inception-ResNet-v2 as it was published, for inputs of shape `(batch, 3, 299, 299)`."""
    first = Concat(
        one=conv(192, 96, 1),
        five=chain(192, (48, 1), (64, 5)),
        stack=chain(192, (64, 1), (96, 3), (96, 3)),
        pool=_pooled(192, 64),
    )
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=inception_stem(), pool=nn.MaxPool2d(3, 2), first=first)
    trunk, cin = _stages(RESNET_V2, 320)
    tail = OrderedDict(wide=conv(cin, 1536, 1), head=pooled_head(1536, classes, dropout=0.2))
    return nn.Sequential(net | trunk | tail)
