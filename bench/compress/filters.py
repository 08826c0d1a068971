"""Structured pruning: channels are taken out with all that makes and reads them, by what each criterion says of them."""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from ..compression import NOISE, PICTURES, Option
from ..registry import compressor

if TYPE_CHECKING:
    import torch
    from torch import nn

    from ..interfaces import Work
    from ._choice import Group
    from ._follow import Followed
    from ._scores import Scores
    from ._surgery import Cut

_RATIO = Option("ratio", "share of each layer's channels that goes, rounded down")
_GLOBAL = Option("global", "rank the channels of all layers together", "flag")
_ROUND = Option("round", "leave each layer a multiple of so many channels", "whole", 1, low=1, high=1024)
_STEPS = Option(
    "steps", "go in so many steps, ranking anew after each; --finetune then trains after each", "whole", 1, low=1, high=64
)
_ONLY = Option("only", "take channels of this layer alone, and of those that share them", "text", "")
# Weights from a file leave the run no seed of its own, and a control is worth little in a single draw.
_SEED = Option("seed", "which draw: added to the seed of random weights", "whole", 0, low=0, high=2**31)
_PICTURES = Option("pictures", "how many pictures are looked at", "whole", 16, low=1, high=4096)
_DATA = Option(
    "data", "which pictures are looked at: those of the run, or smooth seeded noise", "word", PICTURES, words=(PICTURES, NOISE)
)
# Of the largest of the outputs: what sums in another order make of fp32.
TOLERANCE = 1e-5


class Look(NamedTuple):
    """What a criterion looks at."""

    module: nn.Module
    followed: Followed
    groups: list[Group]
    work: Work
    options: dict[str, Any]

    def pictures(self) -> torch.Tensor:
        """As many as were asked for."""
        found: torch.Tensor = self.work.pictures(self.options["pictures"])
        return found


class _Ranked(NamedTuple):
    """What goes in one step, with what was followed to find it; where nothing does, why, and whether it was tried in vain."""

    plan: Cut | None
    followed: Followed
    groups: list[Group]
    problem: str = ""
    failed: bool = False


class _Pruning(abc.ABC):
    """What the criteria share: all of it but the scores."""

    description: ClassVar[str]
    needs: ClassVar[str] = ""
    kept: ClassVar[bool] = True
    options: ClassVar[tuple[Option, ...]] = (_RATIO, _GLOBAL, _ROUND, _STEPS, _ONLY)

    def version(self) -> str:
        """PyTorch is all it takes."""
        import torch  # noqa: PLC0415 - what can be written is known without it

        return str(torch.__version__)

    @abc.abstractmethod
    def scores(self, look: Look) -> Scores:
        """How much each channel matters."""

    def apply(self, module: nn.Module, work: Work, **options: Any) -> nn.Module:
        """Take out the channels that score least. Raises ValueError where none can go, or the network does not run without."""
        import msgspec  # noqa: PLC0415 - what can be written is known without it

        from . import _surgery  # noqa: PLC0415 - imports torch

        kept = work.keep(lambda: msgspec.json.encode(self.plan(module, work, options)))
        plan = msgspec.json.decode(kept, type=_surgery.Cut)
        work.add("removed_channels", plan.removed)
        work.same(lambda network: _surgery.zeroed(network, plan), tolerance=TOLERANCE)
        return _surgery.remove(module, plan)

    def part(self, module: nn.Module, work: Work, number: int, whole: nn.Module, **options: Any) -> nn.Module:
        """Do one of the `steps`, the first being number 1; `whole` is the network before it. Raises as `apply` does.

        Behind the last one each layer has as many channels as `apply` leaves it, whoever trained them in between.
        """
        from . import _choice, _surgery  # noqa: PLC0415 - as above

        found = self._ranked(module, work, options, number / options["steps"], _choice.before(whole, work.shape))
        if found.plan is not None:
            work.add("removed_channels", found.plan.removed)
            return _surgery.remove(module, found.plan)
        nothing = number == options["steps"] and _surgery.count(module) == _surgery.count(whole)
        if found.failed or nothing:
            raise ValueError(found.problem)
        return module

    def plan(self, module: nn.Module, work: Work, options: dict[str, Any]) -> Cut:
        """What goes in all steps, the network being left as it is. Raises ValueError as `apply` does."""
        import copy  # noqa: PLC0415 - as above

        from . import _choice, _surgery  # noqa: PLC0415 - as above

        steps, smaller = options.get("steps", 1), module
        before = _choice.before(module, work.shape) if steps > 1 else {}
        plan, first, problem = None, None, ""
        for number in range(1, steps + 1):
            found = self._ranked(smaller, work, options, number / steps, before)
            if found.failed:
                raise ValueError(found.problem)
            if found.plan is None:
                problem = found.problem
                continue
            first = first or found
            plan = found.plan if plan is None else _surgery.joined(plan, found.plan)
            if number < steps:
                smaller = _surgery.remove(copy.deepcopy(smaller), found.plan)
        if plan is None or first is None:
            raise ValueError(problem)
        _tell(work, plan, first.followed, first.groups)
        return plan

    def _ranked(self, module: nn.Module, work: Work, options: dict[str, Any], share: float, before: dict[str, int]) -> _Ranked:
        """What goes until `share` of the ratio is gone; `before` are the sizes of the groups before anything went."""
        from . import _choice, _follow, _surgery  # noqa: PLC0415 - as above

        problem, failed = "", False
        for views in (True, False):  # what a view takes apart goes in step, unless the network counts on its sizes
            followed = _follow.follow(module, work.shape, views=views)
            groups = _choice.only(_choice.groups(followed), options.get("only", ""))
            scores = self.scores(Look(module, followed, groups, work, options))
            _tell_scores(work, groups, scores)
            gone = _choice.removed(
                groups, scores, options["ratio"] * share, together=options["global"], multiple=options["round"], before=before
            )
            plan = _surgery.cut(followed, gone)
            problem = _surgery.runs(module, plan, work.shape) if gone else problem or _nothing(followed, groups, options)
            failed |= bool(gone and problem)
            if gone and not problem:
                return _Ranked(plan, followed, groups)
        return _Ranked(None, followed, groups, problem, failed)


def _tell(work: Work, plan: Cut, followed: Followed, groups: list[Group]) -> None:
    """What went, and what could not."""
    layers = plan.layers
    some, whole = sum(bool(one.gone) for one in layers), sum(one.size for one in layers)
    work.note(
        "removed", f"{plan.removed:,} of {whole:,} output channels, in {some} of {len(layers)} convolutions and linear layers"
    )
    why = sorted({reason for reason in followed.labels.reasons.values() if not reason.startswith("they are outputs")})
    if stuck := sum(len(group.made) for group in groups if len(group.units) == 1):
        why.append(f"those of {_layers(stuck)} hang together, as between grouped convolutions and a shuffle")
    if why:
        work.note("kept", f"some channels, because {'; '.join(why)}")


def _tell_scores(work: Work, groups: list[Group], scores: Scores) -> None:
    """Where the criterion could say nothing: it saw nothing of a layer's channels, or the same of all of them.

    Raises ValueError where it saw nothing of any.
    """
    from . import _choice  # noqa: PLC0415 - imports torch

    unseen = sum(len(group.made) for group in groups if not _choice.scored(group, scores))
    if groups and unseen == sum(len(group.made) for group in groups):
        message = "no channel goes: no layer that could be watched reads any, so that this criterion can say nothing of them"
        raise ValueError(message)
    if unseen:
        work.note("unseen", f"the channels of {_layers(unseen)} stay: no layer that could be watched reads them")
    tied = [group for group in groups if len(group.units) > 1 and _choice.scored(group, scores) and _choice.tied(group, scores)]
    if tied:
        count = sum(len(group.made) for group in tied)
        work.note("tied", f"in {_layers(count)} all channels score the same, and the first go")


def _layers(count: int) -> str:
    return f"{count} layer{'s' * (count != 1)}"


def _nothing(followed: Followed, groups: list[Group], options: dict[str, Any]) -> str:
    """Why no channel goes."""
    most = max((len(group.units) for group in groups), default=0)
    if most:
        return f"no channel goes: at most {most} can be told apart in any layer, of which {options['ratio']:g} is less than one"
    why = sorted(set(followed.labels.reasons.values())) or ["no convolution or linear layer makes any"]
    return f"no channel can go, because {'; '.join(why)}"


@compressor("random")
class Random(_Pruning):
    """Channels at random."""

    description = "takes channels out at random: the control that a criterion must beat"
    options = (*_Pruning.options, _SEED)

    def scores(self, look: Look) -> Scores:
        """From the seed of the run and that of the step."""
        from . import _scores  # noqa: PLC0415 - imports torch

        return _scores.drawn(look.groups, look.work.seed + look.options["seed"])


@compressor("l1-filter")
class L1(_Pruning):
    """Li et al. 2017, Pruning Filters for Efficient ConvNets."""

    description = "takes out the channels whose filters have the smallest sum of weights' sizes"

    def scores(self, look: Look) -> Scores:
        """The filters' L1 norms."""
        from . import _scores  # noqa: PLC0415 - imports torch

        return _scores.of_filters(look.module, look.groups, 1)


@compressor("l2-filter")
class L2(_Pruning):
    """The same with the other norm."""

    description = "takes out the channels whose filters have the smallest root of summed squares"

    def scores(self, look: Look) -> Scores:
        """The filters' L2 norms."""
        from . import _scores  # noqa: PLC0415 - imports torch

        return _scores.of_filters(look.module, look.groups, 2)


@compressor("mean-activation")
class MeanActivation(_Pruning):
    """A baseline of Molchanov et al. 2017."""

    description = "takes out the channels that carry least on pictures: the mean size of what is read of them"
    needs = "data"
    options = (*_Pruning.options, _PICTURES, _DATA)

    def scores(self, look: Look) -> Scores:
        """What is read of each channel."""
        from . import _scores  # noqa: PLC0415 - imports torch

        return _scores.of_activations(look.module, look.followed, look.pictures(), zeros=False)


@compressor("apoz")
class Apoz(_Pruning):
    """Hu et al. 2016, Network Trimming."""

    description = "takes out the channels that are zero most often on pictures (average percentage of zeros)"
    needs = "data"
    options = (*_Pruning.options, _PICTURES, _DATA)

    def scores(self, look: Look) -> Scores:
        """The share of what is read of each channel that is not zero."""
        from . import _scores  # noqa: PLC0415 - imports torch

        return _scores.of_activations(look.module, look.followed, look.pictures(), zeros=True)


@compressor("taylor")
class Taylor(_Pruning):
    """Molchanov et al. 2017, Pruning Convolutional Neural Networks for Resource Efficient Inference."""

    description = "takes out the channels without which the loss would change least, to first order, on pictures"
    needs = "gradients"
    options = (*_Pruning.options, _PICTURES, _DATA)

    def scores(self, look: Look) -> Scores:
        """Activations times gradients."""
        from . import _scores  # noqa: PLC0415 - imports torch

        classes = look.work.task == "classification"
        look.work.note(
            "loss", "cross-entropy with the network's own likeliest class" if classes else "mean square of the outputs"
        )
        return _scores.of_gradients(look.module, look.followed, look.pictures(), classes=classes)
