"""Bring everything that the docs show up to date: `python tests/docs/regenerate.py [--check] [PAGE ...]`.

Without `--check` the pages are rewritten; with it the differences are printed, and the exit code is 1 where there are any.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path

import committed
import generated
import pages

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = ROOT / "docs" / "claims-chapter.html"


def main() -> int:
    """Refresh the pages that are named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, print what differs")
    parser.add_argument("pages", nargs="*", type=Path, help="pages; left out, README.md and all of docs/")
    given = parser.parse_args()
    differing = 0
    for path in given.pages or [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), CHAPTER]:
        old = path.read_text("utf-8")
        try:
            new = committed.page() if path.name == CHAPTER.name else generated.refresh(pages.refresh(old, path.name))
        except pages.PageError as error:
            sys.stdout.write(f"{error}\n")
            differing += 1
            continue
        if new == old:
            continue
        differing += 1
        if given.check:
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), path.name, f"{path.name}, made again", lineterm="")
            sys.stdout.write("\n".join(lines) + "\n")
        else:
            path.write_text(new, "utf-8")
            sys.stdout.write(f"{path.name}: rewritten\n")
    return 1 if differing and given.check else 0


if __name__ == "__main__":
    sys.exit(main())
