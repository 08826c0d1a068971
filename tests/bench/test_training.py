"""A training step: what it does to a network, how it is verified against one taken by hand, and who is caught."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from vbench import data, measure, refusals, registry, results, training, witness
from vbench.axes import unable
from vbench.config import Suite
from vbench.devices.fake import CLOCK
from vbench.engines.eager import Eager
from vbench.engines.fake import FakeEngine, base_duration_ns
from vbench.training import Targets, TrainSession

if TYPE_CHECKING:
    from collections.abc import Callable

TRAINERS = Path(__file__).parents[1] / "plugins" / "trainers.py"


@pytest.fixture(scope="module")
def networks() -> dict[str, Callable[[], nn.Module]]:
    saved = [(kind, dict(kind._items), dict(kind._sources)) for kind in registry._all()]
    for kind, _, _ in saved:  # another test may have registered the same file
        kind._items.clear()
        kind._sources.clear()
    found = runpy.run_path(str(TRAINERS))
    for kind, items, sources in saved:
        kind._items.clear()
        kind._items.update(items)
        kind._sources.clear()
        kind._sources.update(sources)

    class Maps(nn.Module):
        """A dictionary of maps, as networks for dense prediction give."""

        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"out": self.body(x), "where": self.body(x).argmax(1)}

    class Residual(nn.Module):
        """Blocks without normalisation, whose outputs grow with depth: the worst that random weights can do."""

        def __init__(self) -> None:
            super().__init__()
            self.stem, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 100)
            self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(12))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.stem(x)
            for block in self.blocks:
                x = x + torch.relu(block(x))
            return self.head(x.mean((2, 3)))

    return {"small": found["Small"], "maps": Maps, "residual": Residual, "pooled": found["Pooled"]}


def session_of(module: nn.Module, case: Any) -> TrainSession:
    return training.prepare(module, case)


NAMES = ["small", "maps", "residual", "pooled"]


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_the_one_that_is_taken_by_hand(name: str, layout: str, networks: Any, make: Any) -> None:
    case = make.case(phase="train", layout=layout, weights="random:3")
    inputs = data.noise((3, 8, 8), 2, 0)[: witness.STEPS]
    twin, _ = data.build(networks[name], 3)
    wanted = witness.by_hand(twin, inputs, 3)
    module, _ = data.build(networks[name], 3)
    before = {key: weight.detach().clone() for key, weight in module.named_parameters()}
    session = session_of(module, case)
    session.load(inputs)

    def step() -> Any:
        session.step()
        return session.output()

    got = witness.of_session(module, step, witness.STEPS)
    problem, values, note = witness.verdict(wanted, got, 50.0)
    assert (problem, note) == ("", "")
    assert values["train_gradient_sqnr_db"] > 60
    assert values["train_update_sqnr_db"] > 40
    # The step is large enough to show in fp32, or there would be nothing to verify.
    assert all(not torch.equal(before[key], weight) for key, weight in module.named_parameters() if weight.dim() > 1)
    assert module.training


@pytest.mark.parametrize("name", NAMES)
def test_hundreds_of_steps_leave_every_weight_a_number(name: str, networks: Any, make: Any) -> None:
    module, _ = data.build(networks[name], 0)
    session = session_of(module, make.case(phase="train"))
    session.load(data.noise((3, 8, 8), 2, 0))
    session.step()
    targets = Targets(0)
    first = float(targets.loss(session.output()).detach())
    for _ in range(299):
        session.step()
    assert all(bool(tensor.isfinite().all()) for tensor in (*module.parameters(), *module.buffers()))
    assert float(targets.loss(session.output()).detach()) < 2 * first + 1


def test_gradients_are_freed_before_a_step_and_kept_after_it(networks: Any, make: Any) -> None:
    module, _ = data.build(networks["small"], 0)
    seen: list[bool] = []
    module.register_forward_pre_hook(lambda *_: seen.append(all(p.grad is None for p in module.parameters())))
    session = session_of(module, make.case(phase="train"))
    session.load(data.noise((3, 8, 8), 2, 0))
    session.step()
    session.step()
    assert seen == [True, True]
    assert all(p.grad is not None for p in module.parameters())
    session.close()
    assert all(p.grad is None for p in module.parameters())


def test_what_is_random_in_a_step_begins_anew_with_the_inputs(networks: Any, make: Any) -> None:
    module, _ = data.build(networks["small"], 0)
    session = session_of(module, make.case(phase="train"))
    inputs = data.noise((3, 8, 8), 4, 0)[:1]

    def output() -> torch.Tensor:
        session._forward()
        return session.output()[0].detach()

    session.load(inputs)
    first, second = output(), output()
    session.load(inputs)
    assert torch.equal(output(), first)
    assert not torch.equal(first, second)  # dropout is at work


def test_the_pieces_of_a_step_are_the_step(networks: Any, make: Any) -> None:
    weights = []
    for whole in (True, False):
        module, _ = data.build(networks["small"], 0)
        session = session_of(module, make.case(phase="train"))
        session.load(data.noise((3, 8, 8), 2, 0))
        for _ in range(3):
            if whole:
                session.step()
            else:
                for _, part in session.parts():
                    part()
        weights.append([p.detach().clone() for p in module.parameters()])
    assert all(map(torch.equal, *weights))
    assert {name for name, _ in session.parts()} == {"forward", "backward", "optimizer"}


def test_logits_get_classes_and_everything_else_numbers_of_its_shape() -> None:
    logits = torch.randn(4, 10, requires_grad=True)
    maps = torch.randn(4, 3, 5, 5, requires_grad=True)
    single = torch.randn(4, 1, requires_grad=True)
    targets = Targets(0)
    classes = float(targets.loss(logits).detach())
    assert classes == pytest.approx(float(Targets(0).loss((logits,)).detach()))
    again = float(targets.loss(torch.zeros(4, 10, requires_grad=True)).detach())
    assert again == pytest.approx(torch.log(torch.tensor(10.0)).item())
    both = targets.loss({"out": logits, "rest": [maps, logits.argmax(1)]})
    alone = Targets(0)
    alone.loss(logits)
    assert float(both.detach()) == pytest.approx(classes + float(alone._one(1, maps).detach()))
    Targets(0).loss(single).backward()
    assert single.grad is not None
    assert bool(single.grad.any())
    with pytest.raises(ValueError, match="no output depends on a parameter"):
        targets.loss(torch.zeros(4, 10))


def test_a_network_without_weights_cannot_be_trained(make: Any) -> None:
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        session_of(nn.Flatten(), make.case(phase="train"))


def trace(output: float = 1.0, gradient: float = 1.0, change: float = 1.0) -> witness.Trace:
    return witness.Trace(
        (torch.full((2, 3), output),), {"w": torch.full((4,), gradient).double()}, {"w": torch.full((4,), change).double()}
    )


def test_steps_that_are_no_numbers_or_of_another_shape_are_wrong() -> None:
    close = {"train_gradient_sqnr_db": 200.0, "train_update_sqnr_db": 200.0}
    assert witness.verdict(trace(), trace(), 50.0) == ("", close, "")
    nan = float("nan")
    for broken in (trace(output=nan), trace(gradient=nan), trace(change=nan)):
        assert "nan dB" in witness.verdict(trace(), broken, 50.0)[0]
        assert "nan dB" in witness.verdict(trace(), broken, 50.0, trace)[0]
    short = witness.Trace((torch.ones(2, 2),), trace().gradients, trace().changes)
    assert "shape (2, 2)" in witness.verdict(trace(), short, 50.0)[0]


@pytest.mark.parametrize("name", ["output", "gradient", "change"])
def test_no_more_is_asked_than_a_network_gives_to_itself(name: str) -> None:
    off, far, none = trace(**{name: 1.3}), trace(**{name: 2.1}), trace(**{name: 0.0})
    assert " 10.5 dB" in witness.verdict(trace(), off, 30.0)[0]
    # A step by hand on inputs that differ by rounding is as far from itself: then it is the network, and is noted.
    problem, _, note = witness.verdict(trace(), off, 30.0, lambda: off)
    assert (problem, "rounding" in note) == ("", True)
    # One that is close to itself excuses nothing, and nothing excuses a part that was left out.
    for other, again in ((off, trace()), (far, far), (none, none)):
        problem, _, _ = witness.verdict(trace(), other, 30.0, lambda again=again: again)  # type: ignore[misc]
        assert problem


def test_inputs_that_differ_by_rounding_differ_everywhere_and_no_further() -> None:
    inputs = data.noise((3, 8, 8), 2, 0)[:2]
    for one, other in zip(inputs, witness.jitter(inputs), strict=True):
        share = ((other - one) / one).abs()
        assert 0.5 * witness.ROUNDING < float(share.min()) <= float(share.max()) < 2 * witness.ROUNDING


def test_who_does_not_train_says_so_in_the_plan(make: Any) -> None:
    class Silent:
        def skip(self, case: Any) -> None:
            del case

    reason = refusals.untrained(Silent(), make.case(phase="train", engine="openvino"))  # type: ignore[arg-type]
    assert reason == "the openvino engine only infers: leave out --phase train, or add --engine eager"
    assert refusals.untrained(Silent(), make.case(engine="openvino")) is None  # type: ignore[arg-type]
    assert refusals.untrained(Eager(), make.case(phase="train")) is None
    assert "in fp32 or tf32 in this version, not in bf16" in str(training.refused(make.case(phase="train", precision="bf16")))
    assert "CUDA graph" in str(training.refused(make.case(phase="train", engine_options=(("cuda-graph", "on"),))))
    assert training.refused(make.case(phase="train", precision="tf32")) is None
    for scenario in ("server:15ms", "end-to-end", "concurrent:2"):
        assert unable(make.case(phase="train", scenario=scenario)) is not None
    for scenario in ("single-stream", "offline", "sustained:60s"):
        assert unable(make.case(phase="train", scenario=scenario)) is None


def test_a_fake_training_step_costs_three_forward_passes_in_known_parts(make: Any) -> None:
    infer, train = (make.case("a/b", device="fake", engine="fake", phase=phase) for phase in ("infer", "train"))
    assert base_duration_ns(train) == pytest.approx(3 * base_duration_ns(infer), abs=2)
    CLOCK.replicate = 0
    session = FakeEngine().prepare(None, train)
    whole = sum(measure.sample(session, CLOCK, 50)) / 50
    found = {name: sum(times) / 50 for name, times in measure.parts(session, CLOCK, session.parts(), 50).items()}
    assert sum(found.values()) == pytest.approx(whole, rel=0.005)
    assert [found[name] / whole for name in ("forward", "backward", "optimizer")] == pytest.approx(
        [1 / 3, 7 / 12, 1 / 12], rel=0.01
    )


def test_pieces_of_one_name_are_added_up() -> None:
    class Session:
        def synchronize(self) -> None:
            return

    parts = (("b", lambda: CLOCK.advance(1)), ("a", lambda: CLOCK.advance(10)), ("b", lambda: CLOCK.advance(100)))
    assert measure.parts(Session(), CLOCK, parts, 3) == {"b": [101] * 3, "a": [10] * 3}  # type: ignore[arg-type]


def test_columns_of_training_are_empty_where_nothing_trains(make: Any) -> None:
    values = {"train_forward_s": 0.1, "train_backward_s": 0.2, "train_optimizer_s": 0.05}
    for phase, expected in (("infer", None), ("train", 0.2)):
        case = make.case(phase=phase)
        run = make.run(case)
        row = results.derive_case(run, case, [make.replicate(case, index, values=values) for index in range(6)])
        assert row.values.get("train_backward_s") == expected


def test_both_phases_stand_apart_in_the_plan(make: Any) -> None:
    assert make.case(phase="train").id != make.case().id
    assert Suite(architectures=("*",), phase=("infer", "train")).phase == ("infer", "train")
