"""MobileNet v1: a 3x3 per channel, then a 1x1 across channels, in place of a full convolution.

`full-conv` is the paper's own counterpart (Table 4): the same layers with the pair replaced by one full 3x3 convolution.
`shallow` (Table 5) leaves out five layers of equal size, and costs about what three quarters of the width cost.
The paper's Table 1 prints stride 2 for the last depthwise layer, but the map sizes beside it only fit stride 1.

`v1-0.5-160` has half of the channels and reads 160 px; without a size it reads 224 px. Accuracies are the paper's where it
prints one, and those of TF-Slim's checkpoints for all sixteen. The code behind the checkpoints, and timm's, clips activations at
6 (ReLU6); the paper says ReLU, and so do the networks here. The MACs that TF-Slim prints beside its checkpoints do not follow
from the layers at width 0.75 (317, 233, 162 and 104 million) and at 0.25 with 192 px (34 million).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from torch import nn

from vbench import Accuracy, Naming, architecture

from ._blocks import conv_norm, pooled_head
from ._modules import full, separable
from ._papers import MOBILENET as PAPER
from ._published import paper, tf_slim, timm

if TYPE_CHECKING:
    from collections.abc import Callable

LAYERS = (  # Table 1: output channels and stride of each layer after the first
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    *((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    *((1024, 2), (1024, 1)),
)
SIDE = 224
SHALLOW = tuple(layer for layer in LAYERS if layer != (512, 1))
PARAMS = {"1.0": 4_231_976, "0.75": 2_585_560, "0.5": 1_331_592, "0.25": 470_072}
FORMS = {  # width and input side: MACs, and top-1 and top-5 of the TF-Slim checkpoint
    ("1.0", 224): (568_740_352, 70.9, 89.9),
    ("1.0", 192): (418_121_728, 70.0, 89.2),
    ("1.0", 160): (290_675_200, 68.0, 87.7),
    ("1.0", 128): (186_400_768, 65.2, 85.8),
    ("0.75", 224): (325_400_448, 68.4, 88.2),
    ("0.75", 192): (239_273_472, 67.2, 87.3),
    ("0.75", 160): (166_396_800, 65.3, 86.0),
    ("0.75", 128): (106_770_432, 62.1, 83.9),
    ("0.5", 224): (149_497_088, 63.3, 84.9),
    ("0.5", 192): (109_970_432, 61.7, 83.6),
    ("0.5", 160): (76_524_800, 59.1, 81.9),
    ("0.5", 128): (49_160_192, 56.3, 79.4),
    ("0.25", 224): (41_030_272, 49.8, 74.2),
    ("0.25", 192): (30_212_608, 47.7, 72.3),
    ("0.25", 160): (21_059_200, 45.5, 70.3),
    ("0.25", 128): (13_570_048, 41.5, 66.3),
}
PRINTED = {  # the paper's table and top-1: widths in Table 6, sizes at full width in Table 7
    ("1.0", 224): (4, 70.6),
    ("0.75", 224): (6, 68.4),
    ("0.5", 224): (6, 63.7),
    ("0.25", 224): (6, 50.6),
    ("1.0", 192): (7, 69.1),
    ("1.0", 160): (7, 67.2),
    ("1.0", 128): (7, 64.4),
}


def _net(
    layer: Callable[[int, int, int], nn.Module],
    classes: int = 1000,
    width: float = 1.0,
    layers: tuple[tuple[int, int], ...] = LAYERS,
) -> nn.Sequential:
    """Stack the layers of Table 1, for inputs of shape `(batch, 3, 224, 224)` or smaller ones."""
    cin = int(32 * width)
    net: list[nn.Module] = [conv_norm(3, cin, 3, stride=2)]
    for channels, stride in layers:
        cout = int(channels * width)
        net.append(layer(cin, cout, stride))
        cin = cout
    return nn.Sequential(*net, pooled_head(cin, classes))


def _accuracy(width: str, side: int) -> list[Accuracy]:
    found = []
    if (width, side) in PRINTED:
        table, top1 = PRINTED[width, side]
        found.append(paper(f"Howard et al. 2017, Table {table}", f"1 model, 1 crop, {side} px", top1=top1))
    checkpoint = f"MobileNet_v1_{'0.50' if width == '0.5' else width}_{side}"
    found.append(tf_slim(checkpoint, side, *FORMS[width, side][1:]))
    if (width, side) == ("1.0", SIDE):
        found.append(timm("mobilenetv1_100.ra4_e3600_r224_in1k", 75.388, 92.31))
    return found


def _names() -> list[Naming]:
    """State the names of timm and pytorchcv, whose stages begin where the map is halved (timm: or where the channels change)."""
    timm_rules = [("^0.0", "conv_stem"), ("^0.1", "bn1"), ("^14.#", "classifier")]
    cv_rules = [("^0.0", "features.init_block.conv"), ("^0.1", "features.init_block.bn"), ("^14.#", "output")]
    stage = unit = 0
    for index, (_, stride) in enumerate(LAYERS):
        stage, unit = (stage + 1, 0) if stride > 1 else (stage, unit + (index > 0))
        for old, new in (("0.0", "conv_dw"), ("0.1", "bn1"), ("1.0", "conv_pw"), ("1.1", "bn2")):
            timm_rules.append((f"^{index + 1}.{old}", f"blocks.{stage}.{unit}.{new}"))
        for old, new in (("0.0", "dw_conv.conv"), ("0.1", "dw_conv.bn"), ("1.0", "pw_conv.conv"), ("1.1", "pw_conv.bn")):
            cv_rules.append((f"^{index + 1}.{old}", f"features.stage{stage + 1}.unit{unit + 1}.{new}"))
    return [Naming(library="timm", rules=tuple(timm_rules)), Naming(library="pytorchcv", rules=tuple(cv_rules))]


for (_width, _side), (_macs, *_) in FORMS.items():
    architecture(
        f"mobilenet/v1-{_width}" if _side == SIDE else f"mobilenet/v1-{_width}-{_side}",
        input=(3, _side, _side),
        topic="separable",
        paper=PAPER,
        params=PARAMS[_width],
        macs=_macs,
        accuracy=_accuracy(_width, _side),
        weights=_names(),
    )(partial(_net, separable, width=float(_width)))


@architecture(
    "mobilenet/full-conv",
    input=(3, 224, 224),
    topic="separable",
    paper=PAPER,
    params=29_294_088,
    macs=4_867_293_184,
    accuracy=[paper("Howard et al. 2017, Table 4", top1=71.7)],
)
def full_conv(classes: int = 1000) -> nn.Module:
    """Build the paper's counterpart with full convolutions, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(full, classes)


@architecture(
    "mobilenet/shallow",
    input=(3, 224, 224),
    topic="separable",
    paper=PAPER,
    params=2_887_976,
    macs=307_323_392,
    accuracy=[paper("Howard et al. 2017, Table 5", top1=65.3)],
)
def shallow(classes: int = 1000) -> nn.Module:
    """Build MobileNet without its five layers of 512 channels and stride 1, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(separable, classes, layers=SHALLOW)
