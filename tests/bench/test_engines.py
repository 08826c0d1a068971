"""The engines and devices that come with vbench, and what becomes of one that cannot run here."""

from __future__ import annotations

import statistics
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from vbench import devices, engines
from vbench.core import Source
from vbench.devices.fake import CLOCK, FakeClock
from vbench.engines.eager import Eager
from vbench.engines.fake import FakeEngine, base_duration_ns
from vbench.measure import sample
from vbench.registry import ENGINES

if TYPE_CHECKING:
    from pathlib import Path

HERE = Source(kind="module", value=__name__)


def test_the_engines_of_the_folder_are_registered_once_and_found_again_by_name() -> None:
    engines.load_builtin()
    engines.load_builtin()
    for name, kind in (("eager", Eager), ("fake", FakeEngine)):
        assert ENGINES.get(name) is kind
        assert (ENGINES.source(name).kind, ENGINES.source(name).value) == ("module", f"vbench.engines.{name}")


@pytest.mark.usefixtures("registries")
def test_an_engine_that_cannot_run_says_why_and_takes_no_other_along() -> None:
    def failing(error: BaseException, *, made: bool) -> type[Any]:
        class Failing:
            def __init__(self) -> None:
                if not made:
                    raise error

            def version(self) -> str:
                raise error

        return Failing

    ENGINES.add("absent", failing(ImportError("no trt:\n pip install trt"), made=True), HERE)
    ENGINES.add("silent", failing(ImportError(), made=True), HERE)
    ENGINES.add("broken", failing(OSError("no driver"), made=False), HERE)
    found = engines.known()
    assert (found["absent"], found["silent"]) == ("no trt: pip install trt", "silent is not installed")
    assert found["broken"] == "OSError: no driver"
    assert isinstance(found["eager"], Eager)
    assert isinstance(found["fake"], FakeEngine)
    assert found["eager"].version() == torch.__version__


def test_engines_say_what_they_cannot_run(make: Any) -> None:
    assert Eager().skip(make.case()) is None
    assert Eager().skip(make.case(device="fake")) == "the eager engine runs on the cpu in this version, not on fake"
    assert Eager().skip(make.case(precision="bf16")) == "the eager engine measures fp32 in this version, not bf16"
    assert FakeEngine().skip(make.case(device="fake")) is None
    assert FakeEngine().skip(make.case()) == "the fake engine runs on the fake device only: add --device fake"


class Spy(nn.Module):
    """Answers with its input's sum, and writes down how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.seen: list[tuple[float, bool, bool, bool]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        nhwc = images.is_contiguous(memory_format=torch.channels_last)
        self.seen.append((float(images.sum()), torch.is_inference_mode_enabled(), self.training, nhwc))
        return images.sum((1, 2, 3))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_eager_calls_the_module_on_its_inputs_in_rotation(layout: str, make: Any) -> None:
    module = Spy().train()
    session = Eager().prepare(module, make.case(layout=layout))
    session.load([torch.full((2, 3, 4, 4), float(value)) for value in (1, 2, 3)])
    for expected in (1, 2, 3, 1):
        session.step()
        session.synchronize()
        assert session.output().tolist() == [48.0 * expected] * 2
    session.load([torch.full((2, 3, 4, 4), 5.0)])
    session.step()
    session.step()
    assert [seen[0] for seen in module.seen] == [96.0 * value for value in (1, 2, 3, 1, 5, 5)]
    assert all(seen[1:] == (True, False, layout == "nhwc") for seen in module.seen)
    assert module.conv.weight.is_contiguous(memory_format=torch.channels_last) == (layout == "nhwc")
    session.close()
    assert not torch.is_inference_mode_enabled()


def test_the_fake_engine_takes_the_time_that_the_case_costs(make: Any) -> None:
    case = make.case("a/b", device="fake", engine="fake")
    base = base_duration_ns(case)
    assert 1_000_000 <= base <= 51_000_000
    assert base_duration_ns(make.case("a/b", batch=8)) == 8 * base
    assert base_duration_ns(make.case("a/c")) != base

    def process(replicate: int, count: int) -> list[int]:
        clock = devices.get("fake").clock(replicate)
        session = FakeEngine().prepare(None, case)
        session.load(None)
        samples = sample(session, clock, count)
        assert session.output() is None
        session.close()
        return samples

    samples = process(0, 200)
    assert samples == process(0, 200)  # reproducible
    assert statistics.stdev(samples) / statistics.mean(samples) == pytest.approx(0.002, rel=0.3)
    medians = [statistics.median(process(replicate, 9)) for replicate in range(200)]
    assert statistics.stdev(medians) / statistics.mean(medians) == pytest.approx(0.01, rel=0.3)
    assert statistics.mean(medians) == pytest.approx(base, rel=0.005)


def test_the_fake_devices_clock_moves_only_when_it_is_moved() -> None:
    clock = FakeClock()
    assert (clock(), clock()) == (0, 0)
    clock.advance(5)
    assert clock() == 5
    device = devices.get("fake")
    assert device.clock(7) is CLOCK
    assert CLOCK.replicate == 7
    assert (device.reset_peak(), device.peak_bytes()) == (False, None)


def test_every_device_is_known_and_there() -> None:
    assert devices.known() == {"cpu": None, "fake": None}
    assert devices.get("cpu") is devices.get("cpu:0")


def test_the_processors_peak_is_that_of_the_resident_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vbench.devices.cpu._PROC", tmp_path)
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n", "ascii")
    device = devices.get("cpu")
    assert device.reset_peak()
    assert (tmp_path / "clear_refs").read_text("ascii") == "5"
    assert device.peak_bytes() == 2048 * 1024


def test_where_the_peak_cannot_be_reset_it_is_that_of_the_whole_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr("vbench.devices.cpu._PROC", tmp_path / "none")
    device = devices.get("cpu")
    assert not device.reset_peak()
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    peak = device.peak_bytes()
    assert peak is not None
    assert before <= peak <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
