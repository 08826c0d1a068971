"""Text of a file as markdown shows it unchanged: whatever comes from a result file goes through these."""

from __future__ import annotations

import re

# What would be markup: an underscore only at the edge of a word, a bracket only where it would make a link.
_MARKUP = re.compile(r"[\\`*|~]|(?<![^\W_])_|_(?![^\W_])|\](?=[(\[:])")


def escape(given: object) -> str:
    """Text as markdown shows it unchanged, on one line and in one cell of a table."""
    line = " ".join(str(given).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(lambda found: f"\\{found[0]}", line)


def code(given: object) -> str:
    """Text as a code span, fenced by more backticks than it holds in a row."""
    line = " ".join(str(given).split())
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"
