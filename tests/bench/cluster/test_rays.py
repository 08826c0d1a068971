"""The command line of a cluster run, as far as it goes without a cluster; and what Ray says, in our words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from vbench.cluster import rays
from vbench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_options_of_a_cluster_alone_are_refused(commands: Any, project: Path) -> None:
    for words in (["--where", "accelerator=H100"], ["--each", "machine"], ["--allow-mixed"], ["--metrics-port", "1"]):
        done = commands(project, "run", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == f"vbench: {words[0]} belongs to a cluster run: vbench run --cluster auto {words[0]} …\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--cluster", "10.0.0.1"], "--cluster 10.0.0.1: write ray://HOST:PORT, auto (a node of the cluster) or local"),
        (["--cluster", "auto", "--each", "case"], "--each case: there is one kind, --each machine"),
        (["--cluster", "auto", "--where", "H100"], "--where H100: write LABEL=VALUE, for example --where accelerator=H100"),
    ],
)
def test_what_cannot_be_meant_is_one_line(commands: Any, project: Path, words: list[str], said: str) -> None:
    done = commands(project, "run", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"vbench: {said}")
    assert done.stderr.count("\n") == 1


def test_without_ray_the_line_that_installs_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in (*rays._QUIET, *rays._LOCAL):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "0")
    with pytest.raises(UsageError, match=r"--cluster needs Ray, which is not installed: pip install 'vbench\[ray\]'"):
        rays.connect("local")


@pytest.mark.parametrize("address", ["auto", "ray://127.0.0.1:1", "ray://127.0.0.1:99999"])
def test_where_nothing_listens_is_said_at_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", type(sys)("ray"))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    for name in rays._QUIET:
        monkeypatch.setenv(name, "0")
    with pytest.raises(UsageError, match=rf"--cluster {address}: no cluster answers there \(127\.0\.0\.1:\d+: .*; `ray status`"):
        rays.connect(address)


def test_a_node_as_ray_tells_of_it() -> None:
    told = {
        "NodeID": "0123456789abcdef",
        "Alive": True,
        "NodeManagerAddress": "10.0.0.7",
        "Resources": {"CPU": 16.0, "GPU": 2.0, "accelerator_type:H100": 1.0, "memory": 1e9},
        "Labels": {"ray.io/node-id": "0123456789abcdef", "zone": "west"},
    }
    node = rays._node(told)
    assert (node.name, node.cpus, node.gpus, node.short) == ("10.0.0.7", 16, 2, "01234567")
    assert node.labels == {"zone": "west", "accelerator": "H100"}
    bare = rays._node({"NodeID": "0123456789abcdef", "Resources": {}, "Labels": {"ray.io/accelerator-type": "A100"}})
    assert (bare.name, bare.cpus, bare.labels) == ("01234567", 0, {"accelerator": "A100"})


def test_nodes_of_one_address_can_be_told_apart() -> None:
    class Ray:
        def nodes(self) -> list[dict[str, Any]]:
            ids = (("1111aaaa", "h", True), ("2222bbbb", "h", True), ("3333cccc", "i", True), ("4444dddd", "i", False))
            return [{"NodeID": i, "NodeManagerAddress": name, "Alive": alive, "Resources": {"CPU": 1}} for i, name, alive in ids]

    assert [node.name for node in rays.Rays(Ray()).nodes()] == ["h#1111", "h#2222", "i"]
