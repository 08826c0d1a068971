"""A smaller network on disk, so that one process of a run makes it and the others read it: its tensors, and what was said of it.

Nothing of it is unpickled: tensors are read into a network that is built anew, and its layers' sizes are told by their shapes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from safetensors import safe_open
from safetensors.torch import save_file

from .. import artefacts
from ._check import without_numbers
from ._surgery import replaced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch
    from torch import nn

NAME = "smaller"
_TENSORS, _FACTS = "tensors.safetensors", "facts.msgpack"


class Facts(msgspec.Struct, frozen=True):
    """How the weights came to be, what was done in words and in numbers, and whether the outputs have been compared."""

    how: str
    notes: dict[str, str]
    values: dict[str, float]
    verified: bool


class Store:
    """The entry of a smaller network, whose uncompressed one is `blank`; `trouble` says why it was made again or is not kept."""

    def __init__(self, blank: nn.Module, key: Mapping[str, str]) -> None:
        self._blank, self._key = blank, key
        self._folder: Path | None = None
        self.trouble = ""

    def find(self, make: Callable[[], tuple[nn.Module, Facts]]) -> Facts | None:
        """What is said of the network, as kept or as `make` says now; None for one that could not be told from its tensors."""

        def write(folder: Path) -> dict[str, str]:
            module, facts = make()
            if not _alike(self._blank, module):
                raise _Other
            save_file({name: tensor.detach().contiguous() for name, tensor in _tensors(module).items()}, folder / _TENSORS)
            (folder / _FACTS).write_bytes(msgspec.msgpack.encode(facts))
            return {}

        try:
            found = artefacts.keep(NAME, self._key, write)
        except _Other:
            return None
        self._folder, self.trouble = found.folder, found.trouble
        facts = msgspec.msgpack.decode((found.folder / _FACTS).read_bytes(), type=Facts)
        if found.temporary:
            self.discard()
        return facts

    def fill(self) -> nn.Module:
        """The blank network made into the smaller one, with memory of its own: a file that stays mapped would count as its."""
        if self._folder is None:
            message = "nothing was found that could be read"
            raise RuntimeError(message)
        with safe_open(str(self._folder / _TENSORS), framework="pt") as file:
            pairs = [(own, file.get_tensor(name).clone()) for name, own in _tensors(self._blank).items()]
        return replaced(self._blank, pairs).eval()

    def discard(self) -> None:
        """Remove it."""
        if self._folder is not None:
            artefacts.remove(self._folder)


class _Other(Exception):  # noqa: N818 - no error: the network can be used, and is not kept
    """The smaller network is another one than its tensors and the layers of the uncompressed one tell."""


def _alike(blank: nn.Module, module: nn.Module) -> bool:
    """Whether the network can be told by its tensors: built from them without values, it is the same in all that can be seen."""
    bare = without_numbers(blank)
    own, made = _tensors(bare), _tensors(module)
    if own.keys() != made.keys():
        return False
    replaced(bare, [(own[name], tensor.detach().to("meta")) for name, tensor in made.items()])
    return repr(bare) == repr(module) and _form(bare) == _form(module)


def _form(module: nn.Module) -> list[tuple[object, ...]]:
    """Names, which of them are tied, types and shapes."""
    first: dict[int, str] = {}
    found = (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False))
    return [
        (name, first.setdefault(id(tensor), name), tensor.dtype, tuple(tensor.shape), tensor.requires_grad)
        for name, tensor in found
    ]


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name, tied ones once."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
