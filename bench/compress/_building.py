"""A network built with its weights and made smaller: what a case of a compression counts, exports, quantises and times."""

from __future__ import annotations

import copy
import math
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .. import artefacts, compression, data, preparation, weights
from ..errors import VbenchError
from ..registry import ARCHITECTURES, COMPRESSORS
from . import _encoding as encoding
from . import _likeness as likeness
from ._container import Coding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..compression import Step
    from ..core import Architecture

# Pictures on which a smaller network is compared with what it should be.
_COMPARED = 2
# Of what is kept: another one, when it is found in another way.
VERSION = "1"
_FILE = "kept"


class Smaller:
    """Builds an architecture, fills its weights in or loads them, and does each step of a compression.

    Called, it gives a copy: without numbers where the default device is `meta`, as counting wants it. `take` hands over the
    network itself. `notes` and `values` say what was done once it has been made, `seconds` how long that took.
    """

    def __init__(
        self,
        architecture: Architecture,
        text: str,
        *,
        seed: int,
        images: str = "",
        verify: bool = False,
    ) -> None:
        self.steps = compression.steps(text, ARCHITECTURES.options)
        self.notes: dict[str, str] = {}
        self.values: dict[str, float] = {}
        self.seconds = 0.0
        self._verify = verify
        self._architecture, self._seed, self._images = architecture, seed, images
        self._made: tuple[nn.Module, str] | None = None
        self._error: VbenchError | None = None
        self._shapes: nn.Module | None = None
        self._account: tuple[dict[str, float], dict[str, str]] = {}, {}

    def __call__(self) -> nn.Module:
        """A copy of the smaller network."""
        meta = torch.empty(0).device.type == "meta"
        if self._shapes is None or not meta:
            self._made = self._made or self._make()
        if not meta:
            return copy.deepcopy(self._made[0])  # type: ignore[index]  # made above
        return copy.deepcopy(self._shapes)  # type: ignore[return-value]  # as above

    def take(self, notes: dict[str, str]) -> nn.Module:
        """The smaller network itself, with what was done in `notes`; the next one is made anew, and is the same."""
        (module, how), self._made = self._made or self._make(), None
        notes |= {"weights": how, **self.notes}
        return module

    def _make(self) -> tuple[nn.Module, str]:
        """Whoever counts a network tries several ways: what could not be done once is not tried again."""
        if self._error is not None:
            raise self._error
        try:
            return self._done()
        except VbenchError as error:
            self._error = error
            raise

    def _done(self) -> tuple[nn.Module, str]:
        self.notes, self.values = {}, {}
        from . import _kept as kept  # which needs this module  # noqa: PLC0415

        with torch.device("cpu"):
            make, began, codings = self._architecture.build, time.perf_counter(), dict[str, Coding]()
            lineage = make.lineage if isinstance(make, weights.Fitted) else None
            if isinstance(make, weights.Fitted) and lineage is not None:
                original, module = kept.build(make, self._seed)
                how, codings = "loaded", kept.codings(lineage)
                self.notes, self.values = dict(lineage.notes), dict(lineage.values)
            else:
                module, how = data.build(make, self._seed, make.load if isinstance(make, weights.Fitted) else None)
                original = copy.deepcopy(module) if self._verify else module
                began = time.perf_counter()
            for step in self.steps[0 if lineage is None else len(compression.split(lineage.compression)) :]:
                module = self._step(module, step, codings)
            self.seconds = time.perf_counter() - began
            if self._verify and not self._account[0]:
                self._account = self._accounted(original, module, codings, alike=lineage is None)
        self.values |= self._account[0]
        self.notes |= self._account[1]
        self._shapes = without_numbers(module)
        return module, how

    def _accounted(
        self, original: nn.Module, module: nn.Module, codings: dict[str, Coding], *, alike: bool
    ) -> tuple[dict[str, float], dict[str, str]]:
        """What is left on disk, and how far the answers are from those of the network as it was, in numbers and in words.

        Of a file that was written after it was made smaller, the numbers of the network as it was are not at hand.
        """
        try:
            values, notes = encoding.account(module, codings, encoding.dense_bytes(original))
        except ValueError as error:
            message = f"wrong_output: the encoded network: {error}"
            raise VbenchError(message) from None
        if not alike:
            return values, notes | {"fidelity": "left empty: the network as it was is not in the file of weights"}
        pictures = data.smooth(self._architecture.input, likeness.MOST, self._seed)
        likes, said = likeness.of(original, module, pictures, classes=self._architecture.task == "classification")
        return values | likes, notes | {"fidelity": said}

    def _step(self, module: nn.Module, step: Step, codings: dict[str, Coding]) -> nn.Module:
        compressor = COMPRESSORS.get(step.name)()
        written = compression.written(step, compressor.options)
        task = Task(self._architecture, self._seed, self._images, module=module, step=written)
        before = copy.deepcopy(module) if self._verify else None
        try:
            found = compressor.apply(module, task, **compression.filled(step, compressor.options))
        except ValueError as error:
            message = f"{step.name}: {' '.join(str(error).split())}"
            raise VbenchError(message) from None
        if not isinstance(found, nn.Module):
            message = f"{step.name} returned {type(found).__name__}, not a torch.nn.Module"
            raise VbenchError(message)
        found = found.eval()
        if before is not None:
            for twin, tolerance in task.twins:
                wanted = twin(before if len(task.twins) == 1 else copy.deepcopy(before))
                task.note("verified", self._verified(step.name, wanted, found, tolerance))
        for key, text in task.notes.items():
            self.notes[f"{step.name} {key}"] = text
        for name, number in task.values.items():
            self.values[name] = self.values.get(name, 0.0) + number
        codings.update(task.codings)
        return found

    def _verified(self, name: str, wanted: nn.Module, got: nn.Module, tolerance: float) -> str:
        """In words, how far the two answers are apart. Raises VbenchError where that is too far, or the shapes differ."""
        try:
            apart = difference(wanted, got, data.smooth(self._architecture.input, _COMPARED, self._seed))
        except ValueError as error:
            message = f"wrong_output: {name}: {error}"
            raise VbenchError(message) from None
        if not apart <= tolerance:
            message = (
                f"wrong_output: {name}: the smaller network's output differs from what it should be by {apart:.2g} of its scale; "
                f"{tolerance:g} is allowed"
            )
            raise VbenchError(message)
        return f"{apart:.1g} of the output's scale from what it must be the same as"


def difference(wanted: nn.Module, got: nn.Module, x: torch.Tensor) -> float:
    """The largest difference of two networks' answers, as a share of the largest of the first's, over all of their tensors.

    Raises ValueError where shapes differ, or how many tensors there are.
    """
    with torch.inference_mode():
        first, second = list(_tensors(wanted.eval()(x))), list(_tensors(got.eval()(x)))
    shapes = [[tuple(tensor.shape) for tensor in one] for one in (first, second)]
    if shapes[0] != shapes[1]:
        message = f"the output's shape is {_listed(shapes[1])}, and was {_listed(shapes[0])}"
        raise ValueError(message)
    shares = [float((a - b).abs().max()) / (float(a.abs().max()) or 1.0) for a, b in zip(first, second, strict=True) if a.numel()]
    return max(shares, key=lambda share: math.inf if math.isnan(share) else share, default=0.0)


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) for shape in shapes)


class Task:
    """What a compressor is told besides its options, and where it says what it did: an `interfaces.Work`."""

    def __init__(
        self, architecture: Architecture, seed: int, images: str = "", *, module: nn.Module | None = None, step: str = ""
    ) -> None:
        self.shape, self.task, self.seed = architecture.input, architecture.task, seed
        self.notes: dict[str, str] = {}
        self.values: dict[str, float] = {}
        self.twins: list[tuple[Callable[[nn.Module], nn.Module], float]] = []
        self.codings: dict[str, Coding] = {}
        self._architecture, self._images, self._module, self._step = architecture, images, module, step

    def keep(self, make: Callable[[], bytes]) -> bytes:
        """What `make` gives, from an earlier process where it is the same; nothing is kept of a network that nobody named."""
        if self._module is None:
            return make()
        key = {
            "architecture": self._architecture.name, "compression": self._step, "network": preparation.digest(self._module),
            "input_shape": "x".join(map(str, self.shape)), "seed": str(self.seed), "torch": str(torch.__version__),
            "pictures": data.digest(self._images) if self._images else "", "version": VERSION,
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
        """Inputs that differ from those that outputs are compared on, as far as a folder has enough."""
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


def without_numbers(module: nn.Module) -> nn.Module:
    """A copy on the meta device, tied tensors still tied."""
    memo: dict[int, Any] = {}
    for tensor in (*module.parameters(), *module.buffers()):
        bare = torch.empty_like(tensor, device="meta")
        memo[id(tensor)] = nn.Parameter(bare, requires_grad=tensor.requires_grad) if isinstance(tensor, nn.Parameter) else bare
    return copy.deepcopy(module, memo)


def _tensors(output: Any) -> Iterator[torch.Tensor]:
    if isinstance(output, torch.Tensor):
        yield output
    elif isinstance(output, dict):
        for value in output.values():
            yield from _tensors(value)
    elif isinstance(output, list | tuple):
        for value in output:
            yield from _tensors(value)
