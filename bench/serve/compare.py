"""Two runs side by side: what `vbench compare` finds, with a choice of runs above it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ..compare import look as comparisons
from ..compare import plain, text
from ..compare.matching import Side
from ..errors import UsageError, VbenchError
from . import frame, runs
from .files import Refused
from .shelf import newest

if TYPE_CHECKING:
    from ..compare.look import Comparison
    from .files import Found, Listing
    from .shelf import Glance, Shelf

# Runs to choose from; others can be named in the address.
_OFFERED = 200


class Asked(NamedTuple):
    """Two files by name, and networks as names or globs."""

    a: str = ""
    b: str = ""
    metric: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    mix: bool = False


def html(shelf: Shelf, listing: Listing, asked: Asked, query: str) -> str:
    """The page. Without names it is of the newest run and the one before it on its machine, or says that there are not two."""
    offered = list(islice(newest(shelf, listing), _OFFERED))
    asked = _filled(offered, asked)
    blocks: list[text.Table | text.Lines] = []
    message = ""
    if asked.a and asked.b:
        try:
            blocks = text.blocks(_look(shelf, listing, asked))
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is in the two, others can be chosen
            own = isinstance(error, VbenchError)
            message = shelf.said(error if own else f"these two cannot be compared: {type(error).__name__}: {error}")
    else:
        message = "It takes two runs of one machine to compare: choose them above." if offered else "There is no run yet."
    labels = [{"name": one.name, "label": _label(one, glance)} for one, glance in offered]
    known = {one["name"] for one in labels}
    labels += [{"name": name, "label": name} for name in dict.fromkeys((asked.a, asked.b)) if name and name not in known]
    sides = [{"name": "a", "label": "A, before", "chosen": asked.a}, {"name": "b", "label": "B, after", "chosen": asked.b}]
    note = "This is no gate: two runs are of different hours. `vbench gate` compares in pairs."
    return frame.whole(
        "compare.html", "Two runs side by side",
        frame.top("Compare", listing, shelf.refused(listing), data=f"compare.json{query}" if blocks else ""), notes=[note],
        runs=labels, sides=sides, only=", ".join(asked.only), mix=asked.mix, message=message, blocks=blocks,
    )  # fmt: skip


def data(shelf: Shelf, listing: Listing, asked: Asked) -> bytes:
    """What `vbench compare --json` prints. Raises UsageError where there are no two runs."""
    asked = _filled(list(islice(newest(shelf, listing), _OFFERED)), asked)
    if not (asked.a and asked.b):
        message = "name two files: compare.json?a=FILE&b=FILE; runs.json lists them"
        raise UsageError(message)
    return msgspec.json.encode(plain.plain(_look(shelf, listing, asked)))


def _look(shelf: Shelf, listing: Listing, asked: Asked) -> Comparison:
    wanted = comparisons.Asked(metrics=asked.metric, only=asked.only, mix_machines=asked.mix)
    return comparisons.between(_side(shelf, listing, "A", asked.a), _side(shelf, listing, "B", asked.b), wanted)


def _side(shelf: Shelf, listing: Listing, name: str, file: str) -> Side:
    one = listing.find(file)
    record = shelf.record(one)
    if isinstance(record, Refused):
        raise UsageError(record.reason)
    return Side(name, one.name, (record,))


def _filled(offered: list[tuple[Found, Glance]], asked: Asked) -> Asked:
    """With what was left out: the newest run, and before it the one that was before on the same machine."""
    b = asked.b or next((one.name for one, _ in offered if one.name != asked.a), "")
    if asked.a:
        return asked._replace(b=b)
    at = next((index for index, (one, _) in enumerate(offered) if one.name == b), None)
    return asked._replace(a="" if at is None else runs.before(offered, at), b=b)


def _label(one: Found, glance: Glance) -> str:
    parts: list[Any] = [runs.when(glance), glance.machine.slug, f"{glance.measured} of {glance.rows} measured"]
    return ", ".join(part for part in (*parts, runs.short(glance.commit), one.name) if part)
