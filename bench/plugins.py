"""Loading what registers itself: entry points, files, folders, import paths, and the checkout's own catalogue.

A plugin that cannot be loaded is one clear line, and the rest still loads. Everything loaded here can be loaded again by
name in a worker, so nothing is ever pickled.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import pkgutil
import runpy
import sys
import traceback
from contextlib import redirect_stdout, suppress
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from . import imports, libraries, sources, wrappers
from .core import Source
from .errors import PluginError, UsageError
from .registry import ARCHITECTURES, COMPRESSORS, ENGINES, METRICS, loading
from .sources import (
    CATALOGUE,
    catalogue_folder,
    digest,
    execute,
    is_catalogue,
    package,
    python_files,
    source_digest,
    use_catalogue,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "CATALOGUE",
    "StopLoading",
    "add_import",
    "add_named",
    "catalogue_folder",
    "digest",
    "is_catalogue",
    "load",
    "load_all",
    "source_digest",
    "stop_in_script",
    "use_catalogue",
]

GROUP = "vbench.plugins"
INIT = "__init__"
# Whose lines are never where a plugin is broken.
_LOADERS = {__file__, imports.__file__, sources.__file__, importlib.__file__}
_loaded: set[tuple[str, str, str]] = set()
_scripts: list[str] = []
# What a plugin's files looked like when they were loaded: a notebook loads them again after an edit.
_digests: dict[Path, str] = {}


class StopLoading(BaseException):
    """Raised by `vbench.run` inside a worker that loads a script: what stands above the call is registered by then."""


def load_all(plugins: Iterable[str] = (), *, root: Path | None = None, catalogue: Path | None = None) -> list[PluginError]:
    """Load the plugins named (files and folders), then every installed one; return what went wrong, a line each.

    Paths are relative to `root`. `catalogue` is a folder that takes the place of the installed lecture catalogue.
    """
    errors: list[PluginError] = []
    if catalogue is not None:
        _try(errors, Source(kind="path", value=str(catalogue)), partial(use_catalogue, catalogue))
    for plugin in plugins:
        path = (root or Path.cwd()) / plugin
        if is_catalogue(path):
            continue
        _forget_edited(path.resolve())
        if not path.exists():
            errors.append(PluginError(f"plugin {plugin!r}: there is no such file or folder in {root or Path.cwd()}"))
            continue
        parts = list(_path_sources(path.resolve()))
        if not parts:
            errors.append(PluginError(f"plugin {plugin!r}: there is no Python file in {path.resolve()}"))
        _load_parts(errors, parts)
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        whole = Source(kind="module", value=point.module)
        if _try(errors, whole, partial(load, whole)):
            _load_parts(errors, _module_sources(point.module))
    return errors


def _forget_edited(path: Path) -> None:
    """Where a plugin's files are no longer those that were loaded, forget what they registered, to load them anew."""
    now = digest(path)
    if _digests.setdefault(path, now) == now:
        return
    _digests[path] = now
    name = _name(path)
    for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
        del sys.modules[module]
    for registry in (ARCHITECTURES, ENGINES, METRICS, COMPRESSORS):
        for item in registry.names():
            file = Path(registry.source(item).file)
            # What it imported from elsewhere, such as the catalogue, stays: that would not be imported a second time.
            if registry.source(item).value == str(path) and (file == path or path in file.parents):
                registry.discard(item)
    _loaded.difference_update([key for key in _loaded if key[:2] == ("path", str(path))])
    for file in python_files(path) if path.exists() else ():
        with suppress(OSError):  # compiled code is matched by size and by whole seconds, and so may be that of before the edit
            Path(importlib.util.cache_from_source(str(file))).unlink()
    importlib.invalidate_caches()


def _load_parts(errors: list[PluginError], parts: Iterable[Source]) -> None:
    """Load the files of one plugin; where its `__init__.py` is broken none of the others can be loaded either."""
    for source in parts:
        if not _try(errors, source, partial(load, source)) and source.part == INIT:
            return


def _try(errors: list[PluginError], source: Source, action: Callable[[], None]) -> bool:
    try:
        action()
    except PluginError as error:
        errors.append(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit included: a plugin must not end the run
        errors.append(_broken(source, error))
    else:
        return True
    return False


def _broken(source: Source, error: BaseException) -> PluginError:
    """One line: the plugin's file and the line in it where the exception passed, and the exception."""
    passed = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    theirs = [place for place in passed if place[0] not in _LOADERS and not place[0].startswith("<frozen ")]
    own = [place for place in theirs if place[0] == source.file][-1:] or theirs[:1]
    if isinstance(error, SyntaxError) and error.filename:
        own = [(error.filename, error.lineno)]
    where = ":".join(map(str, own[0])) if own else source.file or source.value
    return PluginError(f"plugin {where}: {type(error).__name__}: {' '.join(str(error).split())}")


def _module_sources(name: str) -> Iterator[Source]:
    """Every public module of a package that has been imported; none of a plain module."""
    for part in pkgutil.iter_modules(getattr(sys.modules[name], "__path__", [])):
        if not part.name.startswith("_"):
            folder = getattr(part.module_finder, "path", "")
            yield Source(kind="module", value=f"{name}.{part.name}", file=str(Path(folder) / f"{part.name}.py"))


def _path_sources(path: Path) -> Iterator[Source]:
    """A file, or the `__init__.py` and every public file of a folder."""
    if path.is_file():
        yield Source(kind="path", value=str(path), file=str(path))
        return
    for file in sorted(path.glob("*.py"), key=lambda file: (file.stem != INIT, file.name)):
        if file.stem == INIT or not file.stem.startswith("_"):
            yield Source(kind="path", value=str(path), part=file.stem, file=str(file))


def load(source: Source, catalogue: str = "") -> None:
    """Load one source, once; in a worker, `catalogue` is the folder that the parent's catalogue came from."""
    key = (source.kind, source.value, source.part)
    if key in _loaded:
        return
    if catalogue and source.value.startswith(CATALOGUE):
        use_catalogue(Path(catalogue))
    if source.kind == "path" and not _is_utf8(source.file or source.value):
        message = f"plugin {source.file or source.value!r}: its path is not UTF-8, and so cannot be told to a worker: rename it"
        raise PluginError(message)
    before = set(sys.modules)
    try:
        with redirect_stdout(sys.stderr), loading(source):  # standard output is for results
            if source.kind == "module":
                importlib.import_module(source.value)
            elif source.kind == "path":
                _load_path(Path(source.value), source.part)
            elif source.kind == "import":
                imports.register(source)
            else:
                _load_script(source.value)
    except BaseException:
        _forget(source, set(sys.modules) - before)
        raise
    _loaded.add(key)


def _forget(source: Source, imported: set[str]) -> None:
    """Drop the neighbours that a failed file had imported: what they registered is forgotten, until they are imported anew."""
    package = _name(Path(source.value)) if source.kind == "path" else source.value.rpartition(".")[0]
    for name in imported:
        if package != __package__ and name.startswith(f"{package}."):
            del sys.modules[name]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name(path: Path) -> str:
    """The name under which a file or folder is imported; the digest keeps two of the same name apart."""
    return f"vbench_plugin_{path.stem}_{hashlib.sha256(os.fsencode(path)).hexdigest()[:8]}"


def _load_path(path: Path, part: str) -> None:
    name = _name(path)
    if part:
        package(name, path)
        if part != INIT:
            importlib.import_module(f"{name}.{part}")
        return
    execute(importlib.util.spec_from_file_location(name, path), path)


def _load_script(path: str) -> None:
    """Run the script that called `vbench.run`, up to that call: what it registers stands above it."""
    _scripts.append(path)
    try:
        runpy.run_path(path, run_name="__vbench_worker__")
    except StopLoading:
        return
    finally:
        _scripts.pop()


def stop_in_script() -> None:
    """End the script here if a worker is loading it. Raises StopLoading, which only the loader catches."""
    if _scripts:
        raise StopLoading


def add_named(name: str, shape: tuple[int, ...] | None) -> None:
    """Register what a selection names and no plugin: an import path, or another package's network, in wrappers or not.

    Leaves other names alone. Raises UsageError for what can be named and not measured.
    """
    name = wrappers.bare(name)
    if name.lower().endswith(".onnx"):
        known = ", ".join(n for n in ENGINES.names() if n != "fake")
        message = (
            f"{name}: no engine of this version reads ONNX files; those here ({known}) take networks that PyTorch builds: "
            "vbench list"
        )
        raise UsageError(message)
    if wrappers.imported(name):
        add_import(name, shape)


def add_import(path: str, shape: tuple[int, ...] | None) -> None:
    """Register `package.module:function`, `timm:NAME` or `torchvision:NAME` as an architecture of that name.

    Raises UsageError when it cannot be imported, or when nobody says its input shape.
    """
    if path in ARCHITECTURES:
        return
    if shape is None and libraries.has(path):
        shape = libraries.shape(path)
    if shape is None:
        message = f"{path} is an import path, and its input shape is not known: add --input, for example --input 3x224x224"
        raise UsageError(message)
    if not all(path.partition(":")):
        message = f"{path} is no import path: write package.module:function"
        raise UsageError(message)
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        load(Source(kind="import", value=path, part="x".join(map(str, shape))))
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        broken = _broken(Source(kind="import", value=path), error)
        raise UsageError(str(broken).replace("plugin ", "cannot import ", 1)) from error
