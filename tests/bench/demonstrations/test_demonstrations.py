"""Each demonstration on a network whose answer is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from vbench import claims, demonstrations, job
from vbench.claims import sums
from vbench.claims.topics import integral
from vbench.core import Architecture, Source
from vbench.demonstrations import Subject, decoding
from vbench.engines.eager import Eager
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Maker

SHOWS = demonstrations.known()


def shown(name: str, build: Callable[[], nn.Module], shape: tuple[int, ...], own: str = "own/net") -> Any:
    source = Source(kind="script", value="here")
    return SHOWS[name](Subject(Architecture(name=own, build=build, source=source, input=shape), 0))


@pytest.fixture(scope="module")
def catalogue() -> Callable[[str, str], Any]:
    load_all()
    return lambda name, architecture: SHOWS[name](Subject(ARCHITECTURES.get(architecture), 0))


@pytest.mark.parametrize(("groups", "share"), [(1, 1.0), (2, 0.5), (4, 0.25)])
def test_a_group_is_all_that_reaches_an_output_of_grouped_convolutions(groups: int, share: float) -> None:
    assert shown("reach", lambda: nn.Conv2d(8, 8, 1, groups=groups), (8, 5, 5)).values == {"share": share}


def test_after_a_shuffle_every_channel_reaches_every_output(catalogue: Any) -> None:
    assert catalogue("reach", "block/grouped-1x1-g4-shuffle").values["share"] == 1


def test_a_pointwise_convolution_is_a_product_and_a_larger_one_is_refused() -> None:
    assert shown("product", lambda: nn.Conv2d(8, 4, 1, bias=False), (8, 5, 5)).values["difference"] < 1e-6
    with pytest.raises(RuntimeError):
        shown("product", lambda: nn.Conv2d(8, 4, 3, padding=1, bias=False), (8, 5, 5))


class Forked(nn.Module):
    """One layer, then two beside one, then a linear one: three deep, five layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a, self.b, self.c = (nn.Conv2d(3, 3, 3, padding=1) for _ in range(4))
        self.end = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        x = self.b(self.a(x)) + self.c(x)
        made: torch.Tensor = self.end(x.mean((2, 3)))
        return made


def test_depth_is_that_of_the_longest_path() -> None:
    found = shown("depth", Forked, (3, 8, 8)).values
    assert (found["longest_path"], found["layers"], found["linear"]) == (4, 5, 1)
    assert found["linear_share"] == pytest.approx(8 / (4 * 84 + 8))


def test_kinds_share_all_of_the_time_and_of_the_work() -> None:
    def build() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, groups=2),
            nn.Flatten(), nn.Linear(8 * 36, 5),
        )  # fmt: skip

    found = shown("kinds", build, (4, 8, 8)).values
    work = {"depthwise": 4 * 9 * 64, "1x1": 32 * 64, "grouped 3x3": 8 * 4 * 9 * 36, "linear": 8 * 36 * 5}
    for name, macs in work.items():
        assert found[f"macs {name}"] == pytest.approx(macs / sum(work.values()))
        assert 0 < found[f"time {name}"] < 1
    assert sum(share for name, share in found.items() if name.startswith("time ")) == pytest.approx(1, abs=0.2)


def test_fusion_fills_some_of_the_holes_of_the_widest_branch(catalogue: Any) -> None:
    unfused, fused = (catalogue("branches", f"block/esp-{kind}fused") for kind in ("un", ""))
    assert unfused.values["widest"] == pytest.approx(9 / 33**2)
    assert fused.values["widest"] == pytest.approx(33 / 33**2)
    assert len(fused.states["seen"]) == 33**2


def test_the_coarsest_map_is_found_where_a_later_one_is_finer() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3, 4, 1), nn.Conv2d(4, 4, 3, 2, 1), nn.ConvTranspose2d(4, 2, 4, 4))

    assert shown("coarsest", build, (3, 32, 32)).values == {"stride": 8}


def test_sizes_are_those_that_a_network_takes() -> None:
    anything = shown("sizes", lambda: nn.Conv2d(3, 4, 3), (3, 32, 32))
    nothing = shown("sizes", lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)), (3, 32, 32))
    assert anything.values["share"] == 1
    assert nothing.values["share"] == 0
    assert anything.states["takes"] == (1.0,) * 5


def test_maps_move_with_the_picture_by_the_coarsest_stride_only() -> None:
    def fine() -> nn.Module:
        return nn.Conv2d(3, 2, 3, padding=1, bias=False)

    def coarse() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3, 4, 1, bias=False), nn.ConvTranspose2d(4, 2, 4, 2, 1, bias=False))

    assert max(shown("moved", fine, (3, 32, 32)).values.values()) < 1e-5
    found = shown("moved", coarse, (3, 32, 32)).values
    assert found["coarsest"] < 1e-5
    assert found["own"] > 0.1


def test_a_target_of_four_people_sums_to_four_bells(catalogue: Any) -> None:
    found = catalogue("target", "pose/decode-peaks")
    assert found.values["sum"] == pytest.approx(4 * 2 * math.pi, rel=0.01)
    assert len(found.states["map"]) == found.values["width"] * found.values["height"]


def test_decoders_err_as_they_must(catalogue: Any) -> None:
    hard = catalogue("decoded", "pose/decode-argmax")
    assert hard.values["gradient"] == 0
    assert hard.values["plain error"] == pytest.approx(0.5)
    assert hard.values["error"] == pytest.approx(0.25)
    assert hard.states["by side"] == pytest.approx((2, 4, 8, 16))
    soft = catalogue("decoded", "pose/decode-soft-argmax")
    assert soft.values["gradient"] > 1
    assert soft.values["two equal"] == pytest.approx(31, abs=0.01)
    assert 12 < soft.values["two unequal"] < 20
    assert max(soft.states["by side"]) < 0.1
    assert soft.values["error in bf16"] > soft.values["error in fp32"]


def test_what_a_worker_is_told_is_done_and_an_unknown_name_is_one_line(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Architecture(name="own/net", build=lambda: nn.Conv2d(3, 4, 3), source=Source(kind="script", value="x"), input=(3, 9, 9))
    monkeypatch.setattr(job, "load", lambda _: (net, Eager()))
    threads = torch.get_num_threads()
    task = job.Job(case=make.case("own/net", threads=threads), engine=net.source, demonstration="sizes")
    monkeypatch.setattr(job, "settle_threads", lambda *_: None)
    assert demonstrations.told(task, lambda _: None)["values"] == {"share": 1.0}  # type: ignore[arg-type]  # no phase is shown
    wrong = job.Job(case=task.case, engine=net.source, demonstration="size")
    with pytest.raises(demonstrations.UnknownNameError, match="unknown demonstration 'size': did you mean sizes"):
        demonstrations.told(wrong, lambda _: None)  # type: ignore[arg-type]  # as above
    monkeypatch.setattr(job, "load", lambda _: (None, Eager()))
    with pytest.raises(job.Wrong, match="no network"):
        demonstrations.told(task, lambda _: None)  # type: ignore[arg-type]  # as above


def test_every_claim_asks_for_demonstrations_that_there_are(catalogue: Any) -> None:
    asked = {show for entry in claims.select() for show in entry.shows}
    assert {show.demonstration for show in asked} == set(SHOWS)
    assert all(show.architecture in ARCHITECTURES for show in asked)
    assert set(SHOWS) >= demonstrations.TIMED


def test_the_claims_draw_and_judge_the_maps_that_are_demonstrated() -> None:
    assert tuple(map(float, integral.PEAKS)) == decoding.PEAKS
    both = sums.bell(integral.SIDE, (integral.PEAKS[0], integral.SIDE / 2), integral.SIGMA)
    made = decoding.bell(integral.SIDE, decoding.PEAKS[0], integral.SIDE / 2)[0, 0]
    assert made.numpy() == pytest.approx(both, abs=1e-6)
