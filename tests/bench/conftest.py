"""What the tests of the harness share: small nouns to test with, and registries that are put back afterwards."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest

from vbench import engines, plugins, registry, results
from vbench.core import Case, Counted, Machine, Replicate, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vbench.core import Record


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


@pytest.fixture(scope="session")
def written() -> Callable[[Record, Path], Path]:
    """Writes a record as the result file that a run would have left."""

    def write(record: Record, path: Path) -> Path:
        lines = [{"type": "run", **msgspec.to_builtins(record.run)}]
        lines += [{"type": "replicate", **msgspec.to_builtins(replicate)} for replicate in record.replicates]
        lines += [{"type": "result", **msgspec.to_builtins(row), "case": row.case.id} for row in record.results]
        lines += [{"type": "end", "status": record.ended, "finished": record.run.started}] if record.ended else []
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
        return path

    return write


@pytest.fixture(scope="session")
def serving() -> Iterator[Callable[..., str]]:
    """Starts `vbench serve` of a folder in a thread, on a free port, and gives its address; all end with the session."""
    pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
    from vbench.serve import app, listen, shelf  # noqa: PLC0415 - only where it is installed

    running = []

    def start(root: Path, token: str = "") -> str:
        place = listen.listen("127.0.0.1", 0, token)
        server = listen.server(app.make(shelf.Shelf(root, fresh=0), place.rules))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [place.socket]}, daemon=True)
        thread.start()
        running.append((server, thread))
        return place.address

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(10)


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


# Two small networks, and a project in which they are measured on the fake engine in a second.
PLUGIN = """
from vbench import architecture

def net(classes=10):
    import torch
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, classes))

for index in range(2):
    architecture(f"life/{index}", input=(3, 8, 8))(lambda classes=10: net(classes))
"""
CONFIG = """
plugins = ["nets.py"]

[run]
spread = 0
max-processes = 6
warmup = 0.05
throughput = 0.02

[suites.default]
architectures = ["life/*"]
engine = ["fake"]
device = ["fake"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "nets.py").write_text(PLUGIN)
    (tmp_path / "bench.toml").write_text(CONFIG)
    return tmp_path


class Done(NamedTuple):
    """What became of a command."""

    returncode: int
    stdout: str
    stderr: str


class Commands:
    """`vbench` commands, each in a process of its own that does not have to import torch first."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._numbers = itertools.count()
        driver = Path(__file__).with_name("commands.py")
        self.process = subprocess.Popen([sys.executable, str(driver)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _ask(self, request: list[Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def start(self, folder: Path, *words: str, **environment: str) -> tuple[int, Path]:
        """Start a command: its process id, and where what it says on standard error goes."""
        file = self._scratch / str(next(self._numbers))
        return self._ask([str(folder), list(words), environment, str(file)]), file.with_suffix(".err")

    def wait(self, pid: int) -> int:
        """Wait for a command; its exit code, negative when a signal ended it."""
        return self._ask(["wait", pid])

    def __call__(self, folder: Path, *words: str) -> Done:
        """Run a command to its end."""
        pid, errors = self.start(folder, *words)
        code = self.wait(pid)
        return Done(code, errors.with_suffix(".out").read_text(), errors.read_text())


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Commands]:
    if sys.platform == "win32":
        pytest.skip("forks one interpreter for many commands")
    many = Commands(tmp_path_factory.mktemp("commands"))
    yield many
    many.process.kill()
    many.process.communicate()
