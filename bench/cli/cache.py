"""`vbench cache`: what engines and compressors made and kept for the next run; list it, or clear it."""

from __future__ import annotations

import fnmatch
import re
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import tables, units
from ..errors import UnknownNameError, nearest
from . import _common as common
from . import _options as options

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..artefacts import Manifest

HELP = """List what engines exported, quantised and compiled, and networks that were made smaller, as far as it is kept for the
next run; with --clear, remove it.

ARCHITECTURES are names or globs; left out, all are meant. What is removed is made again when it is needed. The rest of the folder
(second counts, the ceilings of the machine) is small and stays."""

_HEADER = ("what", "architecture", "precision", "options", "size", "made in", "age", "last used")


def cache(
    architectures: Annotated[options.Many, typer.Argument(metavar="ARCHITECTURES", help="Names or globs.")] = None,
    name: Annotated[
        options.Many, typer.Option(metavar="NAMES", help="Only these kinds, as the column `what` names them.")
    ] = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was last used so long ago, for example 30d or 12h.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove what would be listed.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the entries as JSON.")] = False,
) -> None:
    """Look or clear; see HELP, which typer shows."""
    from .. import artefacts  # noqa: PLC0415 - only here

    limit, least = artefacts.limit(), common.quantity(older_than, units.parse_days, "--older-than") or 0.0
    kept = list(artefacts.entries())
    asked, kinds = tuple(architectures or ()), common.words(name)
    _known(asked, {manifest.key.get("architecture", "") for _, manifest in kept}, "architecture")
    _known(kinds, {manifest.name for _, manifest in kept}, "kind")
    chosen = [
        (folder, manifest, used)
        for folder, manifest in kept
        if _matches(manifest.key.get("architecture", ""), asked) and _matches(manifest.name, kinds)
        for used in [_used(folder)]
        if used >= least
    ]
    if clear:
        for folder, _, _ in chosen:
            artefacts.remove(folder)
        if not (asked or kinds or least):
            artefacts.sweep()  # what is damaged, or was left half made, is no entry
    if json_:
        common.dump([_entry(*one) for one in chosen])
        return
    size = units.bytes_(sum(manifest.bytes for _, manifest, _ in chosen))
    if clear:
        print(f"{len(chosen)} removed: {size} of {artefacts.root()}")
        return
    if chosen:
        print(tables.aligned(_HEADER, [_row(manifest, used) for _, manifest, used in chosen], right=(4, 5, 6, 7)))
    print(f"{len(chosen)} kept: {size} in {artefacts.root()}, of {units.bytes_(limit)} at most")


def _known(asked: Sequence[str], there: Iterable[str], noun: str) -> None:
    """A name without a wildcard must be kept. Raises UnknownNameError with the nearest names."""
    names = set(there)
    for one in asked:
        if one not in names and not any(mark in one for mark in "*?["):
            message = f"nothing is kept of {noun} {one!r}: {nearest(one, names) if names else 'nothing is kept at all'}"
            raise UnknownNameError(message)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(name == pattern or fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _used(folder: Path) -> float:
    """Seconds since an entry was used last; 0 for one that another process has just removed."""
    from ..artefacts import MANIFEST  # noqa: PLC0415 - as above

    try:
        return max(0.0, time.time() - (folder / MANIFEST).stat().st_mtime)
    except OSError:
        return 0.0


def _age(manifest: Manifest) -> float:
    return max(0.0, time.time() - datetime.fromisoformat(manifest.created).timestamp())


def _row(manifest: Manifest, used: float) -> tuple[str, ...]:
    key = manifest.key
    return (
        manifest.name, key.get("architecture", ""), key.get("precision", units.MISSING), _options(key),
        units.bytes_(manifest.bytes), units.duration(manifest.seconds), units.age(_age(manifest)), units.age(used),
    )  # fmt: skip


def _options(key: dict[str, str]) -> str:
    """What made the network smaller, and the engine's options, which a key holds as Python writes them."""
    found = [f"{name}={value}" for name, value in re.findall(r"\('([^']*)', '([^']*)'\)", key.get("engine_options", ""))]
    return " ".join(filter(None, (key.get("compression", ""), *found)))


def _entry(folder: Path, manifest: Manifest, used: float) -> dict[str, Any]:
    return {
        "name": manifest.name, "key": manifest.key, "bytes": manifest.bytes, "made_s": manifest.seconds,
        "created": manifest.created, "used_s": used, "notes": manifest.notes, "folder": str(folder),
    }  # fmt: skip
