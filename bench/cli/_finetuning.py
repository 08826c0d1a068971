"""What `vbench evaluate --finetune` does first: trains each compressed network, and says how far it is."""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING

import typer

from .. import units
from ..errors import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from pathlib import Path

    from .. import evaluate as evaluation
    from ..core import Case
    from ..evaluate.planning import Asked, Planned

FOLDER = "tuned"
_EVERY_S = 30.0


def finetune(planned: Planned, asked: Asked, recipe: str, output: Path | None, how: evaluation.How) -> tuple[Planned, int]:
    """The cases with the trained ones among them, and the exit code that this makes. What Ctrl-C leaves is gone on with."""
    from .. import machine  # noqa: PLC0415 - --help must be quick
    from ..evaluate.finetuning import finetuned  # noqa: PLC0415 - loads torch

    folder = (planned.root / "results" / machine.describe().slug if output is None else output.parent) / FOLDER
    try:
        return finetuned(planned, asked, recipe, folder, how=how, told=_Told())
    except KeyboardInterrupt:
        print(f"interrupted; what was trained is in {folder}, and the same command goes on with it:", file=sys.stderr)
        print(f"vbench {shlex.join(sys.argv[1:])}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED) from None


class _Told:
    """A line of progress, written over itself in a terminal and now and then elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last, self._label = 0.0, ""

    def begun(self, case: Case, number: int, of: int) -> None:
        """Name it."""
        self._label, self._last = f"training [{number}/{of}] {case.label}", time.monotonic()
        self._say(self._label, last=not self._terminal)

    def trained(self, case: Case, done: int, total: int, loss: float, left_s: float) -> None:  # noqa: ARG002 - the watcher's signature
        """How far it is, and the time left."""
        if self._terminal or time.monotonic() - self._last > _EVERY_S:
            self._last = time.monotonic()
            self._say(f"{self._label}: {done} of {total} steps, loss {loss:.3f}, {units.clock(left_s)} left")

    def written(self, case: Case, path: Path, *, again: bool) -> None:
        """Where it is."""
        self._say(f"{case.label}: {'trained before' if again else 'trained'}, {path}", last=True)

    def failed(self, case: Case, reason: str) -> None:
        """Why there is none."""
        self._say(f"{case.label}: not trained: {reason}", last=True)

    def _say(self, line: str, *, last: bool = False) -> None:
        start, end = ("\r\033[K  ", "\n" if last else "") if self._terminal else ("  ", "\n")
        print(f"{start}{line}", end=end, file=sys.stderr, flush=True)
