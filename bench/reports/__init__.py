"""Reports: a summary in words, a page and charts, from result files alone. Neither torch nor any plugin is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnknownNameError, UsageError, nearest
from . import markdown
from .markdown import FORMATS
from .rows import check_machines, choose_protocols, rows

__all__ = ["FORMATS", "choose_protocols", "make", "readme_table", "rows"]

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ..core import Record
    from ..groups import Group


def make(  # noqa: PLR0913 - each is an option of the command line
    records: Sequence[Record],
    out: Path,
    *,
    protocol: str | None = None,
    mix_machines: bool = False,
    groups: Iterable[Group] = (),
    only: Iterable[str] = (),
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Write `summary.md`, the page `report.html` and each chart in these formats into `out`; return the files, the summary first.

    `protocol` names the accuracy protocol of charts and table; left out, it is of each metric the one that most rows have.
    Of `groups` those are compared of which the records hold every member. `only` names the charts that are wanted, all if left
    out. Raises NothingSelectedError when the records hold no case, UnknownNameError for a chart or a protocol that there is not,
    UsageError when the records are of several machines and `mix_machines` is not set, for an unknown format, or when `out`
    cannot be written.
    """
    if strange := [name for name in formats if name not in FORMATS]:
        message = f"unknown format {strange[0]!r}: {nearest(strange[0], FORMATS)}"
        raise UnknownNameError(message)
    given = list(groups)
    found = rows(records)
    check_machines(found, mix=mix_machines)
    chosen = choose_protocols(found, protocol)
    from . import charts, page  # matplotlib takes a second, which a refusal need not wait for  # noqa: PLC0415

    drawings = charts.draw(found, chosen, given, only)
    summary, web = out / "summary.md", out / page.NAME
    try:
        out.mkdir(parents=True, exist_ok=True)
        summary.write_text(markdown.summary(records, drawings, chosen, given, formats), encoding="utf-8")
        web.write_text(page.make(records, found, chosen, drawings, mix=mix_machines), encoding="utf-8")
        return [summary, web, *charts.write(drawings, out, formats)]
    except OSError as error:
        message = f"cannot write the report to {out}: {error.strerror}; name another folder with -o DIR"
        raise UsageError(message) from None


def readme_table(records: Sequence[Record], *, protocol: str | None = None) -> str:
    """The table of `summary.md` as markdown, for a README. Raises NothingSelectedError when the records hold no case."""
    return markdown.table(records, choose_protocols(rows(records), protocol))
