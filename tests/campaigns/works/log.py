"""One line of the log: a case, what it was made with, and what became of it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Case

# What a case of an engine depends on, beside PyTorch.
PACKAGES = {
    "onnxruntime": ("onnxruntime", "onnx", "onnxscript"),
    "openvino": ("openvino", "nncf"),
    "inductor": ("torchao",),
}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A case that was tried or skipped; it is tried again where a version or the network's source is another by now."""

    architecture: str
    input_shape: tuple[int, ...]
    engine: str
    precision: str
    source: str
    versions: dict[str, str]
    status: str = ""
    reason: str = ""
    sqnr_db: float | None = None
    macs: dict[str, int] = {}
    seconds: float = 0.0
    notes: dict[str, str] = {}

    @classmethod
    def of(cls, case: Case, source: str, made_with: dict[str, str]) -> Line:
        """The line of a case before it is tried."""
        return cls(
            architecture=case.architecture, input_shape=case.input_shape, engine=case.engine, precision=case.precision,
            source=source, versions=made_with,
        )  # fmt: skip

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it another case."""
        made = ",".join(f"{name} {found}" for name, found in sorted(self.versions.items()))
        return self.architecture, "x".join(map(str, self.input_shape)), self.engine, self.precision, self.source, made

    @property
    def share(self) -> float | None:
        """The share of the MACs that ran in the precision asked for, by the engine's account."""
        whole = sum(self.macs.values())
        return self.macs.get(self.precision, 0) / whole if whole else None


def versions(engine: str) -> dict[str, str]:
    """The versions of what an engine is made of."""
    found = {}
    for name in ("torch", *PACKAGES.get(engine, ())):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read(path: Path) -> list[Line]:
    """The lines of a log, the last of each case; none where there is no log."""
    texts = path.read_text("utf-8").splitlines() if path.exists() else []
    lines = [msgspec.json.decode(text, type=Line) for text in texts if text.endswith("}")]
    return list({line.key: line for line in lines}.values())
