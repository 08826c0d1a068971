"""The two sides: head as it is, and base from a revision, a folder, a wheel or another interpreter, at paths of equal length."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..core import Source
from ..errors import UsageError, VbenchError
from ..home import Home
from .log import About

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core import Case

# What an allocator gives back and takes again depends on what a process did before, and which pages it is given is a lottery:
# both sides keep what they have taken, and ask for large pages (glibc 2.35). That halves the spread of pairs where this was
# measured.
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": "-1", "MALLOC_MMAP_MAX_": "0", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
_LIMIT_S = 300.0
_FOLDERS = {"head": "head", "base": "base", "far": "past"}


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Where a side's own process looks, and for what: `plugins` are head's, for a side without a bench.toml of its own.

    `imports` are architectures by their import path, with the input shape; `catalogue` is one that the side brings along.
    """

    folder: str = ""
    suite: str = "default"
    architectures: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    catalogue: str = ""
    imports: dict[str, tuple[int, ...]] = {}


class Survey(msgspec.Struct, frozen=True, kw_only=True):
    """What is registered there, where each of it comes from, what its own suite selects, and what could not be loaded."""

    architectures: dict[str, Source] = {}
    engines: dict[str, Source] = {}
    digests: dict[str, str] = {}
    selected: tuple[str, ...] = ()
    catalogue: str = ""
    versions: dict[str, str] = {}
    errors: tuple[str, ...] = ()
    failed: str = ""


class Place(NamedTuple):
    """Where a side lies: the top of its tree, the folder of its bench.toml within, and a catalogue of its own, if any."""

    name: str
    top: Path
    folder: Path
    catalogue: Path | None = None
    commit: str = ""
    dirty: bool = False
    first: tuple[str, ...] = ()


class Side(NamedTuple):
    """A side that can be measured."""

    place: Place
    home: Home
    found: Survey

    @property
    def about(self) -> About:
        """What the file keeps of it; paths in temporary folders are named as the side names them."""
        top = str(self.place.top)
        digests = {key.replace(top, "."): value for key, value in self.found.digests.items()}
        return About(
            name=self.place.name,
            commit=self.place.commit,
            dirty=self.place.dirty,
            python="" if self.home.python == sys.executable else self.home.python,
            versions=self.found.versions,
            digests=digests,
        )


def git(folder: Path, *words: str) -> str | None:
    """What git answers, or None where it refuses or is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False, timeout=_LIMIT_S)  # noqa: S603, S607 - git, as the user has it
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def top(folder: Path) -> Path:
    """The root of the checkout that a folder lies in, or the folder itself."""
    found = git(folder, "rev-parse", "--show-toplevel")
    return Path(found) if found else folder


@contextmanager
def workspace() -> Iterator[Path]:
    """A temporary folder for both sides; whatever was checked out into it is taken out of git's list again."""
    folder = Path(tempfile.mkdtemp(prefix="vbench-gate-")).resolve()
    trees: list[tuple[Path, Path]] = []
    _TREES[folder] = trees
    try:
        yield folder
    finally:
        for repository, tree in trees:
            git(repository, "worktree", "remove", "--force", str(tree))
        shutil.rmtree(folder, ignore_errors=True)
        del _TREES[folder]


_TREES: dict[Path, list[tuple[Path, Path]]] = {}


def head(space: Path, root: Path) -> Place:
    """The work tree as it is, uncommitted changes included, through a link so that its path is as long as base's."""
    tree = top(root)
    link = space / _FOLDERS["head"]
    try:
        link.symlink_to(tree, target_is_directory=True)
    except OSError:  # a system without links for everybody: paths of unequal length, then
        link = tree
    folder = link / root.relative_to(tree)
    return Place(
        str(root), link, folder, commit=git(root, "rev-parse", "HEAD") or "", dirty=bool(git(root, "status", "--porcelain"))
    )


def base(space: Path, root: Path, name: str, label: str = "base") -> Place:
    """A revision, a folder or a wheel. Raises UsageError where it is none of them."""
    target = space / _FOLDERS[label]
    path = Path(name)
    if path.suffix == ".whl" and path.is_file():
        return _wheel(path, target)
    if path.is_dir() and (git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}") is None or "/" in name):
        return _folder(path.resolve(), target)
    return _revision(root, name, target, space)


def _wheel(path: Path, target: Path) -> Place:
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(target)  # a wheel that the user names, and would install
    except (zipfile.BadZipFile, OSError) as error:
        message = f"{path} cannot be read as a wheel: {error}"
        raise UsageError(message) from None
    own = target / "vbench" / "architectures"
    return Place(str(path), target, target, own if own.is_dir() else None, first=(str(target),))


def _folder(path: Path, target: Path) -> Place:
    try:
        target.symlink_to(path, target_is_directory=True)
    except OSError:
        target = path
    return Place(
        str(path), target, target, commit=git(path, "rev-parse", "HEAD") or "", dirty=bool(git(path, "status", "--porcelain"))
    )


def _revision(root: Path, name: str, target: Path, space: Path) -> Place:
    repository = git(root, "rev-parse", "--show-toplevel")
    if repository is None:
        message = f"--base {name}: {root} is no git checkout, and there is no such folder or wheel: name one of these"
        raise UsageError(message)
    commit = git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        shallow = git(root, "rev-parse", "--is-shallow-repository") == "true"
        hint = (
            "this clone is shallow: git fetch --unshallow, or fetch-depth: 0 in the workflow"
            if shallow
            else "see `git log --oneline`, or git fetch"
        )
        message = f"--base {name}: no revision, folder or wheel of that name; {hint}"
        raise UsageError(message)
    if (
        git(Path(repository), "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--force", str(target), commit)
        is None
    ):
        message = f"--base {name}: git cannot check {commit[:12]} out: try `git worktree add --detach /tmp/base {name}`"
        raise UsageError(message)
    _TREES[space].append((Path(repository), target))
    return Place(name, target, target / root.relative_to(repository), commit=commit)


def home(place: Place, root: Path, python: str = "") -> Home:
    """The environment of a side: what this process imports from head's tree, that side imports from its own."""
    tree = top(root)
    packages = (sys.prefix, sys.base_prefix)
    path = []
    for entry in sys.path:
        inside = entry and Path(entry).is_relative_to(tree) and not entry.startswith(packages)
        path.append(str(place.top / Path(entry).relative_to(tree)) if inside else entry)
    path = [*place.first, *path]
    if python:
        # Another interpreter has its own packages; from here come only the folders of the tree.
        path = [entry for entry in path if entry.startswith(str(place.top))]
    kept = {name: value for name, value in ALLOCATOR.items() if name not in os.environ}
    return Home(python or sys.executable, tuple(path), str(place.folder), kept)


def survey(place: Place, where: Home, question: Question) -> Side:
    """Ask a side what it has, in its own environment. Raises UsageError where it cannot be loaded at all."""
    asked = msgspec.structs.replace(question, folder=str(place.folder), catalogue=str(place.catalogue or ""))
    command = where.command("vbench.survey:main", msgspec.json.encode(asked).decode())
    try:
        done = subprocess.run(  # noqa: S603 - our own code in an interpreter that the user named
            command, capture_output=True, check=False, timeout=_LIMIT_S, cwd=where.folder, env={**os.environ, **where.environment}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{place.name} cannot be looked at with {where.python}: {error}"
        raise UsageError(message) from None
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    try:
        found = msgspec.json.decode(lines[-1], type=Survey)
    except (IndexError, msgspec.DecodeError):
        said = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        message = f"{place.name} cannot be loaded: {said[-1][:300] if said else 'it ended without a word'}"
        if where.python != sys.executable:
            message += f"; {where.python} needs torch and what vbench depends on: install vbench there too"
        raise UsageError(message) from None
    if found.failed:
        message = f"{place.name}: {found.failed}"
        raise VbenchError(message)
    return Side(place, where, _through(found, place))


def _through(found: Survey, place: Place) -> Survey:
    """The same with every path as it is seen through the side's link, where it is one: loading resolves links."""
    real = str(place.top.resolve())
    text = msgspec.json.encode(found).replace(_text(real), _text(str(place.top)))
    return msgspec.json.decode(text, type=Survey)


def _text(path: str) -> bytes:
    return msgspec.json.encode(path)[1:-1]


def absent(side: Side, cases: Sequence[Case]) -> dict[str, str]:
    """The architectures that a side does not have, each with what could not be loaded there, or "" where it is new."""
    found = side.found
    gone = [c.architecture for c in cases if c.architecture not in found.architectures or c.engine not in found.engines]
    return dict.fromkeys(gone, "; ".join(found.errors))
