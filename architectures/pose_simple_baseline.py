"""Simple baseline: ResNet, three upsamplings, one map per joint; how far one gets without any stages.

The last map of ResNet is a 32nd of the picture; three transposed convolutions bring it to a quarter, with a third of the weights
and a quarter of the MACs of the whole (at 50 layers). The authors' tables charge a transposed convolution at the size of its
output, four times what it costs, and divide by 2^30: they print 8.9 where 5.43 billion products are made.

`50-argmax` goes on to the joints, as the authors do: the highest cell of each map, and a quarter towards its higher neighbour.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from vbench import Accuracy, architecture

from ._decoding import Decoder, arg_max
from ._papers import SIMPLE_BASELINE
from ._pose import AUTHORS, FILLED, MMPOSE, coco, mpii, upsampled_trunk

README = "microsoft/human-pose-estimation.pytorch README"
TOP_DOWN = "mmpose configs/body_2d_keypoint/topdown_heatmap"
# Layers: average precision on COCO at 256x192 and 384x288 px, then the joints found on MPII at 256x256 px; then mmpose's.
FOUND = {
    50: ((70.4, 72.2, 88.532), (71.8, 73.1, 88.2)),
    101: ((71.4, 73.6, 89.131), (72.8, 74.9, 88.8)),
    152: ((72.0, 74.3, 89.62), (73.6, 75.0, 88.9)),
}
COUNTS = {  # layers: parameters and MACs with 17 joints
    50: (33_999_697, 5_426_380_800),
    101: (52_991_825, 9_062_842_368),
    152: (68_635_473, 12_699_303_936),
}


def _accuracy(depth: int) -> list[Accuracy]:
    """State what the authors and mmpose found, the authors' at the input size of the row first."""
    return [
        accuracy
        for (small, large, joints), recipe, folders in zip(
            FOUND[depth],
            (AUTHORS, MMPOSE),
            ((README, README), (f"{TOP_DOWN}/coco", f"{TOP_DOWN}/mpii")),
            strict=True,
        )
        for accuracy in (
            coco(small, "256x192", folders[0], recipe),
            coco(large, "384x288", folders[0], recipe),
            mpii(joints, "256x256", folders[1], recipe),
        )
    ]


def _net(depth: int, classes: int = 17) -> nn.Sequential:
    """Build the network for inputs of shape `(batch, 3, 256, 192)`; it emits `(batch, classes, 64, 48)`."""
    return nn.Sequential(upsampled_trunk(depth, classes))


register = partial(
    architecture, input=(3, 256, 192), topic="keypoints", task="keypoints", paper=SIMPLE_BASELINE, preprocess=FILLED
)

for _depth, (_params, _macs) in COUNTS.items():
    register(f"pose/simple-baseline-{_depth}", params=_params, macs=_macs, accuracy=_accuracy(_depth))(partial(_net, _depth))


@register("pose/simple-baseline-50-argmax", params=COUNTS[50][0], macs=COUNTS[50][1])
def joints(classes: int = 17) -> nn.Sequential:
    """Build the network at 50 layers with its decoder: it emits `(batch, classes, 3)`, in cells of the maps."""
    return _net(50, classes).append(Decoder(arg_max))
