"""What an engine may use besides the network and the case: a place for what it makes, pictures to calibrate with, and notes.

An engine that sets `exports = True` is handed one as the third argument of `prepare`. The time that is spent on looking after
kept files (digests of weights, of files) is the harness's and not the engine's, and is taken out of what is reported.
"""

from __future__ import annotations

import hashlib
import inspect
import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from . import artefacts, data
from .core import Preprocess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import nn

    from .core import Case

# How many pictures a static quantisation looks at. NNCF and Intel's guides take 300 of a data set; of pictures that are alike,
# as seeded ones are, a few dozen show the same ranges.
CALIBRATION = 64
# What an artefact may depend on besides the network: all of these, unless the engine names fewer.
AXES = ("precision", "input_shape", "batch", "threads", "device", "layout", "engine_options")


class Preparation:
    """One preparation of one network: what was used is remembered, for the notes and for the times of a cold and a warm start."""

    def __init__(  # noqa: PLR0913 - what a case and a job say, each once
        self,
        module: nn.Module,
        case: Case,
        *,
        images: str = "",
        preprocess: Preprocess | None = None,
        seed: int = 0,
        full_precision: Sequence[str] = (),
    ) -> None:
        self.case = case
        self.notes: dict[str, str] = {}
        # Paths of modules that a quantisation leaves as they are.
        self.full_precision = tuple(full_precision)
        self._module = module
        self._images = images
        self._preprocess = preprocess or Preprocess()
        self._seed = seed
        self._used: list[artefacts.Artefact] = []
        self._digest = ""
        self._upkeep_s = 0.0

    def artefact(
        self, name: str, versions: Mapping[str, str], make: Callable[[Path], Mapping[str, str]], *, axes: Sequence[str] = AXES
    ) -> Path:
        """The folder of that name for this network, as kept from an earlier process or as `make(folder)` fills it now.

        It is kept under a key of the network (values, structure, source), `versions` (whatever else it depends on) and the
        `axes` of the case. `make` writes files into the folder and gives notes, which go to the case's notes with every use.
        """
        with self._upkeep():
            key = {axis: str(getattr(self.case, axis)) for axis in axes} | dict(versions)
            key |= {"architecture": self.case.architecture, "network": self._network(), "torch": str(torch.__version__)}
            if "precision" in axes and self.case.precision == "int8":
                key |= {"calibration": self._calibrated_with(), "full_precision": ",".join(self.full_precision)}
            found = artefacts.keep(name, key, make)
        if found.made:  # making it is the engine's work, and not upkeep
            self._upkeep_s -= found.manifest.seconds
        self._used.append(found)
        self.notes |= found.manifest.notes
        if found.trouble:
            self.notes[f"artefact_{name}"] = found.trouble
        return found.folder

    def pictures(self, count: int = CALIBRATION) -> torch.Tensor:
        """Inputs to calibrate with, of shape `(count, *input)`, fp32: pictures where the run names some, else smooth noise.

        They differ from those that the outputs are compared on, as far as a folder has enough. Raises
        UsageError for a folder without usable pictures.
        """
        self.notes["calibration"] = self.calibration
        if self._images:
            return data.images(self._images, self.case.input_shape, count, self._preprocess, last=True)
        return data.smooth(self.case.input_shape, count, self._seed + 1000)

    @property
    def calibration(self) -> str:
        """What a quantisation sees, and how many of it."""
        if not self._images:
            return f"{CALIBRATION} smooth seeded pictures (seed {self._seed + 1000})"
        return f"the last {CALIBRATION} pictures of {self._images}"

    @property
    def upkeep_s(self) -> float:
        """Seconds that this process spent on digests, which no deployment would."""
        return self._upkeep_s

    @property
    def made_s(self) -> float:
        """Seconds that making took in this process; 0 where everything was kept."""
        return sum(found.manifest.seconds for found in self._used if found.made)

    @property
    def cold_s(self) -> float:
        """Seconds that making took, in this process or in an earlier one, of all that was used."""
        return sum(found.manifest.seconds for found in self._used)

    @property
    def uses(self) -> bool:
        """Whether anything that is kept was used or made."""
        return bool(self._used)

    @property
    def kept(self) -> bool:
        """Whether something was used that an earlier process had made."""
        return any(not found.made for found in self._used)

    def discard(self) -> None:
        """Remove what was used, so that the next preparation makes it again."""
        for found in self._used:
            artefacts.remove(found.folder)

    def close(self) -> None:
        """Remove what could not be kept."""
        for found in self._used:
            if found.temporary:
                shutil.rmtree(found.folder, ignore_errors=True)

    @contextmanager
    def _upkeep(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._upkeep_s += time.perf_counter() - began

    def _calibrated_with(self) -> str:
        """What an artefact that is calibrated depends on: pictures that are exchanged under their names make another one."""
        if not self._images:
            return self.calibration
        return f"{self.calibration} {data.stamp(self._images)}"

    def _network(self) -> str:
        """A digest of the network: its tensors by name, its structure, and the source of what its modules are made of."""
        if not self._digest:
            self._digest = digest(self._module)
        return self._digest


def digest(module: nn.Module, *, values: bool = True) -> str:
    """A digest of a network's values, structure and source: what differs in any of these is another network.

    The source is that of every file from which a module of it comes, with the files beside it that are imported too, and without
    those of PyTorch. Without `values`, of the rest alone.
    """
    found = hashlib.blake2b(repr(module).encode(), digest_size=16)
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        if not values:
            continue
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    for path in _sources(module):
        found.update(path.read_bytes())
    return found.hexdigest()


def _sources(module: nn.Module) -> list[Path]:
    files = set()
    for kind in {type(part) for part in module.modules()}:
        if kind.__module__.partition(".")[0] != "torch":
            try:
                files.add(Path(inspect.getfile(kind)).resolve())
            except (TypeError, OSError):  # defined in an interpreter's prompt or in C
                continue
    folders = {file.parent for file in files if (file.parent / "__init__.py").exists()}
    for imported in list(sys.modules.values()):
        name = getattr(imported, "__file__", None)
        if name and name.endswith(".py") and Path(name).resolve().parent in folders:
            files.add(Path(name).resolve())
    return sorted(file for file in files if file.is_file())
