"""CUDA graphs whose capture fails: what is left behind must not change what is measured next in the same process."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch

from vbench.engines.eager import GraphSession, Place


@pytest.mark.parametrize("also", [False, True], ids=["alone", "and the device is lost"])
def test_a_capture_that_fails_leaves_neither_inference_mode_nor_half_a_graph(
    make: Any, monkeypatch: pytest.MonkeyPatch, *, also: bool
) -> None:
    class Half:
        def reset(self) -> None:
            order.append("reset")

    class Refusing:
        def __enter__(self) -> None:
            order.append("capture")

        def __exit__(self, *_: object) -> None:
            message = "operation not permitted when stream is capturing"
            raise RuntimeError(message)

    class Queue:
        def __init__(self, device: str = "") -> None: ...

        def wait_stream(self, other: Any) -> None: ...

    def wait() -> None:
        order.append("wait")
        if also:
            message = "the device was lost"
            raise RuntimeError(message)

    order: list[str] = []
    case = make.case(input_shape=(3, 4, 4), batch=2)
    place = Place(case)
    place.wait = wait
    for name, value in {
        "Stream": Queue,
        "current_stream": Queue,
        "stream": lambda queue: contextlib.nullcontext(),
        "CUDAGraph": Half,
        "graph": lambda graph: Refusing(),
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    with pytest.raises(RuntimeError, match="not permitted when stream is capturing"):
        GraphSession(torch.nn.Flatten(), case, place)
    assert order == (["capture", "wait"] if also else ["capture", "wait", "reset"])
    assert not torch.is_inference_mode_enabled()
