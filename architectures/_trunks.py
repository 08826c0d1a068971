"""Whole trunks that several papers share; a paper's own file says only what it changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from torch import nn

from ._blocks import Residual, conv_norm, conv_relu, pooled_head, projected

Layer = Callable[[int, int, int], nn.Module]
"""Makes a layer, a block or a shortcut from its input channels, output channels and stride."""


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


def residual_net(
    body: Layer, blocks: Sequence[int], *, expansion: int, classes: int, shortcut: Layer | None = projected
) -> nn.Sequential:
    """Stack residual blocks as ResNet's Table 1 does, for inputs of shape `(batch, 3, 224, 224)` or other sizes.

    `blocks` is the number of blocks in each stage; the stages emit 64, 128, 256, ... channels times `expansion`, and each
    but the first halves the map. Shortcuts are the identity, or a 1x1 convolution where the shape changes (option B), unless
    another is given.
    """
    widths = [64 * 2**stage * expansion for stage in range(len(blocks))]
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, 64, 7, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    net |= stages(residual(body, shortcut), blocks, widths, cin=64)
    net["head"] = pooled_head(widths[-1], classes)
    return nn.Sequential(net)


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
