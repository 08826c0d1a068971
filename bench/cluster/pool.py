"""What a cluster is to the rest of vbench: nodes that say what they are, and places on them that are held alone.

Ray's is in `rays`; the tests have one without any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from ..core import Case, Machine, Source
from ..errors import VbenchError
from ..head import Place as Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ..config import Settings
    from ..core import Ceiling, Replicate
    from ..job import Job


class ClusterError(VbenchError):
    """The cluster cannot go on; what was measured before is on disk."""


class Lost(Exception):  # noqa: N818 - what happened, and nobody's error
    """A node is gone, or the process on it that held its device; the message says which of them."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as the cluster knows it: an address to show, the cores and GPUs that it lends, and labels to choose it by."""

    id: str
    name: str
    cpus: int
    gpus: int = 0
    labels: dict[str, str] = {}

    @property
    def short(self) -> str:
        """What a result file calls it: a host's name or address has no place there."""
        return self.id[:8]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself.

    `niceness` is the priority that its workers are born with, 0 where nothing else is set, and `harness` a digest of its vbench.
    """

    machine: Machine
    versions: dict[str, str]
    environment: dict[str, str] = {}
    niceness: int = 0
    harness: str = ""

    @property
    def where(self) -> Where:
        """As the head of a result file has it."""
        return Where(self.machine, self.versions, self.environment)


class Place(NamedTuple):
    """A device of a node, which one worker at a time has for itself: `cpu` (all cores that the node lends) or `cuda:0`."""

    node: Node
    device: str
    number: int = 0

    @property
    def name(self) -> str:
        """As it is shown."""
        return f"{self.node.name} {self.device.partition(':')[0]}" + (f":{self.number}" if self.device != "cpu" else "")


class Errand(msgspec.Struct, frozen=True, kw_only=True):
    """What a node must have to do the jobs of a run: files by their path here, with a digest, and the content of the small ones.

    `sources` are files and folders of Python, `contents` their files, by path; `installed` are sources that are imported by name,
    by what they are called; `weights` are files by their label, whose end is their digest; `images` is a folder with its digest.
    """

    sources: dict[str, str] = {}
    contents: dict[str, dict[str, bytes]] = {}
    installed: dict[str, tuple[Source, str]] = {}
    weights: dict[str, str] = {}
    images: tuple[str, str] = ("", "")


class Station(Protocol):
    """A place that is held: nothing else of the cluster runs on its device until it is closed. Everything may raise Lost."""

    def refusals(self, asked: Sequence[tuple[Case, Source]], catalogue: str) -> dict[str, str]:
        """Why this machine cannot measure a case, by its id, for those that it cannot."""

    def ceilings(self, cases: Sequence[Case], settings: Settings, quick: Sequence[str]) -> dict[str, Ceiling]:
        """What the machine can do at most, as `vbench.ceilings.for_run` says it."""

    def open(self, start: str, preload: str, ordinal: int) -> None:
        """Start the process that workers are forked from, in the place of the one before."""

    def run(self, job: Job, patience_s: float) -> Replicate:
        """Run one job in a fresh worker."""

    def shut(self) -> None:
        """End that process; the place stays held."""

    def close(self) -> None:
        """Give the place back."""


class Pool(Protocol):
    """A cluster."""

    def nodes(self) -> list[Node]:
        """The nodes that are alive."""

    def describe(self, nodes: Sequence[Node]) -> dict[str, Facts | str]:
        """What each node says of itself, by its id; a line of text where it cannot."""

    def fit(self, nodes: Sequence[Node], errand: Errand) -> dict[str, tuple[str, ...]]:
        """What each node lacks for an errand, by its id."""

    def station(self, place: Place, errand: Errand) -> Station:
        """Hold a place; waits until it is free. Raises Lost where its node is gone."""

    def spread(self, nodes: Sequence[Node], errand: Errand, jobs: Iterable[tuple[Job, float]]) -> Iterator[tuple[Replicate, str]]:
        """Do jobs that time nothing wherever there is room, each with its patience in seconds: the replicates as they come.

        With each comes a name of the process that its worker was forked from. A job whose nodes are gone has none.
        """

    def close(self) -> None:
        """Give everything back, at once; whoever waits for a place or a reply gets Lost."""


def line(lines: Mapping[str, str]) -> str:
    """Labels as they are typed."""
    return ", ".join(f"{key}={value}" for key, value in sorted(lines.items()))
