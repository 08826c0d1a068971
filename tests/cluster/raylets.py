"""A Ray cluster of several nodes on this machine, for tests and campaigns: `Raylets` here, the cluster in a process of its own.

That process is this file as a script. What it is told comes on its standard input, a line each: `add CPUS [LABEL=VALUE …]` starts
a node and prints its id, `kill ID` ends a node as a power cut would, and the end of the input ends all. The first line that it
prints is the address. Its first node has no cores: it is where the driver connects.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Networks that take no time to build, and an engine of the fake device whose workers take some.
NETS = """
from vbench import architecture

def net(width, classes=10):
    import torch
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, width), torch.nn.Linear(width, classes))

for index in range(4):
    architecture(f"cluster/{index}", input=(3, 8, 8))(lambda classes=10, index=index: net(16 + index, classes))
"""
SLOW = """
import time

from vbench import engine
from vbench.engines.fake import FakeEngine

@engine("slow")
class Slow(FakeEngine):
    def prepare(self, module, case):
        time.sleep(0.2)
        return super().prepare(module, case)
"""
CONFIG = """
plugins = ["nets.py", "slow.py"]

[run]
spread = 0
min-processes = 6
max-processes = 6
warmup = 0.05
throughput = 0.02
"""


def plant(folder: Path) -> None:
    """A project with these networks and that engine."""
    for name, text in {"nets.py": NETS, "slow.py": SLOW, "bench.toml": CONFIG}.items():
        (folder / name).write_text(text, encoding="utf-8")


class Raylets:
    """Nodes of a cluster on this machine; close it, or they stay."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, __file__, *arguments]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.address = self._heard()

    def _heard(self) -> str:
        while line := self._stream("stdout").readline():
            if line.startswith("said "):  # Ray says things of its own
                return str(line.split()[1])
        message = "the cluster ended"
        raise RuntimeError(message)

    def _stream(self, name: str) -> Any:
        return getattr(self.process, name)

    def tell(self, *words: str) -> str:
        """Give an order, and wait for what it is answered with."""
        print(*words, file=self._stream("stdin"), flush=True)
        return self._heard()

    def add(self, cpus: int = 2, *labels: str) -> str:
        """Start a node; its id."""
        return self.tell("add", str(cpus), *labels)

    def kill(self, node: str) -> None:
        """End a node as a power cut would."""
        self.tell("kill", node)

    def close(self) -> None:
        """End all nodes."""
        self._stream("stdin").close()
        self.process.wait(60)
        self._stream("stdout").close()


def main() -> None:
    """Serve until standard input ends."""
    os.environ.pop("OMP_NUM_THREADS", None)  # Ray sets it where nobody else has, which must not reach a worker
    os.environ |= {"RAY_worker_niceness": "0", "RAY_USAGE_STATS_ENABLED": "0"}
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - the variables above are read when Ray is imported

    head: dict[str, Any] = {"num_cpus": 0, "include_dashboard": False}
    if len(sys.argv) > 1:
        head["ray_client_server_port"] = int(sys.argv[1])
    cluster = Cluster(initialize_head=True, head_node_args=head)
    nodes = {}
    try:
        print("said", cluster.address, flush=True)
        for line in sys.stdin:
            verb, *words = line.split()
            if verb == "add":
                labels = dict(word.split("=") for word in words[1:])
                node = cluster.add_node(num_cpus=int(words[0]), **({"labels": labels} if labels else {}))
                nodes[node.node_id] = node
                print("said", node.node_id, flush=True)
            elif verb == "kill":
                cluster.remove_node(nodes.pop(words[0]), allow_graceful=False)
                print("said killed", flush=True)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
