"""A project under git whose engine is a function of what is committed: both sides are exact, and nothing sleeps."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PLUGIN = """
from vbench import architecture, engine
from vbench.engines.fake import FakeEngine, FakeSession

TIMES = {times}

def net(classes=10):
    import torch
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, classes))

for name in {names}:
    architecture(name, input=(3, 8, 8))(lambda classes=10: net(classes))

class Session(FakeSession):
    def __init__(self, case):
        super().__init__(case)
        self._base *= TIMES.get(case.architecture, 1.0)

@engine("mine")
class Mine(FakeEngine):
    def prepare(self, module, case):
        return Session(case)
"""
CONFIG = """
plugins = ["nets.py"]

[run]
warmup = 0.05

[gate]
screen-pairs = 5
confirm-pairs = 9

[suites.default]
architectures = ["net/*"]
engine = ["mine"]
device = ["fake"]
"""


class Repository:
    """A model repository in which a commit decides how long each network takes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.config()

    def git(self, *words: str) -> str:
        named = ["-c", "user.name=t", "-c", "user.email=t@t"]
        return subprocess.run(["git", *named, *words], cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def config(self, more: str = "") -> None:
        (self.root / "bench.toml").write_text(CONFIG + more)

    def write(self, names: tuple[str, ...] = ("net/a", "net/b"), **times: float) -> None:
        """`a=1.08` makes net/a 8 % slower than it would be."""
        spelled = {f"net/{name}": factor for name, factor in times.items()}
        (self.root / "nets.py").write_text(PLUGIN.format(names=names, times=spelled))

    def commit(self, names: tuple[str, ...] = ("net/a", "net/b"), **times: float) -> str:
        self.write(names, **times)
        self.git("add", ".")
        self.git("commit", "-q", "--allow-empty", "-m", "a commit")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository_of_models(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "models")
