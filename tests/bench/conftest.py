"""What the tests of the harness share: small nouns to test with, and registries that are put back afterwards."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from vbench import engines, plugins, registry, results
from vbench.core import Case, Counted, Machine, Replicate, Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Maker:
    """Small nouns, each as plain as it can be unless told otherwise."""

    def case(self, architecture: str = "family/variant", **axes: Any) -> Case:
        return Case(architecture=architecture, **{"input_shape": (3, 32, 32)} | axes)

    def run(self, *cases: Case, **fields: Any) -> Run:
        head = {
            "schema": 1,
            "run_id": "20260101T000000Z-abcdef",
            "started": "2026-01-01T00:00:00+00:00",
            "machine": Machine(slug="some-machine", fingerprint="f00d"),
            "versions": {"torch": "2.6"},
            "settings": {"interval": 0.02},
            "definitions": {case.id: f"d{index}" for index, case in enumerate(cases)},
            "architectures": {},
        }
        return Run(cases=cases, **head | fields)

    def replicate(self, case: Case, index: int = 0, ms: float = 10.0, **fields: Any) -> Replicate:
        """A process that measured; each of its ten samples took `ms`."""
        given = {"round": index, "server": index + 1, "status": "ok", "latency_ns": (int(ms * 1e6),) * 10} | fields
        return Replicate(case=case.id, index=index, **given)

    def counted(self, **counts: Any) -> Counted:
        numbers = {"params": 10, "trainable_params": 9, "buffers": 2, "weight_bytes": 48, "macs": 500, "other_ops": 7}
        return Counted(**numbers | {"activations": 20, "operators": {"aten.mm": 1}, "macs_second": 500} | counts)

    def check(self, case: Case, **counts: Any) -> Replicate:
        """The process that counted and verified the case."""
        given = {"values": {"agreement_sqnr_db": 200.0, "agreement_cosine": 1.0}, "output": (1.0, -2.0)}
        given["counted"] = self.counted(**counts)
        return Replicate(case=case.id, role="check", index=0, round=-1, server=1, status="ok", **given)


@pytest.fixture(scope="session")
def make() -> Maker:
    return Maker()


@pytest.fixture
def registries(tmp_path: Path) -> Iterator[None]:
    """Registries, loaded plugins and the import path are put back; modules imported from the test's folder are forgotten."""
    plugins.load_all()
    engines.load_builtin()
    results.load_metrics()
    saved = [(kind, dict(kind._items), dict(kind._sources)) for kind in registry._all()]
    loaded, path, modules = set(plugins._loaded), list(sys.path), set(sys.modules)
    yield
    for kind, items, sources in saved:
        kind._items.clear()
        kind._items.update(items)
        kind._sources.clear()
        kind._sources.update(sources)
    plugins._loaded.clear()
    plugins._loaded.update(loaded)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        places = [getattr(sys.modules[name], "__file__", None), *getattr(sys.modules[name], "__path__", ())]
        if any(str(place).startswith(str(tmp_path)) for place in places):
            del sys.modules[name]
