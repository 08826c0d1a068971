"""Wrappers: how they are named, what they compute, and that a wrapped network is measured like any other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from vbench import wrappers
from vbench.counting import count
from vbench.errors import UnknownNameError, UsageError
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES
from vbench.rescaled import MultiScale, Upsampled

if TYPE_CHECKING:
    from pathlib import Path

load_all()


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("resnet/18@upsample:2", "resnet/18@upsample:2"),
        ("resnet/18@upsample:2.0", "resnet/18@upsample:2"),
        ("resnet/18@multiscale:0.50,1,1.5", "resnet/18@multiscale:0.5+1+1.5"),
        ("resnet/18@multiscale:0.5+1@upsample:.5", "resnet/18@multiscale:0.5+1@upsample:0.5"),
    ],
)
def test_names_are_written_in_one_way(name: str, canonical: str) -> None:
    found = ARCHITECTURES.get(name)
    assert found.name == canonical
    assert ARCHITECTURES.get(canonical).name == canonical
    assert name in ARCHITECTURES
    assert ARCHITECTURES.source(canonical) == ARCHITECTURES.source("resnet/18")
    assert (found.accuracy, found.macs, found.params) == ((), None, 11_689_512)


@given(st.lists(st.floats(0.01, 16), min_size=1, max_size=5))
def test_any_scales_survive_being_written(scales: list[float]) -> None:
    name = wrappers.canonical(f"a/b@multiscale:{','.join(map(str, scales))}")
    assert wrappers.canonical(name) == name
    assert [float(word) for word in name.rpartition(":")[2].split("+")] == pytest.approx(scales, rel=1e-4)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet/18@upsampel:2", "'upsampel' is neither a wrapper nor a compressor.*upsample"),
        ("resnet/18@upsample", "@upsample:2"),
        ("resnet/18@upsample:2+3", "a factor over 0"),
        ("resnet/18@upsample:nan", "@upsample:2"),
        ("resnet/18@multiscale:1+0", "factors with"),
        ("resnet/18@multiscale:17", "up to 16"),
        ("resnet/18@", "'' is no compression"),
    ],
)
def test_a_false_wrapper_is_one_line(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        ARCHITECTURES.get(name)
    assert "\n" not in str(caught.value)


def test_an_unknown_network_is_unknown_in_a_wrapper_too() -> None:
    with pytest.raises(UnknownNameError, match="resnet/19"):
        ARCHITECTURES.get("resnet/19@upsample:2")
    assert "resnet/19@upsample:2" not in ARCHITECTURES


def test_a_glob_wraps_all_that_it_matches() -> None:
    names = [item.name for item in ARCHITECTURES.match(["vgg/1[13]@upsample:2", "vgg/11"], ["vgg/13*"])]
    assert names == ["vgg/11@upsample:2", "vgg/11"]


class Maps(nn.Module):
    """A map at half the size, and a vector."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 3, 2, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = self.conv(x)
        return y, y.mean(dim=(2, 3))


def test_the_answers_of_all_scales_are_averaged() -> None:
    network, x = Maps().eval(), torch.rand(2, 3, 12, 16)
    with torch.no_grad():
        maps, vectors = MultiScale(network, (0.5, 1, 2))(x)
        sizes = [(6, 8), (12, 16), (24, 32)]
        each = [network(functional.interpolate(x, size=size, mode="bilinear")) for size in sizes]
        enlarged = [functional.interpolate(y, size=(6, 8), mode="bilinear") for y, _ in each]
    assert maps.shape == (2, 2, 6, 8)
    torch.testing.assert_close(maps, sum(enlarged) / 3)
    torch.testing.assert_close(vectors, sum(v for _, v in each) / 3)


def test_one_scale_of_one_is_the_network_itself() -> None:
    network, x = Maps().eval(), torch.rand(1, 3, 9, 9)
    for wrapped in (MultiScale(network, (1.0,)), Upsampled(network, 1.0)):
        assert all(torch.equal(a, b) for a, b in zip(wrapped(x), network(x), strict=True))


@pytest.mark.parametrize("name", ["mobilenet/v1-0.25", "resnet/18"])
def test_scales_cost_about_the_sum_of_their_squares(name: str) -> None:
    plain = count(ARCHITECTURES.get(name).build, (3, 224, 224), second=False)
    several = count(ARCHITECTURES.get(f"{name}@multiscale:0.5+1+1.5+2").build, (3, 224, 224), second=False)
    doubled = count(ARCHITECTURES.get(f"{name}@upsample:2").build, (3, 224, 224), second=False)
    assert several.params == doubled.params == plain.params
    assert several.macs / plain.macs == pytest.approx(0.25 + 1 + 2.25 + 4, rel=0.05)
    assert doubled.macs / plain.macs == pytest.approx(4, rel=0.05)


NETS = """
from torch import nn
from vbench import architecture

@architecture("tiny/conv", input=(3, 8, 8))
def conv(classes=5):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, classes))
"""


def test_a_wrapped_network_is_measured_and_resumed_like_any_other(tmp_path: Path, commands: Any) -> None:
    (tmp_path / "nets.py").write_text(NETS)
    words = "--plugin", "nets.py", "--quick", "--no-report", "--threads", "1"
    done = commands(tmp_path, "run", "tiny/conv@multiscale:0.5,1", "tiny/conv", *words, "--json", "-o", "r.jsonl")
    assert done.returncode == 0, done.stderr
    rows = {row["architecture"]: row for row in json.loads(done.stdout)}
    assert set(rows) == {"tiny/conv", "tiny/conv@multiscale:0.5+1"}
    assert rows["tiny/conv@multiscale:0.5+1"]["macs"] > rows["tiny/conv"]["macs"]
    assert all(row["status"] == "ok" for row in rows.values())
    lines = (tmp_path / "r.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "cut.jsonl").write_text("".join(line for line in lines if '"type":"end"' not in line))
    again = commands(tmp_path, "run", "--resume", "cut.jsonl", "--plugin", "nets.py", "--no-report")
    assert again.returncode == 0, again.stderr
    assert "tiny/conv@multiscale:0.5+1" in again.stdout
