"""The user's own networks on other machines: files of Python travel with a run, and are laid out where they are not there yet.

What is large does not travel: weights and pictures lie at the same path on every node, as on a shared file system, and are held
against their digests.
"""

from __future__ import annotations

import getpass
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .. import cache, compress, machine, plugins
from ..errors import UsageError
from ..job import catalogue
from ..registry import ARCHITECTURES, ENGINES
from ..sources import digest, python_files, source_digest
from .pool import Errand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..core import Case, Source
    from ..job import Job

_SHIPPED = ("path", "script")
# Told apart by their version and by the digest of the whole package, or carried along.
_OWN = "vbench."


def errand(cases: Iterable[Case], weights: Mapping[str, str], images: str) -> Errand:
    """What a machine must have to measure these cases: files of `weights` by their labels, a folder of pictures or none."""
    sources: dict[str, Source] = {}
    for case in cases:
        sources[case.architecture] = ARCHITECTURES.source(case.architecture)
        sources[f"engine {case.engine}"] = ENGINES.source(case.engine)
        sources |= {f"compressor {source.value}": source for source in compress.sources(case)}
    paths = {source.value for source in sources.values() if source.kind in _SHIPPED}
    paths |= {catalogue()} - {""}
    others = {name: source for name, source in sources.items() if source.kind not in _SHIPPED}
    return Errand(
        sources={path: digest(Path(path)) for path in sorted(paths)},
        contents={path: _content(Path(path)) for path in sorted(paths)},
        installed={name: (one, source_digest(one)) for name, one in others.items() if not one.value.startswith(_OWN)},
        weights={label: str(Path(path).resolve()) for label, path in weights.items()},
        images=(str(Path(images).resolve()), _pictures(images)) if images else ("", ""),
    )


def _content(path: Path) -> dict[str, bytes]:
    return {_within(file, path): file.read_bytes() for file in python_files(path)}


def _within(file: Path, path: Path) -> str:
    return file.name if file == path else file.relative_to(path).as_posix()


def lacking(asked: Errand) -> tuple[str, ...]:
    """What this machine has not, or has otherwise than it is there where the run was started: a line each."""
    found = []
    for name, (source, wanted) in asked.installed.items():
        have = source_digest(source)
        if have != wanted:
            found.append(f"has {'another' if have else 'no'} source of {name} ({source.value})")
    for label, path in asked.weights.items():
        found += _file(path, lambda path=path: _weights(path), label.rpartition(":")[2])  # type: ignore[misc]  # bound now
    folder, wanted = asked.images
    if folder:
        found += _file(folder, lambda: _pictures(folder), wanted)
    return tuple(found)


def _file(path: str, looked: Callable[[], str], wanted: str) -> list[str]:
    try:
        have = looked() if Path(path).exists() else ""
    except (UsageError, OSError):
        have = ""
    return [] if have == wanted else [f"has {'something else at' if have else 'no'} {path}"]


def _weights(path: str) -> str:
    from ..checkpoint import digest as of_file  # noqa: PLC0415 - imports torch, which most runs have no need for here

    return of_file(Path(path))


def _pictures(folder: str) -> str:
    from ..data import digest as of_folder  # noqa: PLC0415 - imports torch, as above

    return of_folder(folder)


class Unpacked:
    """An errand on this machine: where its files lie here, and the jobs of its run with these paths."""

    def __init__(self, moved: dict[str, str]) -> None:
        self._moved = moved

    def folder(self, path: str) -> str:
        """Where a file or folder of the run lies here."""
        return self._moved.get(path, path)

    def source(self, source: Source) -> Source:
        """The source as it is loaded here."""
        if source.kind not in _SHIPPED or self.folder(source.value) == source.value:
            return source
        return msgspec.structs.replace(
            source, value=self.folder(source.value), file=source.file.replace(source.value, self.folder(source.value), 1)
        )

    def job(self, job: Job) -> Job:
        """The job with this machine's paths, and with what is free of its memory where nobody set a limit."""
        limit = job.memory_limit if job.fit is not None else int(0.9 * machine.memory_available())
        return msgspec.structs.replace(
            job,
            engine=self.source(job.engine),
            architecture=None if job.architecture is None else self.source(job.architecture),
            compressors=tuple(map(self.source, job.compressors)),
            catalogue=self.folder(job.catalogue),
            memory_limit=limit,
        )


def unpack(asked: Errand) -> Unpacked:
    """Lay out what is not here yet, below the folder for caches; what has the same path and the same content is used as it is."""
    moved = {}
    for path, wanted in asked.sources.items():
        here = Path(path)
        if not (here.exists() and digest(here) == wanted):
            moved[path] = str(_laid(path, wanted, asked.contents[path].items()))
    return Unpacked(moved)


def _laid(path: str, wanted: str, content: Iterable[tuple[str, bytes]]) -> Path:
    """A file or folder with this content; put there as a whole, since several processes of a machine come at once."""
    name = Path(path).name
    for root in (cache.folder() / "parcels", Path(tempfile.gettempdir()) / f"vbench-parcels-{getpass.getuser()}"):
        place = root / wanted
        if (place / name).exists() and digest(place / name) == wanted:
            return place / name
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = Path(tempfile.mkdtemp(dir=root))
            for relative, data in content:
                file = fresh / name if relative == name and Path(path).suffix == ".py" else fresh / name / relative
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            if not place.exists():
                fresh.rename(place)
                return place / name
        except OSError:
            continue
        else:
            return fresh / name
    message = f"there is no room for {path}: neither {cache.folder()} nor {tempfile.gettempdir()} can be written"
    raise UsageError(message)


def harness() -> str:
    """A digest of vbench itself: two checkouts may have one version and different code."""
    return plugins.digest(Path(__file__).parent.parent)
