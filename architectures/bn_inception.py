"""BN-Inception (Inception v2): GoogLeNet with batch norm, and two 3x3 convolutions in place of each 5x5.

`inception/v2-bn` is the network as it was published in Caffe, with biases that the batch norms make redundant: without them
it has 11,285,224 parameters. The Inception v3 paper calls another network, for 299 px, "Inception-v2"; it is not here.
`se/bn-inception` is that network, without the biases, with squeeze-and-excitation after every module.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import NamedTuple

from torch import nn

from vbench import Accuracy, Naming, architecture

from ._blocks import Concat, SqueezeExcite, conv_chain, conv_norm, pooled_head
from ._papers import BATCH_NORM as PAPER
from ._papers import SQUEEZE_EXCITE
from ._published import ONE_CROP, paper, pytorchcv, released

RATIO = 16  # channels for each one that the squeeze keeps


class Row(NamedTuple):
    """A module of the paper's Figure 5: channels of the 1x1, of one 3x3 and of two, the pooling, and the 1x1 behind it.

    A module without a 1x1 halves the map, and its pooling hands on all channels.
    """

    one: int
    reduce: int
    three: int
    reduce_stack: int
    stack: int
    pool: type[nn.Module]
    projection: int


INCEPTION = {
    "3a": Row(64, 64, 64, 64, 96, nn.AvgPool2d, 32),
    "3b": Row(64, 64, 96, 64, 96, nn.AvgPool2d, 64),
    "3c": Row(0, 128, 160, 64, 96, nn.MaxPool2d, 0),
    "4a": Row(224, 64, 96, 96, 128, nn.AvgPool2d, 128),
    "4b": Row(192, 96, 128, 96, 128, nn.AvgPool2d, 128),
    "4c": Row(160, 128, 160, 128, 160, nn.AvgPool2d, 128),
    "4d": Row(96, 128, 192, 160, 192, nn.AvgPool2d, 128),
    "4e": Row(0, 128, 192, 192, 256, nn.MaxPool2d, 0),
    "5a": Row(352, 192, 320, 160, 224, nn.AvgPool2d, 128),
    "5b": Row(352, 192, 320, 192, 224, nn.MaxPool2d, 128),
}


def _inception(cin: int, row: Row, *, bias: bool) -> tuple[nn.Module, int]:
    conv = partial(conv_norm, bias=bias)
    stride = 1 if row.one else 2
    three = conv_chain(conv, cin, (row.reduce, 1), (row.three, 3), stride=stride)
    stack = conv_chain(conv, cin, (row.reduce_stack, 1), (row.stack, 3), (row.stack, 3), stride=stride)
    if not row.one:
        return Concat(three=three, stack=stack, pool=row.pool(3, 2, ceil_mode=True)), row.three + row.stack + cin
    module = Concat(
        one=conv(cin, row.one, 1),
        three=three,
        stack=stack,
        pool=nn.Sequential(row.pool(3, 1, 1), conv(cin, row.projection, 1)),
    )
    return module, row.one + row.three + row.stack + row.projection


def _net(classes: int, *, bias: bool, squeeze: bool) -> nn.Sequential:
    net: OrderedDict[str, nn.Module] = OrderedDict(
        conv1=conv_norm(3, 64, 7, stride=2, bias=bias),
        pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
        reduce2=conv_norm(64, 64, 1, bias=bias),
        conv2=conv_norm(64, 192, 3, bias=bias),
        pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
    )
    cin = 192
    for name, row in INCEPTION.items():
        net[name], cin = _inception(cin, row, bias=bias)
        if squeeze:
            net[f"squeeze{name}"] = SqueezeExcite(cin, cin // RATIO)
    net["head"] = pooled_head(cin, classes)
    return nn.Sequential(net)


def _names() -> list[Naming]:
    """State pytorchcv's names, whose stages begin with the modules that halve the map."""
    rules = [("^conv1", "features.init_block.conv1"), ("head.#", "output")]
    rules += [("^conv2", "features.init_block.conv2.conv2"), ("reduce2", "features.init_block.conv2.conv1")]
    stage, unit = 1, 0
    for name, row in INCEPTION.items():
        stage, unit = (stage, unit + 1) if row.one else (stage + 1, 1)
        branch = f"features.stage{stage}.unit{unit}.branches.branch"
        first = 2 if row.one else 1
        rules += [(f"^{name}.one", f"{branch}1"), (f"^{name}.three.#", f"{branch}{first}.conv{{0+1}}")]
        rules += [(f"^{name}.stack.#", f"{branch}{first + 1}.conv{{0+1}}"), (f"^{name}.pool.1", f"{branch}4.conv")]
    return [Naming(library="pytorchcv", rules=(*rules, ("0$", "conv"), ("1$", "bn")))]


@architecture(
    "inception/v2-bn",
    input=(3, 224, 224),
    topic="inception",
    paper=PAPER,
    params=11_295_240,
    macs=2_032_600_064,
    accuracy=[
        Accuracy(
            source="Cadene/pretrained-models.pytorch README, ImageNet-1k val",
            protocol=ONE_CROP,
            recipe="Caffe port",
            top1=73.524,
            top5=91.562,
        ),
        pytorchcv(74.63, 92.26),
        paper("Ioffe and Szegedy 2015, Figure 3, BN-Baseline", top1=72.7),
        Accuracy(
            source="Ioffe and Szegedy 2015, Figure 3, BN-x30",
            protocol=ONE_CROP,
            recipe="paper, learning rate x30, no dropout",
            top1=74.8,
        ),
    ],
    deviation="the published Caffe port: every convolution has a bias beside its batch norm, 10,016 parameters in all",
    weights=_names(),
)
def bn_inception(classes: int = 1000) -> nn.Module:
    """Build BN-Inception with the biases of its Caffe port, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(classes, bias=True, squeeze=False)


@architecture(
    "se/bn-inception",
    input=(3, 224, 224),
    topic="squeeze-excite",
    paper=SQUEEZE_EXCITE,
    params=11_931_622,
    macs=2_033_239_424,
    accuracy=[released("hujie-frank/SENet README", 76.38, 92.96)],
)
def se_bn_inception(classes: int = 1000) -> nn.Module:
    """Build BN-Inception with squeeze-and-excitation after each module, for inputs of shape `(batch, 3, 224, 224)`."""
    return _net(classes, bias=False, squeeze=True)
