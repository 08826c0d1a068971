"""Inception v3: large filters factorised, into 3x3 where maps are large and into 1x7 after 7x1 where they are 17 x 17.

The paper draws these modules in Figures 5 to 7 and 10 and gives few of their channels; those here are of the published weights,
which torchvision took over. Its Table 1 lists another network, which it calls Inception-v2.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from vbench import Naming, Preprocess, architecture

from ._blocks import Concat, conv_chain, conv_norm, crossed, pooled_head
from ._papers import INCEPTION_V3 as PAPER
from ._published import paper, ported, tf_slim, timm
from ._trunks import inception_stem

HALVED = {"stride": 2, "padding": 0}  # how the last convolution of a branch makes the map smaller
PX = "1 model, 1 crop, 299 px"

conv = partial(conv_norm, eps=1e-3)
chain = partial(conv_chain, conv)


def _pooled(cin: int, cout: int) -> nn.Sequential:
    return nn.Sequential(nn.AvgPool2d(3, 1, 1), conv(cin, cout, 1))


def _a(cin: int, projection: int) -> Concat:
    """Figure 5, at 35 x 35: two 3x3 in place of a 5x5 in one branch; the other 5x5 stayed."""
    return Concat(
        one=conv(cin, 64, 1),
        five=chain(cin, (48, 1), (64, 5)),
        stack=chain(cin, (64, 1), (96, 3), (96, 3)),
        pool=_pooled(cin, projection),
    )


def _c(width: int) -> Concat:
    """Figure 6, at 17 x 17: a 7x7 as 1x7 and 7x1, once and twice; `width` channels in between."""
    return Concat(
        one=conv(768, 192, 1),
        seven=chain(768, (width, 1), (width, (1, 7)), (192, (7, 1))),
        stack=chain(768, (width, 1), (width, (7, 1)), (width, (1, 7)), (width, (7, 1)), (192, (1, 7))),
        pool=_pooled(768, 192),
    )


def _e(cin: int) -> Concat:
    """Figure 7, at 8 x 8: 1x3 and 3x1 side by side, which makes the widest maps where they cost least."""
    return Concat(
        one=conv(cin, 320, 1),
        three=nn.Sequential(conv(cin, 384, 1), crossed(conv, 384, 384)),
        stack=nn.Sequential(chain(cin, (448, 1), (384, 3)), crossed(conv, 384, 384)),
        pool=_pooled(cin, 192),
    )


NAMES = (
    *(("stem.0", "Conv2d_1a_3x3"), ("stem.1", "Conv2d_2a_3x3"), ("stem.2", "Conv2d_2b_3x3"), ("head.#", "fc")),
    *(("stem.4", "Conv2d_3b_1x1"), ("stem.5", "Conv2d_4a_3x3")),
    *(("6a.three.0", "Mixed_6a.branch3x3"), ("6a.stack.#", "Mixed_6a.branch3x3dbl_{0+1}")),
    *(("7a.three.#", "Mixed_7a.branch3x3_{0+1}"), ("7a.seven.#", "Mixed_7a.branch7x7x3_{0+1}")),
    *(("7*.three.0", "Mixed_7{0}.branch3x3_1"), ("7*.stack.0.#", "Mixed_7{0}.branch3x3dbl_{1+1}")),
    *(("7*.three.1.wide", "Mixed_7{0}.branch3x3_2a"), ("7*.three.1.tall", "Mixed_7{0}.branch3x3_2b")),
    *(("7*.stack.1.wide", "Mixed_7{0}.branch3x3dbl_3a"), ("7*.stack.1.tall", "Mixed_7{0}.branch3x3dbl_3b")),
    *(("5*.stack.#", "Mixed_5{0}.branch3x3dbl_{1+1}"), ("6*.stack.#", "Mixed_6{0}.branch7x7dbl_{1+1}")),
    *(("*.one", "Mixed_{0}.branch1x1"), ("*.five.#", "Mixed_{0}.branch5x5_{1+1}"), ("*.seven.#", "Mixed_{0}.branch7x7_{1+1}")),
    *(("*.pool.1", "Mixed_{0}.branch_pool"), ("0$", "conv"), ("1$", "bn")),
)


@architecture(
    "inception/v3",
    input=(3, 299, 299),
    topic="inception",
    paper=PAPER,
    params=23_834_568,
    macs=5_713_216_096,
    accuracy=[
        ported("TensorFlow", 77.294, 93.45, PX),
        timm("inception_v3.tf_in1k", 77.866, 93.644, PX),
        timm("inception_v3.gluon_in1k", 78.806, 94.372, PX),
        tf_slim("Inception V3", 299, 78.0, 93.9),
        paper("Szegedy et al. 2015, Table 3 (as quoted by others)", f"{PX}, 48,238 images", top1=78.8, top5=94.4),
    ],
    preprocess=Preprocess(resize=342 / 299, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    deviation="without the auxiliary head, which only training uses; with it 27,161,264 parameters",
    weights=[Naming(library="torchvision or timm", rules=NAMES, left_out=("AuxLogits.*",))],
)
def v3(classes: int = 1000) -> nn.Module:
    """Build Inception v3, for inputs of shape `(batch, 3, 299, 299)`."""
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=inception_stem(), pool=nn.MaxPool2d(3, 2))
    for name, cin, projection in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        net[name] = _a(cin, projection)
    net["6a"] = Concat(
        three=chain(288, (384, 3), **HALVED),
        stack=chain(288, (64, 1), (96, 3), (96, 3), **HALVED),
        pool=nn.MaxPool2d(3, 2),
    )
    for name, width in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        net[name] = _c(width)
    net["7a"] = Concat(
        three=chain(768, (192, 1), (320, 3), **HALVED),
        seven=chain(768, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3), **HALVED),
        pool=nn.MaxPool2d(3, 2),
    )
    for name, cin in (("7b", 1280), ("7c", 2048)):
        net[name] = _e(cin)
    net["head"] = pooled_head(2048, classes, dropout=0.5)
    return nn.Sequential(net)
