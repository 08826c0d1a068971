"""What the tests on a real Ray cluster share: nodes on this machine, a project, commands. Without Ray all of it is skipped."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VBENCH = [sys.executable, "-c", "from vbench.cli import script; script()"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever stands in this folder starts Ray."""
    item.add_marker(pytest.mark.cluster)
    if importlib.util.find_spec("ray") is None:
        item.add_marker(pytest.mark.skip(reason="Ray is not installed: pip install 'vbench[ray]'"))


def _raylets() -> Any:
    """The module beside this file, which the campaign imports by its name."""
    spec = importlib.util.spec_from_file_location("vbench_test_raylets", Path(__file__).with_name("raylets.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def clusters() -> Iterator[Callable[..., Any]]:
    """Starts clusters of no node yet, which are ended with the test."""
    started: list[Any] = []

    def start(*arguments: str) -> Any:
        started.append(_raylets().Raylets(*arguments))
        return started[-1]

    yield start
    for cluster in started:
        cluster.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    _raylets().plant(tmp_path)
    return tmp_path


@pytest.fixture
def begun(project: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts `vbench` in the project, with an environment; what still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def begin(*words: str, **environment: str) -> subprocess.Popen[str]:
        given = {**os.environ, "VBENCH_CACHE": str(project / "cache"), **environment}
        started.append(
            subprocess.Popen([*VBENCH, *words], cwd=project, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
