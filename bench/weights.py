"""Weights from a file, in place of random ones: whose names it uses, which tensor goes where, and every one accounted for."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

import torch

from . import checkpoint, wrappers
from .checkpoint import Entry
from .errors import PluginError, UsageError, VbenchError
from .naming import Naming
from .plan import Given
from .registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import nn

    from .checkpoint import Checkpoint
    from .core import Architecture
    from .lineage import Lineage

OWN = Naming(library="the network's own", rules=())
# How a builder may call the number of its classes: ours, and that of module:function where a library's is named.
_CLASSES = ("classes", "num_classes")
# Torch writes this counter since 2018 and inference never reads it; a file without it is whole.
_COUNTER = "num_batches_tracked"
_SHOWN = 3


class Fitted:
    """Builds a network with as many classes as the file has, and puts the file's weights into it.

    `lineage` says so where the file is of a network that was made smaller: this one is then the whole of it, into which what
    the file has does not fit, and `vbench.compress` makes the network of the file from both.
    """

    def __init__(self, build: Callable[..., Any], path: Path, library: str, classes: dict[str, int], inside: int) -> None:
        self.build, self.path, self.library, self._classes, self._inside = build, path, library, classes, inside
        self.pairs: dict[str, str] = {}
        self.lineage: Lineage | None = None

    @property
    def classes(self) -> int | None:
        """How many classes the file has, where that is not what the builder makes by itself."""
        return next(iter(self._classes.values()), None)

    def __call__(self) -> Any:
        """Build the network; its weights are whatever its builder fills in."""
        return self.build(**self._classes)

    @torch.no_grad()
    def load(self, module: nn.Module) -> None:
        """Copy every tensor of the file into its place, in the type that the network has there."""
        # Opened here and let go of at the end: a file that stays mapped would stay in the process's memory.
        file = checkpoint.read(self.path)
        state: dict[str, torch.Tensor] = self.inner(module).state_dict()
        for name, value in state.items():
            if name in self.pairs:
                value.copy_(file.tensor(self.pairs[name]).reshape(value.shape))
            else:
                value.zero_()

    def inner(self, module: nn.Module) -> nn.Module:
        """The network that the file is of, without what it is wrapped in."""
        network = cast("Any", module)
        for _ in range(self._inside):
            network = network.network
        return cast("nn.Module", network)

    def tensors(self) -> dict[str, torch.Tensor]:
        """All that the file has for the network, by the network's own names."""
        file = checkpoint.read(self.path)
        return {name: file.tensor(other) for name, other in self.pairs.items()}


def given(path: Path, architectures: list[Architecture]) -> Given:
    """Hold a file against every network that it is meant for. Raises UsageError where it does not fit one of them."""
    fits = {item.name: fit(item, path) for item in architectures}
    other = {name: found.classes for name, found in fits.items() if found.classes is not None}
    made = next((found.lineage for found in fits.values() if found.lineage is not None), None)
    smaller, of = ("none", "") if made is None else (made.compression, made.of)
    return Given(path=str(path), label=checkpoint.label(path), classes=other, compression=smaller, of=of)


def verified(architecture: Architecture, path: Path, label: str) -> Fitted:
    """As `fit`, for a worker that checks: the file must still be what the case's `weights` says."""
    now = checkpoint.digest(path)
    if now != label.rpartition(":")[2]:
        message = f"{path} is another file than it was when the run began: its digest is {now} now"
        raise VbenchError(message)
    return fit(architecture, path)


def fit(architecture: Architecture, path: Path) -> Fitted:
    """Find out by whose names the file calls its tensors, and that each has its place.

    Raises UsageError with the tensors that are missing, left over or of another shape.
    """
    file = checkpoint.read(path)
    if architecture.compression != "none":
        architecture = ARCHITECTURES.get(architecture.name)  # a file is of the network before it was made smaller
    # A file is of the network, and not of what it is wrapped in.
    inside = architecture.name.count("@")
    build = ARCHITECTURES.get(wrappers.bare(architecture.name)).build if inside else architecture.build
    made = file.lineage if file.lineage is not None and file.lineage.compression != "none" else None
    if made is not None and made.architecture != wrappers.bare(architecture.name):
        message = f"--weights {path} is of {made.architecture}@{made.compression}, and not of {architecture.name}"
        raise UsageError(message)
    own = _skeleton(build)
    try:
        tables = [(naming, naming.theirs(own)) for naming in (OWN, *architecture.weights)]
    except ValueError as error:
        message = f"{architecture.source}: architecture {architecture.name!r}: {error}"
        raise PluginError(message) from None
    naming, names = max(tables, key=lambda table: sum(other in file.entries for other in table[1].values()))
    if not any(other in file.entries for other in names.values()):
        raise UsageError(_stranger(architecture, file, own))
    classes = _classes(build, file, own, names, naming)
    if classes:
        own = _skeleton(build, **classes)
    problems = _problems(file, own, names, naming, smaller=made is not None)
    if problems:
        message = f"--weights {path} does not fit {architecture.name} by {naming.library} names: {'; '.join(problems)}"
        raise UsageError(message)
    fitted = Fitted(architecture.build, path, naming.library, classes, inside)
    fitted.pairs = {name: other for name, other in names.items() if other in file.entries}
    fitted.lineage = made
    return fitted


def _skeleton(build: Callable[..., Any], **classes: int) -> dict[str, Entry]:
    """What the network holds, without its numbers where it can be built without them."""
    try:
        with torch.device("meta"):
            module = build(**classes)
    except Exception:  # noqa: BLE001 - as in data.build: what cannot be done on meta may be done on the processor
        module = build(**classes)
    return {name: Entry(tuple(value.shape), value.is_floating_point()) for name, value in module.state_dict().items()}


def _classes(
    build: Callable[..., Any], file: Checkpoint, own: dict[str, Entry], names: dict[str, str], naming: Naming
) -> dict[str, int]:
    """How many classes the file has, as the builder's argument; empty where that is what it makes by itself.

    Which tensors hang on the number of classes is found out by building the network with one more.
    """
    if all(_same(own[name].shape, file.entries[other].shape, naming) for name, other in names.items() if other in file.entries):
        return {}
    known = inspect.signature(build).parameters
    keyword = next((word for word in _CLASSES if word in known and isinstance(known[word].default, int)), None)
    if keyword is None:
        return {}
    usual = known[keyword].default
    more = _skeleton(build, **{keyword: usual + 1})
    found = set()
    for name, other in names.items():
        if more.keys() != own.keys() or other not in file.entries:
            continue
        here, there = own[name].shape, file.entries[other].shape
        grown = [axis for axis, (a, b) in enumerate(zip(here, more[name].shape, strict=True)) if (a, b) == (usual, usual + 1)]
        found |= {there[axis] for axis in grown if len(there) > axis}
    return {keyword: found.pop()} if len(found) == 1 and found != {usual} else {}


def _same(own: tuple[int, ...], other: tuple[int, ...], naming: Naming) -> bool:
    """Equal, or the same matrix where the library writes a linear layer as a convolution."""
    if own == other:
        return True
    flat = (len(own), len(other)) in {(2, 4), (4, 2)} and own[0] == other[0]
    return naming.flattened and flat and torch.Size(own).numel() == torch.Size(other).numel()


def _within(shape: tuple[int, ...], whole: tuple[int, ...]) -> bool:
    return len(shape) == len(whole) and all(1 <= size <= most for size, most in zip(shape, whole, strict=True))


def _problems(
    file: Checkpoint, own: dict[str, Entry], names: dict[str, str], naming: Naming, *, smaller: bool
) -> list[str]:  # fmt: skip
    """What does not fit; of a network that was made `smaller`, dimensions may be."""
    missing = [other for name, other in names.items() if other not in file.entries and not name.endswith(_COUNTER)]
    expected = set(names.values())
    over = [name for name in file.entries if name not in expected and not naming.dropped(name)]
    wrong, whole = [], []
    for name, other in names.items():
        entry = file.entries.get(other)
        if entry is None:
            continue
        if not (_within(entry.shape, own[name].shape) if smaller else _same(own[name].shape, entry.shape, naming)):
            wrong.append(f"{other} is {_text(entry.shape)} and not {_text(own[name].shape)}")
        elif entry.floating != own[name].floating:
            whole.append(other)
    kinds = (("missing", missing), ("left over", over), ("of another shape", wrong), ("of whole numbers", whole))
    return [f"{len(found)} {kind}: {_some(found)}" for kind, found in kinds if found]


def _stranger(architecture: Architecture, file: Checkpoint, own: dict[str, Entry]) -> str:
    """The message for a file whose names are nobody's."""
    tables = ", ".join(naming.library for naming in (OWN, *architecture.weights))
    return (
        f"--weights {file.path} does not fit {architecture.name}: it holds {_some(list(file.entries))}, and the network has "
        f"{_some(list(own))}; names that are known for it: {tables}"
    )


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "a single number"
