"""Training by stages: taken up at any step it ends with the same weights, and what was pruned in steps is as small as at once."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from vbench import checkpoint, compress, compression
from vbench.compress import _stages as stages
from vbench.core import Architecture, Source
from vbench.errors import VbenchError
from vbench.registry import ARCHITECTURES, compressor
from vbench.tuning import loop, tuner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

compress.load_builtin()
PICTURES = 24


@pytest.fixture(autouse=True)
def _one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _net() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 10, 3, padding=1), nn.BatchNorm2d(10), nn.ReLU(),
        nn.Conv2d(10, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Dropout(0.3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3),
    )  # fmt: skip


class Channels:
    """The class of a picture is its brightest channel."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(5)
        self.inputs = torch.randn(PICTURES, 3, 8, 8, generator=generator)
        self.targets = torch.arange(PICTURES) % 3
        self.inputs[torch.arange(PICTURES), self.targets] += 1.0

    def steps(self, batch: int) -> int:
        return max(1, PICTURES // batch)

    def batches(self, options: dict[str, Any], number: int, start: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for step in itertools.count(start):
            generator = torch.Generator().manual_seed(1000 * number + step)
            chosen = torch.randperm(PICTURES, generator=generator)[: options["batch"]]
            yield self.inputs[chosen], self.targets[chosen]


def _tuner(text: str) -> tuner.Tuner:
    net = _net()
    architecture = Architecture(name="a/b", build=_net, source=Source(kind="module", value="m"), input=(3, 8, 8))
    todo = stages.stages(compression.steps(text, ARCHITECTURES.options))
    return tuner.Tuner(architecture, tuner.Begin(net, net, {}, {}, {}), todo, Channels())


def _done(text: str) -> tuner.Tuner:
    found = _tuner(text)
    while not found.finished:
        found.advance()
    return found


CHAINS = (
    "l1-filter:0.5:steps=3+finetune:3:batch=8", "random:0.3+finetune:2:batch=8", "magnitude:0.8:steps=2+finetune:2:batch=8",
    "codebook:2+finetune:2:batch=8", "finetune:2:batch=8",
)  # fmt: skip


@pytest.mark.parametrize("text", CHAINS)
def test_killed_at_any_step_and_taken_up_it_ends_with_the_same_weights(text: str, tmp_path: Path) -> None:
    whole = _done(text)
    for stop in range(1, whole.total + 1, 2):
        first = _tuner(text)
        while first.done < stop and not first.finished:
            first.advance()
        first.save(tmp_path / "state", "key")
        del first
        again = _tuner(text)
        assert again.restore(tmp_path / "state", "key")
        assert again.done == stop
        torch.manual_seed(99)  # whoever else drew random numbers meanwhile
        assert again.restore(tmp_path / "state", "key")
        while not again.finished:
            again.advance()
        assert tuner.digest(again.net.state_dict()) == tuner.digest(whole.net.state_dict()), stop
        assert (again.values, again.written) == (whole.values, whole.written)


def test_a_state_of_something_else_or_a_torn_one_is_not_taken_up(tmp_path: Path) -> None:
    found = _tuner(CHAINS[0])
    assert not found.restore(tmp_path / "state", "key")
    found.advance()
    found.save(tmp_path / "state", "key")
    assert not _tuner(CHAINS[0]).restore(tmp_path / "state", "another")
    (tmp_path / "state").write_bytes((tmp_path / "state").read_bytes()[:100])
    assert not _tuner(CHAINS[0]).restore(tmp_path / "state", "key")
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []


def test_steps_take_turns_with_training_and_share_its_passes() -> None:
    found = stages.stages(compression.steps("l1-filter:0.5:steps=4+finetune:2+codebook:5+finetune:1", ARCHITECTURES.options))
    said = [(one.step.name, one.number, one.of) if isinstance(one, stages.Part) else one.options["epochs"] / one.of
            for one in found]  # fmt: skip
    assert said[:4] == [("l1-filter", 1, 4), 0.5, ("l1-filter", 2, 4), 0.5]
    assert said[8:] == [("codebook", 1, 1), 1.0]
    assert sum(one for one in said if isinstance(one, float)) == 3.0


@pytest.mark.parametrize("ratio", ["0.25", "0.5", "0.7"])
@pytest.mark.parametrize("steps", [2, 3, 5])
def test_in_steps_as_many_channels_go_as_at_once(ratio: str, steps: int) -> None:
    once = _done(f"l1-filter:{ratio}")
    parted = _done(f"l1-filter:{ratio}:steps={steps}+finetune:1:batch=8")
    alone = _done(f"l1-filter:{ratio}:steps={steps}")
    for other in (parted, alone):
        assert [tuple(p.shape) for p in other.net.parameters()] == [tuple(p.shape) for p in once.net.parameters()]
        assert other.values == once.values


@pytest.mark.parametrize(("epochs", "of", "a_pass"), [(1.0, 4, 6), (3.0, 3, 7), (0.5, 5, 100), (2.0, 7, 375)])
def test_the_parts_of_a_training_have_as_many_steps_as_the_whole(epochs: float, of: int, a_pass: int) -> None:
    parts = [stages.Train({"epochs": epochs}, number, of).steps(a_pass) for number in range(1, of + 1)]
    assert sum(parts) == stages.Train({"epochs": epochs}).steps(a_pass) == round(epochs * a_pass)
    assert max(parts) - min(parts) <= 1


def test_training_learns_and_says_how_it_went() -> None:
    found = _done("l1-filter:0.3+finetune:60:batch=8:rate=0.1")
    feed = Channels()
    with torch.no_grad():
        assert float((found.net(feed.inputs).argmax(1) == feed.targets).float().mean()) > 0.9
    assert found.loss is not None
    assert found.loss < 1.0
    assert found.done == found.total == 180
    assert not found.net.training


def test_zeros_and_shared_values_are_there_after_training() -> None:
    found = _done("magnitude:0.8+finetune:3:batch=8")
    weights = [found.net.get_parameter(name) for name in found.written]
    assert [int((weight == 0).sum()) for weight in weights] == [
        weight.numel() - round(0.2 * weight.numel()) for weight in weights
    ]
    found = _done("codebook:2+finetune:3:batch=8")
    assert all(len(found.net.get_parameter(name).unique()) <= 4 for name in found.written)


def test_a_training_that_diverges_says_so_with_what_to_type() -> None:
    found = _tuner("finetune:9:batch=8:rate=10:clip=1e9")
    found.net[9].weight.data.fill_(1e38)  # type: ignore[index,operator,union-attr]  # of a Sequential
    with pytest.raises(
        VbenchError, match=r"^finetune: the loss was .* after 0 of 27 steps: it diverged; .* --finetune 3:rate=1$"
    ):
        found.advance()


def test_what_training_would_undo_is_refused(registries: None) -> None:
    @compressor("halved")
    class Halved:
        description, options, needs = "half of every weight", (), ""

        def version(self) -> str:
            return "1"

        def apply(self, module: nn.Module, work: Any, **options: Any) -> nn.Module:
            with torch.no_grad():
                module.get_parameter("9.weight").mul_(0.5)
            return module

    _done("halved")
    with pytest.raises(VbenchError, match=r"^finetune: halved changed 9\.weight and does not say how it is written, so training"):
        _done("halved+finetune:1:batch=8")


def test_the_written_file_says_what_was_done_and_is_taken_up(tmp_path: Path) -> None:
    found = _done("l1-filter:0.5+magnitude:0.5+finetune:1:batch=8")
    known = found.lineage("l1-filter:0.5+magnitude:0.5+finetune:1:batch=8", "w:abc", "digits train")
    tuner.write(found.net, tmp_path / "a" / "net.safetensors", known)
    read = checkpoint.read(tmp_path / "a" / "net.safetensors")
    assert read.lineage == known
    assert known.values["removed_channels"] == 5 + 6
    assert {one.kind for one in known.written.values()} == {"sparse"}
    assert all(torch.equal(read.tensor(name), value) for name, value in found.net.state_dict().items())


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine() -> None:
    rates = [loop.rate(1.0, step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001
    assert loop.rate(1.0, 0, 1) == 1.0
