"""The engines and devices that come with vbench, and what becomes of one that cannot run here."""

from __future__ import annotations

import contextlib
import statistics
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch
from torch import nn

from vbench import devices, engines, machine
from vbench.core import Source
from vbench.devices.fake import CLOCK, FakeClock
from vbench.engines.eager import Eager, GraphSession, Place
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

    ENGINES.add("lacking", failing(ImportError("no trt:\n pip install trt"), made=True), HERE)
    ENGINES.add("mute", failing(ImportError(), made=True), HERE)
    ENGINES.add("driverless", failing(OSError("no driver"), made=False), HERE)
    found = engines.known()
    assert (found["lacking"], found["mute"]) == ("no trt: pip install trt", "mute is not installed")
    assert found["driverless"] == "OSError: no driver"
    assert isinstance(found["eager"], Eager)
    assert isinstance(found["fake"], FakeEngine)
    assert found["eager"].version() == torch.__version__


def test_engines_say_what_they_cannot_run(make: Any) -> None:
    assert Eager().skip(make.case()) is None
    assert Eager().skip(make.case(device="fake")) == "the eager engine runs on cpu, cuda, mps, xpu, not on fake"
    assert Eager().skip(make.case(precision="tf32")) == (
        "tf32 is a format of GPUs, which no processor multiplies in: leave it out, or add --device cuda"
    )
    for device in ("cpu", "cuda:0"):
        assert Eager().skip(make.case(device=device, precision="int8")) == (
            "the eager engine has no int8: add --engine inductor, onnxruntime or openvino, which quantise"
        )
        for precision in ("fp32", "bf16", "fp16"):
            assert Eager().skip(make.case(device=device, precision=precision)) is None
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


def test_eager_says_where_fp16_is_emulated(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(features: tuple[str, ...], **axes: str) -> float:
        found = msgspec.structs.replace(machine.describe(), features=features)
        monkeypatch.setattr(machine, "describe", lambda: found)
        return Eager.check_s(make.case(engine="eager", **axes))

    usual = asked(("avx2",), precision="bf16")
    assert asked(("avx2", "avx512f"), precision="fp16") > usual
    assert asked(("avx2", "avx512_fp16"), precision="fp16") == usual
    assert asked(("neon",), precision="fp16") == usual, "not known to lack it"
    assert asked(("avx2",), precision="fp16", device="cuda:0") == usual


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


GRAPH, COLD = ("cuda-graph", "on"), ("cold-cache", "on")


def test_modes_of_a_gpu_are_refused_where_they_do_not_exist(make: Any) -> None:
    skip = Eager().skip
    for option, word in ((GRAPH, "--cuda-graph"), (COLD, "--cold-cache")):
        assert skip(make.case(device="cuda:1", engine_options=(option,))) is None
        assert word in str(skip(make.case(engine_options=(option,))))
        assert word in str(skip(make.case(device="mps", engine_options=(option,))))
        assert word in str(skip(make.case(device="cuda:0", phase="train", engine_options=(option,))))
    assert skip(make.case(device="cuda:0", engine_options=(GRAPH,), scenario="offline")) is None
    assert skip(make.case(device="cuda:0", engine_options=(COLD,), scenario="offline")) == (
        "a cache is emptied between the requests of a single stream, and --scenario offline has no such moment: "
        "leave out --cold-cache"
    )


def test_weights_and_inputs_are_cast_and_what_holds_whole_numbers_is_not(make: Any) -> None:
    """The casts of a GPU's precisions, played on the processor: they are the same call."""
    place = Place(make.case(layout="nhwc"))
    place.dtype = torch.bfloat16
    pixels, marks = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2, dtype=torch.int64)
    assert (place.put(pixels).dtype, place.put(marks).dtype) == (torch.bfloat16, torch.int64)
    assert place.put(pixels).is_contiguous(memory_format=torch.channels_last)
    whole = Place(make.case())
    assert whole.put(pixels) is pixels  # on the processor nothing is copied


class Graph:
    """A CUDA graph as far as a session can tell: what was captured runs again on what lies in the same places now."""

    captured: Any = None

    def replay(self) -> None:
        Graph.captured()

    def reset(self) -> None:
        Graph.captured = None


def test_a_graph_is_fed_where_it_was_captured(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    class Queue:
        def __init__(self, device: str = "") -> None:
            order.append("stream")

        def wait_stream(self, other: Any) -> None:
            order.append("wait")

        def synchronize(self) -> None:
            order.append("synchronize")

    case = make.case(input_shape=(3, 4, 4), batch=2)
    place = Place(case)
    place.wait = Queue().synchronize
    for name, value in {
        "Stream": Queue,
        "current_stream": Queue,
        "stream": lambda queue: contextlib.nullcontext(),
        "CUDAGraph": Graph,
        "graph": lambda graph: contextlib.nullcontext(order.append("capture")),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    module = Spy().eval()
    session = GraphSession(module, case, place)
    assert len(module.seen) == 4  # three to warm up, and the one that is captured
    assert order.index("capture") > order.index("wait")
    output = session.output()
    monkeypatch.setattr(Graph, "captured", lambda: output.copy_(module(session._static)))
    session.load([torch.full((2, 3, 4, 4), float(value)) for value in (1, 2, 3)])
    for expected in (1, 2, 3, 1):
        session.step()
        session.synchronize()
        assert session.output().tolist() == [48.0 * expected] * 2
    session.close()
    assert Graph.captured is None
    assert not torch.is_inference_mode_enabled()


class Cold:
    """A session with a cache to empty, that writes down the order of calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.flush: Any = lambda: self.calls.append("flush")

    def step(self) -> None:
        self.calls.append("step")

    def synchronize(self) -> None:
        self.calls.append("synchronize")

    def clock(self) -> int:
        self.calls.append("clock")
        return len(self.calls)


def test_a_cache_is_emptied_before_each_request_and_outside_of_what_is_timed() -> None:
    session: Any = Cold()
    sample(session, session.clock, 2)
    assert session.calls == 2 * ["flush", "synchronize", "clock", "step", "synchronize", "clock"]
    session.calls.clear()
    session.flush = None
    sample(session, session.clock, 1)
    assert session.calls == ["synchronize", "clock", "step", "synchronize", "clock"]


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
    assert (device.reset_peak(), device.memory(), device.timer()) == (False, {}, None)


def test_the_processors_peak_is_that_of_the_resident_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vbench.devices.cpu._PROC", tmp_path)
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  2048 kB\nVmRSS:\t 1024 kB\n", "ascii")
    device = devices.get("cpu")
    assert device.reset_peak()
    assert (tmp_path / "clear_refs").read_text("ascii") == "5"
    assert device.memory() == {"peak_host_bytes": 2048.0 * 1024}


def test_where_the_peak_cannot_be_reset_it_is_that_of_the_whole_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr("vbench.devices.cpu._PROC", tmp_path / "none")
    device = devices.get("cpu")
    assert not device.reset_peak()
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    peak = device.memory()["peak_host_bytes"]
    assert before <= peak <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
