"""What one forward pass holds and moves: a ledger of the storages that are alive, kept operator by operator.

Memory is counted by storage and not by tensor, so a view costs nothing and an operator in place adds nothing. Python's
reference counting decides when a storage dies, which is the same on every run and on every machine.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch._C import DisableTorchFunction
from torch.multiprocessing.reductions import StorageWeakRef

from .rules import NOTHING_MOVED, OVERWRITE, UNDECLARED_VIEWS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import UntypedStorage, nn


class _Traits(NamedTuple):
    """What an operator's schema and name say about memory.

    `still` moves nothing; `in_place` writes on an argument; `aliases` may return memory that it was given; the first
    `unread` of its tensors are written over unread.
    """

    still: bool
    in_place: bool
    aliases: bool
    unread: int


class Ledger:
    """Told of every operator as it starts and ends; knows the peak of what was alive and the sum of what was moved.

    Weights, buffers and whatever else was there before the forward pass are not counted. A tensor without a plain storage
    (sparse, opaque) cannot be weighed: from the first of these on, nothing is known.
    """

    def __init__(self, module: nn.Module, inputs: Tensor) -> None:
        self._plain = True
        self._total = self._at_end = self._peak = self._moved = 0
        # Each storage that was alive when last looked at, by address: a reference that does not keep it so, and its size.
        # An address is not used again as long as a reference is kept, a weak one included.
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}
        # Which of the last operator's outputs nobody may ever have seen.
        self._beside: list[int] = []
        self._outside: dict[int, StorageWeakRef] = {}
        with DisableTorchFunction():
            for tensor in (*module.parameters(), *module.buffers()):
                if tensor.layout is torch.strided:
                    storage = tensor.untyped_storage()
                    self._outside[storage._cdata] = StorageWeakRef(storage)  # noqa: SLF001 - a storage has no other name
            self._hold(inputs.untyped_storage())
        self._at_end = self._total

    def starts(self) -> None:
        """Settle the operator before, and let go of what died since.

        An output beside the first that is gone before the next operator starts was scratch of its operator: so are the
        indices of a max-pooling whose caller wanted the maxima.
        """
        for name in [name for name, (reference, _) in self._live.items() if reference.expired()]:
            _, size = self._live.pop(name)
            self._total -= size
            if name in self._beside:
                self._at_end -= size
        self._peak = max(self._peak, self._at_end)
        self._beside.clear()

    def ends(self, func: Callable[..., object], read: Sequence[Tensor], written: Sequence[Tensor]) -> None:
        """Take the operator's outputs into the ledger; `read` are the tensors among its arguments."""
        traits = _traits(func)
        try:
            sources = [tensor.untyped_storage() for tensor in read]
            results = [tensor.untyped_storage() for tensor in written]
        except NotImplementedError:  # a sparse or opaque tensor has no storage to follow: the network is not counted plainly
            self._plain = False
            return
        known = {storage._cdata for storage in sources} if traits.aliases else set()  # noqa: SLF001 - as above
        fresh = False
        for index, storage in enumerate(results):
            name = storage._cdata  # noqa: SLF001 - as above
            fresh = fresh or name not in known
            if name not in self._live:
                if name in known:
                    # It was there before the forward pass, as a tensor that is neither a parameter nor a buffer.
                    self._outside.setdefault(name, StorageWeakRef(storage))
                elif index:
                    self._beside.append(name)
            if name not in self._outside:
                self._hold(storage)
        self._at_end = self._total
        if traits.in_place or (fresh and not traits.still):
            parts = zip((*read[traits.unread :], *written), (*sources[traits.unread :], *results), strict=True)
            # What a pass over a tensor touches: an expanded one has fewer bytes than elements.
            self._moved += sum(min(tensor.nbytes, storage.nbytes()) for tensor, storage in parts)

    def _hold(self, storage: UntypedStorage) -> None:
        """Weigh the storage, again if it is known, since an operator may resize it."""
        name, size = storage._cdata, storage.nbytes()  # noqa: SLF001 - as above
        held = self._live.get(name)
        if held is None:
            self._live[name] = StorageWeakRef(storage), size
            self._total += size
        elif held[1] != size:
            self._live[name] = held[0], size
            self._total += size - held[1]

    def left(self) -> bool:
        """Whether anything is alive that the forward pass made, to be asked when its input and output have been let go."""
        return not all(reference.expired() for reference, _ in self._live.values())

    def peak(self) -> int | None:
        """The largest sum of live bytes at an operator's end, of the operators that were settled."""
        return self._peak if self._plain else None

    def moved(self) -> int | None:
        """The bytes that all operators read and wrote."""
        return self._moved if self._plain else None


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep Python's collector of cycles out, so that what dies and when does not depend on what ran before."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def tensors(*values: object) -> list[Tensor]:
    """The tensors among an operator's arguments or outputs, in order, however deep they lie."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            # Sizes, strides and paddings are most of the lists, and short of tensors.
            if value and not isinstance(value[0], int):
                found += tensors(*value)
        elif isinstance(value, dict):
            found += tensors(*value.values())
    return found


@cache
def _traits(func: Callable[..., object]) -> _Traits:
    if not isinstance(func, torch._ops.OpOverload):  # noqa: SLF001 - its only home
        return _Traits(still=False, in_place=False, aliases=True, unread=0)
    name = str(func).split(".")[1]
    still, in_place = name in NOTHING_MOVED, func._schema.is_mutable  # noqa: SLF001 - its schema has no other door
    return _Traits(
        still=still,
        in_place=in_place and not still,
        aliases=func.is_view or in_place or name in UNDECLARED_VIEWS,
        unread=int(name in OVERWRITE),
    )
