"""What is made of a network, kept between processes and runs: exported graphs, quantised weights, compiled kernels, smaller ones.

An entry is a folder under `artefacts/` in the folder for caches, with a manifest that names all it depends on and the digest of
each file. One that is damaged is made again; one whose key differs in anything is another entry.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from . import cache
from .errors import UsageError, VbenchError
from .units import parse_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FOLDER = "artefacts"
# The oldest entries go when all together are larger than this; $VBENCH_CACHE_LIMIT says otherwise.
LIMIT_BYTES = 20 * 2**30
MANIFEST = "manifest.json"
_CHUNK = 2**22
# Exporters and compilers wrap what a full disk says, or say something else: with less than this free, it is taken for the cause.
_TIGHT_BYTES = 2**29
_FULL = os.strerror(errno.ENOSPC)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry was made of, by what, in how many seconds, and its files with size and digest."""

    name: str
    key: dict[str, str]
    seconds: float
    created: str
    notes: dict[str, str] = {}
    files: dict[str, tuple[int, str]] = {}

    @property
    def bytes(self) -> int:
        """The size of all files together."""
        return sum(size for size, _ in self.files.values())


class Artefact(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is there: its folder and what its manifest says.

    `made` is true where it was made just now. `trouble` says why what was there before could not be used, or why this one is not
    kept; its folder is then a temporary one, which is the caller's to remove.
    """

    folder: Path
    manifest: Manifest
    made: bool
    trouble: str = ""
    temporary: bool = False


def keep(name: str, key: Mapping[str, str], make: Callable[[Path], Mapping[str, str]]) -> Artefact:
    """The entry of that name and key; where there is none, or a damaged one, `make(folder)` fills it and gives notes.

    A place that cannot be written, or is full, is no error as long as a temporary folder can be: what is made is used and not
    kept. Whatever else `make` raises goes through, and leaves nothing behind. Raises VbenchError where neither has room.
    """
    place = _place(name, key)
    found, trouble = _read(place, name, key)
    if found is not None:
        with suppress(OSError):
            os.utime(place / MANIFEST)  # used last now: others go first
        return Artefact(folder=place, manifest=found, made=False)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=".making-"))
    except OSError as error:
        return _unkept(name, key, make, f"not kept: {error.strerror or error}")
    try:
        manifest = _into_place(beside, place, _made(beside, name, key, make))
    except BaseException as error:
        tight = isinstance(error, Exception) and _tight(beside)
        shutil.rmtree(beside, ignore_errors=True)
        if not tight and not isinstance(error, OSError):
            raise
        return _unkept(name, key, make, f"not kept: {(isinstance(error, OSError) and error.strerror) or _FULL}")
    _make_room(place)
    return Artefact(folder=place, manifest=manifest, made=True, trouble=trouble)


def entries() -> Iterator[tuple[Path, Manifest]]:
    """Every entry that is kept, the one used longest ago first."""
    found = []
    for path in root().glob(f"*/*/{MANIFEST}"):
        with suppress(OSError, msgspec.MsgspecError):
            found.append((path.stat().st_mtime, path.parent, msgspec.json.decode(path.read_bytes(), type=Manifest)))
    yield from ((folder, manifest) for _, folder, manifest in sorted(found, key=lambda entry: entry[:2]))


def remove(folder: Path) -> None:
    """Remove an entry; one that is in use goes when its user has closed its files."""
    shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove everything, what is damaged or was left half made included."""
    shutil.rmtree(root(), ignore_errors=True)


def root() -> Path:
    """The folder in which all entries are."""
    return cache.folder() / FOLDER


def limit() -> int:
    """How many bytes all entries together may take. Raises UsageError for a limit that is no size."""
    text = os.environ.get("VBENCH_CACHE_LIMIT")
    if not text:
        return LIMIT_BYTES
    try:
        return parse_bytes(text)
    except ValueError:
        message = f"VBENCH_CACHE_LIMIT={text!r} is no size; allowed is a number with a unit, for example 20GiB"
        raise UsageError(message) from None


def _place(name: str, key: Mapping[str, str]) -> Path:
    digest = hashlib.sha256(msgspec.json.encode(sorted(key.items()))).hexdigest()[:20]
    return root() / name / digest


def _read(place: Path, name: str, key: Mapping[str, str]) -> tuple[Manifest | None, str]:
    """The manifest of an entry whose files are all as they were written; else None, and what was wrong with one that is there."""
    try:
        manifest = msgspec.json.decode((place / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None, ""
    except (OSError, msgspec.MsgspecError):
        return None, "a damaged entry was made again"
    if manifest.name != name or manifest.key != dict(key):
        return None, "a damaged entry was made again"
    try:
        sound = all(_digest(place / file) == (size, digest) for file, (size, digest) in manifest.files.items())
    except OSError:
        sound = False
    return (manifest, "") if sound else (None, "a damaged entry was made again")


def _made(folder: Path, name: str, key: Mapping[str, str], make: Callable[[Path], Mapping[str, str]]) -> Manifest:
    began = time.perf_counter()
    notes = make(folder)
    seconds = time.perf_counter() - began
    files = {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    created = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = Manifest(name=name, key=dict(key), seconds=seconds, created=created, notes=dict(notes), files=files)
    (folder / MANIFEST).write_bytes(msgspec.json.encode(manifest))
    return manifest


def _into_place(made: Path, place: Path, manifest: Manifest) -> Manifest:
    """Put what was made where it is looked for; where another process was quicker, its entry stays, which may be in use."""
    try:
        made.rename(place)
    except OSError:
        other, _ = _read(place, manifest.name, manifest.key)
        if other is not None:
            shutil.rmtree(made, ignore_errors=True)
            return other
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)
    return manifest


def _unkept(name: str, key: Mapping[str, str], make: Callable[[Path], Mapping[str, str]], trouble: str) -> Artefact:
    """Made in a temporary folder, for this process only."""
    folder = Path(tempfile.mkdtemp(prefix="vbench-artefact-"))
    try:
        manifest = _made(folder, name, key, make)
    except BaseException as error:
        tight = isinstance(error, Exception) and _tight(folder)
        shutil.rmtree(folder, ignore_errors=True)
        if not tight:
            raise
        where = f"neither in {root()} nor in {folder.parent}"
        message = f"no room for what the engine makes, {where}: free some, or name other folders in VBENCH_CACHE and TMPDIR"
        raise VbenchError(message) from error
    return Artefact(folder=folder, manifest=manifest, made=True, trouble=trouble, temporary=True)


def _tight(folder: Path) -> bool:
    """Whether the disk of the folder is all but full."""
    try:
        return shutil.disk_usage(folder).free < _TIGHT_BYTES
    except OSError:
        return False


def _digest(path: Path) -> tuple[int, str]:
    found, size = hashlib.blake2b(digest_size=16), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            size += len(chunk)
    return size, found.hexdigest()


def _make_room(newest: Path) -> None:
    """Remove what was used longest ago until the rest fits the limit; never the entry that was made just now."""
    found = list(entries())
    excess = sum(manifest.bytes for _, manifest in found) - limit()
    for folder, manifest in found:
        if excess <= 0:
            return
        if folder != newest:
            remove(folder)
            excess -= manifest.bytes
