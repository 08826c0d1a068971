"""What `vbench list` prints of groups: all of them as a table, and one with its members and its ratios."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from .. import contrasts, tables, units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..core import Architecture
    from ..groups import Group


def table(groups: Mapping[str, Group]) -> str:
    """Every group: its name, topic, how many members it has, and what it is about."""
    rows = [(name, group.topic, str(len(group.members)), group.title) for name, group in groups.items()]
    return tables.aligned(("group", "topic", "members", "title"), rows, right=(2,))


def entry(name: str, group: Group) -> dict[str, Any]:
    """A group as JSON, as it is written."""
    import msgspec  # noqa: PLC0415 - only for --json

    return {"name": name, **msgspec.to_builtins(group)}


def ratios(group: Group) -> list[dict[str, Any]]:
    """Each ratio of the group with what is counted now beside what is stated."""
    import msgspec  # noqa: PLC0415 - only where there are groups

    found = contrasts.counted(group.ratios, _count)
    return [{**msgspec.to_builtins(r), "counted": value} for r, value in zip(group.ratios, found, strict=True)]


def _count(architecture: Architecture) -> object:
    from ..counting import count  # noqa: PLC0415 - loads torch

    return count(architecture.build, architecture.input, second=False)


def text(name: str, group: Group) -> list[str]:
    """What stands above the members: the name, the title, and the sentence."""
    return [f"{name}: {group.title}", *textwrap.wrap(group.prose, 100, initial_indent="  ", subsequent_indent="  "), ""]


def ratio_table(group: Group) -> list[str]:
    """What stands below the members: each ratio as it is counted and as it is stated."""
    if not group.ratios:
        return []
    header = ("ratio", "of", "to", "counted", "stated", "by")
    rows = []
    for ratio, found in zip(group.ratios, ratios(group), strict=True):
        value = found["counted"]
        shown = units.MISSING if value is None else f"{value:.4g}"
        rows.append((ratio.metric, ratio.of, ratio.to, shown, ratio.claim or units.MISSING, ratio.source))
    return ["", tables.aligned(header, rows, right=(3, 4))]
