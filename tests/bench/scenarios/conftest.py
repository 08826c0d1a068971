"""A bench without hardware: its clock moves by what its sessions say a step lasts; its device notes what it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from vbench.core import Case, Source
from vbench.job import Job, Phase
from vbench.measure import Budget
from vbench.scenarios import Bench

if TYPE_CHECKING:
    from collections.abc import Callable

MS = 1_000_000


class Workshop:
    """Virtual time, memory for so many images, and everything that was asked of the sessions and the device, in order."""

    def __init__(self, lasts: Callable[[int], int], room: float = float("inf")) -> None:
        self.lasts = lasts  # nanoseconds of a step of that batch; it may look at `now`
        self.room = room
        self.now = 0
        self.calls = ""
        self.prepared: list[int] = []
        self.open: list[int] = []
        self.states: list[dict[str, float]] = []

    def clock(self) -> int:
        return self.now

    def session(self, batch: int) -> Toy:
        self.prepared.append(batch)
        return Toy(self, batch)


class Toy:
    """Lets the time of a step pass, as long as there is memory."""

    def __init__(self, shop: Workshop, batch: int) -> None:
        self.shop, self.batch = shop, batch
        shop.open.append(batch)

    def step(self) -> None:
        if sum(self.shop.open) > self.shop.room:
            message = "CUDA out of memory. Tried to allocate too much"
            raise RuntimeError(message)
        self.shop.calls += "s"
        self.shop.now += self.shop.lasts(self.batch)

    def synchronize(self) -> None:
        self.shop.calls += "w"

    def output(self) -> None: ...

    def load(self, inputs: object) -> None: ...

    def close(self) -> None:
        self.shop.open.remove(self.batch)


class Device:
    """Says of itself what the workshop was told, one state after the other, and then the last for ever."""

    def __init__(self, shop: Workshop) -> None:
        self.shop, self.asked = shop, 0

    def target(self) -> str:
        return "cpu"

    def state(self) -> dict[str, float]:
        self.shop.calls += "S"
        states = self.shop.states or [{}]
        self.asked += 1
        return dict(states[min(self.asked, len(states)) - 1])

    def timer(self) -> None:
        return None

    def synchronize(self) -> None: ...

    def reset_peak(self) -> bool:
        self.shop.calls += "R"
        return True

    def memory(self) -> dict[str, float]:
        self.shop.calls += "M"
        return {"peak_host_bytes": 1.0}


@pytest.fixture(scope="session")
def workshop() -> type[Workshop]:
    return Workshop


@pytest.fixture(scope="session")
def bench() -> Callable[..., Bench]:
    """A bench in that workshop, for one scenario."""

    def make(shop: Any, scenario: str, *, batch: int = 1, budget: Budget | None = None, batches: tuple[int, ...] = ()) -> Bench:
        case = Case(architecture="toy/net", input_shape=(3, 4, 4), scenario=scenario, batch=batch, device="cpu")
        engine = Source(kind="module", value="vbench.engines.fake")
        job = Job(case=case, engine=engine, budget=budget or Budget(0.1, 0.1, 0.1), batches=batches)
        device: Any = Device(shop)
        return Bench(
            job=job, case=case, architecture=None, device=device, clock=shop.clock, session=shop.session(batch), inputs=None,
            prepare=shop.session, phase=Phase(lambda _: None), values={}, notes={},
        )  # fmt: skip

    return make
