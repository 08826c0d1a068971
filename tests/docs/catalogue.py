"""The page of all architectures, made from what each declares and from what its file says: nothing here is typed twice."""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from typing import TYPE_CHECKING

import torch

import vbench.architectures
from vbench import units
from vbench.counting import last_map, traced
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from fractions import Fraction

    from vbench.core import Accuracy, Architecture, Paper

HEADER = ("architecture", "input", "params", "MACs", "field", "stride", "topic", "paper", "published accuracy")
NUMBERS = (2, 3, 4, 5)


def page(table: Callable[[Sequence[str], Sequence[Sequence[str]], Sequence[int]], str]) -> str:
    """Every family with its files' own words, its papers, its networks, and where those depart from the papers."""
    torch.set_num_threads(1)  # other pages are forked off afterwards, and would wait for threads of OpenMP for ever
    load_all()
    own = [item for item in ARCHITECTURES if item.source.value.startswith(vbench.architectures.__name__)]
    families: dict[str, list[Architecture]] = {}
    for item in sorted(own, key=lambda item: item.family):
        families.setdefault(item.family, []).append(item)
    homes = _homes(own)
    blocks = sum(item.task == "block" for item in own)
    parts = [f"{len(own) - blocks} networks, and {blocks} blocks that networks are made of, in {len(families)} families.\n"]
    for family, items in families.items():
        words = [inspect.cleandoc(sys.modules[name].__doc__ or "") for name, home in homes.items() if home == family]
        parts += [f"## {family}\n", *(f"{text}\n" for text in words), _papers(items)]
        parts.append(table(HEADER, [_row(item) for item in items], NUMBERS))
        departures = _departures(items)
        if departures:
            parts.append(f"Where they depart from the paper:\n\n{departures}")
    return "\n".join(parts)


def _homes(items: Iterable[Architecture]) -> dict[str, str]:
    """The family under which a file's words stand: the one that most of its networks belong to."""
    counts: dict[str, Counter[str]] = {}
    for item in items:
        counts.setdefault(item.source.value, Counter())[item.family] += 1
    return {module: count.most_common(1)[0][0] for module, count in counts.items()}


def _row(item: Architecture) -> tuple[str, ...]:
    return (
        f"`{item.name}`",
        "x".join(map(str, item.input)),
        units.MISSING if item.params is None else f"{item.params:,}",
        units.MISSING if item.macs is None else f"{item.macs:,}",
        *_geometry(item),
        item.topic,
        units.MISSING if item.paper is None else _short(item.paper),
        _accuracy(item.accuracy[0]) if item.accuracy else units.MISSING,
    )


def _geometry(item: Architecture) -> tuple[str, str]:
    """Receptive field and stride of the last map, counted now; a dash where none has a place in the picture."""
    _, graph, _ = traced(item.build, item.input)
    found = last_map(graph)
    return (units.MISSING,) * 2 if found is None else (_by(found.size), _by(found.stride))


def _by(pair: tuple[Fraction, Fraction]) -> str:
    height, width = (f"{float(number):g}" for number in pair)
    return height if height == width else f"{height}x{width}"


def _accuracy(first: Accuracy) -> str:
    """The first accuracy that is declared, which is the row's everywhere."""
    if first.headline is None:
        return units.MISSING
    metric, value = first.headline
    return f"{units.percent(value / 100, 2)} {units.metric(metric)} ({first.protocol}; {first.recipe})"


def _short(paper: Paper) -> str:
    names = paper.authors.split(", ")
    who = {1: names[0], 2: " and ".join(names)}.get(len(names), f"{names[0]} et al.")
    return f"{who} {paper.year}"


def _papers(items: Iterable[Architecture]) -> str:
    papers = dict.fromkeys(item.paper for item in items if item.paper is not None)
    lines = [f"- {_short(paper)}: {f'[{paper.title}]({paper.link})' if paper.link else paper.title}\n" for paper in papers]
    return "".join(lines)


def _departures(items: Iterable[Architecture]) -> str:
    said: dict[str, list[str]] = {}
    for item in items:
        if item.deviation:
            said.setdefault(item.deviation, []).append(f"`{item.name}`")
    return "".join(f"- {', '.join(names)}: {text}\n" for text, names in said.items())
