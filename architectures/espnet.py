"""ESPNet: one cheap reduction, then five filters with holes of different widths, whose fields grow to 33 pixels for little.

An ESP unit squeezes its channels with a 1x1 (a strided 3x3 where it halves the map), convolves them 3x3 at the rates 1, 2, 4, 8
and 16 side by side, and stacks what comes out. Wide rates alone leave a checkerboard: hierarchical feature fusion (HFF) adds each
branch to the next wider one, but for the one without holes. `no-hff` leaves those additions out, as the paper does to show it.

`c` is ESPNet-C, the encoder: its logits stand on an eighth of the picture's grid, and are enlarged as the authors' code does to
show them. `full` adds the decoder, three transposed 2x2 convolutions over as many channels as there are labels, so that most of
its weights know the labels. `q` is how often the deeper ESP unit is repeated: 8 unless the name says otherwise; the other one
stands twice. Cityscapes has 19 labels and one for what is none of them.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from vbench import architecture

from ._blocks import norm_prelu
from ._modules import RATES, esp, spread
from ._papers import ESPNET
from ._published import overlap

STEM, SHALLOW, DEEP = 16, 64, 128  # channels at a half, a quarter and an eighth of the picture's grid
EPS = 1e-3


def _conv(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolve, normalise, PReLU."""
    return nn.Sequential(_plain(cin, cout, kernel, stride), *norm_prelu(cout))


def _plain(cin: int, cout: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Convolve, and nothing else."""
    return nn.Conv2d(cin, cout, kernel, stride, kernel // 2, bias=False)


def _widened(cin: int, cout: int, *, fused: bool, kernel: int = 1, stride: int = 1) -> nn.Sequential:
    """Make an ESP unit whose output is of another shape than its input, which it therefore does not add."""
    narrow = cout // len(RATES)
    return nn.Sequential(spread(_plain(cin, narrow, kernel, stride), narrow, cout, fused=fused), *norm_prelu(cout))


class Encoder(nn.Module):
    """ESPNet-C without its classifier: the maps at a half, a quarter and an eighth of the picture's grid.

    The picture itself, averaged down, stands beside the features of each grid.
    """

    def __init__(self, shallow: int, deep: int, *, fused: bool) -> None:
        super().__init__()
        self.shrink = nn.AvgPool2d(3, 2, 1)
        self.stem = _conv(3, STEM, 3, 2)
        self.norm1 = norm_prelu(STEM + 3)
        self.down2 = _widened(STEM + 3, SHALLOW, fused=fused, kernel=3, stride=2)
        self.level2 = nn.Sequential(*(esp(SHALLOW, fused=fused) for _ in range(shallow)))
        self.norm2 = norm_prelu(2 * SHALLOW + 3)
        self.down3 = _widened(2 * SHALLOW + 3, DEEP, fused=fused, kernel=3, stride=2)
        self.level3 = nn.Sequential(*(esp(DEEP, fused=fused) for _ in range(deep)))
        self.norm3 = norm_prelu(2 * DEEP)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map `(batch, 3, height, width)` to maps of 16, 131 and 256 channels."""
        stem = self.stem(x)
        small = self.shrink(x)
        down = self.down2(self.norm1(torch.cat((stem, small), dim=1)))
        middle = self.norm2(torch.cat((self.level2(down), down, self.shrink(small)), dim=1))
        down = self.down3(middle)
        return stem, middle, self.norm3(torch.cat((down, self.level3(down)), dim=1))


class Coarse(nn.Module):
    """Classify on the coarsest grid, and enlarge the logits eightfold."""

    def __init__(self, encoder: Encoder, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.classifier = _plain(2 * DEEP, classes, 1)
        self.enlarge = nn.Upsample(scale_factor=8, mode="bilinear", align_corners=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)` to `(batch, classes, height, width)`."""
        logits: torch.Tensor = self.enlarge(self.classifier(self.encoder(x)[-1]))
        return logits


class Decoded(nn.Module):
    """Classify on the coarsest grid, then double the map of logits three times with what the finer grids know."""

    def __init__(self, encoder: Encoder, classes: int, *, fused: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.deep = nn.Sequential(
            _plain(2 * DEEP, classes, 1), nn.BatchNorm2d(classes, eps=EPS), nn.ConvTranspose2d(classes, classes, 2, 2, bias=False)
        )
        self.middle = _plain(2 * SHALLOW + 3, classes, 1)
        self.merge = nn.Sequential(
            norm_prelu(2 * classes),
            _widened(2 * classes, classes, fused=fused),
            nn.ConvTranspose2d(classes, classes, 2, 2, bias=False),
            norm_prelu(classes),
        )
        self.fine = _conv(STEM + classes, classes, 3)
        self.classifier = nn.ConvTranspose2d(classes, classes, 2, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)` to `(batch, classes, height, width)`."""
        stem, middle, deep = self.encoder(x)
        merged = self.merge(torch.cat((self.middle(middle), self.deep(deep)), dim=1))
        logits: torch.Tensor = self.classifier(self.fine(torch.cat((merged, stem), dim=1)))
        return logits


def _c(deep: int, classes: int = 20) -> nn.Module:
    """Build ESPNet-C for inputs of shape `(batch, 3, 512, 1024)`; the logits have the input's resolution."""
    return Coarse(Encoder(2, deep, fused=True), classes)


def _full(deep: int, classes: int = 20, *, fused: bool = True) -> nn.Module:
    """Build ESPNet for inputs of shape `(batch, 3, 512, 1024)`; the logits have the input's resolution."""
    return Decoded(Encoder(2, deep, fused=fused), classes, fused=fused)


README = overlap("sacmehta/ESPNet README", "512x1024, Cityscapes test", 60.336, "authors' release")
VARIANTS = {
    "c": (partial(_c, 8), 349_449, 3_470_155_776, []),
    "c-q5": (partial(_c, 5), 252_297, 2_683_723_776, []),
    "c-q3": (partial(_c, 3), 187_529, 2_159_435_776, []),
    "full": (partial(_full, 8), 364_569, 4_709_441_536, [README]),
    "full-q5": (partial(_full, 5), 267_417, 3_923_009_536, []),
    "full-q3": (partial(_full, 3), 202_649, 3_398_721_536, []),
    "no-hff": (partial(_full, 8, fused=False), 364_569, 4_709_441_536, []),
}

for _name, (_build, _params, _macs, _accuracy) in VARIANTS.items():
    architecture(
        f"espnet/{_name}",
        input=(3, 512, 1024),
        task="segmentation",
        topic="dilated",
        paper=ESPNET,
        params=_params,
        macs=_macs,
        accuracy=_accuracy,
    )(_build)
