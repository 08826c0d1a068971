"""A file of weights: what is in it, without running anything that stands in it, and one tensor after the other.

safetensors, or what `torch.save` wrote of a state dict. A pickle may hold code; torch refuses it (`weights_only`), and so does
this.
"""

from __future__ import annotations

import hashlib
import re
import warnings
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from . import lineage
from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .lineage import Lineage

# Where trainers keep the state dict beside an optimiser's and the rest.
_INSIDE = ("state_dict", "model", "model_state_dict", "module")
# What wrappers put before every name: data parallel training, and torch.compile.
_PREFIXES = ("module.", "_orig_mod.")


class Entry(NamedTuple):
    """A tensor of the file, before it is read."""

    shape: tuple[int, ...]
    floating: bool


class Checkpoint(NamedTuple):
    """What a file holds; `tensor(name)` reads one of its entries, `lineage` says where it is from, if vbench made it."""

    path: Path
    entries: dict[str, Entry]
    tensor: Callable[[str], torch.Tensor]
    lineage: Lineage | None = None


def read(path: Path) -> Checkpoint:
    """Look into a file of weights. Raises UsageError where it is none, is damaged, or holds code."""
    try:
        head = _head(path)
    except OSError as error:
        message = f"--weights {path}: {error.strerror}; name a file of weights (safetensors, or a state dict from torch.save)"
        raise UsageError(message) from None
    found = _safetensors(path) if head else _torch(path)
    if not found.entries:
        message = f"--weights {path}: there is no tensor in it; save a state dict: torch.save(net.state_dict(), 'net.pth')"
        raise UsageError(message)
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in found.entries):
            found = _stripped(found, prefix)
    return found


def digest(path: Path) -> str:
    """What the file is, whatever it is called: the first digits of its SHA-256, which `sha256sum` shows as well."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:12]
    except OSError as error:
        message = f"--weights {path}: {error.strerror}"
        raise UsageError(message) from None


def label(path: Path) -> str:
    """The file as the case's axis `weights`: its name and its digest."""
    name = re.sub(r"[^\w.-]+", "-", path.stem, flags=re.ASCII).strip("-.") or "weights"
    # `random:0` is what weights from a seed are called.
    return f"{'random-file' if name == 'random' else name}:{digest(path)}"


def _head(path: Path) -> bool:
    """Whether this is a safetensors file: the length of its header, then the header, which is JSON."""
    with path.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") <= path.stat().st_size - 8


def _safetensors(path: Path) -> Checkpoint:
    from safetensors import SafetensorError, safe_open  # only for those who have such a file  # noqa: PLC0415

    try:
        opened: Any = safe_open(str(path), framework="pt")
        entries = {}
        made = lineage.read(opened.metadata() or {})
        for name in opened.keys():  # noqa: SIM118 - a handle, which is no dict
            part = opened.get_slice(name)
            entries[name] = Entry(tuple(part.get_shape()), part.get_dtype().startswith(("F", "BF")))
    except (SafetensorError, OSError, ValueError) as error:
        message = f"--weights {path}: it begins as a safetensors file and is damaged: {_line(error)}"
        raise UsageError(message) from None
    return Checkpoint(path, entries, opened.get_tensor, made)


def _torch(path: Path) -> Checkpoint:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch has to say of a file that it refuses is in the error
            # Tensors of the newer format stay on disk until they are read.
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # noqa: BLE001 - whatever a file may hold: torch raises a dozen kinds
        raise UsageError(_refused(path, error)) from None
    state = loaded
    for key in _INSIDE:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
            break
    if not isinstance(state, dict):
        message = f"--weights {path}: it holds {type(state).__name__} and no state dict: save net.state_dict()"
        raise UsageError(message)
    strange = [str(name) for name, value in state.items() if not _plain(value) and not str(name).endswith("_extra_state")]
    if strange:
        message = f"--weights {path}: {strange[0]!r} is no tensor that a layer could hold: save net.state_dict() and nothing else"
        raise UsageError(message)
    tensors: dict[str, torch.Tensor] = {str(name): value for name, value in state.items() if _plain(value)}
    entries = {name: Entry(tuple(value.shape), value.is_floating_point()) for name, value in tensors.items()}
    return Checkpoint(path, entries, tensors.__getitem__)


def _plain(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.layout == torch.strided and not value.is_quantized


def _refused(path: Path, error: Exception) -> str:
    """One line: code, or no file of weights at all."""
    said = _line(error)
    if "GLOBAL" in said or "TorchScript" in said or "torch.jit" in said:
        return (
            f"--weights {path}: it holds code besides tensors (a whole module, a script or a checkpoint with other objects), "
            "and code is not run: save the tensors alone, torch.save(net.state_dict(), 'net.pth') or safetensors"
        )
    return (
        f"--weights {path}: it is neither safetensors nor a state dict that torch can read: {type(error).__name__}: {said[:160]}"
    )


def _stripped(found: Checkpoint, prefix: str) -> Checkpoint:
    entries = {name.removeprefix(prefix): entry for name, entry in found.entries.items()}
    return Checkpoint(found.path, entries, lambda name: found.tensor(f"{prefix}{name}"), found.lineage)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
