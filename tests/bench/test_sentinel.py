"""The sentinel: the same work in the worker of every case, whatever precision the case switched on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from vbench import sentinel

if TYPE_CHECKING:
    from collections.abc import Iterator


class Device:
    """A place without arithmetic, which notes how products of matrices are switched whenever it is waited for."""

    def __init__(self, target: str, *, broken: bool = False) -> None:
        self.on, self.broken = target, broken
        self.seen: list[bool] = []

    def target(self) -> str:
        return self.on

    def synchronize(self) -> None:
        self.seen.append(torch.backends.cuda.matmul.allow_tf32)
        if self.broken:
            message = "the device was lost"
            raise RuntimeError(message)


@pytest.fixture(autouse=True)
def _switched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a case of tf32 leaves the switch, on small matrices."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    monkeypatch.setattr(sentinel, "SIZE", 4)
    monkeypatch.setattr(sentinel, "ACCELERATED", 4)
    yield
    torch.backends.cuda.matmul.allow_tf32 = before


def test_a_case_of_tf32_has_the_sentinel_of_every_other_and_keeps_its_switch() -> None:
    device: Any = Device("meta")
    assert len(sentinel.run(device)) == sentinel.REPEATS
    assert set(device.seen) == {False}
    assert torch.backends.cuda.matmul.allow_tf32


def test_the_switch_is_put_back_where_the_device_fails() -> None:
    device: Any = Device("meta", broken=True)
    with pytest.raises(RuntimeError, match="lost"):
        sentinel.run(device)
    assert device.seen == [False]
    assert torch.backends.cuda.matmul.allow_tf32


def test_on_the_processor_no_switch_is_touched() -> None:
    device: Any = Device("cpu")
    sentinel.run(device)
    assert set(device.seen) == {True}
