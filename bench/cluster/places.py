"""Who may measure what: nodes chosen by their labels, held against each other's versions, and sorted into kinds. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from ..errors import UsageError
from ..plan import Elsewhere
from .pool import Facts, Node, Place, line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..core import Case

# So many nodes are named in a line of text, and the others counted.
_NAMED = 3


class Asked(msgspec.Struct, frozen=True):
    """What a cluster run was told: labels that a node must have, whether each machine measures every case, what may differ."""

    where: dict[str, str] = {}
    each: bool = False
    allow_mixed: bool = False


class Kind(msgspec.Struct, frozen=True):
    """Nodes whose times compare: one fingerprint, one set of versions. They share a result file."""

    facts: Facts
    nodes: tuple[Node, ...]

    def has(self, facts: Facts) -> bool:
        """Whether another node is of this kind."""
        return _key(facts) == _key(self.facts)


def where(texts: Iterable[str]) -> dict[str, str]:
    """`accelerator=H100` and the like, as they were typed. Raises UsageError for what is no such pair."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            message = f"--where {text}: write LABEL=VALUE, for example --where accelerator=H100"
            raise UsageError(message)
        found[key] = value
    return found


def chosen(nodes: Sequence[Node], wanted: Mapping[str, str]) -> list[Node]:
    """The nodes that lend anything and have these labels. Raises UsageError with the labels that there are, if none has."""
    lending = [node for node in nodes if node.cpus or node.gpus]
    if not lending:
        message = "the cluster lends neither cores nor GPUs: start its nodes with `ray start --num-cpus N` above 0"
        raise UsageError(message)
    found = [node for node in lending if fits(node, wanted)]
    if not found:
        labels = sorted({f"{key}={value}" for node in lending for key, value in node.labels.items()})
        message = f"no node of the cluster has {line(wanted)}; the labels there are: {', '.join(labels) or 'none'}"
        raise UsageError(message)
    return found


def fits(node: Node, wanted: Mapping[str, str]) -> bool:
    """Whether a node has these labels; capitals do not count."""
    return all(node.labels.get(key, "").casefold() == value.casefold() for key, value in wanted.items())


def kinds(nodes: Sequence[Node], facts: Mapping[str, Facts | str], here: Facts, asked: Asked) -> list[Kind]:
    """The kinds of machine among these nodes, the most frequent first.

    Raises UsageError where a node does not answer, and, unless that is allowed, where one has other versions than most of them,
    or another vbench than this process.
    """
    silent = {node.name: facts[node.id] for node in nodes if isinstance(facts[node.id], str)}
    if silent:
        message = f"{_some([f'{name}: {text}' for name, text in silent.items()])}; vbench must be installed on every node"
        raise UsageError(message)
    known = {node.id: found for node in nodes if not isinstance(found := facts[node.id], str)}
    usual = dict(Counter(tuple(sorted(known[node.id].versions.items())) for node in nodes).most_common(1)[0][0])
    usual |= {name: here.versions[name] for name in ("vbench",) if name in here.versions}
    others = [f"{node.name} has {text}" for node in nodes if (text := _differs(known[node.id], usual, here))]
    if others and not asked.allow_mixed:
        message = f"versions differ: {_some(others)}; install the same everywhere, or --allow-mixed, with a file for each"
        raise UsageError(message)
    groups: dict[object, list[Node]] = {}
    for node in nodes:
        groups.setdefault(_key(known[node.id]), []).append(node)
    ordered = sorted(groups.values(), key=len, reverse=True)
    return [Kind(known[group[0].id], tuple(group)) for group in ordered]


def _differs(facts: Facts, usual: Mapping[str, str], here: Facts) -> str:
    """What a node has otherwise; empty where that is nothing."""
    names = [name for name in sorted({*usual, *facts.versions}) if facts.versions.get(name) != usual.get(name)]
    found = [f"{name} {facts.versions.get(name, 'not at all')} instead of {usual.get(name, 'none')}" for name in names]
    if not found and facts.harness != here.harness:
        found = [f"a vbench {facts.versions.get('vbench', '')} whose files differ from those here"]
    return ", ".join(found)


def _some(texts: Sequence[str]) -> str:
    more = f", and {len(texts) - _NAMED} more nodes" if len(texts) > _NAMED else ""
    return "; ".join(texts[:_NAMED]) + more


def _key(facts: Facts) -> object:
    return facts.machine.fingerprint, tuple(sorted(facts.versions.items())), facts.harness


def elsewhere(found: Sequence[Kind], known: Mapping[str, str | None]) -> Elsewhere:
    """What these machines have, to plan for: `known` are the devices of this version, each with why it is not on this machine."""
    nodes = [node for kind in found for node in kind.nodes]
    cards = any(node.gpus for node in nodes)
    devices: dict[str, str | None] = {}
    for name in known:
        kind = name.partition(":")[0]
        if kind == "cpu":
            devices[name] = None if any(node.cpus for node in nodes) else "no node of the cluster lends its cores"
        elif kind == "fake":
            devices[name] = None
        elif kind == "cuda":
            devices["cuda:0" if cards else "cuda"] = None if cards else "no node of the cluster lends a GPU"
        else:
            devices[name] = "a cluster lends cores and CUDA devices"
    return Elsewhere(devices, min(threads(kind, node) for kind in found for node in kind.nodes))


def threads(kind: Kind, node: Node) -> int:
    """How many threads may run at once on a node, as far as its cores are lent."""
    usable = kind.facts.machine.usable_cores or 1
    return min(usable, node.cpus) if node.cpus else usable


def device(case: Case) -> str:
    """What a case holds while it is timed: all cores that a node lends (`cpu`), or one GPU (`cuda`)."""
    return "cuda" if case.device.startswith("cuda") else "cpu"


def places(node: Node, devices: Iterable[str]) -> list[Place]:
    """The places of a node for cases of these devices."""
    found = []
    for name in dict.fromkeys(devices):
        if name == "cpu" and node.cpus:
            found.append(Place(node, "cpu"))
        elif name == "cuda":
            found += [Place(node, "cuda", number) for number in range(node.gpus)]
    return found
