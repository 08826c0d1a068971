"""`vbench run -o s3://…`: a run is journaled on this machine, and put into the store as one object when it is complete.

An object store cannot append, and a run that is interrupted must lose nothing: so the file of this machine comes first, and what
could not be put can be put again, by going on with a run that has nothing left to measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ResultFileError, UsageError, VbenchError
from . import places

if TYPE_CHECKING:
    from pathlib import Path

    from ..core import Record


class Target(NamedTuple):
    """Where a run goes: an object of its own, or a folder, in which it gets its usual name."""

    url: str
    fs: Any
    folder: bool

    def of(self, record: Record) -> str:
        """The address for this run."""
        return f"{self.url}/{record.run.machine.slug}/{record.run.run_id}.jsonl" if self.folder else self.url

    def put(self, path: Path, record: Record) -> str:
        """Put a complete run, once; one that is there already is left alone. The address, or "" of a run that is not complete.

        Raises ResultFileError where it cannot be put: the file of this machine has everything, and the line says how to go on.
        """
        if record.ended != "complete":
            return ""
        url, data = self.of(record), path.read_bytes()
        try:
            with places.told(f"write {url}", url):
                if self.fs.exists(places.key(url)):
                    if self.fs.cat_file(places.key(url)) == data:
                        return url
                    message = f"{url} is another run's: a run file is never written over; name another with -o"
                    raise ResultFileError(message)
                self._create(url, data)
        except VbenchError as error:
            message = f"{error}; the run is complete in {path}: `vbench run --resume {path} -o {self.url}` puts it there"
            raise ResultFileError(message) from None
        return url

    def _create(self, url: str, data: bytes) -> None:
        """One object, and never in the place of another where the store can promise that."""
        try:
            self.fs.pipe_file(places.key(url), data, mode="create")
        except (NotImplementedError, TypeError):
            self.fs.pipe_file(places.key(url), data)


def target(output: str | Path | None, *, again: bool = False) -> Target | None:
    """Where an output goes that is a URL, else None; looked at before anything is measured.

    Raises UsageError where the store cannot be reached, or the object is there: `again` allows that, for a run that goes on.
    """
    url = None if output is None else places.address(output)
    if url is None:
        return None
    fs = places.filesystem(url.partition(":")[0])
    found = Target(url, fs, folder=not url.endswith(".jsonl"))
    bucket = url.split("/")[2]
    with places.told(f"write {url}", url):
        fs.info(places.key(f"{url.partition('://')[0]}://{bucket}"))
        there = not found.folder and not again and fs.exists(places.key(url))
    if there:
        message = f"{url} exists, and a run file is never written over: name another with -o, or a folder"
        raise UsageError(message)
    return found
