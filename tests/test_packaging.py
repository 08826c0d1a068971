"""The wheel, built as a user's pip would build it, and the two folder names that nobody may import."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "bench", "architectures")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Build from a copy: setuptools leaves build/ behind, and packs what an earlier build left there."""
    for tool in ("pip", "setuptools"):
        if importlib.util.find_spec(tool) is None:
            pytest.skip(f"{tool} is not importable here, so no wheel can be built without a network: pip install {tool}")
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", "out", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (folder / "out").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        yield archive


def test_the_only_top_level_name_is_vbench(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"vbench"}
    assert len(tops) == 2


def test_every_source_file_is_inside_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    homes = {"bench": "vbench", "architectures": "vbench/architectures"}
    wanted = {
        f"{home}/{path.relative_to(ROOT / folder).as_posix()}"
        for folder, home in homes.items()
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".html", ".css", ".js"} or path.name in {"py.typed", "default.toml", "groups.toml"}
    }
    assert {
        "vbench/py.typed",
        "vbench/default.toml",
        "vbench/architectures/groups.toml",
        "vbench/reports/page/page.html",
    } <= wanted
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted


def test_the_metadata_names_the_command_the_catalogue_and_the_licence(wheel: zipfile.ZipFile) -> None:
    texts = {name.partition(".dist-info/")[2]: wheel.read(name).decode() for name in wheel.namelist() if ".dist-info/" in name}
    assert "vbench = vbench.cli:script" in texts["entry_points.txt"]
    assert "lecture = vbench.architectures" in texts["entry_points.txt"]
    assert "License-Expression: Apache-2.0" in texts["METADATA"]
    assert "Apache License" in texts["licenses/LICENSE"]


@pytest.mark.parametrize("name", ["bench", "architectures"])
def test_a_folder_of_the_repository_is_no_package_and_says_what_to_type(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"import {name}"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert "pip install" in last
    assert "vbench" in last
