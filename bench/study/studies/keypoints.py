"""Keypoints: five heads on one trunk, and what the lecture says of each, on drawn figures whose joints are known.

All heads see the same pictures of one person each, some of whose joints are covered or out of the frame. Each is then shown what
it was not trained on: two people, and people of other sizes. A second training of each has people in the left half only.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...registry import ARCHITECTURES
from ..base import Study
from ..parts import Arm, Budget, Measure, Recipe
from . import _keypoint_contrasts as _contrasts
from ._keypoint_contrasts import HEADS, INPUTS, SIDE, STRIDES, arm_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from ...reports.charts._points import Drawing
    from ..joining import Costs
    from ..log import Log
    from ..training import Data, Split
    from ._scenes import Source

SIZES = {"half": 0.5, "smaller": 0.71, "same": 1.0, "larger": 1.41, "double": 2.0}
"""How tall people are in tests of scale, against those of training."""
CELLS = {arm_name(head, stride): SIDE // stride for head in ("heatmap", "integral") for stride in STRIDES}
"""How many cells a side of the map of each of these arms has."""
SHOWN = {  # test: its title in the chart of examples, and what follows the head in the names of the arms that are asked
    "alone": ("one person", ""),
    "right": ("right half, trained\nin the left half", "-left"),
    "two": ("two people, trained\non one", ""),
    "covered": ("one joint covered", ""),
    "double": ("twice the size\nof training", ""),
}

# Numbers that keep what is drawn for one purpose apart from what is drawn for another.
_TRAIN, _LEFT, _TEST, _PURPOSES = 1, 2, 3, 100


def _px(name: str, title: str) -> Measure:
    return Measure(name=name, title=title, unit="px", better="lower", digits=2)


def _share(name: str, title: str, *, lower: bool = False) -> Measure:
    return Measure(name=name, title=title, unit="%", better="lower" if lower else "higher", digits=0)


def _arms() -> tuple[Arm, ...]:
    sizes, left = [name for name in CELLS if name not in HEADS], {"asked": "halves", "people": "left"}
    return (
        *(Arm(name=head, architecture=f"small/pose-{head}", options={"asked": "all"}) for head in HEADS),
        *(Arm(name=name, architecture=f"small/pose-{name}", options={"asked": "size"}) for name in sizes),
        *(Arm(name=f"{head}-left", architecture=f"small/pose-{head}", options=left) for head in HEADS),
    )


class Keypoints(Study):
    """The study of five heads for keypoints."""

    name = "keypoints"
    title = "Heads for keypoints, on figures whose joints are known"
    own = "stick figures of seven joints, drawn on the spot"
    measures = (
        _px("error", "error"),
        _px("median", "median error"),
        _px("median_cell", "median error of the highest cell"),
        _px("median_taylor", "median error of the bell's top"),
        _share("correct", "joints within a tenth of the person"),
        _px("left", "error in the left half"),
        _px("right", "error in the right half"),
        _share("found", "joints of two people found"),
        _share("between", "joints put between two people", lower=True),
        _share("mixed", "pictures with two people in one", lower=True),
        _share("told_covered", "covered joints told from seen ones"),
        Measure(name="threshold", title="the confidence that tells them best", unit="", better="none", digits=2),
        _share("told_cut", "joints out of the frame told from seen ones"),
        _px("hidden", "distance to a covered joint"),
        *(_share(f"found_{size}", f"joints found at {scale:g}x the size") for size, scale in SIZES.items()),
        *(
            _share(f"scales_{size}", f"joints found at {scale:g}x the size, averaged over scales")
            for size, scale in SIZES.items()
        ),
    )
    arms = _arms()
    contrasts = _contrasts.every()
    budgets: ClassVar = {
        "tiny": Budget(name="tiny", seeds=2, images=256, tests=64, epochs=1, batch=32),
        "default": Budget(name="default", seeds=3, images=5120, tests=512, epochs=3, batch=32),
        "larger": Budget(name="larger", seeds=5, images=16384, tests=1024, epochs=4, batch=32),
    }
    recipe = Recipe(optimizer="adamw", rate=8e-3, decay=1e-4, warmup=0.1)
    sources = ("coco",)
    columns = ("error", "median", "correct", "left", "right", "found", "between", "told_covered")

    def data(self, seed: int, budget: Budget, source: str) -> Data:
        """Draw all pictures of a seed; those of each scene from a seed of their own."""
        from ..training import Data as Made  # noqa: PLC0415 - imports torch
        from ..training import Split as Pictures  # noqa: PLC0415 - as above
        from ._scenes import Scene, drawn  # noqa: PLC0415 - as above

        own = _source(source, budget.images + budget.tests)

        def made(purpose: int, scene: Scene, count: int) -> Split:
            return drawn(own, scene, count, seed * _PURPOSES + purpose, testing=purpose >= _TEST)

        fewer = max(1, budget.tests // 4)
        scenes = {
            "alone": (Scene(), budget.tests), "left": (Scene(left=True), budget.tests), "two": (Scene(people=2), budget.tests),
            "covered": (Scene(covered=1.0), budget.tests), "cut": (Scene(cut=1.0), budget.tests),
            **{size: (Scene(scale=scale), fewer) for size, scale in SIZES.items()},
        }  # fmt: skip
        tests = {name: made(_TEST + number, *scene) for number, (name, scene) in enumerate(scenes.items())}
        # The same pictures, moved by half a picture: what leaves it on one side comes back on the other.
        pictures, people = tests["left"]
        away = people.clone()
        away[..., 0] += SIDE / 2
        tests["right"] = Pictures(pictures[:, :1].roll(SIDE // 2, 3).expand_as(pictures) if own.channels == 1
                                  else pictures.roll(SIDE // 2, 3), away)  # fmt: skip
        disturbed = Scene(covered=0.3, stray=0.3, cut=0.15)
        tests["left only"] = made(_LEFT, disturbed._replace(left=True, cut=0.0), budget.images)
        return Made(made(_TRAIN, disturbed, budget.images), tests, {"limbs": own.limbs})

    def chosen(self, arm: Arm, data: Data) -> Data:
        """Arms that ask about the halves are trained on people in the left one."""
        return data._replace(train=data.tests["left only"]) if arm.options.get("people") == "left" else data

    def network(self, arm: Arm, data: Data) -> nn.Module:
        """The head for as many joints as people have here, following their limbs where it follows any."""
        net: Any = ARCHITECTURES.get(arm.architecture).build(classes=data.train.targets.shape[2])
        if hasattr(net, "limbs"):
            net.limbs = data.about["limbs"]
        # Each head has a loss of its own, whose numbers are not those of others.
        self._losses: dict[str, Callable[[Any, Tensor], Tensor]] = {arm.name: net.loss}
        found: nn.Module = net
        return found

    def loss(self, arm: Arm, output: Any, target: Tensor) -> Tensor:
        """The head's own."""
        return self._losses[arm.name](output, target)

    def evaluate(self, arm: Arm, net: nn.Module, data: Data) -> dict[str, float]:
        """What the arm is asked: all there is, the error alone, or the error in either half."""
        from . import _asked as asked  # noqa: PLC0415 - imports torch

        if arm.options["asked"] == "halves":
            return asked.halves(net, data.tests)
        exact = asked.exact(net, data.tests["alone"])
        if arm.options["asked"] == "size":
            return exact
        return exact | asked.people(net, data.tests) | asked.sizes(net, data.tests, SIZES, INPUTS)

    def finished(self, log: Log) -> None:
        """Let the heads of the first seed answer a few pictures."""
        from . import _examples as examples  # noqa: PLC0415 - as above

        if any(trial.weights for trial in log.trials.values()):
            examples.write(self, log, SHOWN)

    def drawings(self, log: Log, costs: Costs | None = None) -> Sequence[Drawing]:
        """Error against map, left against right, other sizes, and the examples where they were made."""
        del costs
        from . import _examples as examples  # noqa: PLC0415 - as above
        from . import _keypoint_charts as charts  # matplotlib takes a second  # noqa: PLC0415

        return charts.draw(self, log, CELLS, SIZES, examples.read(log.folder))


@lru_cache(maxsize=1)
def _source(source: str, most: int) -> Source:
    """Drawn figures, or people cut out of photographs, which are read once."""
    from ._cutouts import CutOuts  # noqa: PLC0415 - imports torch
    from ._figures import Figures  # noqa: PLC0415 - as above

    return CutOuts(Path(source.partition(":")[2]), most) if source else Figures()


STUDY = Keypoints()
