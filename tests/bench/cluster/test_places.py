"""Which machines a cluster run takes, which it refuses, and which of them are one to a reader of results."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from vbench.cluster import places
from vbench.cluster.places import Asked
from vbench.cluster.pool import Facts, Place
from vbench.errors import UsageError


def other(facts: Facts, **changes: Any) -> Facts:
    """The same facts but for some of its machine or of its own."""
    machine = {key: value for key, value in changes.items() if key in {"fingerprint", "slug", "usable_cores"}}
    rest = {key: value for key, value in changes.items() if key not in machine}
    return msgspec.structs.replace(facts, machine=msgspec.structs.replace(facts.machine, **machine), **rest)


def test_labels_are_pairs() -> None:
    assert places.where(["accelerator=H100", "zone=a=b"]) == {"accelerator": "H100", "zone": "a=b"}
    for text in ("H100", "=H100", "accelerator="):
        with pytest.raises(UsageError, match="write LABEL=VALUE"):
            places.where([text])


def test_nodes_are_chosen_by_their_labels_and_by_what_they_lend(bench: Any) -> None:
    small, large = bench.node("a", labels={"zone": "west"}), bench.node("b", gpus=2, labels={"accelerator": "H100"})
    head = bench.node("head", cpus=0)
    assert places.chosen([small, large, head], {}) == [small, large]
    assert places.chosen([small, large, head], {"accelerator": "h100"}) == [large]
    with pytest.raises(
        UsageError, match=r"no node of the cluster has zone=east; the labels there are: accelerator=H100, zone=west$"
    ):
        places.chosen([small, large], {"zone": "east"})
    with pytest.raises(UsageError, match="lends neither cores nor GPUs"):
        places.chosen([head], {})


def test_nodes_of_one_fingerprint_and_one_set_of_versions_are_one_kind(bench: Any) -> None:
    nodes = [bench.node(name) for name in "abc"]
    facts = {
        nodes[0].id: other(bench.facts, fingerprint="beef", slug="other"),
        nodes[1].id: bench.facts,
        nodes[2].id: bench.facts,
    }
    kinds = places.kinds(nodes, facts, bench.facts, Asked())
    assert [[node.name for node in kind.nodes] for kind in kinds] == [["b", "c"], ["a"]]
    assert kinds[0].has(bench.facts)
    assert not kinds[1].has(bench.facts)


def test_other_versions_are_named_and_refused_unless_they_may_differ(bench: Any) -> None:
    nodes = [bench.node(name) for name in "abc"]
    facts: dict[str, Facts | str] = {node.id: bench.facts for node in nodes}
    facts[nodes[1].id] = other(bench.facts, versions={"torch": "2.7"})
    with pytest.raises(UsageError, match=r"^versions differ: b has torch 2\.7 instead of 2\.6; .* --allow-mixed"):
        places.kinds(nodes, facts, bench.facts, Asked())
    mixed = places.kinds(nodes, facts, bench.facts, Asked(allow_mixed=True))
    assert [len(kind.nodes) for kind in mixed] == [2, 1], "rows of two versions of torch are of two files"
    facts[nodes[1].id] = other(bench.facts, harness="another")
    with pytest.raises(UsageError, match=r"b has a vbench .* whose files differ from those here"):
        places.kinds(nodes, facts, bench.facts, Asked())


def test_many_nodes_with_other_versions_are_counted(bench: Any) -> None:
    nodes = [bench.node(f"n{number}") for number in range(12)]
    facts = {node.id: bench.facts for node in nodes} | {
        node.id: other(bench.facts, versions={"torch": f"2.{number}"}) for number, node in enumerate(nodes[:5], 10)
    }
    with pytest.raises(UsageError, match=r"n0 has .*; n1 has .*; n2 has .*, and 2 more nodes;"):
        places.kinds(nodes, facts, bench.facts, Asked())


def test_vbench_itself_is_held_against_the_one_that_was_typed(bench: Any) -> None:
    nodes = [bench.node("a"), bench.node("b")]
    there = other(bench.facts, versions={"torch": "2.6", "vbench": "0.2"})
    here = other(bench.facts, versions={"torch": "2.5", "vbench": "0.1"})
    with pytest.raises(UsageError, match=r"a has vbench 0\.2 instead of 0\.1; b has"):
        places.kinds(nodes, {node.id: there for node in nodes}, here, Asked())


def test_a_node_that_does_not_answer_is_named(bench: Any) -> None:
    node = bench.node("a")
    with pytest.raises(
        UsageError, match="a: ModuleNotFoundError: No module named 'vbench'; vbench must be installed on every node"
    ):
        places.kinds([node], {node.id: "ModuleNotFoundError: No module named 'vbench'"}, bench.facts, Asked())


def test_devices_and_threads_are_those_of_the_cluster(bench: Any) -> None:
    plain, carded = bench.node("a", cpus=2), bench.node("b", cpus=8, gpus=2)
    facts = {plain.id: bench.facts, carded.id: bench.facts}
    known = {"cpu": None, "cuda": "no CUDA here", "mps": None, "fake": None, "fake:async": None}
    kinds = places.kinds([plain, carded], facts, bench.facts, Asked())
    found = places.elsewhere(kinds, known)
    assert found.threads == 2, "a case must fit every node"
    assert found.devices["cuda:0"] is None
    assert "cuda" not in found.devices
    assert found.devices["mps"] == "a cluster lends cores and CUDA devices"
    without = places.elsewhere(places.kinds([plain], facts, bench.facts, Asked()), known)
    assert without.devices["cuda"] == "no node of the cluster lends a GPU"
    assert places.threads(kinds[0], carded) == 4, "of eight cores that are lent a process may use four"


def test_a_cpu_case_takes_a_node_and_a_gpu_case_a_card(bench: Any, make: Any) -> None:
    node = bench.node("b", gpus=2)
    assert places.places(node, ["cpu", "cuda", "cpu"]) == [Place(node, "cpu"), Place(node, "cuda", 0), Place(node, "cuda", 1)]
    assert [place.name for place in places.places(node, ["cpu", "cuda"])] == ["b cpu", "b cuda:0", "b cuda:1"]
    assert places.places(bench.node("a", cpus=0), ["cpu"]) == []
    devices = ["cpu", "fake", "fake:async", "cuda:0"]
    assert [places.device(make.case(device=device)) for device in devices] == ["cpu", "cpu", "cpu", "cuda"]
