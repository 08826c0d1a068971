"""What the small forms of `vbench study classification` share: pictures of 32 px, ten classes, three stages, one head.

A small form is a side of one of the lecture's contrasts, at a size that is trained in half a minute on one core: what is compared
differs, and all else is alike. Nobody published them, and none is a network of its paper.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import nn

from vbench import Preprocess

from ._blocks import conv_norm, pooled_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from vbench import Paper

    from ._trunks import Layer

INPUT, CLASSES = (3, 32, 32), 10
WIDTHS = (16, 32, 64)
"""Channels of the three stages, on maps of 16, 8 and 4 px."""

PREPROCESS = Preprocess(resize=1.0, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
DEVIATION = "a small form of the paper's idea, made for `vbench study`; no network of the paper"


class Small(NamedTuple):
    """A small form: how it is built, for a number of classes, what is declared of it, and where its idea is from."""

    build: Callable[..., nn.Module]
    params: int
    macs: int
    topic: str
    paper: Paper

    @property
    def facts(self) -> dict[str, Any]:
        """What `architecture` is told of it. The file that holds the form registers it: that is its source."""
        facts = {name: getattr(self, name) for name in ("topic", "paper", "params", "macs")}
        return facts | {"input": INPUT, "preprocess": PREPROCESS, "deviation": DEVIATION}


def three_stages(  # noqa: PLR0913 - each is a property of the one network, and most are optional
    layer: Layer,
    classes: int,
    *,
    widths: tuple[int, int, int] = WIDTHS,
    stem: int | None = None,
    depth: int = 1,
    conv: Callable[..., nn.Module] = conv_norm,
    head: Callable[[int, int], nn.Module] = pooled_head,
) -> nn.Sequential:
    """Stack `depth` layers in each stage behind a 3x3 of stride 2, for inputs of shape `(batch, 3, 32, 32)`.

    The stem has as many channels as the first stage unless told otherwise; the second and third stage begin with stride 2.
    """
    cin = stem or widths[0]
    net: OrderedDict[str, nn.Module] = OrderedDict(stem=conv(3, cin, 3, stride=2))
    for number, width in enumerate(widths):
        stage = nn.Sequential()
        for index in range(depth):
            stage.append(layer(cin, width, 2 if number and not index else 1))
            cin = width
        net[f"stage{number + 1}"] = stage
    net["head"] = head(cin, classes)
    return nn.Sequential(net)
