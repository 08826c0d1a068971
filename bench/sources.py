"""Where sources lie: the catalogue's folder, folders imported under a name of ours, and digests of what was imported."""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import os
import sys
import tomllib
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from .core import Source

CATALOGUE = "vbench.architectures"


def is_catalogue(path: Path) -> bool:
    """Whether this folder is the lecture catalogue: vbench's own checkout, or the installed package itself."""
    if path.name != "architectures" or not path.is_dir():
        return False
    loaded = sys.modules.get(CATALOGUE)
    if loaded is not None and loaded.__file__ and Path(loaded.__file__).parent.resolve() == path.resolve():
        return True
    try:
        return bool(tomllib.loads((path.parent / "pyproject.toml").read_text("utf-8"))["project"]["name"] == "vbench")
    except (OSError, KeyError, TypeError, ValueError):  # absent, or not the pyproject.toml of a project
        return False


def use_catalogue(path: Path) -> None:
    """Let the catalogue in `path` take the place of the installed one, unless one is loaded already."""
    if CATALOGUE in sys.modules:
        return
    parent = sys.modules[CATALOGUE.rpartition(".")[0]]
    with redirect_stdout(sys.stderr):  # standard output is for results
        vars(parent)["architectures"] = package(CATALOGUE, path.absolute())  # what importing a submodule does


def catalogue_folder() -> Path | None:
    """The folder of the catalogue in use; None where none is loaded."""
    module = sys.modules.get(CATALOGUE)
    return Path(module.__file__).parent if module is not None and module.__file__ else None


def python_files(path: Path) -> list[Path]:
    """The file itself, or every Python file of a folder that an import could reach: no virtual environment, nothing hidden."""
    if path.is_file():
        return [path]
    found = []
    for place, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name.isidentifier()]
        found += [Path(place, name) for name in names if name.endswith(".py") and not name.startswith(".")]
    return sorted(found)


def digest(path: Path) -> str:
    """A digest of a file, or of a folder's Python sources: two runs of equal digest measured the same networks."""
    total = hashlib.sha256()
    for file in python_files(path):
        name = file.name if file == path else file.relative_to(path).as_posix()
        total.update(os.fsencode(name) + b"\0" + _bytes(file) + b"\0")
    return total.hexdigest()[:16]


def _bytes(file: Path) -> bytes:
    """What is in the file; nothing where it cannot be read, which importing it will say in words."""
    try:
        return file.read_bytes()
    except OSError:
        return b""


def source_digest(source: Source) -> str:
    """A digest of the code behind a source, to see an edit: of its file, or of its whole folder or package; "" without any."""
    found = [digest(place) for place in _places(source) if place.exists()]
    return hashlib.sha256(" ".join(found).encode()).hexdigest()[:16] if found else ""


def _places(source: Source) -> list[Path]:
    """The file or the folders that hold the code of a source."""
    if source.kind in {"path", "script"}:
        return [Path(source.value)]
    module = source.value.partition(":")[0].split(".")
    # Of our own package only the part that registers something: a change of a printer is no change of a network.
    name = ".".join(module[: 2 if module[0] == __package__ else 1])
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):  # not there, or made by hand without a specification
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(place) for place in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.origin and spec.has_location else []


def package(name: str, folder: Path) -> ModuleType:
    """Make a folder importable under a name, with or without an `__init__.py`."""
    if name in sys.modules:
        return sys.modules[name]
    init = folder / "__init__.py"
    if init.exists():
        return execute(importlib.util.spec_from_file_location(name, init, submodule_search_locations=[str(folder)]), folder)
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    return execute(spec, folder)


def execute(spec: importlib.machinery.ModuleSpec | None, path: Path) -> ModuleType:
    """Import by a specification; a module that failed is forgotten, so that the next try starts afresh."""
    if spec is None:
        message = f"{path} is no Python file"
        raise ImportError(message)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        if spec.loader is not None:
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module
