"""What runs on a node: files that travel, a worker like that of a run on one machine, and Ray's marks wiped off."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vbench import pipeline, plugins
from vbench import state as states
from vbench.cluster import desk, parcels
from vbench.cluster.pool import Errand
from vbench.config import Settings
from vbench.core import Source
from vbench.errors import UsageError, VbenchError
from vbench.registry import ENGINES

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks workers from a server")
PLUGIN = """
from vbench import architecture

@architecture("travel/small", input=(3, 8, 8))
def small(classes=10):
    import torch
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, classes))
"""


@pytest.fixture
def travels(plant: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registries: None) -> Path:
    """A network of the user's own, which another machine does not have."""
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    folder: Path = plant({"nets/small.py": PLUGIN, "nets/_part.py": "VALUE = 1\n", "alone.py": "VALUE = 2\n"})
    assert plugins.load_all([str(folder / "nets")]) == []
    return folder


def job(make: Any, **axes: Any) -> Any:
    case = make.case("travel/small", input_shape=(3, 8, 8), **axes)
    state = states.State(make.run(case), Settings(), Path("unused"), [])
    return pipeline.job(state, case)


def test_python_files_travel_and_what_is_there_already_is_used(travels: Path, make: Any) -> None:
    asked = parcels.errand([make.case("travel/small", input_shape=(3, 8, 8))], {}, "")
    nets = str(travels / "nets")
    assert sorted(asked.contents[nets]) == ["_part.py", "small.py"]
    assert parcels.unpack(asked).folder(nets) == nets, "the same files at the same path"
    (travels / "nets" / "small.py").write_text("something else")
    laid = Path(parcels.unpack(asked).folder(nets))
    assert laid != Path(nets)
    assert {path.name: path.read_text() for path in laid.iterdir()} == {"small.py": PLUGIN, "_part.py": "VALUE = 1\n"}
    assert Path(parcels.unpack(asked).folder(nets)) == laid, "the second process of a machine finds it"


def test_a_single_file_travels_under_its_name(travels: Path) -> None:
    path = str(travels / "alone.py")
    asked = Errand(sources={path: plugins.digest(Path(path))}, contents={path: {"alone.py": b"VALUE = 2\n"}})
    Path(path).unlink()
    laid = Path(parcels.unpack(asked).folder(path))
    assert (laid.name, laid.read_text()) == ("alone.py", "VALUE = 2\n")
    source = Source(kind="path", value=path, file=path)
    assert parcels.unpack(asked).source(source) == Source(kind="path", value=str(laid), file=str(laid))


def test_with_no_room_for_files_the_node_says_so(travels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("VBENCH_CACHE", str(blocked))
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(blocked))
    with pytest.raises(UsageError, match="there is no room for /elsewhere"):
        parcels.unpack(Errand(sources={"/elsewhere": "0"}, contents={"/elsewhere": {"a.py": b""}}))


def test_what_a_node_lacks_is_said(tmp_path: Path) -> None:
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(b"weights")
    good = hashlib.sha256(b"weights").hexdigest()[:12]
    asked = Errand(
        installed={"pkg:net": (Source(kind="import", value="no_such_package:net"), "1234")},
        weights={f"w:{good}": str(weights), "w:000000000000": str(weights), "w:1": "/no/such/file"},
        images=("/no/such/folder", "abc"),
    )
    assert parcels.lacking(asked) == (
        "has no source of pkg:net (no_such_package:net)",
        f"has something else at {weights}",
        "has no /no/such/file",
        "has no /no/such/folder",
    )


@linux
def test_a_worker_of_a_node_finds_what_one_of_this_machine_finds(travels: Path, make: Any) -> None:
    given = job(make, engine="fake", device="fake")
    errand = parcels.errand([given.case], {}, "")
    over_there = desk.Desk(errand)
    with pytest.raises(VbenchError, match="no server"):
        over_there.run(given, 60.0)
    over_there.open("auto", "none", 7)
    try:
        found = over_there.run(given, 60.0)
    finally:
        over_there.shut()
    assert found.status == "ok", found.reason
    with pipeline.Server(preload="none") as server:
        here = server.run(given, 60.0)
    assert found.latency_ns == here.latency_ns, "the fake device's time is a function of the case"


def test_the_limit_of_memory_is_the_nodes_own_unless_it_was_set(travels: Path, make: Any) -> None:
    given = job(make)
    unpacked = parcels.unpack(parcels.errand([given.case], {}, ""))
    assert unpacked.job(msgspec.structs.replace(given, memory_limit=1)).memory_limit > 1
    assert unpacked.job(msgspec.structs.replace(given, memory_limit=1, fit=1)).memory_limit == 1


def test_a_machine_refuses_what_it_cannot_do(travels: Path, make: Any) -> None:
    over_there = desk.Desk(Errand())
    engine = ENGINES.source("eager")
    many, tenth = make.case("travel/small", threads=10_000), make.case("travel/small", precision="int8")
    found = over_there.refusals([(many, engine), (tenth, engine), (make.case("travel/small"), engine)], "")
    assert found[many.id].startswith("10000 threads are more than")
    assert "int8" in found[tenth.id]
    assert len(found) == 2


def test_rays_marks_do_not_reach_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(sys, "path", ["/somewhere/ray/thirdparty_files", *sys.path])

    class Raylet:
        """Whoever started the node: what it was given is the user's own will."""

        def __init__(self, **environment: str) -> None:
            self.environment = environment

        def parent(self) -> Raylet:
            return self

        def environ(self) -> dict[str, str]:
            return self.environment

    monkeypatch.setattr("psutil.Process", lambda: Raylet(PATH="/bin", OMP_NUM_THREADS="3"))
    desk.clean()
    assert os.environ["OMP_NUM_THREADS"] == "3"
    assert sys.path[0] != "/somewhere/ray/thirdparty_files"
    monkeypatch.setattr("psutil.Process", lambda: Raylet(PATH="/bin"))
    desk.clean()
    assert "OMP_NUM_THREADS" not in os.environ


def test_a_node_describes_itself_without_the_cards_that_a_process_was_lent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setenv("MKL_DYNAMIC", "FALSE")
    facts = desk.describe()
    assert "CUDA_VISIBLE_DEVICES" not in facts.environment
    assert facts.environment["MKL_DYNAMIC"] == "FALSE"
    assert facts.harness == parcels.harness() != ""
