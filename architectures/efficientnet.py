"""EfficientNet: one searched network of MobileNet's blocks, made larger in width, depth and input size at once.

B1 to B7 scale B0's table by the factors of its authors' code, so that each step costs about twice the one before. The size of
the input belongs to the network: `b2` reads 260 px, and torchvision's weights for it were evaluated at 288 px, where the same
layers cost 1.088 G MACs. The first accuracy is the paper's at the declared size; it is of one recipe for all eight.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import partial
from typing import NamedTuple

from torch import nn

from vbench import Accuracy, Naming, Paper, Preprocess, architecture

from ._blocks import SqueezeExcite, conv_norm, pooled_head, round_to_eight
from ._modules import inverted_residual
from ._published import paper, ported

PAPER = Paper(
    title="EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    authors="Tan, Le",
    year=2019,
    link="https://arxiv.org/abs/1905.11946",
)

B0 = (  # Table 1: expansion, kernel, channels, how many, stride of the first
    *((1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2)),
    *((6, 5, 112, 3, 1), (6, 5, 192, 4, 2), (6, 3, 320, 1, 1)),
)
STEM, LAST = 32, 1280
DROP = 0.2  # the share of images that skip the last block in training; earlier blocks are skipped less, in proportion

MARGIN = 32  # px that the authors' evaluation cuts from the resized picture, whatever the size


class Form(NamedTuple):
    """How B0 is scaled, and what follows from it; `eps` is batch norm's."""

    width: float
    depth: float
    side: int
    dropout: float
    eps: float
    params: int
    macs: int


FORMS = {
    "b0": Form(1.0, 1.0, 224, 0.2, 1e-5, 5_288_548, 385_814_752),
    "b1": Form(1.0, 1.1, 240, 0.2, 1e-5, 7_794_184, 686_802_832),
    "b2": Form(1.1, 1.2, 260, 0.3, 1e-5, 9_109_994, 993_561_872),
    "b3": Form(1.2, 1.4, 300, 0.3, 1e-5, 12_233_232, 1_827_141_392),
    "b4": Form(1.4, 1.8, 380, 0.4, 1e-5, 19_341_616, 4_393_771_024),
    "b5": Form(1.6, 2.2, 456, 0.4, 1e-3, 30_389_784, 10_266_384_752),
    "b6": Form(1.8, 2.6, 528, 0.5, 1e-3, 43_040_704, 19_067_593_536),
    "b7": Form(2.0, 3.1, 600, 0.5, 1e-3, 66_347_960, 37_745_884_192),
}
TABLE_2 = {  # top-1 and top-5, single crop
    "b0": (76.3, 93.2),
    "b1": (78.8, 94.4),
    "b2": (79.8, 94.9),
    "b3": (81.1, 95.5),
    "b4": (82.6, 96.3),
    "b5": (83.3, 96.7),
    "b6": (84.0, 96.9),
    "b7": (84.4, 97.1),
}
TORCHVISION = {  # whose weights they were, input and resized side, top-1 and top-5
    "b0": ("timm", 224, 256, 77.692, 93.532),
    "b1": ("timm", 240, 256, 78.642, 94.186),
    "b2": ("timm", 288, 288, 80.608, 95.31),
    "b3": ("timm", 300, 320, 82.008, 96.054),
    "b4": ("timm", 380, 384, 83.384, 96.594),
    "b5": ("TensorFlow", 456, 456, 83.444, 96.628),
    "b6": ("TensorFlow", 528, 528, 84.008, 96.916),
    "b7": ("TensorFlow", 600, 600, 84.122, 96.908),
}
B1_V2 = Accuracy(
    source="torchvision weights IMAGENET1K_V2, ImageNet-1k val",
    protocol="1 model, 1 crop, 240 px, resize 255",
    recipe="torchvision V2",
    top1=79.838,
    top5=94.934,
)


NAMES = (
    *(("stem", "features.0"), ("last", "features.8"), ("head.#", "classifier.1"), ("body", "")),
    *(("stage#.#", "features.{0}.{1}.block"), ("gate.1", "fc1"), ("gate.3", "fc2")),
)
TIMM_NAMES = (
    *(
        ("stem.0", "conv_stem"),
        ("stem.1", "bn1"),
        ("last.0", "conv_head"),
        ("last.1", "bn2"),
        ("head.#", "classifier"),
        ("body", ""),
    ),
    *(("gate.1", "conv_reduce"), ("gate.3", "conv_expand")),
    # The blocks of the first stage have nothing to widen, and so a layer less.
    *(("stage1.#.0.0", "blocks.0.{0}.conv_dw"), ("stage1.#.0.1", "blocks.0.{0}.bn1"), ("stage1.#.1", "blocks.0.{0}.se")),
    *(("stage1.#.2.0", "blocks.0.{0}.conv_pw"), ("stage1.#.2.1", "blocks.0.{0}.bn2")),
    *(("stage#.#.0.0", "blocks.{0-1}.{1}.conv_pw"), ("stage#.#.0.1", "blocks.{0-1}.{1}.bn1")),
    *(
        ("stage#.#.1.0", "blocks.{0-1}.{1}.conv_dw"),
        ("stage#.#.1.1", "blocks.{0-1}.{1}.bn2"),
        ("stage#.#.2", "blocks.{0-1}.{1}.se"),
    ),
    *(("stage#.#.3.0", "blocks.{0-1}.{1}.conv_pwl"), ("stage#.#.3.1", "blocks.{0-1}.{1}.bn3")),
)
WEIGHTS = (Naming(library="torchvision", rules=NAMES), Naming(library="timm", rules=TIMM_NAMES))


def _net(form: Form, classes: int = 1000) -> nn.Sequential:
    """Scale Table 1, for inputs of shape `(batch, 3, side, side)` or other sizes."""
    conv = partial(conv_norm, eps=form.eps, activation=nn.SiLU)
    counts = [math.ceil(count * form.depth) for _, _, _, count, _ in B0]
    cin = round_to_eight(STEM * form.width)
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv(3, cin, 3, stride=2))
    done = 0
    for index, (expansion, kernel, channels, _, stride) in enumerate(B0):
        cout = round_to_eight(channels * form.width)
        stage = nn.Sequential()
        for block in range(counts[index]):
            expanded = expansion * cin
            # The squeeze is a quarter of what enters the block, and not of what it is widened to.
            squeeze = SqueezeExcite(expanded, cin // 4, activation=nn.SiLU)
            drop = DROP * done / sum(counts)
            first = 1 if block else stride
            stage.append(inverted_residual(conv, cin, cout, kernel, first, expanded=expanded, squeeze=squeeze, drop=drop))
            cin, done = cout, done + 1
        net[f"stage{index + 1}"] = stage
    last = round_to_eight(LAST * form.width)
    net["last"] = conv(cin, last, 1)
    net["head"] = pooled_head(last, classes, form.dropout)
    return nn.Sequential(net)


def _accuracy(name: str, side: int) -> list[Accuracy]:
    top1, top5 = TABLE_2[name]
    origin, px, resized, own1, own5 = TORCHVISION[name]
    protocol = f"1 model, 1 crop, {px} px" + ("" if name == "b0" else f", resize {resized}")
    published = [
        paper("Tan and Le 2019, Table 2", f"1 model, 1 crop, {side} px", top1=top1, top5=top5),
        ported(origin, own1, own5, protocol),
    ]
    return [*published, B1_V2] if name == "b1" else published


for _name, _form in FORMS.items():
    architecture(
        f"efficientnet/{_name}",
        input=(3, _form.side, _form.side),
        topic="scaled",
        paper=PAPER,
        params=_form.params,
        macs=_form.macs,
        accuracy=_accuracy(_name, _form.side),
        preprocess=Preprocess(resize=(_form.side + MARGIN) / _form.side, interpolation="bicubic"),
        weights=WEIGHTS,
    )(partial(_net, _form))
