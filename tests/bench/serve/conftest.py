"""Folders of results that are served, and who asks: without a network where only an answer counts, over one for the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import results
from vbench.core import Facts, Machine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vbench.core import Record

HERE = Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU", cores=2, usable_cores=2)


class Folder:
    """Results that grow by a run a day."""

    def __init__(self, make: Any, written: Callable[[Record, Path], Path], root: Path) -> None:
        self.make, self.written, self.root, self.days = make, written, root, 0
        root.mkdir(parents=True, exist_ok=True)

    def record(self, *names: str, ms: float = 10.0, ended: str = "complete", machine: Machine = HERE, **fields: Any) -> Record:
        """A run of these networks, a day after the one before."""
        self.days += 1
        cases = [self.make.case(name) for name in names or ("net/one", "net/two")]
        started = f"2026-03-{self.days:02d}T04:00:00+00:00"
        head = self.make.run(
            *cases,
            **{
                "run_id": f"202603{self.days:02d}T040000Z-{self.days:06x}",
                "started": started,
                "machine": machine,
                "versions": {"torch": "2.13.0", "python": "3.11.7"},
                "architectures": {case.architecture: Facts(family="net", input=(3, 32, 32)) for case in cases},
                "commit": f"{self.days:040x}",
            }
            | fields,
        )
        done = []
        for case in cases:
            done.append(self.make.check(case))
            done += [self.make.replicate(case, index, ms * (1 + 0.001 * index)) for index in range(6)]
        return results.record(head, done, ended)

    def add(self, *names: str, **fields: Any) -> Path:
        """Write such a run."""
        record = self.record(*names, **fields)
        return self.written(record, self.root / f"{record.run.run_id}.jsonl")

    def lines(self, **fields: Any) -> list[dict[str, Any]]:
        """The lines of such a run, for a test to spoil."""
        path = self.add(**fields)
        found = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
        path.unlink()
        return found

    def put(self, name: str, lines: list[Any]) -> Path:
        """Write lines, each a value or the bytes themselves."""
        path = self.root / name
        path.write_bytes(b"".join((one if isinstance(one, bytes) else msgspec.json.encode(one)) + b"\n" for one in lines))
        return path


@pytest.fixture
def folder(make: Any, written: Callable[[Record, Path], Path], tmp_path: Path) -> Folder:
    return Folder(make, written, tmp_path / "results")


class Asker:
    """Who asks the application, as the machine itself does unless told otherwise."""

    def __init__(self, root: Path, rules: dict[str, Any]) -> None:
        from vbench.serve import app, guard, shelf  # noqa: PLC0415 - only where the extra is installed

        self.shelf = shelf.Shelf(root, fresh=0)
        self.app = app.make(self.shelf, guard.Rules(**rules))

    def __call__(self, path: str, method: str = "GET", **headers: str) -> Any:
        """The answer; headers are written with underscores."""

        import httpx  # noqa: PLC0415 - as above

        async def ask() -> Any:
            transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8137") as client:
                return await client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})

        return asyncio.run(ask())


@pytest.fixture
def asker() -> Callable[..., Asker]:
    def make(root: Path, **rules: Any) -> Asker:
        return Asker(root, {"port": 8137} | rules)

    return make


@pytest.fixture
def ask(asker: Callable[..., Asker], folder: Folder) -> Asker:
    return asker(folder.root)
