"""Copies between host and device: timed in virtual time, and as real copies where a processor stands in for the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from vbench import results
from vbench.scenarios import _transfer, single_stream

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000
COLUMNS = ("h2d_s", "d2h_s", "h2d_pageable_s", "d2h_pageable_s")


def test_a_transfer_is_the_median_of_copies_each_with_its_wait(workshop: Any) -> None:
    shop = workshop(lambda _: 0)
    queued, copies, waits = [0], [], []

    def copy() -> None:
        copies.append(shop.now)
        shop.now += MS  # to hand it over
        queued[0] += (9 if len(copies) % 7 == 0 else 4) * MS

    def wait() -> None:
        waits.append(shop.now)
        shop.now += queued[0]
        queued[0] = 0

    assert _transfer.seconds(copy, wait, shop.clock) == 0.005
    assert len(copies) >= 10
    assert len(waits) == 2 * len(copies)


def at_hand(workshop: Any, bench: Callable[..., Any]) -> tuple[Any, list[torch.Tensor], list[torch.Tensor]]:
    shop = workshop(lambda _: MS)
    ticks = iter(range(10**9))
    made = bench(shop, "single-stream")
    made.clock = lambda: next(ticks) * MS
    return made, [torch.randn(2, 3, 4, 4)], [torch.randn(2, 5), torch.randn(2, 7, dtype=torch.float64)]


def test_without_pinned_memory_two_times_are_left_out_with_the_reason(workshop: Any, bench: Callable[..., Any]) -> None:
    made, inputs, outputs = at_hand(workshop, bench)

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        message = "Cannot access accelerator device\nwhen none is available."
        raise RuntimeError(message)

    assert _transfer.between(made, "cpu", inputs, outputs, pin=pin) == {"h2d_pageable_s": 0.001, "d2h_pageable_s": 0.001}
    said = "pageable only, since memory could not be pinned: Cannot access accelerator device when none is available."
    assert made.notes["transfer"] == said


def test_with_pinned_memory_there_are_four_times_and_the_bytes_are_said(workshop: Any, bench: Callable[..., Any]) -> None:
    made, inputs, outputs = at_hand(workshop, bench)
    pinned = []

    def pin(tensor: torch.Tensor) -> torch.Tensor:
        pinned.append(tuple(tensor.shape))
        return tensor.clone()

    assert _transfer.between(made, "cpu", inputs, outputs, pin=pin) == dict.fromkeys(COLUMNS, 0.001)
    assert pinned == [(2, 3, 4, 4), (2, 5), (2, 7)]
    assert made.notes["transfer"] == f"pinned; {2 * 48 * 4} bytes to the device, {2 * 5 * 4 + 2 * 7 * 8} back"


def test_a_copy_copies(workshop: Any) -> None:
    pairs = [(torch.zeros(3), torch.ones(3)), (torch.zeros(2, 2), torch.eye(2))]
    _transfer._copies(pairs)()
    assert all(torch.equal(target, source) for target, source in pairs)


@pytest.mark.parametrize("target", ["cpu", "cuda:0"])
def test_only_a_device_apart_from_the_host_has_transfers(
    workshop: Any, bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    made = bench(workshop(lambda _: MS), "single-stream")
    assert _transfer.measure(made) == {}
    monkeypatch.setattr(made.device, "target", lambda: target)
    monkeypatch.setattr(_transfer, "measure", lambda _: dict.fromkeys(COLUMNS, 0.25))
    single_stream.measure(made)
    assert [made.values.get(name) for name in COLUMNS] == [None if target == "cpu" else 0.25] * 4


@pytest.mark.usefixtures("registries")
def test_the_columns_are_medians_over_processes(make: Any) -> None:
    case = make.case(engine="fake", device="fake")
    replicates = [make.replicate(case, i, values={"h2d_s": s, "h2d_pageable_s": 2 * s}) for i, s in enumerate((3.0, 1.0, 2.0))]
    values = results.derive_case(make.run(case), case, replicates, "complete").values
    assert {name: values.get(name) for name in COLUMNS} == dict(zip(COLUMNS, (2.0, None, 4.0, None), strict=True))
