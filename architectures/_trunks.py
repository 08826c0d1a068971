"""Whole trunks that several papers share; a paper's own file says only what it changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from vbench import Naming

from ._blocks import Residual, conv_norm, conv_relu, pooled_head, projected

BOTTLENECK = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""The number of bottleneck blocks in each stage of ResNet, in its Table 1."""

Layer = Callable[[int, int, int], nn.Module]
"""Makes a layer, a block or a shortcut from its input channels, output channels and stride."""


def basic(cin: int, cout: int, stride: int) -> nn.Sequential:
    """Make the body of ResNet's shallow block: two 3x3 convolutions."""
    return nn.Sequential(conv_norm(cin, cout, 3, stride=stride), conv_norm(cout, cout, 3, relu=False))


def residual(body: Layer, shortcut: Layer | None = projected) -> Layer:
    """Make the layer that adds `shortcut` to `body`; without a shortcut it is the body with its ReLU, a plain network's."""

    def block(cin: int, cout: int, stride: int) -> nn.Module:
        if shortcut is None:
            return nn.Sequential(body(cin, cout, stride), nn.ReLU(inplace=True))
        return Residual(body(cin, cout, stride), shortcut(cin, cout, stride))

    return block


def stages(block: Layer, counts: Sequence[int], widths: Sequence[int], cin: int) -> OrderedDict[str, nn.Module]:
    """Stack blocks in stages named `stage1`, `stage2`, ...: `counts` says how many, `widths` how many channels they emit.

    Each stage but the first halves the map, in its first block.
    """
    net: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, (count, cout) in enumerate(zip(counts, widths, strict=True)):
        first = block(cin, cout, 2 if stage else 1)
        net[f"stage{stage + 1}"] = nn.Sequential(first, *(block(cout, cout, 1) for _ in range(count - 1)))
        cin = cout
    return net


def residual_trunk(
    body: Layer, blocks: Sequence[int], *, expansion: int, shortcut: Layer | None = projected
) -> OrderedDict[str, nn.Module]:
    """Stack residual blocks as ResNet's Table 1 does, up to the last map: a 32nd of the input where stages are four.

    `blocks` is the number of blocks in each stage; the stages emit 64, 128, 256, ... channels times `expansion`, and each
    but the first halves the map. Shortcuts are the identity, or a 1x1 convolution where the shape changes (option B), unless
    another is given.
    """
    widths = [64 * 2**stage * expansion for stage in range(len(blocks))]
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, 64, 7, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    net |= stages(residual(body, shortcut), blocks, widths, cin=64)
    return net


def residual_net(
    body: Layer, blocks: Sequence[int], *, expansion: int, classes: int, shortcut: Layer | None = projected
) -> nn.Sequential:
    """Put a classifier on such a trunk, for inputs of shape `(batch, 3, 224, 224)` or other sizes."""
    net = residual_trunk(body, blocks, expansion=expansion, shortcut=shortcut)
    net["head"] = pooled_head(64 * 2 ** (len(blocks) - 1) * expansion, classes)
    return nn.Sequential(net)


def alexnet_convolutions(
    widths: tuple[int, int, int, int, int], *, padding: int, groups: int = 1, norm: bool = True
) -> list[nn.Module]:
    """Stack the five convolutions of AlexNet with their poolings; behind them the map has 6 x 6 pixels at the published size.

    `padding` is that of the first convolution, `groups` those of the second, fourth and fifth.
    """
    a, b, c, d, e = widths
    layers: list[nn.Module] = [
        conv_relu(3, a, 11, stride=4, padding=padding),
        nn.LocalResponseNorm(5),
        nn.MaxPool2d(3, 2),
        conv_relu(a, b, 5, groups=groups),
        nn.LocalResponseNorm(5),
        nn.MaxPool2d(3, 2),
        conv_relu(b, c, 3),
        conv_relu(c, d, 3, groups=groups),
        conv_relu(d, e, 3, groups=groups),
        nn.MaxPool2d(3, 2),
    ]
    return [layer for layer in layers if norm or not isinstance(layer, nn.LocalResponseNorm)]


def vgg_convolutions(
    counts: Sequence[int], widths: Sequence[int], conv: Callable[[int, int, int], nn.Module] = conv_relu
) -> list[nn.Module]:
    """Stack 3x3 convolutions as VGG's Table 1 does: so many of such a width, then a pooling that halves the map, and again."""
    layers: list[nn.Module] = []
    cin = 3
    for count, width in zip(counts, widths, strict=True):
        for _ in range(count):
            layers.append(conv(cin, width, 3))
            cin = width
        layers.append(nn.MaxPool2d(2, 2))
    return layers


RESIDUAL_NAMES = (  # what torchvision calls the parts of `residual_net`, and timm after it
    *(("stem.0", "conv1"), ("stem.1", "bn1"), ("stage#", "layer{0}"), ("head.#", "fc")),
    *(("body.#.0", "conv{0+1}"), ("body.#.1", "bn{0+1}"), ("shortcut", "downsample")),
)
RESIDUAL_WEIGHTS = (Naming(library="torchvision or timm", rules=RESIDUAL_NAMES),)

ZF_WIDTHS = (384, 384, 256)
"""Filters of the last three convolutions of ZFNet, in its Figure 3."""


def zf_convolutions(widths: tuple[int, int, int] = ZF_WIDTHS) -> nn.Sequential:
    """Stack the five convolutions of ZFNet, which SPP-net takes over as ZF-5, up to the map that its last pooling reads.

    On inputs of shape `(batch, 3, 224, 224)` that map is 13x13. Pooling rounds up, as in the authors' framework.
    """
    third, fourth, fifth = widths
    return nn.Sequential(
        conv_relu(3, 96, 7, stride=2, padding=1),
        nn.LocalResponseNorm(3, alpha=5e-5),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        conv_relu(96, 256, 5, stride=2, padding=0),
        nn.LocalResponseNorm(3, alpha=5e-5),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        conv_relu(256, third, 3),
        conv_relu(third, fourth, 3),
        conv_relu(fourth, fifth, 3),
    )


def inception_stem() -> nn.Sequential:
    """Start as Inception networks have since v3, for inputs of shape `(batch, 3, 299, 299)`: 192 maps of 71 x 71."""
    conv = partial(conv_norm, eps=1e-3)
    return nn.Sequential(
        conv(3, 32, 3, stride=2, padding=0),
        conv(32, 32, 3, padding=0),
        conv(32, 64, 3),
        nn.MaxPool2d(3, 2),
        conv(64, 80, 1),
        conv(80, 192, 3, padding=0),
    )
