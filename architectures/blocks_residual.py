"""Residual blocks by their shortcut, and by the gate at their end.

`residual-*` is the block of ResNet-34, at the 56 x 56 x 64 of its first stage: without a shortcut (`plain`), with the input
itself, with the input through a 1x1 (option C). `residual-halving-*` is the first block of the second stage, where the map is
halved and the channels double, so that the input itself no longer fits: zeros where channels are missing (option A), or a 1x1
(option B).

`se-*` is the bottleneck block of ResNet-50's third stage, 14 x 14 x 1024, without a gate and with squeeze-and-excitation that
keeps one in 4 to 32 channels. The gate has few MACs, since it works on averages: 2C/r for each of C channels, whatever the map's
size; its weights are as many, which at r = 4 is nearly half of the block's own.
"""

from __future__ import annotations

from functools import partial

from vbench import architecture

from ._blocks import bottleneck, padded, projected
from ._modules import Block, gated, projected_always
from ._papers import RESNET, SQUEEZE_EXCITE
from ._trunks import basic, residual

STAGE_1, STAGE_3 = (64, 56, 56), (1024, 14, 14)
RATIOS = {
    4: (1_642_752, 218_890_240),
    8: (1_380_480, 218_628_096),
    16: (1_249_344, 218_497_024),
    32: (1_183_776, 218_431_488),
}  # channels for each one that the gate keeps: parameters, MACs

KEEPING, HALVING = (64, 64, 1), (64, 128, 2)  # channels in, channels out, stride
RESIDUAL = {
    "plain": Block(partial(residual(basic, None), *KEEPING), STAGE_1, 73_984, 231_211_008),
    "identity": Block(partial(residual(basic), *KEEPING), STAGE_1, 73_984, 231_211_008),
    "projected": Block(partial(residual(basic, projected_always), *KEEPING), STAGE_1, 78_208, 244_056_064),
    "halving-plain": Block(partial(residual(basic, None), *HALVING), STAGE_1, 221_696, 173_408_256),
    "halving-padded": Block(partial(residual(basic, padded), *HALVING), STAGE_1, 221_696, 173_408_256),
    "halving-projected": Block(partial(residual(basic, projected), *HALVING), STAGE_1, 230_144, 179_830_784),
}
GATED = {"none": Block(partial(residual(bottleneck), 1024, 1024, 1), STAGE_3, 1_117_184, 218_365_952)} | {
    f"r{ratio}": Block(partial(residual(gated(bottleneck, ratio)), 1024, 1024, 1), STAGE_3, *counts)
    for ratio, counts in RATIOS.items()
}

for _kind, _blocks, _topic, _paper in (
    ("residual", RESIDUAL, "residual", RESNET),
    ("se", GATED, "squeeze-excite", SQUEEZE_EXCITE),
):
    for _name, _block in _blocks.items():
        architecture(
            f"block/{_kind}-{_name}",
            input=_block.input,
            topic=_topic,
            paper=_paper,
            params=_block.params,
            macs=_block.macs,
            task="block",
        )(_block.build)
