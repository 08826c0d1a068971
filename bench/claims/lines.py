"""What `vbench claims` adds to a result file: a line for each network that was counted only, and for each demonstration.

They are of the type `shown`, stand between the lines of `vbench run`, and are passed over by everything else that
reads the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ..evidence import Counted, Status

if TYPE_CHECKING:
    from pathlib import Path

KIND = "shown"
COUNT = "counted"
"""The demonstration that counts a network."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker found out about an architecture without timing a request: `values` and `states` are the demonstration's."""

    demonstration: str
    architecture: str
    index: int = 0
    status: Status = "ok"
    reason: str = ""
    seconds: float = 0.0
    values: dict[str, float] = {}
    states: dict[str, tuple[float, ...]] = {}
    notes: dict[str, str] = {}
    counted: Counted | None = None


def read(path: Path) -> list[Shown]:
    """The lines of ours in a result file; a torn or strange one is passed over, since the file's own reader judges those."""
    found = []
    for line in path.read_bytes().splitlines():
        if not line.startswith(b'{"type":"' + KIND.encode() + b'"'):
            continue
        try:
            found.append(msgspec.json.decode(line, type=Shown))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found
