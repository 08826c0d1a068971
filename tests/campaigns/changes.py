"""How often `vbench history` is wrong and what it finds: simulated, since in a real history nobody knows what changed.

python tests/campaigns/changes.py -o FILE [--share 0.1]
python tests/campaigns/changes.py --analyse FILE

Values are log-normal about a level, as medians of processes are. `ar 0.3` is noise of which neighbours have that correlation,
`spikes` independent noise with one run in fifty 20 % slower. What a file answers already is not
simulated again, so that it can be stopped and gone on with.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from campaign import chance, markdown

from vbench import changepoints, levels, scan, units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Values = NDArray[np.float64]

NOISE = {"independent": 0.0, "ar 0.3": 0.3, "ar 0.6": 0.6, "spikes": 0.0}
MANY = 60
# A change that is found so near is found.
NEAR = 3
STEPS, SPREADS, AFTER = (0.02, 0.03, 0.05, 0.10), (0.01, 0.02, 0.03), (3, 4, 5, 6, 8, 10, 15, 20)


def noise(kind: str, n: int, spread: float, source: np.random.Generator) -> Values:
    """A history in which nothing changes."""
    steps = source.standard_normal(n + 50)
    rho = NOISE[kind]
    if rho:
        for index in range(1, len(steps)):
            steps[index] = rho * steps[index - 1] + math.sqrt(1 - rho**2) * steps[index]
    values = np.exp(spread * steps[50:])
    if kind == "spikes":
        values[source.random(n) < 1 / 50] *= 1.2
    return np.asarray(values, dtype=float)


def _source(**question: Any) -> np.random.Generator:
    """The chance of a question: the same whenever it is asked."""
    return np.random.default_rng(list(json.dumps(question).encode()))


def _changes(values: Values, others: int = 0) -> tuple[scan.Change, ...]:
    """The changes of a series among others that are constant, for which chance is asked once."""
    quiet = dict.fromkeys(map(str, range(others)), np.ones(len(values)))
    return scan.scan({"one": values} | quiet)["one"].changes


def _stepped(places: tuple[int, ...], n: int, step: float, spread: float, source: np.random.Generator) -> Values:
    values = noise("independent", n, spread, source)
    for index, place in enumerate(places):
        values[place:] *= 1 + step if index % 2 == 0 else 1 / (1 + step)
    return values


def alarm(runs: int, **question: Any) -> dict[str, Any]:
    """Series in which nothing changes: in how many scans of so many a change is named."""
    source, false = _source(**question), 0
    for _ in range(runs):
        found = scan.scan({str(i): noise(question["noise"], question["points"], 0.03, source) for i in range(question["series"])})
        false += any(one.changes for one in found.values())
    return {"false": false}


def step(runs: int, **question: Any) -> dict[str, Any]:
    """A step after some runs, among so many series: how often it is found, and how far off."""
    source, place = _source(**question), question["before"]
    found, inside, away = 0, 0, []
    for _ in range(runs):
        values = _stepped((place,), place + question["after"], question["step"], question["noise"], source)
        changes = _changes(values, question["series"] - 1)
        near = [change for change in changes if abs(change.place - place) <= NEAR]
        found += bool(near)
        inside += any(change.first <= place <= change.last for change in near)
        away += [abs(change.place - place) for change in near[:1]]
    return {"found": found, "inside": inside, "away": [away.count(distance) for distance in range(NEAR + 1)]}


def undone(runs: int, **question: Any) -> dict[str, Any]:
    """A step of 5 % that is undone again, in 120 runs: how often both ends are found."""
    source, places, found = _source(**question), (50, 50 + question["length"]), 0
    for _ in range(runs):
        changes = _changes(_stepped(places, 120, 0.05, question["noise"], source), question["series"] - 1)
        found += all(any(abs(change.place - place) <= NEAR for change in changes) for place in places)
    return {"found": found}


def _every(**axes: Sequence[Any]) -> list[dict[str, Any]]:
    return [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]


# What is asked, in how many runs, and how it is answered.
PARTS: dict[str, tuple[list[dict[str, Any]], int, Callable[..., dict[str, Any]]]] = {
    "alarms": (_every(series=[1], noise=list(NOISE), points=[20, 30, 60, 120, 250]), 4000, alarm),
    "scans": (_every(series=[MANY], noise=list(NOISE), points=[60]), 400, alarm),
    "steps": (_every(step=STEPS, noise=SPREADS, before=[40], after=[20], series=[1, MANY]), 400, step),
    "delay": (_every(step=[0.05, 0.10], noise=[0.01, 0.02], before=[60], after=AFTER, series=[1, MANY]), 400, step),
    "undone": (_every(noise=[0.01, 0.02], length=[6, 10, 15, 20, 30], series=[1, MANY]), 400, undone),
}


def rule() -> dict[str, Any]:
    """What the numbers belong to: where it changes, they have to be simulated again."""
    constants = {"block": changepoints.BLOCK, "window": changepoints.WINDOW, "errors": levels.ERRORS, "doubt": levels.DOUBT}
    return msgspec.to_builtins(scan.Rule()) | constants | {"points": levels.LEAST}


def simulate(path: Path, share: float) -> None:
    """Answer what the file does not answer yet, one question at a time; `share` of the runs."""
    held = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if held.get("rule") != rule():
        held = {"rule": rule(), "answers": []}
    known = [answer["question"] for answer in held["answers"]]
    for part, (questions, runs, answer) in PARTS.items():
        for question in ({"part": part} | question for question in questions):
            if question in known:
                continue
            many = max(1, round(share * runs))
            found = answer(many, **{name: value for name, value in question.items() if name != "part"})
            held["answers"].append({"question": question, "runs": many, **found})
            lines = ",\n".join(json.dumps(line) for line in held["answers"])
            path.write_text(f'{{"rule": {json.dumps(held["rule"])}, "answers": [\n{lines}\n]}}\n', "utf-8")


def report(held: dict[str, Any]) -> str:
    """The tables, with 95 % intervals (Wilson) of the shares of false ones."""
    by = {json.dumps(answer["question"]): answer for answer in held["answers"]}

    def answered(part: str, **question: Any) -> dict[str, Any]:
        return dict(by[json.dumps({"part": part} | question)])

    def false(part: str, series: int, kind: str, points: int) -> str:
        found = answered(part, series=series, noise=kind, points=points)
        low, high = chance.wilson(found["false"], found["runs"])
        return f"{100 * found['false'] / found['runs']:.2f} % ({100 * low:.1f} to {100 * high:.1f})"

    def share(part: str, **question: Any) -> str:
        found = answered(part, **question)
        return markdown.percent(found["found"] / found["runs"], 0)

    lengths = [20, 30, 60, 120, 250]
    header = ("noise of 3 %", *(f"{n} runs" for n in lengths), f"any of {MANY} series of 60 runs")
    rows = [[kind, *(false("alarms", 1, kind, n) for n in lengths), false("scans", MANY, kind, 60)] for kind in NOISE]
    told = ["A change is named where there is none:\n\n" + markdown.table(header, rows)]
    header = ("step", "noise", "alone", f"among {MANY}", "place exact", "off by 1", "by 2 or 3", "place within what is shaded")
    rows = []
    for size, noise_ in itertools.product(STEPS, SPREADS):
        question = {"step": size, "noise": noise_, "before": 40, "after": 20}
        alone = answered("steps", **question, series=1)
        places = [count / alone["found"] if alone["found"] else None for count in (*alone["away"][:2], sum(alone["away"][2:]))]
        inside = alone["inside"] / alone["found"] if alone["found"] else None
        shares = [share("steps", **question, series=series) for series in (1, MANY)]
        places_ = [markdown.percent(place, 0) for place in (*places, inside)]
        rows.append([units.percent(size, 0), units.percent(noise_, 0), *shares, *places_])
    told.append("A step after 40 of 60 runs is found, within three runs of its place:\n\n" + markdown.table(header, rows))
    header = ("step", "noise", "series", *(f"{after} runs" for after in AFTER))
    rows = [
        [units.percent(size, 0), units.percent(noise_, 0), str(series),
         *(share("delay", step=size, noise=noise_, before=60, after=after, series=series) for after in AFTER)]
        for size, noise_, series in itertools.product([0.05, 0.10], [0.01, 0.02], [1, MANY])
    ]  # fmt: skip
    told.append("A step after 60 runs is found so many runs later:\n\n" + markdown.table(header, rows))
    lengths = [6, 10, 15, 20, 30]
    header = ("noise", "series", *(f"{length} runs" for length in lengths))
    rows = [
        [units.percent(noise_, 0), str(series), *(share("undone", noise=noise_, length=n, series=series) for n in lengths)]
        for noise_, series in itertools.product([0.01, 0.02], [1, MANY])
    ]
    told.append(
        "A step of 5 % that is undone after so many runs, of 120, is found at both ends:\n\n" + markdown.table(header, rows)
    )
    return "\n\n".join(told)


def main() -> None:
    """Simulate, or print the tables of a file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="of the runs of every question")
    parser.add_argument("--analyse", type=Path)
    given = parser.parse_args()
    if given.output is not None:
        simulate(given.output, given.share)
    path = given.analyse or given.output
    if path is not None:
        sys.stdout.write(report(json.loads(path.read_text("utf-8"))) + "\n")


if __name__ == "__main__":
    main()
