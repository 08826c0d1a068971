"""A network built with its weights and made smaller: what a case of a compression counts, exports, quantises and times."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from .. import compression, data, preparation, sources, weights
from ..errors import VbenchError
from ..registry import ARCHITECTURES, COMPRESSORS
from . import _encoding as encoding
from . import _likeness as likeness
from ._check import difference, without_numbers
from ._container import Coding
from ._store import Facts, Store
from ._task import Task, checked

if TYPE_CHECKING:
    from ..compression import Step
    from ..core import Architecture
    from ..lineage import Lineage

# Pictures on which a smaller network is compared with what it should be.
_COMPARED = 2


class Smaller:
    """Builds an architecture, fills its weights in or loads them, and does each step of a compression.

    Called, it gives a copy: without numbers where the default device is `meta`, as counting wants it. `take` hands over the
    network itself. `notes` and `values` say what was done once it has been made, `seconds` how long that took.

    With `weights`, the case's word for them, the smaller network is kept on disk, or read where an earlier process has made it.
    """

    def __init__(  # noqa: PLR0913 - what a case and a job say, each once
        self,
        architecture: Architecture,
        text: str,
        *,
        seed: int,
        images: str = "",
        verify: bool = False,
        weights: str = "",
    ) -> None:
        self.steps = compression.steps(text, ARCHITECTURES.options)
        self.notes: dict[str, str] = {}
        self.values: dict[str, float] = {}
        self.seconds = 0.0
        self._verify, self._text, self._label = verify, text, weights
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
        with torch.device("cpu"):
            blank = self._blank()
            module, how = self._anew() if blank is None else self._kept(blank)
        self._shapes = without_numbers(module)
        return module, how

    @property
    def _lineage(self) -> Lineage | None:
        """What had been done to the network before its file of weights was written."""
        make = self._architecture.build
        return make.lineage if isinstance(make, weights.Fitted) else None

    def _blank(self) -> nn.Module | None:
        """The network without values, where all that is made of it can be kept."""
        kinds = [COMPRESSORS.get(step.name) for step in self.steps]
        able = self._label and self._lineage is None and all(getattr(kind, "kept", False) for kind in kinds)
        return data.blank(self._architecture.build) if able else None

    def _kept(self, blank: nn.Module) -> tuple[nn.Module, str]:
        """As an earlier process has made it, or made now and kept. What is to be verified and was not is made again."""
        began = time.perf_counter()
        made: list[tuple[nn.Module, str]] = []

        def make() -> tuple[nn.Module, Facts]:
            made[:] = [self._anew()]
            module, how = made[0]
            return module, Facts(how, dict(self.notes), dict(self.values), self._verify)

        store = Store(blank, self._key(blank))
        kept = store.find(make)
        if kept is not None and self._verify and not kept.verified:
            store.discard()
            kept = store.find(make)
        if made:  # just now, whether it could be kept or not
            if store.trouble:
                self.notes["artefact_smaller"] = store.trouble
            return made[0]
        if kept is None:
            return self._anew()
        self.seconds = time.perf_counter() - began
        self.notes, self.values = dict(kept.notes), dict(kept.values)
        return store.fill(), kept.how

    def _key(self, blank: nn.Module) -> dict[str, str]:
        """All that the smaller network depends on: the network, its weights, the steps, what they look at, and their source."""
        item, names = self._architecture, [step.name for step in self.steps]
        looked = any(getattr(COMPRESSORS.get(name), "needs", "") for name in names)
        code = sorted({sources.source_digest(COMPRESSORS.source(name)) for name in names})
        return {
            "architecture": item.name, "compression": self._text, "weights": self._label, "seed": str(self._seed),
            "network": preparation.digest(blank, values=False), "input_shape": "x".join(map(str, item.input)), "task": item.task,
            "pictures": f"{item.preprocess} {data.stamp(self._images)}" if looked and self._images else "",
            "source": " ".join((sources.digest(Path(__file__).parent), sources.digest(Path(data.__file__)), *code)),
            "torch": str(torch.__version__),
        }  # fmt: skip

    def _anew(self) -> tuple[nn.Module, str]:
        self.notes, self.values = {}, {}
        from . import _kept as written  # which needs this module  # noqa: PLC0415

        make, codings, lineage = self._architecture.build, dict[str, Coding](), self._lineage
        if isinstance(make, weights.Fitted) and lineage is not None:
            original, module = written.build(make, self._seed)
            how, codings = "loaded", written.codings(lineage)
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
        options = compression.filled(step, compressor.options)
        noise = options.get("data") == compression.NOISE
        task = Task(self._architecture, self._seed, self._images, module=module, step=written, noise=noise)
        before = copy.deepcopy(module) if self._verify else None
        found = checked(step.name, lambda: compressor.apply(module, task, **options)).eval()
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
