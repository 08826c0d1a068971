"""Child side: trains what it is asked for, one line of JSON after the other, on one thread.

On one thread a training is a function of its job: the same weights to the last bit, however many processes work beside it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from .. import config as configs
from .. import plugins
from ..errors import VbenchError
from ..forkserver import die_with_parent
from . import studies, training
from .parts import Job, Trial

if TYPE_CHECKING:
    from collections.abc import Callable

    from .training import Data


def serve(lines: Any, send: Callable[..., None]) -> None:
    """Answer each job with a trial, and with the share that is done until then; the pictures of the last seed are kept."""
    kept: tuple[Any, Data] | None = None
    for line in lines:
        job = msgspec.json.decode(line, type=Job)
        try:
            study = studies.find(job.study)
            key = (job.study, job.seed, job.budget, job.source)
            if kept is None or kept[0] != key:
                kept = key, study.data(job.seed, job.budget, job.source)
            trial = training.run(study, job, kept[1], lambda share: send(share=share))
        except VbenchError as error:
            send(refused=str(error))
            continue
        except Exception as error:  # noqa: BLE001 - whatever an arm raises is its result, and the other arms are trained
            told = " ".join(str(error).split())
            trial = Trial(arm=job.arm, seed=job.seed, status="failed", reason=f"{type(error).__name__}: {told}")
        send(trial=msgspec.to_builtins(trial))


def main() -> None:
    """Entry of the child interpreter: the parent's process id, and the bench.toml whose plugins are loaded."""
    parent, config = int(sys.argv[1]), sys.argv[2]
    out = os.dup(1)
    os.dup2(2, 1)  # what a network prints goes to the error stream
    die_with_parent(parent)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    # It would write every new tensor twice; torch's types do not know it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    found = configs.load(Path(config) if config else None)
    own = next((found.root / name for name in found.plugins if plugins.is_catalogue(found.root / name)), None)
    plugins.load_all(found.plugins, root=found.root, catalogue=own)

    def send(**message: Any) -> None:
        os.write(out, msgspec.json.encode(message) + b"\n")

    serve(sys.stdin.buffer, send)
