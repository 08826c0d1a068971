"""Large filters as sequences of small ones: what each step saves, at the sizes where the papers take it.

`factorised-7x7-*`: a 7x7 as a 1x7 and a 7x1 at 17 x 17, which has 14 weights for 49 where the width in between is that of input
and output, here 192. Inception v3's first such branch (`-6b`) stays at 128 channels in between, and saves more: 4.2 times.

`stacked-*`: two 3x3 see what a 5x5 sees for 18 weights instead of 25, three what a 7x7 sees for 27 instead of 49; the first at
Inception v3's 35 x 35 x 64, the second at the last stage of VGG-16, 14 x 14 x 512.

`full-3x3-*` and `separable-*` differ as MobileNet from its counterpart, at the map sizes that its widths have there. N channels
give 1 / (1/N + 1/9) times less work: 7.0 times with 32, 8.9 with 1024, and never 9. The paper and the lecture say "8 to 9".

`pointwise-*`: a 1x1 convolution is a matrix product of the weights with the map's pixels; both forms answer the same.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import nn

from vbench import architecture

from ._blocks import conv_chain, conv_norm
from ._modules import Block, full, separable
from ._papers import INCEPTION_V3, MOBILENET, VGG

if TYPE_CHECKING:
    from ._blocks import Kernel

SIDES = {32: 112, 64: 112, 128: 56, 256: 28, 512: 14, 1024: 7}  # MobileNet: the map that its layers of each width read

conv = partial(conv_norm, eps=1e-3)


class MatrixProduct(nn.Linear):
    """Multiply the pixels of a map, as columns, with the weights: what a 1x1 convolution without bias computes."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map `(batch, channels in, height, width)` to the channels out."""
        product: torch.Tensor = torch.matmul(self.weight, x.flatten(2)).unflatten(2, x.shape[2:])
        return product


def _chain(cin: int, *layers: tuple[int, Kernel]) -> nn.Module:
    return conv_chain(conv, cin, *layers)


FACTORISED = {
    "factorised-7x7-full": Block(partial(_chain, 192, (192, 7)), (192, 17, 17), 1_806_720, 522_031_104),
    "factorised-7x7-split": Block(partial(_chain, 192, (192, (1, 7)), (192, (7, 1))), (192, 17, 17), 516_864, 149_151_744),
    "factorised-7x7-6b-full": Block(
        partial(_chain, 128, (192, 7)), (128, 17, 17), 1_204_608, 348_020_736, "never part of a network"
    ),
    "factorised-7x7-6b-split": Block(partial(_chain, 128, (128, (1, 7)), (192, (7, 1))), (128, 17, 17), 287_360, 82_862_080),
    "stacked-5x5-full": Block(partial(_chain, 64, (64, 5)), (64, 35, 35), 102_528, 125_440_000),
    "stacked-5x5-3x3": Block(partial(_chain, 64, (64, 3), (64, 3)), (64, 35, 35), 73_984, 90_316_800),
    "stacked-7x7-full": Block(partial(_chain, 512, (512, 7)), (512, 14, 14), 12_846_080, 2_517_630_976),
    "stacked-7x7-3x3": Block(partial(_chain, 512, (512, 3), (512, 3), (512, 3)), (512, 14, 14), 7_080_960, 1_387_266_048),
}
FULL = {
    32: (9_280, 115_605_504),
    64: (36_992, 462_422_016),
    128: (147_712, 462_422_016),
    256: (590_336, 462_422_016),
    512: (2_360_320, 462_422_016),
    1024: (9_439_232, 462_422_016),
}  # parameters, MACs
SEPARABLE = {
    32: (1_440, 16_457_728),
    64: (4_928, 58_605_568),
    128: (18_048, 54_992_896),
    256: (68_864, 53_186_560),
    512: (268_800, 52_283_392),
    1024: (1_061_888, 51_831_808),
}
POINTWISE = {
    "pointwise-convolution": Block(partial(nn.Conv2d, 512, 512, 1, bias=False), (512, 14, 14), 262_144, 51_380_224),
    "pointwise-product": Block(partial(MatrixProduct, 512, 512, bias=False), (512, 14, 14), 262_144, 51_380_224),
}

for _name, _block in FACTORISED.items():
    architecture(
        f"block/{_name}",
        input=_block.input,
        topic="separable",
        paper=VGG if _name.startswith("stacked-7x7") else INCEPTION_V3,
        params=_block.params,
        macs=_block.macs,
        task="block",
        deviation=_block.deviation,
    )(_block.build)

for _kind, _build, _counts in (("full-3x3", full, FULL), ("separable", separable, SEPARABLE)):
    for _width, (_params, _macs) in _counts.items():
        architecture(
            f"block/{_kind}-{_width}",
            input=(_width, SIDES[_width], SIDES[_width]),
            topic="separable",
            paper=MOBILENET,
            params=_params,
            macs=_macs,
            task="block",
        )(partial(_build, _width, _width, 1))

for _name, _block in POINTWISE.items():
    architecture(
        f"block/{_name}",
        input=_block.input,
        topic="separable",
        paper=MOBILENET,
        params=_block.params,
        macs=_block.macs,
        task="block",
    )(_block.build)
