"""ResNet with identity mappings: batch norm and ReLU move in front of the convolutions, and nothing is left on the shortcut.

`resnet/200` is the network of this paper that ResNeXt compares itself with (its Table 4): twice the cost of ResNet-101, spent on
depth.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from vbench import Naming, Paper, architecture

from ._blocks import Residual, conv_norm, norm_conv, norm_relu, pooled_head
from ._published import TEN_CROPS, fb_resnet_torch
from ._trunks import stages

PAPER = Paper(
    title="Identity Mappings in Deep Residual Networks",
    authors="He, Zhang, Ren, Sun",
    year=2016,
    link="https://arxiv.org/abs/1603.05027",
)

BLOCKS = (3, 24, 36, 3)
WIDTHS = (256, 512, 1024, 2048)
STEM = 64
NAMES = (  # pytorchcv's: a unit holds three pairs of a batch norm and a convolution, the first norm of a stage as well
    *(("stem.0", "features.init_block.conv"), ("stem.1", "features.init_block.bn"), ("^norm.0", "features.post_activ.bn")),
    *(("head.#", "output"), ("stage#.0.0.0", "features.stage{0}.unit1.body.conv1.bn"), ("stage#.0.1", "stage{0}.0")),
    *(
        ("stage#.0.shortcut", "features.stage{0}.unit1.identity_conv"),
        ("stage#.0.body.0", "features.stage{0}.unit1.body.conv1.conv"),
    ),
    ("stage#.0.body.#", "features.stage{0}.unit1.body.conv{1+1}"),
    *(
        ("stage#.#.body.0.0", "features.stage{0}.unit{1+1}.body.conv1.bn"),
        ("stage#.#.body.1", "features.stage{0}.unit{1+1}.body.conv1.conv"),
    ),
    *(("stage#.#.body.#", "features.stage{0}.unit{1+1}.body.conv{2}"), ("0$", "bn"), ("2$", "conv")),
)


def _unit(cin: int, cout: int, stride: int) -> nn.Module:
    """Figure 1(b), with a bottleneck; where the shape changes both paths start from the activated input."""
    mid = cout // 4
    reduce = nn.Conv2d(cin, mid, 1, bias=False)
    rest = (norm_conv(mid, mid, 3, stride=stride), norm_conv(mid, cout, 1))
    if cin == cout:
        return Residual(nn.Sequential(norm_relu(cin), reduce, *rest), relu=False)
    both = Residual(nn.Sequential(reduce, *rest), nn.Conv2d(cin, cout, 1, stride, bias=False), relu=False)
    # The first unit of all stands behind the stem, which has normalised and activated already.
    return both if cin == STEM else nn.Sequential(norm_relu(cin), both)


@architecture(
    "resnet/200",
    input=(3, 224, 224),
    topic="residual",
    paper=PAPER,
    params=64_666_152,
    macs=15_007_481_856,
    accuracy=[fb_resnet_torch(78.34, 94.21), fb_resnet_torch(79.85, 95.07, TEN_CROPS)],
    deviation="stride 2 in the 3x3, as in fb.resnet.torch, whose accuracy this is; the authors' code has it in the first 1x1."
    " Projections have no batch norm and share the activation of their unit, as in the authors' code; pytorchcv normalises the"
    " stem's output a second time, which makes 64,666,280 parameters",
    weights=[Naming(library="pytorchcv", rules=NAMES)],
)
def resnet200(classes: int = 1000) -> nn.Module:
    """Build the pre-activation ResNet-200 for inputs of shape `(batch, 3, 224, 224)`."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, STEM, 7, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    net |= stages(_unit, BLOCKS, WIDTHS, cin=STEM)
    net["norm"] = norm_relu(WIDTHS[-1])
    net["head"] = pooled_head(WIDTHS[-1], classes)
    return nn.Sequential(net)
