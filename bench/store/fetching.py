"""Whole run files of an object store, fetched once: reports and comparisons need raw samples, and read files of this machine."""

from __future__ import annotations

import os
import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .. import cache, results
from ..errors import NothingSelectedError, UsageError
from . import places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .places import Entry

_TOGETHER = 16
# A file of its usual name says when it was begun.
_NAMED = re.compile(r"(\d{8})T(\d{6})Z-[0-9a-f]+\.jsonl$")
_DIGITS = 14
_HEAD = 2**20


def local(
    paths: Iterable[str | Path], *, newest: int | None = None, warn: Callable[[str], object] = lambda _: None
) -> list[Path]:
    """The run files that these name, as files of this machine; those of a URL are fetched, once.

    `newest` leaves the last so many runs. `warn` is told of what has to be fetched. Raises UsageError, and NothingSelectedError
    where `newest` finds none.
    """
    given = list(paths)
    if newest is not None:
        return fetched(_newest([entry for path in given for entry in places.listing(path).entries], newest, given), warn)
    found: list[Path] = []
    for path in given:
        here = places.address(path) is None
        found += results.files([path]) if here else fetched(places.listing(path).entries, warn)
    return list({path.resolve(): path for path in found}.values())


def _newest(entries: Iterable[Entry], many: int, given: list[str | Path]) -> list[Entry]:
    """The last runs by their start, oldest first; those of another name are opened for it."""
    if many < 1:
        message = f"--newest {many}: write how many runs, for example --newest 1"
        raise UsageError(message)
    dated = [(when, entry) for entry in {entry.address: entry for entry in entries}.values() if (when := _begun(entry))]
    if not dated:
        message = f"{', '.join(map(str, given))} holds no result file; `vbench run` makes one"
        raise NothingSelectedError(message)
    dated.sort(key=lambda one: (one[0], one[1].address))
    return [entry for _, entry in dated[-many:]]


class _Started(msgspec.Struct):
    type: str
    started: str


def _begun(entry: Entry) -> str:
    """When a run was begun, as digits; empty where the file is none."""
    match = _NAMED.search(entry.address)
    if match is not None:
        return match[1] + match[2]
    try:
        first = entry.read(0, min(entry.size, _HEAD))
        text = first[: first.find(b"\n")] if b"\n" in first else b""
        found = msgspec.json.decode(text, type=_Started)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return re.sub(r"\D", "", found.started)[:_DIGITS] if found.type == "run" else ""


def fetched(entries: list[Entry], warn: Callable[[str], object] = lambda _: None) -> list[Path]:
    """These files as files of this machine: those of a store are fetched where that was not done before. Raises UsageError."""
    missing = [entry for entry in entries if entry.root.fs is not None and not _kept(entry)]
    if missing:
        size = sum(entry.size for entry in missing) / 1e6
        many = "1 file" if len(missing) == 1 else f"{len(missing)} files"
        warn(f"fetching {many}, {size:.1f} MB, into {cache.folder() / 'fetched'}")
        with ThreadPoolExecutor(_TOGETHER) as pool:
            list(pool.map(_fetch, missing))
    return [Path(entry.address) if entry.root.fs is None else kept_at(entry) for entry in entries]


def kept_at(entry: Entry) -> Path:
    """Where an object is kept once it was fetched: by its address, so that messages name it; none leads out of that folder."""
    protocol, _, rest = entry.address.partition("://")
    return cache.folder() / "fetched" / protocol / Path(*(part for part in rest.split("/") if part not in {"", ".", ".."}))


def _mark(entry: Entry) -> Path:
    """What stands beside it: which version of the object it is."""
    place = kept_at(entry)
    return place.with_name(f".{place.name}.of")


def _kept(entry: Entry) -> bool:
    try:
        return kept_at(entry).stat().st_size == entry.size and _mark(entry).read_text("utf-8") == entry.changed
    except OSError:
        return False


def _fetch(entry: Entry) -> None:
    """Whole or not at all, however many do it at once."""
    place = kept_at(entry)
    data = entry.read(0, entry.size)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for path, content in ((place, data), (_mark(entry), entry.changed.encode())):
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).replace(path)
    except OSError as error:
        message = f"cannot keep {entry.address} in {place.parent}: {error.strerror}; $VBENCH_CACHE names another folder"
        raise UsageError(message) from None
