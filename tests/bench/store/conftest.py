"""Run files as the journal writes them, a store in memory, and an S3 server on this machine where there is one."""

from __future__ import annotations

import datetime as dt
import importlib.util
from typing import TYPE_CHECKING, Any

import pytest

from vbench import journal, results
from vbench.core import Accuracy, Case, Facts, Machine, Paper, Replicate, Run
from vbench.store import places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MACHINE = Machine(slug="some-cpu-2c-0000aa", fingerprint="0000aa", processor="Some CPU", cores=2, usable_cores=2)
FIRST = dt.datetime(2026, 3, 1, 4, 0, tzinfo=dt.UTC)
FACTS = Facts(
    family="net", topic="depth", paper=Paper(title="Nets", authors="Ada", year=2015), input=(3, 32, 32),
    accuracy=(Accuracy(source="paper", protocol="1 crop", top1=71.5),),
)  # fmt: skip


def case(name: str = "net/one", **axes: Any) -> Case:
    return Case(architecture=name, **{"input_shape": (3, 32, 32), "threads": 2} | axes)


def replicates(one: Case, ms: float) -> list[Replicate]:
    """Six processes about this time."""
    return [
        Replicate(
            case=one.id, index=i, round=i, server=i + 1, status="ok", started_s=float(i),
            latency_ns=(round((ms + i / 100) * 1e6),) * 10,
            values={"throughput_per_s": 1e3 / ms, "peak_host_bytes": 2e8},
        )
        for i in range(6)
    ]  # fmt: skip


class Runs:
    """A folder of result files, each a day after the one before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.days = 0

    def add(self, cases: Sequence[Case] = (), ms: float = 10.0, *, end: bool = True, **fields: Any) -> Path:
        """A run of these cases, the later ones slower; without its end and its rows where it was interrupted."""
        cases = cases or (case(), case("net/two"), case("other/one", batch=8))
        started = FIRST + dt.timedelta(days=self.days)
        self.days += 1
        head: dict[str, Any] = {
            "schema": 1, "run_id": f"{started:%Y%m%dT%H%M%SZ}-{self.days:06x}", "started": started.isoformat(timespec="seconds"),
            "machine": MACHINE, "versions": {"python": "3.11", "torch": "2.13"}, "settings": {"interval": 0.02, "seed": 0},
            "definitions": {one.id: f"d{self.days % 2}" for one in cases}, "commit": f"{self.days:040x}",
            "architectures": {one.architecture: FACTS for one in cases},
        }  # fmt: skip
        run = Run(cases=tuple(cases), **head | fields)
        path = self.folder / run.machine.slug / f"{run.run_id}.jsonl"
        file = journal.Journal(path)
        file.append("run", run)
        made = [one for index, each in enumerate(cases) for one in replicates(each, ms + index)]
        for one in made:
            file.append("replicate", one)
        if end:
            for row in results.derive(run, made, "complete"):
                journal.append_result(file, row)
            file.append("end", {"status": "complete", "finished": run.started})
        file.close()
        return path


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "results")


@pytest.fixture
def bucket() -> Iterator[Any]:
    """A store in memory, empty: `memory://bucket`."""
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pseudo_dirs[:] = [""]
    memory.mkdir("/bucket")
    yield memory
    memory.store.clear()


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for what is fetched."""
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of an S3 server on this machine; skipped where what it takes is not installed."""
    for module, package in (("s3fs", "s3fs"), ("moto", "'moto[server]'"), ("flask", "'moto[server]'")):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install {package}, or nox -s store")
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - may not be here

    started = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    started.start()
    host, port = started.get_host_and_port()
    yield f"http://{host}:{port}"
    started.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket `results` on that server, empty; credentials as a user has them, in the environment."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server, "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    import s3fs  # noqa: PLC0415 - as above

    s3fs.S3FileSystem.clear_instance_cache()
    places.filesystem.cache_clear()
    fs = places.filesystem("s3")
    fs.mkdir("results")
    yield fs
    fs.rm("results", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()
    places.filesystem.cache_clear()
