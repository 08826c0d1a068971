"""One pair: equal parameters, equal work, and equal outputs once the library's file of weights went through `--weights`."""

from __future__ import annotations

import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import nn

from vbench import data, weights
from vbench.counting import count
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from .pairs import Pair

LIMIT = 1e-4
IMAGES = 3


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was found: ours and theirs by params and MACs, and the largest error over the largest deviation from the mean image.

    `error` is None where outputs are not compared; `side` is that of the inputs they were compared on.
    """

    ours: str
    library: str
    theirs: str
    params: tuple[int, int]
    macs: tuple[int, int]
    error: float | None = None
    side: int = 0
    names: str = ""
    tensors: int = 0
    note: str = ""

    @property
    def equal(self) -> bool:
        """Whether everything that was compared is equal."""
        return self.params[0] == self.params[1] and self.macs[0] == self.macs[1] and (self.error is None or self.error <= LIMIT)


def compare(pair: Pair) -> Outcome:
    """Count both on the meta device, then load and run both, in double precision so that rounding hides nothing."""
    found = ARCHITECTURES.get(pair.ours)
    mine = count(found.build, found.input, second=False)
    other = count(pair.make, found.input, second=False)
    torch.manual_seed(0)
    net = pair.make().eval()
    _statistics(net)
    if pair.level is not None:
        pair.level(net)
    gone = {name for name in net.state_dict() if any(fnmatchcase(name, glob) for glob in _left_out(pair))}
    params = other.params - sum(value.numel() for name, value in net.named_parameters() if name in gone)
    outcome = Outcome(
        ours=pair.ours, library=pair.library, theirs=pair.theirs, params=(mine.params, params), macs=(mine.macs, other.macs),
        note=pair.note,
    )  # fmt: skip
    if not pair.outputs:
        return outcome
    state = {name: value for name, value in net.state_dict().items() if not any(fnmatchcase(name, g) for g in pair.without)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pth"
        torch.save(state, path)
        fitted = weights.fit(found, path)
        ours, _ = data.build(fitted, 0, fitted.load)
    side = pair.side or found.input[-1]
    generator = torch.Generator().manual_seed(1)
    images = torch.randn((IMAGES, found.input[0], side, side), generator=generator, dtype=torch.float64)
    with torch.inference_mode():
        want, got = net.double()(images), ours.double()(images)
    scale = (want - want.mean(dim=0)).abs().max()
    error = float((want - got).abs().max() / scale)
    return msgspec.structs.replace(outcome, error=error, side=side, names=fitted.library, tensors=len(fitted.pairs))


def _left_out(pair: Pair) -> tuple[str, ...]:
    """Tensors of the library's network that ours has no place for, by the pair or by the architecture's own rules."""
    declared = [glob for naming in ARCHITECTURES.get(pair.ours).weights for glob in naming.left_out]
    return (*pair.without, *declared)


def _statistics(net: nn.Module) -> None:
    """Give every normalisation values of its own: fresh ones are all the same, and a mix-up between layers would not show."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.normal_(0.0, 0.1, generator=generator)  # type: ignore[union-attr]  # it tracks them
                part.running_var.uniform_(0.5, 1.5, generator=generator)  # type: ignore[union-attr]  # as above
                part.weight.uniform_(0.5, 1.0, generator=generator)
                part.bias.normal_(0.0, 0.1, generator=generator)
