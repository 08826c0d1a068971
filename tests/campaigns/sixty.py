"""Sixty small networks, each under 5 ms on two cores: what the gate's time for a suite of blocks is measured with.

vbench gate --base HEAD --plugin tests/campaigns/sixty.py 'sixty/*' --time-limit 20m
"""

from __future__ import annotations

import functools

from torch import nn

from vbench import architecture

WIDTHS = (8, 16, 24, 32, 48)
DEPTHS = (2, 4, 6)
# Whether a layer is separable into depthwise and pointwise, and the groups of what is 1x1 or 3x3.
KINDS = {"full": (False, 1), "grouped": (False, 4), "separable": (True, 1), "separable-grouped": (True, 4)}


def _layer(cin: int, cout: int, *, separable: bool, groups: int) -> nn.Sequential:
    if separable:
        depthwise = nn.Conv2d(cin, cin, 3, padding=1, groups=cin)
        return nn.Sequential(depthwise, nn.ReLU(), nn.Conv2d(cin, cout, 1, groups=groups), nn.ReLU())
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1, groups=groups), nn.ReLU())


def build(classes: int = 10, *, kind: str, width: int, depth: int) -> nn.Sequential:
    """A stem at half the resolution, so many layers of one width, and a head."""
    separable, groups = KINDS[kind]
    layers = [_layer(width, width, separable=separable, groups=groups) for _ in range(depth)]
    return nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1), nn.ReLU(), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes)
    )


for kind in KINDS:
    for width in WIDTHS:
        for depth in DEPTHS:
            made = functools.partial(build, kind=kind, width=width, depth=depth)
            architecture(f"sixty/{kind}-w{width}-d{depth}", input=(3, 64, 64), topic="blocks")(made)
