"""What a compressor is told besides its options, and where it says what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .. import artefacts, data, preparation
from ..errors import VbenchError
from ._container import Coding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..core import Architecture

# Of what is kept: another one, when it is found in another way.
VERSION = "2"
_FILE = "kept"


def checked(name: str, do: Callable[[], object]) -> nn.Module:
    """The network that a compressor of this name makes. Raises VbenchError with its reason, or where it makes something else."""
    try:
        found = do()
    except ValueError as error:
        message = f"{name}: {' '.join(str(error).split())}"
        raise VbenchError(message) from None
    if not isinstance(found, nn.Module):
        message = f"{name} returned {type(found).__name__}, not a torch.nn.Module"
        raise VbenchError(message)
    return found


class Task:
    """What a compressor is told besides its options, and where it says what it did: an `interfaces.Work`."""

    def __init__(  # noqa: PLR0913 - what a case and a job say, and the step
        self,
        architecture: Architecture,
        seed: int,
        images: str = "",
        *,
        module: nn.Module | None = None,
        step: str = "",
        noise: bool = False,
    ) -> None:
        self.shape, self.task, self.seed = architecture.input, architecture.task, seed
        self.notes: dict[str, str] = {}
        self.values: dict[str, float] = {}
        self.twins: list[tuple[Callable[[nn.Module], nn.Module], float]] = []
        self.codings: dict[str, Coding] = {}
        self._architecture, self._module, self._step = architecture, module, step
        self._images = "" if noise else images

    def keep(self, make: Callable[[], bytes]) -> bytes:
        """What `make` gives, from an earlier process where it is the same; nothing is kept of a network that nobody named."""
        if self._module is None:
            return make()
        key = {
            "architecture": self._architecture.name, "compression": self._step, "network": preparation.digest(self._module),
            "input_shape": "x".join(map(str, self.shape)), "seed": str(self.seed), "torch": str(torch.__version__),
            "pictures": data.stamp(self._images) if self._images else "", "version": VERSION,
        }  # fmt: skip

        def write(folder: Path) -> dict[str, str]:
            before = dict(self.notes)
            (folder / _FILE).write_bytes(make())
            return {key: text for key, text in self.notes.items() if before.get(key) != text}

        found = artefacts.keep("compress", key, write)
        content = (found.folder / _FILE).read_bytes()
        self.notes |= found.manifest.notes
        if found.temporary:
            artefacts.remove(found.folder)
        return content

    def pictures(self, count: int) -> torch.Tensor:
        """Inputs that differ from those that outputs are compared on, as far as a folder has enough.

        Noise where no folder is named too: whoever measures has refused that before, and whoever counts needs no pictures.
        """
        if self._images:
            self.note("data", f"the last {count} pictures of {self._images}")
            return data.images(self._images, self.shape, count, self._architecture.preprocess, last=True)
        self.note("data", f"{count} smooth seeded pictures (seed {self.seed + 2000})")
        return data.smooth(self.shape, count, self.seed + 2000)

    def note(self, key: str, text: str) -> None:
        """In words."""
        self.notes[key] = text

    def add(self, name: str, number: float) -> None:
        """In numbers."""
        self.values[name] = self.values.get(name, 0.0) + number

    def written(self, tensor: str, kind: Any, *, bits: int = 0, index_bits: int = 8) -> None:
        """How a tensor is written."""
        self.codings[tensor] = Coding(kind=kind, bits=bits, index_bits=index_bits)

    def same(self, twin: Callable[[nn.Module], nn.Module], *, tolerance: float) -> None:
        """What a check will compare."""
        self.twins.append((twin, tolerance))
