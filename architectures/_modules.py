"""Whole modules that a paper proposed: its network stacks them, and a block measures each of them alone.

Each stands here once, so that what a block costs is what it costs inside of its network. They take and return feature maps of
shape `(batch, channels, height, width)` unless they say otherwise.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import nn

from ._blocks import Concat, Fused, Residual, SqueezeExcite, conv_chain, conv_norm, conv_relu

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._blocks import Kernel

    Rows = Sequence[Sequence[tuple[int, Kernel]]]  # the channels and kernels of each branch of an Inception module
    Layer = Callable[[int, int, int], nn.Module]  # makes a body from its input channels, output channels and stride


class Block(NamedTuple):
    """A part of a network that is measured alone: how it is built, the map that it reads, and what it costs there."""

    build: Callable[[], nn.Module]
    input: tuple[int, int, int]
    params: int
    macs: int
    deviation: str = ""


InceptionRow = tuple[int, int, int, int, int, int]
"""A row of GoogLeNet's Table 1: channels of 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection."""


def inception_naive(conv: Callable[..., nn.Module], cin: int, row: InceptionRow) -> tuple[nn.Module, int]:
    """GoogLeNet's Figure 2(a), and the channels it emits: the pooling hands on all `cin`, so it can only get wider."""
    one, _, three, _, five, _ = row
    module = Concat(
        one=conv(cin, one, 1),
        three=conv(cin, three, 3),
        five=conv(cin, five, 5),
        pool=nn.MaxPool2d(3, 1, 1),
    )
    return module, one + three + five + cin


def inception_reduced(conv: Callable[..., nn.Module], cin: int, row: InceptionRow, *, large: int = 5) -> tuple[nn.Module, int]:
    """GoogLeNet's Figure 2(b), and the channels it emits: a 1x1 before each large filter, and one after the pooling."""
    one, reduce3, three, reduce5, five, projection = row
    module = Concat(
        one=conv(cin, one, 1),
        three=nn.Sequential(conv(cin, reduce3, 1), conv(reduce3, three, 3)),
        five=nn.Sequential(conv(cin, reduce5, 1), conv(reduce5, five, large)),
        pool=nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(cin, projection, 1)),
    )
    return module, one + three + five + projection


def branches(conv: Callable[..., nn.Module], cin: int, rows: Rows, **last: int) -> dict[str, nn.Module]:
    """Make the branches of an Inception module from their rows; what else is named is of the last convolution in each."""
    return {f"branch{index + 1}": conv_chain(conv, cin, *layers, **last) for index, layers in enumerate(rows)}


class Scale(nn.Module):
    """Multiply by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape."""
        return x * self.factor


def inception_added(
    conv: Callable[..., nn.Module],
    cin: int,
    rows: Rows,
    scale: float,
    *,
    relu: bool = True,
) -> Residual:
    """Inception-ResNet's module: branches side by side, a 1x1 back to the input's channels, scaled and added to the input.

    The 1x1 has a bias and no batch norm.
    """
    made = sum(layers[-1][0] for layers in rows)
    return Residual(nn.Sequential(Concat(**branches(conv, cin, rows)), nn.Conv2d(made, cin, 1), Scale(scale)), relu=relu)


def fire(cin: int, squeeze: int, one: int, three: int, conv: Callable[..., nn.Module] = conv_relu) -> nn.Sequential:
    """SqueezeNet's Fire module: squeeze to few channels with a 1x1, and expand them by a 1x1 and a 3x3 side by side."""
    expand = Concat(one=conv(squeeze, one, 1), three=conv(squeeze, three, 3))
    return nn.Sequential(OrderedDict(squeeze=conv(cin, squeeze, 1), expand=expand))


def separable(cin: int, cout: int, stride: int) -> nn.Sequential:
    """MobileNet's depthwise separable convolution: a 3x3 for each channel, then a 1x1 across all of them."""
    return nn.Sequential(conv_norm(cin, cin, 3, stride=stride, groups=cin), conv_norm(cin, cout, 1))


def full(cin: int, cout: int, stride: int) -> nn.Sequential:
    """Convolve 3x3 across all channels: what MobileNet's pair of layers stands for."""
    return conv_norm(cin, cout, 3, stride=stride)


def projected_always(cin: int, cout: int, stride: int) -> nn.Sequential:
    """Shortcut of option C in ResNet: a 1x1 convolution everywhere."""
    return conv_norm(cin, cout, 1, stride=stride, relu=False)


def gated(body: Layer, ratio: int) -> Layer:
    """Put a gate behind a body that squeezes its channels to one in `ratio` of them."""

    def layer(cin: int, cout: int, stride: int) -> nn.Module:
        return nn.Sequential(body(cin, cout, stride), SqueezeExcite(cout, cout // ratio))

    return layer


RATES = (1, 2, 4, 8, 16)


def spread(reduce: nn.Module, narrow: int, cout: int, *, fused: bool) -> nn.Sequential:
    """Reduce to `narrow` channels, then convolve those at every rate: the branch without holes makes what is left of `cout`."""
    first = cout - narrow * (len(RATES) - 1)
    branches = [
        nn.Conv2d(narrow, narrow if index else first, 3, padding=rate, dilation=rate, bias=False)
        for index, rate in enumerate(RATES)
    ]
    return nn.Sequential(reduce, Fused(*branches, first=2 if fused else None))


def esp(channels: int, *, fused: bool = True) -> nn.Sequential:
    """ESPNet's unit that keeps its shape: `spread` behind a 1x1 to a fifth of the channels, its input, batch norm, PReLU."""
    narrow = channels // len(RATES)
    body = spread(nn.Conv2d(channels, narrow, 1, bias=False), narrow, channels, fused=fused)
    return nn.Sequential(Residual(body, relu=False), nn.BatchNorm2d(channels, eps=1e-3), nn.PReLU(channels))


class Pyramid(nn.Module):
    """Pool a map of any size into `n` x `n` bins for each `n` of the pyramid, and hand on all bins of all maps as one vector."""

    def __init__(self, sizes: Sequence[int], pool: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(pool(size) for size in sizes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to `(batch, channels times bins)`."""
        return torch.cat([level(x).flatten(1) for level in self.levels], dim=1)


class DropPath(nn.Module):
    """Leave a whole branch out for some images of a batch while it trains, scaled up for the others (Huang et al. 2016)."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape `(batch, channels, height, width)`."""
        if not self.training:
            return x
        kept = x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1 - self.share).div_(1 - self.share)
        return x * kept


def inverted_residual(  # noqa: PLR0913 - a row of MobileNet v3's table has as many columns
    conv: Callable[..., nn.Module],
    cin: int,
    cout: int,
    kernel: int,
    stride: int,
    *,
    expanded: int,
    squeeze: nn.Module | None = None,
    drop: float = 0.0,
) -> nn.Module:
    """Widen to `expanded` channels, convolve each on its own there, narrow again without an activation: MobileNet v2's block.

    `conv` makes a convolution with its batch norm and activation. The input is added where the shape stays. `squeeze` stands
    after the depthwise convolution (MobileNet v3, EfficientNet); `drop` is the share of images that skip the block in training.
    """
    body = nn.Sequential()
    if expanded != cin:
        body.append(conv(cin, expanded, 1))
    body.append(conv(expanded, expanded, kernel, stride=stride, groups=expanded))
    if squeeze is not None:
        body.append(squeeze)
    body.append(conv(expanded, cout, 1, relu=False))
    if stride != 1 or cin != cout:
        return body
    if drop:
        body.append(DropPath(drop))
    return Residual(body, relu=False)
