"""ENet: shrink the picture at once, keep every filter thin, and spend little on the way back up.

A bottleneck works on a quarter of its output's channels: a 1x1, a middle convolution, a 1x1. The middle one is a plain 3x3, a 3x3
with holes, or a 1x5 and a 5x1 in turn, in an order that the network repeats twice. Where the map is halved, the shortcut pools
maxima and remembers where they stood; the decoder puts its values back to those places (unpooling) instead of learning to.

`cityscapes` and `camvid` differ in their input and in their labels, one of which is for pixels without any. `encoder` is the
first of the two steps in which the network is trained: its logits stand on an eighth of the picture's grid. The layers are those
of the authors' code, which has the paper's 0.37 million parameters; ports whose PReLUs share one slope have 351,660 or 358,060.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from vbench import Paper, architecture

from ._blocks import Concat, Padded, Residual, norm_prelu, norm_relu
from ._published import overlap

PAPER = Paper(
    title="ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation",
    authors="Paszke, Chaurasia, Kim, Culurciello",
    year=2016,
    link="https://arxiv.org/abs/1606.02147",
)
EPS = 1e-3
STEM, SHALLOW, DEEP = 16, 64, 128  # channels at a half, a quarter and an eighth of the picture's grid
PLAIN, ASYMMETRIC = 1, 0  # the middle of a bottleneck: the rate of a 3x3, or 0 for the pair of 1x5 and 5x1
SECTION = (PLAIN, 2, ASYMMETRIC, 4, PLAIN, 8, ASYMMETRIC, 16)


def middle(channels: int, rate: int) -> nn.Module:
    """Convolve 3x3 at that rate, or 1x5 and 5x1 where there is none. Unlike the 1x1 around it, it has a bias."""
    if rate == ASYMMETRIC:
        wide = nn.Conv2d(channels, channels, (1, 5), padding=(0, 2), bias=False)
        return nn.Sequential(wide, nn.Conv2d(channels, channels, (5, 1), padding=(2, 0)))
    return nn.Conv2d(channels, channels, 3, padding=rate, dilation=rate)


def _encode(cin: int, cout: int, rate: int, *, dropout: float, kernel: int = 1) -> nn.Sequential:
    """Squeeze to a quarter of `cout`, or halve the map too with a kernel of 2; look around there; widen again."""
    thin = cout // 4
    return nn.Sequential(
        nn.Conv2d(cin, thin, kernel, kernel, bias=False),
        *norm_prelu(thin, EPS),
        middle(thin, rate),
        *norm_prelu(thin, EPS),
        nn.Conv2d(thin, cout, 1, bias=False),
        nn.BatchNorm2d(cout, eps=EPS),
        nn.Dropout2d(dropout),
    )


def _same(channels: int, rate: int, *, dropout: float) -> nn.Sequential:
    """Add a bottleneck to its input, in the encoder."""
    return nn.Sequential(Residual(_encode(channels, channels, rate, dropout=dropout), relu=False), nn.PReLU(channels))


def _decode(cin: int, cout: int, conv: nn.Module) -> nn.Sequential:
    """Squeeze to a quarter of `cout`, `conv` there, widen again; the decoder has no slopes to learn."""
    thin = cout // 4
    return nn.Sequential(
        nn.Conv2d(cin, thin, 1, bias=False),
        *norm_relu(thin, EPS),
        conv,
        *norm_relu(thin, EPS),
        nn.Conv2d(thin, cout, 1, bias=False),
        nn.BatchNorm2d(cout, eps=EPS),
    )


class Halve(nn.Module):
    """Halve the map: a strided bottleneck beside the maxima, and zeros where those have too few channels."""

    def __init__(self, cin: int, cout: int, *, dropout: float) -> None:
        super().__init__()
        self.body = _encode(cin, cout, PLAIN, dropout=dropout, kernel=2)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.pad = Padded(cout - cin, 1)
        self.act = nn.PReLU(cout)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map `(batch, channels, height, width)` to half the sides, and say where the maxima stood."""
        maxima, places = self.pool(x)
        return self.act(self.body(x) + self.pad(maxima)), places


class Double(nn.Module):
    """Double the map: a transposed convolution in a bottleneck, beside a 1x1 whose values go back to where maxima stood."""

    def __init__(self, cin: int, cout: int) -> None:
        super().__init__()
        thin = cout // 4
        self.body = _decode(cin, cout, nn.ConvTranspose2d(thin, thin, 3, 2, 1, 1))
        self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout, eps=EPS))
        self.unpool = nn.MaxUnpool2d(2)

    def forward(self, x: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels, height, width)` to twice the sides; `places` has as many channels as come out."""
        return torch.relu(self.body(x) + self.unpool(self.shortcut(x), places))


class Encoder(nn.Module):
    """The sections that shrink: 128 channels on an eighth of the picture's grid."""

    def __init__(self) -> None:
        super().__init__()
        first = Concat(conv=nn.Conv2d(3, STEM - 3, 3, 2, 1), pool=nn.MaxPool2d(2))
        self.stem = nn.Sequential(first, *norm_prelu(STEM, EPS))
        self.down1 = Halve(STEM, SHALLOW, dropout=0.01)
        self.section1 = nn.Sequential(*(_same(SHALLOW, PLAIN, dropout=0.01) for _ in range(4)))
        self.down2 = Halve(SHALLOW, DEEP, dropout=0.1)
        self.section2 = nn.Sequential(*(_same(DEEP, rate, dropout=0.1) for rate in 2 * SECTION))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Map `(batch, 3, height, width)` to 128 channels, and to where the maxima of both halvings stood."""
        y, first = self.down1(self.stem(x))
        y, second = self.down2(self.section1(y))
        return self.section2(y), first, second


class Coarse(nn.Module):
    """Classify on the coarsest grid, as the first step of training does."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.classifier = nn.Conv2d(DEEP, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)` to `(batch, classes, height / 8, width / 8)`."""
        logits: torch.Tensor = self.classifier(self.encoder(x)[0])
        return logits


class ENet(nn.Module):
    """The encoder, and a decoder that doubles the map three times, up to logits of the picture's resolution."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.up2 = Double(DEEP, SHALLOW)
        self.section4 = nn.Sequential(*(Residual(_decode(SHALLOW, SHALLOW, middle(SHALLOW // 4, PLAIN))) for _ in range(2)))
        self.up1 = Double(SHALLOW, STEM)
        self.section5 = Residual(_decode(STEM, STEM, middle(STEM // 4, PLAIN)))
        self.classifier = nn.ConvTranspose2d(STEM, classes, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, 3, height, width)`, sides that are multiples of 8, to `(batch, classes, height, width)`."""
        y, first, second = self.encoder(x)
        y = self.section4(self.up2(y, second))
        logits: torch.Tensor = self.classifier(self.section5(self.up1(y, first)))
        return logits


# No copy of the paper's table has been read: its figure was quoted by others, and says so wherever it is shown.
TABLE = overlap("Paszke et al. 2016, quoted in ntkhoa95/ENet_PyTorch README (unverified)", "512x1024, Cityscapes test", 58.3)
BY_ESPNET = overlap("sacmehta/ESPNet README", "360x480, CamVid test", 51.3)
VARIANTS = {  # network, input, labels, parameters, MACs, accuracy
    "cityscapes": (ENet, (3, 512, 1024), 20, 364_376, 3_930_456_064, [TABLE]),
    "camvid": (ENet, (3, 360, 480), 12, 363_856, 1_273_320_000, [BY_ESPNET]),
    "encoder": (Coarse, (3, 512, 1024), 20, 340_736, 3_271_426_048, []),
}

for _name, (_net, _input, _classes, _params, _macs, _accuracy) in VARIANTS.items():
    architecture(
        f"enet/{_name}",
        input=_input,
        task="segmentation",
        topic="dilated",
        paper=PAPER,
        params=_params,
        macs=_macs,
        accuracy=_accuracy,
    )(partial(_net, classes=_classes))
