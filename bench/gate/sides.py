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
from ..machine import git
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

    `architectures` and `exclude` are what head selects, for a side that has no `suite` of that name; where head's were named one
    by one there is no suite. `imports` are architectures by their import path, with the input shape.
    """

    folder: str = ""
    file: str = "bench.toml"
    suite: str = ""
    architectures: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
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
    """Where a side lies: the top of its tree, the folder of its bench.toml within, and what to import from before all else."""

    name: str
    top: Path
    folder: Path
    commit: str = ""
    dirty: bool = False
    first: tuple[str, ...] = ()


class Space(NamedTuple):
    """A temporary folder for all sides, and what was checked out into it: repositories and their work trees."""

    folder: Path
    trees: list[tuple[Path, Path]]


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


def top(folder: Path) -> Path:
    """The root of the checkout that a folder lies in, or the folder itself."""
    return Path(git(folder, "rev-parse", "--show-toplevel") or folder)


@contextmanager
def workspace() -> Iterator[Space]:
    """Room for all sides; whatever was checked out into it is taken out of git's list again."""
    space = Space(Path(tempfile.mkdtemp(prefix="vbench-gate-")).resolve(), [])
    try:
        yield space
    finally:
        for repository, tree in space.trees:
            git(repository, "worktree", "remove", "--force", str(tree), limit_s=_LIMIT_S)
        shutil.rmtree(space.folder, ignore_errors=True)


def head(space: Space, root: Path) -> Place:
    """The work tree as it is, uncommitted changes included."""
    tree = top(root)
    link = _link(space, "head", tree)
    return _as_it_is(str(root), link, link / root.relative_to(tree), root)


def _link(space: Space, label: str, folder: Path) -> Path:
    """A folder by a path as long as that of any other side; by its own on a system without links for everybody."""
    link = space.folder / _FOLDERS[label]
    try:
        link.symlink_to(folder, target_is_directory=True)
    except OSError:
        return folder
    return link


def _as_it_is(name: str, tree: Path, folder: Path, real: Path) -> Place:
    """A folder that is measured with whatever is uncommitted in it."""
    return Place(name, tree, folder, commit=git(real, "rev-parse", "HEAD"), dirty=bool(git(real, "status", "--porcelain")))


def base(space: Space, root: Path, name: str, label: str = "base") -> Place:
    """A revision, a folder or a wheel. Raises UsageError where it is none of them."""
    path = Path(name)
    if path.suffix == ".whl" and path.is_file():
        return _wheel(path, space.folder / _FOLDERS[label])
    commit = git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if path.is_dir() and (not commit or "/" in name):
        link = _link(space, label, path.resolve())
        return _as_it_is(str(path.resolve()), link, link, path)
    return _revision(space, root, name, commit, label)


def _wheel(path: Path, target: Path) -> Place:
    try:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(target)  # a wheel that the user names, and would install
    except (zipfile.BadZipFile, OSError) as error:
        message = f"{path} cannot be read as a wheel: {error}"
        raise UsageError(message) from None
    return Place(str(path), target, target, first=(str(target),))


def _revision(space: Space, root: Path, name: str, commit: str, label: str) -> Place:
    target, repository = space.folder / _FOLDERS[label], top(root)
    option = {"head": "--head", "far": "--base-far"}.get(label, "--base")
    if not git(root, "rev-parse", "--show-toplevel"):
        message = f"{option} {name}: {root} is no git checkout, and there is no such folder or wheel: name one of these"
        raise UsageError(message)
    if not commit:
        shallow = git(root, "rev-parse", "--is-shallow-repository") == "true"
        deepen = "this clone is shallow: git fetch --unshallow, or fetch-depth: 0 in the workflow"
        hint = deepen if shallow else "see `git log --oneline`, or git fetch"
        message = f"{option} {name}: no revision, folder or wheel of that name; {hint}"
        raise UsageError(message)
    # No hook of the repository has a say in this tree.
    git(
        repository,
        "-c",
        "core.hooksPath=/dev/null",
        "worktree",
        "add",
        "--detach",
        "--force",
        str(target),
        commit,
        limit_s=_LIMIT_S,
    )
    if not (target / ".git").exists():
        message = f"{option} {name}: git cannot check {commit[:12]} out: try `git worktree add --detach /tmp/base {name}`"
        raise UsageError(message)
    space.trees.append((repository, target))
    return Place(name, target, target / root.relative_to(repository), commit=commit)


def home(place: Place, root: Path, python: str = "") -> Home:
    """The environment of a side: what this process imports from head's tree, that side imports from its own."""
    tree = top(root)

    def seen(entry: str) -> str:
        path = Path(entry)
        installed = any(path.is_relative_to(prefix) for prefix in (sys.prefix, sys.base_prefix))
        return str(place.top / path.relative_to(tree)) if entry and path.is_relative_to(tree) and not installed else entry

    path = [*place.first, *map(seen, sys.path)]
    if python:
        # Another interpreter has its own packages; from here come only the folders of the tree.
        path = [entry for entry in path if Path(entry).is_relative_to(place.top)]
    kept = {name: value for name, value in ALLOCATOR.items() if name not in os.environ}
    return Home(python or sys.executable, tuple(path), str(place.folder), kept)


def survey(place: Place, where: Home, question: Question) -> Side:
    """Ask a side what it has, in its own environment. Raises UsageError where it cannot be loaded at all."""
    asked = msgspec.structs.replace(question, folder=str(place.folder))
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
