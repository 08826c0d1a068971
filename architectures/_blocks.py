"""Layers that more than one architecture is made of; each stands here once, and nowhere else.

Every block takes and returns feature maps of shape `(batch, channels, height, width)`. Convolutions are padded to keep
the map's size unless told otherwise. ReLU works in place: its input is always a fresh result that nobody else reads.
"""

from __future__ import annotations

import torch
from torch import nn


def conv_relu(cin: int, cout: int, kernel: int, *, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    """Convolve with a bias, then ReLU: the layer of the networks before batch norm."""
    return nn.Sequential(
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2 if padding is None else padding),
        nn.ReLU(inplace=True),
    )


def conv_norm(  # noqa: PLR0913 - each is a property of the one convolution, and half are optional
    cin: int, cout: int, kernel: int, *, stride: int = 1, groups: int = 1, relu: bool = True
) -> nn.Sequential:
    """Convolve without a bias, since batch norm brings its own, then normalise, then ReLU unless told otherwise."""
    layers: list[nn.Module] = [
        nn.Conv2d(cin, cout, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(cout),
    ]
    if relu:
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class Concat(nn.Module):
    """Run the branches side by side on the same input and stack their channels, in the order in which they are named."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to the sum of the branches' channels."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class Residual(nn.Module):
    """Add what the body computes to what the shortcut passes on, then ReLU."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Both paths must give the same shape."""
        total: torch.Tensor = self.relu(self.body(x) + self.shortcut(x))
        return total


def bottleneck(cin: int, cout: int, stride: int, *, mid: int | None = None, groups: int = 1) -> nn.Sequential:
    """Squeeze to `mid` channels (a quarter of `cout`), convolve 3x3 there, widen to `cout`: the body of a deep residual block.

    The stride is in the 3x3, as in the networks whose weights are published (see resnet.py for what the paper's code did).
    """
    mid = mid or cout // 4
    return nn.Sequential(
        conv_norm(cin, mid, 1),
        conv_norm(mid, mid, 3, stride=stride, groups=groups),
        conv_norm(mid, cout, 1, relu=False),
    )


def pooled_head(cin: int, classes: int, dropout: float = 0.0) -> nn.Sequential:
    """Average each map to one number, then one linear layer: the head of every network since GoogLeNet."""
    layers: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if dropout:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(cin, classes))


def wide_head(cin: int, side: int, classes: int) -> nn.Sequential:
    """Flatten a `side` x `side` map into two layers of 4096 and a classifier: most of AlexNet's and VGG's weights.

    The adaptive pooling does nothing at the published input size; it lets other sizes through.
    """
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(side),
        nn.Flatten(),
        nn.Linear(cin * side * side, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(),
        nn.Linear(4096, classes),
    )
