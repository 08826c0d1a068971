"""Reference: networks of the catalogue against torchvision, timm and pytorchcv, by params, MACs and outputs for equal weights.

python tests/campaigns/reference.py                      everything that the log does not hold yet
python tests/campaigns/reference.py 'vgg/*'              of that, what matches
python tests/campaigns/reference.py --page docs/reference.md
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import sys
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path

import msgspec
from references import page
from references.compare import Outcome, compare
from references.pairs import PAIRS

from vbench import plugins, sources
from vbench.registry import ARCHITECTURES

PACKAGES = ("torch", "torchvision", "timm", "pytorchcv")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison in the log; it is made again where a version or the network's source is another by now."""

    versions: dict[str, str]
    source: str
    outcome: Outcome


def source(name: str) -> str:
    """A digest of the file of a network, and of what all of them share."""
    file = Path(ARCHITECTURES.source(name).file)
    parts = "".join(sources.digest(part) for part in (file, *sorted(file.parent.glob("_*.py"))))
    return hashlib.sha256(parts.encode()).hexdigest()[:16]


def main() -> int:
    """Compare what was asked for and is not there yet; 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=["*"], help="globs of networks; left out, all")
    parser.add_argument("--out", type=Path, default=Path("reference.jsonl"), metavar="FILE", help="the log")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the table of all that the log holds into this page")
    given = parser.parse_args()
    plugins.load_all()
    versions = {name: version(name) for name in PACKAGES}
    digests = {pair.ours: source(pair.ours) for pair in PAIRS}
    found = {}
    for text in given.out.read_text("utf-8").splitlines() if given.out.exists() else ():
        line = msgspec.json.decode(text, type=Line)
        if (line.versions, line.source) == (versions, digests.get(line.outcome.ours)):
            found[_key(line.outcome)] = line.outcome
    for pair in () if given.page else PAIRS:
        if _key(pair) in found or not any(fnmatchcase(pair.ours, glob) for glob in given.names):
            continue
        outcome = compare(pair)
        found[_key(pair)] = outcome
        with given.out.open("ab") as file:
            file.write(msgspec.json.encode(Line(versions=versions, source=digests[pair.ours], outcome=outcome)) + b"\n")
        said = "equal  " if outcome.equal else "DIFFERS"
        print(said, outcome.ours, outcome.library, outcome.theirs, outcome.error, flush=True)
        gc.collect()
    ordered = [found[_key(pair)] for pair in PAIRS if _key(pair) in found]
    made = page.text(ordered, versions)
    if given.page:
        given.page.write_text(page.replaced(given.page.read_text("utf-8"), made), "utf-8")
    else:
        print(made)
    return 0 if all(outcome.equal for outcome in ordered) else 1


def _key(one: object) -> tuple[str, str, str]:
    return one.ours, one.library, one.theirs  # type: ignore[attr-defined]  # a pair or its outcome


if __name__ == "__main__":
    sys.exit(main())
