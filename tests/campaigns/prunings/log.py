"""One line of the log: a network, a criterion, what it was made with, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A network that was pruned or could not be; tried again where a version or a source is another by now.

    `apart` is the largest difference of its output from that of the whole network with the same channels read as zeros, as a
    share of the output's largest value. `macs` are counted on the pruned network, `implied` is what the channels that went say.
    `own` says that the input is the one that the network declares, and `engines` then which of them ran it: for each the ratio
    of signal to noise against eager fp32 in dB, or the reason why not. `kept` is why some channels had to stay.
    """

    architecture: str
    compression: str
    source: str
    versions: dict[str, str]
    own: bool = False
    input_shape: tuple[int, ...] = ()
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
    kept: str = ""
    engines: dict[str, float | str] = {}

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it another case."""
        made = ",".join(f"{name} {found}" for name, found in sorted(self.versions.items()))
        return self.architecture, "own" if self.own else "small", self.compression, self.source, made

    @property
    def criterion(self) -> str:
        """Its name without its options."""
        return self.compression.partition(":")[0]

    @property
    def off(self) -> float | None:
        """How far the counted MACs are from those that the removed channels imply, as a share of these."""
        return abs(self.macs - self.implied) / self.implied if self.implied else None


def read(path: Path) -> list[Line]:
    """The lines of a log, the last of each case; none where there is no log."""
    texts = path.read_text("utf-8").splitlines() if path.exists() else []
    lines = [msgspec.json.decode(text, type=Line) for text in texts if text.endswith("}")]
    return list({line.key: line for line in lines}.values())


def newest(lines: Iterable[Line]) -> list[Line]:
    """The last line of each network, input and compression, whatever it was made with: what is worth keeping."""
    return list({(line.architecture, line.own, line.compression): line for line in lines}.values())


def write(path: Path, lines: Iterable[Line]) -> None:
    """The log with these lines alone, in an order that does not depend on when each was found."""
    ordered = sorted(lines, key=lambda line: (line.own, line.architecture, line.compression))
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in ordered))
