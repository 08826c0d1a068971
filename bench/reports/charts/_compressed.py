"""What was made smaller: each network with its compressed forms, by criterion and strength, and whether a criterion beats chance.

Chance is the criterion `random`, which ranks nothing: what it leaves at the same ratio and of as many multiply-accumulates is
what any other has to be better than.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import layers
from ..rows import axis_text, latest, machines
from . import _conditions as conditions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..rows import Row

PLAIN = "none"
CONTROL = "random"
_LEAST = 2  # forms of a network that make a trade-off
_SAME_COST = 0.05  # relative: forms whose MACs differ more are not at the same cost


class Quality(NamedTuple):
    """How good a form is: its measured top-1 in one protocol, since accuracies of different ones do not compare."""

    protocol: str

    def of(self, row: Row) -> float | None:
        """The top-1 of a row in percent; None where it was not measured in this protocol."""
        values = row.result.values
        measured = values.get("accuracy_kind") == "measured" and values.get("accuracy_protocol") == self.protocol
        return row.value("top1") if measured else None

    def ends(self, row: Row) -> tuple[float | None, float | None]:
        """The ends of its interval."""
        return (None, None) if self.of(row) is None else (row.value("top1_low"), row.value("top1_high"))


class Form(NamedTuple):
    """A compressed row: what ranked or coded (`l1-filter`, `magnitude + codebook`), how much (`0.5`, `0.9 + 5`)."""

    row: Row
    criterion: str
    strength: str


class Network(NamedTuple):
    """A network as it is, where it was measured so, and its forms, all under the same conditions."""

    name: str
    whole: Row | None
    forms: list[Form]

    @property
    def rows(self) -> list[Row]:
        """All of its rows."""
        return [*([] if self.whole is None else [self.whole]), *(form.row for form in self.forms)]


def told(compression: str) -> tuple[str, str]:
    """Criterion and strength of a compression as it is written: `taylor:0.3:global` is taylor global at 0.3."""
    criteria, strengths = [], []
    for step in compression.split("+"):
        name, *words = step.split(":")
        number = next((word for word in words if _is_number(word)), "")
        criteria.append(" ".join([name, *(word for word in words if word != number)]))
        strengths.append(number)
    return " + ".join(criteria), " + ".join(filter(None, strengths))


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def networks(rows: Iterable[Row]) -> list[Network]:
    """Each network that has compressed forms, under the conditions that most of them were measured at.

    Those of which a single layer was made smaller are no forms but questions: see `reports.layers`.
    """
    able = [row for row in latest(rows) if row.result.status == "ok" and layers.alone(row.case.compression) is None]
    by_network: dict[tuple[str, str, str, str], list[Row]] = {}
    for row in able:
        # A form that was trained has weights of its own, and stands beside those that it was trained from.
        weights = row.run.tuned.get(row.case.weights, row.case.weights)
        key = (row.case.architecture, axis_text(row.case, "input_shape"), weights, row.run.machine.fingerprint)
        by_network.setdefault(key, []).append(row)
    numbers = {machine.fingerprint: f"[{number}]" for number, machine in enumerate(machines(able), 1)}
    found = []
    for key, own in by_network.items():
        chosen, _ = conditions.main(own, count=lambda part: sum(row.case.compression != PLAIN for row in part))
        forms = [Form(row, *told(row.case.compression)) for row in chosen if row.case.compression != PLAIN]
        whole = next((row for row in chosen if row.case.compression == PLAIN), None)
        if forms:
            twins = [other for other in by_network if other[0] == key[0]]
            tail = [key[place] for place in (1, 2) if len({other[place] for other in twins}) > 1]
            tail += [numbers[key[3]]] if len(numbers) > 1 else []
            found.append(Network(" ".join([key[0], *tail]), whole, forms))
    return found


def quality(network: Network) -> Quality | None:
    """What its forms are judged by: the protocol that most of them were evaluated in; None where too few were."""
    protocols = [str(form.row.result.values.get("accuracy_protocol", "")) for form in network.forms]
    found = [Quality(protocol) for protocol in dict.fromkeys(protocols)]
    counted = [sum(of.of(form.row) is not None for form in network.forms) for of in found]
    most = max(counted, default=0)
    return found[counted.index(most)] if most >= _LEAST else None


def lines(network: Network) -> dict[str, list[Form]]:
    """Its forms by criterion, chance first, each from the weakest to the strongest."""
    found: dict[str, list[Form]] = {}
    for form in network.forms:
        found.setdefault(form.criterion, []).append(form)
    for own in found.values():
        own.sort(key=lambda form: [float(part) for part in form.strength.split(" + ") if part])
    return dict(sorted(found.items(), key=lambda item: (item[0] != control(item[0]), item[0])))


def verdicts(network: Network, of: Quality) -> list[str]:
    """For each criterion in words whether it is better than chance, and at which ratios; where that cannot be said, why."""
    by_criterion = lines(network)
    chance = {
        (criterion, form.strength): form
        for criterion, own in by_criterion.items()
        if criterion == control(criterion)
        for form in own
        if of.of(form.row) is not None
    }
    said = []
    for criterion, own in by_criterion.items():
        places: dict[str, list[str]] = {}
        for form in own:
            other = chance.get((control(criterion), form.strength))
            if criterion != control(criterion) and other is not None and _alike(form.row, other.row):
                places.setdefault(_against(form.row, other.row, of), []).append(form.strength)
        said += [f"{criterion} {word} at {', '.join(at)}" for word, at in sorted(places.items()) if word]
    if not chance:
        return ["No random ranking was measured, so no criterion is shown to be better than chance (--compress random:0.5)."]
    return [f"Against random at the same ratio and MACs: {'; '.join(said)}."] if said else []


def control(criterion: str) -> str:
    """What a criterion must beat: random ranking, with whatever was done behind it, such as training."""
    return " + ".join([CONTROL, *criterion.split(" + ")[1:]])


def _alike(first: Row, second: Row) -> bool:
    one, other = first.value("macs"), second.value("macs")
    return bool(one and other and abs(one / other - 1) <= _SAME_COST)


def _against(own: Row, chance: Row, of: Quality) -> str:
    """Above, below, or not told apart; by intervals where both have one, and else that there is none."""
    value, other = of.of(own), of.of(chance)
    if value is None or other is None:
        return ""
    (low, high), (least, most) = of.ends(own), of.ends(chance)
    if low is None or high is None or least is None or most is None:
        return "is equal" if value == other else f"has the {'higher' if value > other else 'lower'} value (no interval)"
    return "is better" if low > most else "is worse" if high < least else "is not told apart"


def strengths(forms: Sequence[Form]) -> list[str]:
    """The different strengths, from the weakest on."""
    return sorted({form.strength for form in forms}, key=lambda text: [float(part) for part in text.split(" + ") if part])
