"""Where results lie: a folder of this machine, or a part of an object store by its URL. Both are listed and read alike."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import results
from ..errors import UsageError, VbenchError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The protocols that are served, each with the package that speaks it (through fsspec) and how that one finds its credentials.
PROTOCOLS = {
    "s3": (
        "vbench[s3]",
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or a role; AWS_ENDPOINT_URL for another server",
    ),
    "gs": ("gcsfs", "`gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS"),
    "az": ("adlfs", "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME with a key"),
    "memory": ("fsspec", "none: it is for tests"),
}
# The folder of what was compacted, below what it was compacted from.
COMPACTED = "compacted"
_MARKS = "*?["
# A path that went through pathlib has lost one of its slashes; of protocols that there are not, only one with both is recognised.
_URL = re.compile(rf"({'|'.join(PROTOCOLS)}):/{{1,2}}(?=[^/])|([A-Za-z][A-Za-z0-9+.-]+)://")
# Errors of a client tell their story in many lines; so much of the first is enough.
_SAID = 200


class StoreError(UsageError):
    """An object store does not give what was asked of it; asked again it may."""


class Root(NamedTuple):
    """What was named: a folder, a file or a part of a store; `fs` is fsspec's, None on this machine."""

    address: str
    fs: Any = None


class Entry(NamedTuple):
    """A file as its place lists it; `path` is relative to the root, with slashes, and `changed` when it was written, as text."""

    root: Root
    path: str
    size: int
    changed: str = ""

    @property
    def address(self) -> str:
        """What people call it, and what it is opened by."""
        return f"{self.root.address}/{self.path}" if self.path else self.root.address

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` up to `stop`. Raises OSError on this machine, else UsageError."""
        if self.root.fs is None:
            with open(self.address, "rb", buffering=0) as file:  # noqa: PTH123 - ten thousand times
                if hasattr(os, "posix_fadvise"):  # or the kernel reads ahead, more than is asked for
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                return os.pread(file.fileno(), stop - start, start) if hasattr(os, "pread") else _from(file, start, stop)
        with told(f"read {self.address}", self.address):
            return bytes(self.root.fs.cat_file(key(self.address), start=start, end=stop))


def _from(file: Any, start: int, stop: int) -> bytes:
    file.seek(start)
    return bytes(file.read(stop - start))


class Listing(NamedTuple):
    """The run files of a root, sorted by their paths, and what was compacted of it; `file` where one was named by itself."""

    root: Root
    entries: list[Entry]
    parts: list[Entry]
    file: bool = False


def address(given: str | Path) -> str | None:
    """The URL that this is, None for a path of this machine.

    Raises UsageError for a protocol that is not served, and for a URL that climbs (`..`).
    """
    text = given.as_posix() if isinstance(given, Path) else given
    match = _URL.match(text)
    if match is None:
        return None
    if match[1] is None:
        if match[2] == "file":
            message = f"{text}: name the path itself, without file://"
            raise UsageError(message)
        message = (
            f"{text}: {match[2]}:// is not served; results lie in a folder, or behind {', '.join(f'{p}://' for p in PROTOCOLS)}"
        )
        raise UsageError(message)
    found = f"{match[1]}://{text[match.end() :]}"
    if ".." in PurePosixPath(found).parts:
        message = f"{found}: a URL with `..` climbs out of what it names: write it without"
        raise UsageError(message)
    return found.rstrip("/")


def scaled(paths: Iterable[str | Path]) -> bool:
    """Whether any of these is a URL, or a folder with something compacted in it."""
    return any(address(path) is not None or (Path(_fixed(str(path))[0]) / COMPACTED).is_dir() for path in paths)


@lru_cache
def filesystem(protocol: str) -> Any:
    """Fsspec's view of a protocol. Raises UsageError where what speaks it is not installed."""
    package = PROTOCOLS[protocol][0]
    try:
        import fsspec  # noqa: PLC0415 - only for URLs

        # Ranges are asked for as they are needed: reading ahead would fetch what nobody wants, and a listing may be old.
        options = {} if protocol == "memory" else {"default_cache_type": "none", "use_listings_cache": False}
        return fsspec.filesystem(protocol, **options)
    except ImportError:
        message = f"{protocol}:// is read by a package that is not installed: pip install '{package}'"
        raise UsageError(message) from None


@contextmanager
def told(what: str, url: str) -> Iterator[None]:
    """One line of whatever a client raises: each store has a tree of errors of its own."""
    try:
        yield
    except VbenchError:
        raise
    except FileNotFoundError:
        message = f"cannot {what}: there is no such bucket or object"
        raise StoreError(message) from None
    except Exception as error:  # noqa: BLE001 - as the line above says
        protocol = url.partition(":")[0]
        lines = str(error).strip().splitlines() or [""]
        said = f"{type(error).__name__}: {lines[0][:_SAID]}" if lines[0] else type(error).__name__
        message = f"cannot {what}: {said}; credentials: {PROTOCOLS[protocol][1]}"
        raise StoreError(message) from None


def listing(given: str | Path) -> Listing:
    """What lies where was named: a file by itself, a folder with all below it, or what a glob matches.

    Raises UsageError where a named file is absent, or the store cannot be listed.
    """
    url = address(given)
    return _remote(url) if url is not None else _here(Path(given))


def _fixed(text: str) -> tuple[str, str]:
    """What stands before the first part with a wildcard, and the rest."""
    parts = text.split("/")
    wild = next((i for i, part in enumerate(parts) if any(mark in part for mark in _MARKS)), len(parts))
    return "/".join(parts[:wild]) or ("/" if text.startswith("/") and wild < len(parts) else ""), "/".join(parts[wild:])


def _here(path: Path) -> Listing:
    text, (before, wild) = str(path), _fixed(path.as_posix())
    if path.is_dir():
        root = Root(text)
        paths = sorted(_walk(text, ""), key=lambda found: found[0].split("/"))
    elif wild and not path.exists():
        root = Root(before or ".")
        paths = [(os.path.relpath(file, root.address).replace(os.sep, "/"), file.stat()) for file in results.files([path])]
    else:
        try:
            return Listing(Root(text), [Entry(Root(text), "", path.stat().st_size)], [], file=True)
        except OSError as error:
            message = f"cannot read the result file {path}: {error.strerror}"
            raise UsageError(message) from None
    parts = [
        Entry(root, f"{COMPACTED}/{file.name}", file.stat().st_size)
        for file in sorted((Path(root.address) / COMPACTED).glob("*.parquet"))
    ]
    return Listing(root, [Entry(root, name, stat.st_size, str(stat.st_mtime_ns)) for name, stat in paths], parts)


def _walk(folder: str, below: str) -> Iterator[tuple[str, os.stat_result]]:
    """The run files below a folder, by `results.is_run`; links to folders are not followed, so nothing climbs out by one."""
    with os.scandir(folder) as found:
        for entry in found:
            name = f"{below}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{name}/")
            elif entry.name.endswith(".jsonl") and results.is_run(Path(name)) and entry.is_file():
                yield name, entry.stat()


def _remote(url: str) -> Listing:
    before, wild = _fixed(url)
    fs = filesystem(url.partition(":")[0])
    root = Root(before, fs)
    with told(f"list {before}", url):
        found = _found(fs, before)
    if not wild and (alone := found.get("")) is not None:
        return Listing(root, [Entry(root, "", int(alone["size"]), _changed(alone))], [], file=True)
    if not found and not wild:
        message = f"{url} holds nothing: name a folder of results, or a file"
        raise UsageError(message)
    every = [Entry(root, name, int(info["size"] or 0), _changed(info)) for name, info in sorted(found.items())]
    chosen = _matcher(wild)
    entries = [e for e in every if e.path.endswith(".jsonl") and results.is_run(Path(e.path)) and chosen(e.path)]
    parts = [e for e in every if PurePosixPath(e.path).parent == PurePosixPath(COMPACTED) and e.path.endswith(".parquet")]
    return Listing(root, entries, parts)


def _found(fs: Any, before: str) -> dict[str, dict[str, Any]]:
    """Everything below, by its path relative to `before`. What climbs, or is no text to name a file by, is not there."""
    front = key(before)
    found = {}
    for name, info in fs.find(front, detail=True).items():
        below = key(name).removeprefix(front).lstrip("/")
        if info.get("type") == "file" and not {"..", "."} & set(below.split("/")) and "\\" not in below and below.isprintable():
            found[below] = info
    return found


def key(url: str) -> str:
    """How fsspec's filesystems call it: without the protocol; memory keeps the slash at its front."""
    protocol, mark, rest = url.partition("://")
    return f"/{rest}" if mark and protocol == "memory" else rest if mark else url


def _changed(info: dict[str, Any]) -> str:
    """When an object was written or what its content goes by, whichever its store tells."""
    return str(next((info[name] for name in ("ETag", "etag", "LastModified", "updated", "created") if info.get(name)), ""))


def _matcher(wild: str) -> Any:
    if not wild:
        return lambda _: True
    from fsspec.utils import glob_translate  # noqa: PLC0415 - only for URLs

    return re.compile(glob_translate(wild)).match
