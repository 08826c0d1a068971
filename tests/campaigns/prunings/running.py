"""The pruned network on every engine that is here: exported, compiled, and its answers compared with eager fp32."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

import msgspec

from vbench import compress
from vbench.core import Case
from vbench.engines import known
from vbench.job import Job, catalogue
from vbench.registry import ARCHITECTURES, ENGINES
from vbench.supervisor import Server

if TYPE_CHECKING:
    from .log import Line

# An engine that takes longer for a network is written down as that; the process has longer than all of them.
TIMEOUT_S = 600.0


def tried(line: Line) -> Line:
    """The line with each engine's word: the ratio of signal to noise in dB, or why it did not run."""
    found: dict[str, float | str] = {}
    with tempfile.TemporaryDirectory(prefix="vbench-pruning-") as folder:
        os.environ["VBENCH_CACHE"] = folder
        with Server(preload="count") as server:
            for name, engine in known().items():
                if name == "fake":
                    continue
                case = Case(
                    architecture=line.architecture, input_shape=line.input_shape, engine=name, compression=line.compression
                )
                why = engine if isinstance(engine, str) else engine.skip(case)
                found[name] = f"skipped: {why}" if why else _checked(server, case)
    return msgspec.structs.replace(line, engines=found)


def _checked(server: Server, case: Case) -> float | str:
    job = Job(
        case=case, check=True, architecture=ARCHITECTURES.source(case.architecture), engine=ENGINES.source(case.engine),
        compressors=compress.sources(case), catalogue=catalogue(),
    )  # fmt: skip
    replicate = server.run(job, TIMEOUT_S)
    if replicate.status != "ok":
        return f"{replicate.status}: {replicate.reason}"[:240]
    sqnr_db = replicate.values.get("agreement_sqnr_db")
    return "ran; its answers do not depend on the input" if sqnr_db is None else round(sqnr_db, 1)
