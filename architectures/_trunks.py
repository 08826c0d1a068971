"""Whole trunks that several papers share; a paper's own file says only what it changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from ._blocks import Residual, conv_norm, pooled_head

Body = Callable[[int, int, int], nn.Module]
"""Makes the body of one residual block from its input channels, output channels and stride."""


def residual_net(body: Body, blocks: Sequence[int], *, expansion: int, classes: int) -> nn.Sequential:
    """Stack residual blocks as ResNet's Table 1 does, for inputs of shape `(batch, 3, 224, 224)` or other sizes.

    `blocks` is the number of blocks in each stage; the stages emit 64, 128, 256, ... channels times `expansion`, and each
    but the first halves the map. Shortcuts are the identity, or a 1x1 convolution where the shape changes (option B).
    """
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_norm(3, 64, 7, stride=2), pool=nn.MaxPool2d(3, 2, 1))
    cin = 64
    for stage, count in enumerate(blocks):
        cout = 64 * 2**stage * expansion
        layers: list[nn.Module] = []
        for index in range(count):
            stride = 2 if stage and not index else 1
            projection = conv_norm(cin, cout, 1, stride=stride, relu=False) if stride != 1 or cin != cout else None
            layers.append(Residual(body(cin, cout, stride), projection))
            cin = cout
        net[f"stage{stage + 1}"] = nn.Sequential(*layers)
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)
