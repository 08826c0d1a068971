"""Fully-connected networks on pictures: enough in principle, and what convolutions are measured against.

One hidden layer of enough units approximates any continuous function; the theorem does not say how many are enough, nor how to
find their weights. The name says hidden layers x units, on pictures of 32 px. `1x1024-224` shows what a picture of 224 px does to
the first layer: more weights than all of VGG-19, for a hundredth of its work, since each is used once.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import architecture

from ._papers import HORNIK as PAPER

# Hidden layers, units, side of the picture, classes; parameters, MACs. Every weight is used once, so the rest are biases.
NETS = {
    "1x512": ((1, 512, 32, 10), 1_578_506, 1_577_984),
    "1x2048": ((1, 2048, 32, 10), 6_313_994, 6_311_936),
    "1x8192": ((1, 8192, 32, 10), 25_255_946, 25_247_744),
    "3x2048": ((3, 2048, 32, 10), 14_706_698, 14_700_544),
    "8x512": ((8, 512, 32, 10), 3_417_098, 3_412_992),
    "1x1024-224": ((1, 1024, 224, 1000), 155_166_696, 155_164_672),
}


def _net(hidden: int, units: int, side: int, classes: int) -> nn.Sequential:
    """Build the network for inputs of shape `(batch, 3, side, side)`: the picture as one vector, linear layers with ReLU."""
    layers: list[nn.Module] = [nn.Flatten()]
    width = 3 * side * side
    for _ in range(hidden):
        layers += [nn.Linear(width, units), nn.ReLU(inplace=True)]
        width = units
    return nn.Sequential(*layers, nn.Linear(width, classes))


for _name, ((_hidden, _units, _side, _classes), _params, _macs) in NETS.items():
    architecture(
        f"mlp/{_name}",
        input=(3, _side, _side),
        topic="fully-connected",
        paper=PAPER,
        params=_params,
        macs=_macs,
        deviation="the paper proves that one hidden layer is enough and names no network: widths and depths are examples, with"
        " ReLU in place of its squashing functions",
    )(partial(_net, _hidden, _units, _side, classes=_classes))
