"""SPP-net: pool the last map into grids of fixed sizes, so that pictures of any size and aspect ratio give as many features.

The convolutions are ZFNet's (ZF-5). The name says the pyramid, `6321` being grids of 6x6, 3x3, 2x2 and 1x1 bins, and whether a
bin keeps its maximum, as in the paper, or its average. `none` has an ordinary pooling in the pyramid's place: the paper's
baseline. It takes 224 px, and refuses every picture whose last map has another number of pixels than 6x6; at 400x120 that map is
12x3, which it takes for one of 6x6 without a word.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from vbench import architecture

from ._blocks import wide_layers
from ._modules import Pyramid
from ._papers import SPP as PAPER
from ._published import TEN_CROPS, paper
from ._trunks import ZF_WIDTHS, zf_convolutions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# No copy of the paper's table has been read: these figures were recalled, and say so wherever they are shown.
TABLE_2 = "He et al. 2014, Table 2 (unverified)"
POOLS: dict[str, Callable[[int], nn.Module]] = {"max": nn.AdaptiveMaxPool2d, "average": nn.AdaptiveAvgPool2d}
BINS = (
    "a bin's borders are those of torch's adaptive pooling: the paper's on the 13x13 map of 224 px, while on other maps the"
    " paper's rule (windows of a/n rounded up, at steps of a/n rounded down) may leave out the last rows"
)


def _pyramid(sizes: Sequence[int], pool: str, classes: int = 1000) -> nn.Sequential:
    """Build ZF-5 with a pyramid for inputs of shape `(batch, 3, height, width)`, 224 px or any other size."""
    features = ZF_WIDTHS[-1] * sum(size * size for size in sizes)
    return nn.Sequential(zf_convolutions(), Pyramid(sizes, POOLS[pool]), wide_layers(features, classes))


NETS = {(6, 3, 2, 1): (77_037_672, 1_182_712_960), (4, 3, 2, 1): (56_066_152, 1_161_741_440)}  # parameters, MACs

for _sizes, (_params, _macs) in NETS.items():
    for _pool in POOLS:
        architecture(
            f"sppnet/{''.join(map(str, _sizes))}-{_pool}",
            input=(3, 224, 224),
            topic="pyramid",
            paper=PAPER,
            params=_params,
            macs=_macs,
            accuracy=[paper(TABLE_2, TEN_CROPS, top1=65.02, top5=85.86)] if (_sizes[0], _pool) == (6, "max") else (),
            deviation=BINS if _pool == "max" else f"the paper pools maxima; {BINS}",
        )(partial(_pyramid, _sizes, _pool))


@architecture(
    "sppnet/none",
    input=(3, 224, 224),
    topic="pyramid",
    paper=PAPER,
    params=62_357_608,
    macs=1_168_032_896,
    accuracy=[paper(TABLE_2, TEN_CROPS, top1=64.01, top5=85.24)],
)
def none(classes: int = 1000) -> nn.Module:
    """Build ZF-5 without a pyramid, for inputs of shape `(batch, 3, 224, 224)`."""
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(zf_convolutions(), pool, nn.Flatten(), wide_layers(ZF_WIDTHS[-1] * 6 * 6, classes))
