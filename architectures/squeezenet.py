"""SqueezeNet: AlexNet's accuracy with a fiftieth of its weights, by squeezing channels before every 3x3.

Few weights is not little work: 1.0 costs more MACs than AlexNet. 1.1 is the authors' own correction, at the same accuracy.

The bypasses are Figure 2 of the paper: `simple-bypass` adds the input of every second Fire module to its output, which costs no
weight; `complex-bypass` also projects around the others with a 1x1, which costs 27 % more weights and loses accuracy against the
simple one. The paper prints 7.7 MB for it, but its layers hold 1,589,672 parameters, which are 6.36 MB.

The third of the paper's strategies is to make the maps smaller late: `1.0` pools after layers 1, 4 and 8, `1.0-middle` after 1, 3
and 5, as 1.1 does, and `1.0-early` after 1, 2 and 3. The weights are the same; what late pooling costs is MACs.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Literal

from torch import nn

from vbench import Accuracy, Naming, architecture

from ._blocks import Residual, conv_relu
from ._modules import fire
from ._papers import SQUEEZENET as PAPER
from ._published import paper, pytorchcv

FIRE = {  # Table 1: squeeze 1x1, expand 1x1, expand 3x3; both versions
    2: (16, 64, 64),
    3: (16, 64, 64),
    4: (32, 128, 128),
    5: (32, 128, 128),
    6: (48, 192, 192),
    7: (48, 192, 192),
    8: (64, 256, 256),
    9: (64, 256, 256),
}
ALEXNET_PX = "1 model, 1 crop, 227 px"
DEVIATION = (
    "at 224 px without padding in the last 1x1, as in torchvision; the authors' prototxt takes 227 px and pads it,"
    " which costs {} MACs"
)


def _bypassed(module: nn.Module, cin: int, cout: int, *, project: bool) -> nn.Module:
    """Add the input to the output where their channels are equal; elsewhere project it with a 1x1, or leave the module alone."""
    if cin == cout:
        return Residual(module, relu=False)
    return Residual(module, nn.Conv2d(cin, cout, 1), relu=False) if project else module


def _net(
    conv1: tuple[int, int], pool_after: tuple[int, ...], classes: int, bypass: Literal["simple", "complex"] | None = None
) -> nn.Sequential:
    """`conv1` is filters and kernel of the first layer; `pool_after` numbers the layers (1 is conv1) that a pooling follows."""
    cin, kernel = conv1
    net: OrderedDict[str, nn.Module] = OrderedDict(conv1=conv_relu(3, cin, kernel, stride=2, padding=0))
    net["pool1"] = nn.MaxPool2d(3, 2, ceil_mode=True)
    for index, (squeeze, one, three) in FIRE.items():
        module = fire(cin, squeeze, one, three)
        net[f"fire{index}"] = _bypassed(module, cin, one + three, project=bypass == "complex") if bypass else module
        cin = one + three
        if index in pool_after:
            net[f"pool{index}"] = nn.MaxPool2d(3, 2, ceil_mode=True)
    head = (nn.Dropout(), conv_relu(cin, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net["head"] = nn.Sequential(*head)
    return nn.Sequential(net)


def _moved(pool_after: tuple[int, ...], classes: int = 1000) -> nn.Sequential:
    """Build SqueezeNet 1.0 with its poolings elsewhere, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net((96, 7), pool_after, classes)


def _names(*numbers: int) -> list[Naming]:
    """State torchvision's names; `numbers` are those of the Fire modules among its layers, the poolings counted."""
    fires = tuple((f"fire{fire}", f"features.{number}") for fire, number in zip(FIRE, numbers, strict=True))
    inner = (("squeeze.0", "squeeze"), ("expand.one.0", "expand1x1"), ("expand.three.0", "expand3x3"))
    return [Naming(library="torchvision", rules=(("conv1.0", "features.0"), ("head.1.0", "classifier.1"), *fires, *inner))]


UNITS = (
    "1.unit1",
    "1.unit2",
    "1.unit3",
    "2.unit1",
    "2.unit2",
    "2.unit3",
    "2.unit4",
    "3.unit1",
)  # pytorchcv's stages end in a pooling
BYPASS_NAMES = (
    *(("conv1.0", "features.init_block.conv"), ("head.1.0", "output.final_conv"), ("body", "")),
    *((f"fire{fire}", f"features.stage{unit}") for fire, unit in zip(FIRE, UNITS, strict=True)),
    *(("squeeze.0", "squeeze.conv"), ("expand.one.0", "expand1x1.conv"), ("expand.three.0", "expand3x3.conv")),
)


@architecture(
    "squeezenet/1.0",
    input=(3, 224, 224),
    topic="squeezed",
    paper=PAPER,
    params=1_248_424,
    macs=818_924_576,
    accuracy=[
        Accuracy(
            source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="torchvision V1",
            top1=58.092,
            top5=80.42,
        ),
        Accuracy(source="Iandola et al. 2016, Table 3", protocol="1 model, 1 crop, 227 px", recipe="paper", top1=57.5, top5=80.3),
    ],
    deviation=DEVIATION.format("861,339,936"),
    weights=_names(3, 4, 5, 7, 8, 9, 10, 12),
)
def v1_0(classes: int = 1000) -> nn.Module:
    """Build SqueezeNet 1.0, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net((96, 7), (4, 8), classes)


@architecture(
    "squeezenet/1.1",
    input=(3, 224, 224),
    topic="squeezed",
    paper=PAPER,
    params=1_235_496,
    macs=349_151_936,
    accuracy=[
        Accuracy(
            source="torchvision weights IMAGENET1K_V1, ImageNet-1k val",
            protocol="1 model, 1 crop, 224 px",
            recipe="torchvision V1",
            top1=58.178,
            top5=80.624,
        ),
    ],
    deviation=DEVIATION.format("387,747,520") + "; published by the authors after the paper, in their repository",
    weights=_names(3, 4, 6, 7, 9, 10, 11, 12),
)
def v1_1(classes: int = 1000) -> nn.Module:
    """Build SqueezeNet 1.1, which pools earlier, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net((64, 3), (3, 5), classes)


@architecture(
    "squeezenet/simple-bypass",
    input=(3, 224, 224),
    topic="squeezed",
    paper=PAPER,
    params=1_248_424,
    macs=818_924_576,
    accuracy=[
        pytorchcv(60.23, 81.91),
        Accuracy(
            source="songhan/SqueezeNet-Residual README, ImageNet-1k val",
            protocol=ALEXNET_PX,
            recipe="Han's release",
            top1=60.376,
            top5=82.498,
        ),
        paper("Iandola et al. 2016, Table 3 (as quoted by others)", ALEXNET_PX, top1=60.4),
    ],
    deviation=DEVIATION.format("861,339,936"),
    weights=[Naming(library="pytorchcv", rules=BYPASS_NAMES)],
)
def simple_bypass(classes: int = 1000) -> nn.Module:
    """Build SqueezeNet 1.0 with sums around Fire 3, 5, 7 and 9, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net((96, 7), (4, 8), classes, "simple")


@architecture(
    "squeezenet/complex-bypass",
    input=(3, 224, 224),
    topic="squeezed",
    paper=PAPER,
    params=1_589_672,
    macs=1_165_298_720,
    accuracy=[paper("Iandola et al. 2016, Table 3 (as quoted by others)", ALEXNET_PX, top1=58.8)],
    deviation=DEVIATION.format("1,212,625,184")
    + "; the paper does not say whether an activation follows the bypass's 1x1: here none does",
)
def complex_bypass(classes: int = 1000) -> nn.Module:
    """Build the same with a 1x1 around Fire 2, 4, 6 and 8 as well, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net((96, 7), (4, 8), classes, "complex")


EARLIER = {
    "middle": ((3, 5), 494_451_744),
    "early": ((2, 3), 414_821_408),
}  # layers that a pooling follows, besides the first; MACs

for _when, (_pools, _macs) in EARLIER.items():
    architecture(
        f"squeezenet/1.0-{_when}",
        input=(3, 224, 224),
        topic="squeezed",
        paper=PAPER,
        params=1_248_424,
        macs=_macs,
        deviation="never published: the paper's Fire modules with the poolings moved forward, to measure its third strategy",
    )(partial(_moved, _pools))
