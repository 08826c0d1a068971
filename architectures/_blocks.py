"""Layers that more than one architecture is made of; each stands here once, and nowhere else.

Every block takes and returns feature maps of shape `(batch, channels, height, width)`. Convolutions are padded to keep
the map's size unless told otherwise. ReLU works in place: its input is always a fresh result that nobody else reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

Kernel = int | tuple[int, int]
"""Side of a square kernel, or its height and width."""


def round_to_eight(channels: float) -> int:
    """Round scaled channels to a multiple of 8 as MobileNet's authors do: to the nearest, unless that takes a tenth away."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8


def conv_relu(  # noqa: PLR0913 - each is a property of the one convolution, and half are optional
    cin: int, cout: int, kernel: int, *, stride: int = 1, padding: int | None = None, groups: int = 1
) -> nn.Sequential:
    """Convolve with a bias, then ReLU: the layer of the networks before batch norm."""
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2 if padding is None else padding, groups=groups),
        nn.ReLU(inplace=True),
    )


def conv_norm(  # noqa: PLR0913 - each is a property of the one layer, and most are optional
    cin: int,
    cout: int,
    kernel: Kernel,
    *,
    stride: int = 1,
    padding: int | None = None,
    groups: int = 1,
    dilation: int = 1,
    bias: bool = False,
    eps: float = 1e-5,
    relu: bool = True,
    activation: Callable[..., nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """Convolve, normalise, then ReLU (or another activation) unless told otherwise.

    The convolution has no bias, since batch norm brings its own; `bias` is for weights that were published with both.
    """
    tall, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
    same = (tall // 2 * dilation, wide // 2 * dilation)
    layers: list[nn.Module] = [
        nn.Conv2d(cin, cout, kernel, stride, same if padding is None else padding, dilation, groups, bias),
        nn.BatchNorm2d(cout, eps=eps),
    ]
    if relu:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


def norm_relu(channels: int, eps: float = 1e-5) -> nn.Sequential:
    """Normalise, then ReLU: what stands before a convolution where its input is what the block adds to."""
    return nn.Sequential(nn.BatchNorm2d(channels, eps=eps), nn.ReLU(inplace=True))


def norm_prelu(channels: int, eps: float = 1e-3) -> nn.Sequential:
    """Normalise, then a ReLU that learns for each channel what to leave of what is below zero."""
    return nn.Sequential(nn.BatchNorm2d(channels, eps=eps), nn.PReLU(channels))


def norm_conv(cin: int, cout: int, kernel: int, *, stride: int = 1) -> nn.Sequential:
    """Normalise, ReLU, then convolve without a bias: `conv_norm` in the order of "pre-activation"."""
    return nn.Sequential(*norm_relu(cin), nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False))


def conv_chain(conv: Callable[..., nn.Module], cin: int, *layers: tuple[int, Kernel], **last: int) -> nn.Sequential:
    """Make one branch of an Inception module from its row: the channels and the kernel of each convolution in turn.

    What else is named (a stride, a padding) is the last one's.
    """
    branch = nn.Sequential()
    for cout, kernel in layers[:-1]:
        branch.append(conv(cin, cout, kernel))
        cin = cout
    return branch.append(conv(cin, *layers[-1], **last))


class Concat(nn.Module):
    """Run the branches side by side on the same input and stack their channels, in the order in which they are named."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to the sum of the branches' channels."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class Fused(nn.Module):
    """Convolve the same input at several rates side by side, each over what the one before it found, and stack the results.

    This is hierarchical feature fusion: a wide filter with holes alone leaves a checkerboard, which the narrower ones fill. The
    sums start at the branch of index `first`; None leaves them out.
    """

    def __init__(self, *branches: nn.Module, first: int | None = 1) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.first = len(branches) if first is None else first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to the sum of the branches' channels."""
        found: list[torch.Tensor] = []
        for index, branch in enumerate(self.branches):
            result = branch(x)
            found.append(result + found[-1] if index >= self.first else result)
        return torch.cat(found, dim=1)


def crossed(conv: Callable[..., nn.Module], cin: int, cout: int) -> Concat:
    """Put a 1x3 and a 3x1 side by side, which see what a 3x3 sees but for its corners, and make `cout` channels each."""
    return Concat(wide=conv(cin, cout, (1, 3)), tall=conv(cin, cout, (3, 1)))


class Residual(nn.Module):
    """Add what the body computes to what the shortcut passes on, then ReLU unless told otherwise."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None, *, relu: bool = True) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both paths must give the same shape."""
        total: torch.Tensor = self.relu(self.body(x) + self.shortcut(x))
        return total


class Padded(nn.Module):
    """Pass on every `stride`-th pixel, and as many maps of zeros as are missing: a shortcut without weights."""

    def __init__(self, more: int, stride: int) -> None:
        super().__init__()
        self.more = more
        self.stride = stride

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to `more` channels more, on a grid `stride` times as coarse."""
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more))


def padded(cin: int, cout: int, stride: int) -> nn.Module:
    """Shortcut of option A in ResNet: no weights anywhere; zeros where channels are missing."""
    return nn.Identity() if cin == cout and stride == 1 else Padded(cout - cin, stride)


def projected(cin: int, cout: int, stride: int) -> nn.Module:
    """Shortcut of option B in ResNet: a 1x1 convolution where the shape changes, and nothing elsewhere."""
    return nn.Identity() if cin == cout and stride == 1 else conv_norm(cin, cout, 1, stride=stride, relu=False)


def bottleneck(  # noqa: PLR0913 - each is a property of the one block, and half are optional
    cin: int, cout: int, stride: int, *, mid: int | None = None, groups: int = 1, dilation: int = 1, early: bool = False
) -> nn.Sequential:
    """Squeeze to `mid` channels (a quarter of `cout`), convolve 3x3 there, widen to `cout`: the body of a deep residual block.

    The stride is in the 3x3, as in the networks whose weights are published, unless `early` puts it into the first 1x1, as the
    authors' code did: that drops three quarters of the pixels before anything has looked at them.
    """
    mid = mid or cout // 4
    return nn.Sequential(
        conv_norm(cin, mid, 1, stride=stride if early else 1),
        conv_norm(mid, mid, 3, stride=1 if early else stride, groups=groups, dilation=dilation),
        conv_norm(mid, cout, 1, relu=False),
    )


class SqueezeExcite(nn.Module):
    """Weigh each channel by what all channels show: pool, squeeze to a few numbers, and gate every channel with them."""

    def __init__(
        self,
        channels: int,
        squeezed: int,
        *,
        activation: Callable[..., nn.Module] = nn.ReLU,
        gate: Callable[[], nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            activation(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            gate(),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape `(batch, channels, height, width)`."""
        scaled: torch.Tensor = x * self.gate(x)
        return scaled


class Shuffle(nn.Module):
    """Deal the channels of each group out to all groups, as cards are dealt."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Keep the shape `(batch, channels, height, width)`."""
        batch, channels, height, width = x.shape
        return x.view(batch, self.groups, channels // self.groups, height, width).transpose(1, 2).reshape(x.shape)


def pooled_head(cin: int, classes: int, dropout: float = 0.0, *, bias: bool = True) -> nn.Sequential:
    """Average each map to one number, then one linear layer: the head of every network since GoogLeNet."""
    layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(cin, classes, bias=bias))


def wide_layers(features: int, classes: int) -> nn.Sequential:
    """Pass a vector through two layers of 4096 and a classifier: most of AlexNet's and VGG's weights."""
    return nn.Sequential(
        nn.Linear(features, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, classes),
    )


def wide_head(cin: int, side: int, classes: int) -> nn.Sequential:
    """Flatten a `side` x `side` map into the wide layers.

    The adaptive pooling does nothing at the published input size; it lets other sizes through.
    """
    return nn.Sequential(nn.AdaptiveAvgPool2d(side), nn.Flatten(), *wide_layers(cin * side * side, classes))


class SoftArgmax(nn.Module):
    """Read a joint off its map as the average place under a softmax: an arg-max with a gradient, finer than a cell.

    `beta` is the inverse of the temperature: the larger, the nearer to the arg-max. At 1 a map of values in [0, 1] is nearly
    flat, and the answer nearly its centre. Two equal peaks are answered with the point between them (Sun et al. 2017).
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Map `(batch, joints, height, width)` to `(batch, joints, 2)`: x, then y, in cells, the first cell's centre being 0.

        Maps with a depth before the height give `(batch, joints, 3)`: x, y, z; other numbers of dimensions work alike.
        """
        shares = torch.softmax(self.beta * maps.flatten(2), dim=2).view(maps.shape)
        axes = range(2, maps.dim())
        places = []
        for axis in reversed(axes):
            along = shares.sum([other for other in axes if other != axis]) if len(axes) > 1 else shares
            places.append((along * torch.arange(maps.shape[axis], dtype=maps.dtype, device=maps.device)).sum(2))
        return torch.stack(places, dim=2)
