"""The eager engine on a real GPU: the same answers as on the processor, in each precision, layout and mode."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from vbench import agreement, devices, measure
from vbench.core import Case
from vbench.engines.eager import Eager

capability = pytest.mark.capability
SHAPE = (3, 32, 32)


def _net() -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, stride=2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * 14 * 14, 10)).eval()


def _inputs(count: int = 4, batch: int = 2) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(batch, *SHAPE, generator=generator) for _ in range(count)]


def _session(**axes: Any) -> Any:
    case = Case(architecture="gpu/net", input_shape=SHAPE, batch=2, **{"device": "cuda:0"} | axes)
    engine, device = Eager(), devices.get(case.device)
    reason = engine.skip(case) or device.missing()
    if reason is not None:
        pytest.skip(reason)
    device.settle(case.precision)
    return engine.prepare(_net(), case)


def _answers(session: Any, inputs: list[torch.Tensor]) -> torch.Tensor:
    session.load(inputs)
    found = []
    for _ in inputs:
        session.step()
        session.synchronize()
        found.append(agreement.flatten(session.output()).clone())
    return torch.cat(found)


def _agrees(session: Any, precision: str) -> None:
    inputs = _inputs()
    with torch.inference_mode():
        wanted = torch.cat([_net()(tensor) for tensor in inputs])
    result = agreement.compare(wanted, _answers(session, inputs), classes=False)
    session.close()
    assert result.sqnr_db is not None
    assert result.sqnr_db >= agreement.LIMITS_DB[precision]


@pytest.mark.usefixtures("switches")
@pytest.mark.parametrize(
    "precision", [pytest.param(name, marks=capability(f"eager in {name}")) for name in ("fp32", "tf32", "bf16", "fp16")]
)
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_it_answers_as_the_processor_does(precision: str, layout: str) -> None:
    _agrees(_session(precision=precision, layout=layout), precision)


@capability("eager on cuda:1")
@pytest.mark.usefixtures("switches")
def test_the_second_gpu_answers_and_is_the_one_that_works() -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("there is one GPU here")
    session = _session(device="cuda:1")
    session.load(_inputs())
    session.step()
    session.synchronize()
    assert session.output().device == torch.device("cuda:1")
    assert torch.cuda.current_device() == 1
    _agrees(session, "fp32")
    torch.cuda.set_device(0)


@capability("CUDA graph replay")
@pytest.mark.usefixtures("switches")
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_a_graph_gives_the_same_answer_for_every_input(precision: str, layout: str) -> None:
    inputs = _inputs()
    plain = _session(precision=precision, layout=layout)
    wanted = _answers(plain, inputs)
    plain.close()
    graph = _session(precision=precision, layout=layout, engine_options=(("cuda-graph", "on"),))
    apart = 1e-2 if precision == "fp16" else 1e-4  # kernels may be chosen anew, and answers of different inputs differ by more
    assert torch.allclose(_answers(graph, inputs), wanted, atol=apart)
    # Loaded anew, as between the passes of a process, it answers for the new inputs and not for those it had before.
    assert torch.allclose(_answers(graph, inputs[::-1]), wanted.view(4, 2, -1).flip(0).reshape(8, -1), atol=apart)
    graph.close()


@capability("CUDA graph replay is timed by events")
@pytest.mark.usefixtures("switches")
def test_what_is_timed_of_a_graph_is_the_replay_on_the_next_input() -> None:
    inputs = _inputs()
    with torch.inference_mode():
        wanted = agreement.flatten(_net()(inputs[19 % len(inputs)]))
    session = _session(engine_options=(("cuda-graph", "on"),))
    session.load(inputs)
    device = devices.get("cuda:0")
    clock = device.clock(0)
    began = clock()
    work, enqueue = measure.device_time(session, clock, device.timer(), 10)
    took = clock() - began
    got = agreement.flatten(session.output()).clone().cpu()
    session.close()
    assert len(work) == len(enqueue) == 10
    # The events lie around the work of one queue, so that their times cannot overlap; they count in half microseconds.
    assert 0 < min(work) <= sum(work) <= took + 10 * 1000
    # Each timed step has one before it: the answer that is there at the end is that of the twentieth input in rotation.
    assert torch.allclose(got, wanted, atol=1e-3)


@capability("cold cache between requests")
@pytest.mark.usefixtures("switches")
def test_a_cold_session_is_flushed_before_each_request() -> None:
    session = _session(engine_options=(("cold-cache", "on"),))
    calls: list[int] = []
    flush = session.flush
    session.flush = lambda: (calls.append(1), flush())
    session.load(_inputs())
    assert len(measure.sample(session, devices.get("cuda:0").clock(0), 3)) == len(calls) == 3
    session.flush = flush
    _agrees(session, "fp32")
