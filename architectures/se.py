"""Squeeze-and-excitation: a gate per channel, computed from the averages of all channels, for few MACs and a tenth more weights.

Each network is that of another paper with the gate at the end of every block, before the addition: `resnet` and `resnext` as they
are in ResNet's and ResNeXt's tables, `senet-154` the one that won ILSVRC 2017, which changes the rest as well (appendix).
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from vbench import Accuracy, Naming, architecture

from ._blocks import bottleneck, conv_norm, pooled_head, projected
from ._modules import gated
from ._papers import SQUEEZE_EXCITE as PAPER
from ._published import paper, released
from ._trunks import residual, stages

if TYPE_CHECKING:
    from ._trunks import Layer

RATIO = 16  # the gate squeezes C channels to C / 16
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3), 154: (3, 8, 36, 3)}
WIDTHS = (256, 512, 1024, 2048)
README = "hujie-frank/SENet README"
STRIDE = (
    "stride 2 in the first 1x1 of a stage, as in the authors' model files; in the 3x3 it would cost {} MACs with the same weights"
)


WEIGHTS = (
    Naming(
        library="timm",  # whose networks of these names begin with "legacy_"; the weights are the authors'
        rules=(
            # The stem of SENet-154 has three convolutions, that of the others has one.
            *(("stem.#.0", "layer0.conv{0+1}"), ("stem.#.1", "layer0.bn{0+1}")),
            *(("stem.0", "layer0.conv1"), ("stem.1", "layer0.bn1"), ("stage#", "layer{0}"), ("head.#", "last_linear")),
            *(("body.0.#.0", "conv{0+1}"), ("body.0.#.1", "bn{0+1}")),
            *(("body.1.gate.1", "se_module.fc1"), ("body.1.gate.3", "se_module.fc2"), ("shortcut", "downsample")),
        ),
    ),
)


class Variant(NamedTuple):
    """One network: the body of its blocks, and its facts."""

    body: Layer
    depth: int
    params: int
    macs: int
    accuracy: tuple[Accuracy, ...]
    deviation: str = ""


def _resnext(cin: int, cout: int, stride: int) -> nn.Sequential:
    """Make the bottleneck of 32 groups that are 4 channels wide in stage 1."""
    return bottleneck(cin, cout, stride, mid=cout // 2, groups=32)


def _senet(cin: int, cout: int, stride: int) -> nn.Sequential:
    """Make SENet-154's bottleneck: 64 groups, twice as wide as ResNeXt's, behind a 1x1 of half that width."""
    return nn.Sequential(
        conv_norm(cin, cout // 2, 1),
        conv_norm(cout // 2, cout, 3, stride=stride, groups=64),
        conv_norm(cout, cout, 1, relu=False),
    )


def _projected_3x3(cin: int, cout: int, stride: int) -> nn.Module:
    """Make SENet-154's shortcut: where the map shrinks, a 3x3, which looks at every pixel."""
    return projected(cin, cout, stride) if stride == 1 else conv_norm(cin, cout, 3, stride=stride, relu=False)


RESNET: Layer = partial(bottleneck, early=True)
VARIANTS = {
    "resnet-50": Variant(
        RESNET,
        50,
        28_088_024,
        3_860_488_192,
        (
            released(README, 77.63, 93.64),
            paper("Hu et al. 2017, table of reduction ratios", top1=77.72, top5=93.97),
        ),
        STRIDE.format("4,091,699,200"),
    ),
    "resnet-101": Variant(
        RESNET, 101, 49_326_872, 7_574_937_600, (released(README, 78.25, 94.28),), STRIDE.format("7,806,148,608")
    ),
    "resnet-152": Variant(
        RESNET, 152, 66_821_848, 11_288_993_792, (released(README, 78.66, 94.46),), STRIDE.format("11,520,204,800")
    ),
    "resnext-50": Variant(_resnext, 50, 27_559_896, 4_232_994_816, (released(README, 79.03, 94.46),)),
    "resnext-101": Variant(_resnext, 101, 48_955_416, 7_974_739_968, (released(README, 80.19, 95.04),)),
}


def _net(body: Layer, depth: int, classes: int = 1000) -> nn.Sequential:
    """Stack the gated blocks on ResNet's stem for inputs of shape `(batch, 3, 224, 224)`; its pooling rounds up as in Caffe."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, 64, 7, stride=2), pool=nn.MaxPool2d(3, 2, ceil_mode=True))
    net |= stages(residual(gated(body, RATIO)), BLOCKS[depth], WIDTHS, cin=64)
    net["head"] = pooled_head(WIDTHS[-1], classes)
    return nn.Sequential(net)


for _name, _variant in VARIANTS.items():
    architecture(
        f"se/{_name}",
        input=(3, 224, 224),
        topic="squeeze-excite",
        paper=PAPER,
        params=_variant.params,
        macs=_variant.macs,
        accuracy=_variant.accuracy,
        deviation=_variant.deviation,
        weights=WEIGHTS,
    )(partial(_net, _variant.body, _variant.depth))


@architecture(
    "se/senet-154",
    input=(3, 224, 224),
    topic="squeeze-excite",
    paper=PAPER,
    params=115_088_984,
    macs=20_688_363_520,
    accuracy=[released(README, 81.32, 95.53)],
    weights=WEIGHTS,
)
def senet_154(classes: int = 1000) -> nn.Module:
    """Build SENet-154 for inputs of shape `(batch, 3, 224, 224)`: three 3x3 in place of the 7x7, wider groups, dropout."""
    stem = nn.Sequential(conv_norm(3, 64, 3, stride=2), conv_norm(64, 64, 3), conv_norm(64, 128, 3))
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=stem, pool=nn.MaxPool2d(3, 2, ceil_mode=True))
    net |= stages(residual(gated(_senet, RATIO), _projected_3x3), BLOCKS[154], WIDTHS, cin=128)
    net["head"] = pooled_head(WIDTHS[-1], classes, dropout=0.2)
    return nn.Sequential(net)
