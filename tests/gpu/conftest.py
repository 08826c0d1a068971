"""What the tests of a GPU share, and the table that `pytest -n 0 -m gpu` ends with: one verdict for each capability."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import vbench

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    import pandas as pd

# Of each capability, what became of its tests: "passed", "failed" or "skipped", and the first line of why.
VERDICTS: dict[str, list[tuple[str, str]]] = {}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "capability(name): what a test shows that a GPU can do; a line of the last table")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever stands in this folder needs a GPU, and a library's warning about it is no failure of ours."""
    item.add_marker(pytest.mark.gpu)
    item.add_marker(pytest.mark.filterwarnings("default"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    mark = item.get_closest_marker("capability")
    # A test that names no capability is one by its own name.
    name = mark.args[0] if mark is not None else item.name.removeprefix("test_").replace("_", " ")
    if report.when == "call" or report.outcome != "passed":
        VERDICTS.setdefault(name, []).append((report.outcome, _why(report)))
    return report


def _why(report: pytest.TestReport) -> str:
    """One line: the reason of a skip, or what a failure ended with."""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message).strip().splitlines()[0] if crash is not None else ""


def verdict(found: list[tuple[str, str]]) -> str:
    """The worst of a capability's tests decides; a test that could not run says nothing where another did."""
    for outcome, words in (("failed", "fails: "), ("passed", "works"), ("skipped", "not run: ")):
        for was, why in found:
            if was == outcome:
                return words + ("" if outcome == "passed" else why)
    return "not run"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Only where the tests of a GPU were asked for."""
    if not VERDICTS or "gpu" not in (config.option.markexpr or ""):
        return
    width = max(map(len, VERDICTS))
    terminalreporter.section("what this machine's GPU can do")
    for name, found in VERDICTS.items():
        terminalreporter.write_line(f"{name:{width}}  {verdict(found)}")


# Small enough for seconds; `wide` takes 0.8 GB for one activation at batch 16.
NETS = """
from vbench import architecture


@architecture("gpu/small", input=(3, 64, 64))
def small(classes=10):
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 64, 3, stride=2), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes),
    )


@architecture("gpu/wide", input=(3, 224, 224))
def wide(classes=10):
    from torch import nn

    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, classes))
    return nn.Sequential(nn.Conv2d(3, 256, 3, padding=1), nn.ReLU(), *head)
"""


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., pd.DataFrame]:
    """Run `vbench run` with these words, quickly unless told otherwise, and give its rows."""
    folder = tmp_path_factory.mktemp("gpu")
    (folder / "nets.py").write_text(NETS)
    (folder / "bench.toml").write_text('plugins = ["nets.py"]\n\n[suites.default]\narchitectures = ["gpu/small"]\n')

    def run(*words: str, code: int = 0, quick: bool = True, output: Path | None = None, **environment: str) -> pd.DataFrame:
        file = output or folder / f"{len(list(folder.glob('*.jsonl')))}.jsonl"
        command = [
            sys.executable,
            "-c",
            "from vbench.cli import main; main()",
            "run",
            *words,
            *(["--quick"] if quick else []),
            "--no-report",
            "-o",
            str(file),
        ]
        done = subprocess.run(
            command, cwd=folder, env=os.environ | environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == code, " | ".join(done.stderr.strip().splitlines()[-3:])
        return vbench.load(file)

    return run


@pytest.fixture
def switches() -> Iterator[None]:
    """PyTorch's switches are put back after a test that sets them."""
    import torch  # noqa: PLC0415 - this file is also read where no test of a GPU runs

    backends = torch.backends
    before = (backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32, backends.cudnn.benchmark, backends.cudnn.deterministic)
    yield
    backends.cuda.matmul.allow_tf32, backends.cudnn.allow_tf32, backends.cudnn.benchmark, backends.cudnn.deterministic = before
