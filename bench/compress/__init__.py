"""The compressors that come with vbench: one file each, registered like a plugin's.

Their files import torch only where they work, so that what can be written is known without it. What makes a network smaller is
done in each worker, after the weights were filled in or loaded, and before anything counts, exports or quantises it.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from .. import compression, plugins
from ..core import Source
from ..registry import COMPRESSORS, loading

if TYPE_CHECKING:
    from ..core import Architecture, Case
    from ..job import Job


@cache
def load_builtin() -> None:
    """Import every compressor of this folder, so that it registers itself."""
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            name = f"{__name__}.{module.name}"
            with loading(Source(kind="module", value=name)):
                importlib.import_module(name)


def known() -> dict[str, str | None]:
    """Every registered compressor with the line that says why it cannot work here, or None."""
    load_builtin()
    found: dict[str, str | None] = {}
    for name in COMPRESSORS.names():
        try:
            COMPRESSORS.get(name)().version()
        except Exception as error:  # noqa: BLE001 - one of them, perhaps a plugin's, must not take the others along
            text = " ".join(str(error).split()) or f"{name} is not installed"
            found[name] = text if isinstance(error, ImportError) else f"{type(error).__name__}: {text}"
        else:
            found[name] = None
    return found


def sources(case: Case) -> tuple[Source, ...]:
    """Where the compressors of a case are registered, those that come with vbench left out."""
    load_builtin()
    found = [COMPRESSORS.source(name) for name, _ in compression.split(case.compression)]
    return tuple(dict.fromkeys(one for one in found if not one.value.startswith(f"{__name__}.")))


def derive(base: Architecture, text: str) -> Architecture:
    """The architecture made smaller, with weights of seed 0 where nothing else fills them in; none of its facts is its own."""
    return msgspec.structs.replace(made(base, text), params=None, macs=None, accuracy=())


def for_job(architecture: Architecture, job: Job) -> Architecture:
    """The architecture as the job's case wants it: as it is, or made smaller in this very process."""
    if job.case.compression == compression.NONE:
        return architecture
    load_builtin()
    for source in job.compressors:
        plugins.load(source, job.catalogue)
    base = msgspec.structs.replace(architecture, input=job.case.input_shape)
    verify = job.check and not job.count_only
    label = "" if job.count_only else job.case.weights
    return made(base, job.case.compression, seed=job.case.seed, images=job.images, verify=verify, weights=label)


def told(architecture: Architecture) -> tuple[dict[str, float], float]:
    """What was done in numbers, and the seconds that it took, once it has been built; nothing for a network as it is."""
    if architecture.compression == compression.NONE:
        return {}, 0.0
    return dict(architecture.build.values), architecture.build.seconds  # type: ignore[attr-defined]  # a Smaller


def made(  # noqa: PLR0913 - what a case and a job say, each once
    base: Architecture,
    text: str,
    *,
    seed: int = 0,
    images: str = "",
    verify: bool = False,
    weights: str = "",
) -> Architecture:
    """The architecture whose `build` fills weights in or loads them, does what `text` says, and verifies it where it should.

    What is made is kept for other processes where `weights` says which ones they are, as the axis of that name does.
    """
    from ._building import Smaller  # noqa: PLC0415 - imports torch

    build = Smaller(base, text, seed=seed, images=images, verify=verify, weights=weights)
    return msgspec.structs.replace(base, build=build, compression=text)
