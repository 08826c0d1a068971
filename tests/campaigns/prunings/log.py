"""One line of the log: a network, a criterion, what it was made with, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A network that was pruned or could not be; tried again where a version or a source is another by now.

    `apart` is the largest difference of its output from that of the whole network with the same channels read as zeros, as a
    share of the output's largest value. `macs` are counted on the pruned network, `implied` is what the channels that went say.
    """

    architecture: str
    input_shape: tuple[int, ...]
    compression: str
    source: str
    versions: dict[str, str]
    status: str = ""
    reason: str = ""
    removed: int = 0
    channels: int = 0
    params: int = 0
    params_before: int = 0
    macs: int = 0
    macs_before: int = 0
    implied: float = 0.0
    apart: float | None = None
    seconds: float = 0.0
    notes: dict[str, str] = {}

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it another case."""
        made = ",".join(f"{name} {found}" for name, found in sorted(self.versions.items()))
        return self.architecture, "x".join(map(str, self.input_shape)), self.compression, self.source, made

    @property
    def off(self) -> float | None:
        """How far the counted MACs are from those that the removed channels imply, as a share of these."""
        return abs(self.macs - self.implied) / self.implied if self.implied else None


def read(path: Path) -> list[Line]:
    """The lines of a log, the last of each case; none where there is no log."""
    texts = path.read_text("utf-8").splitlines() if path.exists() else []
    lines = [msgspec.json.decode(text, type=Line) for text in texts if text.endswith("}")]
    return list({line.key: line for line in lines}.values())
