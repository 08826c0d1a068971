"""Records that no run made: twelve networks with their counted costs and published accuracies, times with seeded noise."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from vbench import results
from vbench.core import Accuracy, Case, Counted, Facts, Machine, Record, Replicate, Run

if TYPE_CHECKING:
    from collections.abc import Callable

CROP = "1 model, 1 crop, 224 px"
MACHINE = Machine(
    slug="some-cpu-2c-0000aa",
    fingerprint="0000aa",
    processor="Some CPU",
    cores=2,
    usable_cores=2,
    memory_bytes=2**34,
    virtual="virtual machine",
)


class Net(NamedTuple):
    """What the report needs to know of a network; `ms` is where its times lie."""

    name: str
    params: int
    macs: int
    ms: float
    top1: float | None
    recipe: str = "torchvision V1"
    protocol: str = CROP


# Counts and accuracies as in the catalogue; the times are of the order seen on two cores.
TWELVE = (
    Net("alexnet/one-tower", 61_100_840, 714_188_480, 20.1, 56.522),
    Net("vgg/16", 138_357_544, 15_470_264_320, 231.0, 71.592),
    Net("resnet/18", 11_689_512, 1_814_073_344, 32.5, 69.758),
    Net("resnet/50", 25_557_032, 4_089_184_256, 71.9, 76.130),
    Net("googlenet/bottleneck", 6_998_552, 1_582_671_872, 48.7, 68.7, "BVLC"),
    Net("googlenet/naive", 97_526_008, 12_568_061_056, 246.0, None),
    Net("mobilenet/v1-1.0", 4_231_976, 568_740_352, 18.4, 70.6, "paper"),
    Net("mobilenet/full-conv", 29_294_088, 4_867_293_184, 77.0, 71.7, "paper"),
    Net("squeezenet/1.0", 1_248_424, 818_924_576, 21.8, 58.092),
    Net("squeezenet/1.1", 1_235_496, 349_151_936, 12.2, 58.178),
    Net("resnext/50-32x4d", 25_028_904, 4_230_479_872, 92.3, 77.618),
    Net("shufflenet/v1-g3", 1_865_728, 137_460_672, 15.6, 67.4, "paper"),
)


def crowd(many: int) -> list[Net]:
    """Networks of made-up families along a cost and accuracy curve, as crowded as a survey's chart."""
    noise = random.Random(many)  # noqa: S311 - a seeded stream of noise, nothing secret
    found = []
    for number in range(many):
        macs = 10 ** noise.uniform(7.6, 10.5)
        top1 = 60 + 7.5 * (noise.random() * 0.35 + 0.65) * (macs / 4e7) ** 0.16
        name = f"family{number % 11}/variant-{number}"
        found.append(Net(name, int(macs / 100 * noise.uniform(0.4, 2)), int(macs), macs / 5e7, round(top1, 2)))
    return found


def facts(net: Net) -> Facts:
    published = (Accuracy(source=f"source of {net.name}", protocol=net.protocol, recipe=net.recipe, top1=net.top1),)
    return Facts(family=net.name.partition("/")[0], accuracy=() if net.top1 is None else published)


def counted(net: Net) -> Counted:
    return Counted(
        params=net.params,
        trainable_params=net.params,
        buffers=0,
        weight_bytes=4 * net.params,
        macs=net.macs,
        other_ops=1,
        activations=net.macs // 400,
        operators={},
        macs_second=net.macs,
    )


def replicates(net: Net, case: Case, processes: int, spread: float) -> list[Replicate]:
    """The check and so many measured processes, whose times differ by about `spread`."""
    noise = random.Random(f"{case.id}{processes}")  # noqa: S311 - as above
    found = [Replicate(case=case.id, role="check", index=0, round=-1, server=0, status="ok", counted=counted(net))]
    for index in range(processes):
        ms = net.ms * noise.lognormvariate(0, spread)
        times = tuple(int(ms * 1e6 * noise.lognormvariate(0, 0.005)) for _ in range(20))
        values = {"throughput_per_s": 1e3 / ms, "peak_host_bytes": 2.0e8 + 4 * net.params}
        common = {"case": case.id, "index": index, "round": index, "server": index + 1, "status": "ok"}
        found.append(Replicate(**common, latency_ns=times, values=values))
    return found


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """A record of these networks; `wrong` maps a network to the status and reason of its one replicate."""

    def make(  # noqa: PLR0913 - each is something that a test changes, and all have a default
        nets: Any = TWELVE,
        *,
        processes: int = 8,
        spread: float = 0.02,
        machine: Machine = MACHINE,
        axes: Any = ({},),
        wrong: Any = None,
        ended: str = "complete",
        path: str = "r.jsonl",
        **fields: Any,
    ) -> Record:
        pairs = [
            (net, Case(architecture=net.name, **{"input_shape": (3, 224, 224), "threads": 2} | given))
            for given in axes
            for net in nets
        ]
        bad = wrong or {}
        done: list[Replicate] = []
        for net, case in pairs:
            if net.name in bad:
                status, reason = bad[net.name]
                done.append(Replicate(case=case.id, index=0, round=0, server=1, status=status, reason=reason))
            else:
                done += replicates(net, case, processes, spread)
        head: dict[str, Any] = {
            "schema": 1,
            "run_id": "20260102T030405Z-abcdef",
            "started": "2026-01-02T03:04:05+00:00",
            "machine": machine,
            "versions": {"vbench": "0.1.0", "torch": "2.13.0"},
            "settings": {"interval": 0.02, "time-limit": 270.0, "min-processes": 6, "memory-limit": None},
            "definitions": {},
            "architectures": {net.name: facts(net) for net in nets},
            "command": "vbench run --time-limit 4m30s",
        }
        run = Run(cases=tuple(case for _, case in pairs), **head | fields)
        return results.record(run, done, ended, path)

    return make


@pytest.fixture(scope="session")
def crowded(make_record: Callable[..., Record]) -> Callable[[int], Record]:
    """A record of so many networks."""
    return lambda many: make_record(crowd(many))


@pytest.fixture(scope="session")
def nets() -> tuple[Net, ...]:
    """The twelve networks."""
    return TWELVE
