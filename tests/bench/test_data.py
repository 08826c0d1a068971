"""Weights and inputs: the same for the same seed, at the scale of real ones, and never what a constructor computed destroyed."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image
from torch import nn

from vbench import data
from vbench.core import Preprocess
from vbench.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Tied(nn.Module):
    """Two layers of one weight, and a layer that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 6), nn.Linear(6, 6, bias=False)
        self.two.weight = self.one.weight
        self.three = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.again = self.three


def net() -> nn.Module:
    """One of each layer that can be filled."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 3),
        nn.BatchNorm2d(64),
        nn.PReLU(64),
        nn.Conv2d(64, 128, 3, groups=4, bias=False),
        nn.GroupNorm(4, 128),
        nn.ConvTranspose2d(128, 8, 3),
        nn.InstanceNorm2d(8, affine=True, track_running_stats=True),
        nn.LayerNorm(8),
        nn.Linear(256, 512),
        nn.BatchNorm1d(512, affine=False),
        nn.Embedding(100, 32),
        nn.Bilinear(3, 4, 5),
        nn.Dropout(),
    )


def _state(make: Callable[[], Any], seed: int = 0) -> dict[str, torch.Tensor]:
    return dict(data.build(make, seed)[0].state_dict())


def test_a_network_of_known_layers_is_filled_and_the_seed_decides() -> None:
    module, how = data.build(net, 0)
    assert how == "filled"
    assert not module.training
    state, again, other = dict(module.state_dict()), _state(net), _state(net, 1)
    assert all(tensor.device.type == "cpu" and bool(tensor.isfinite().all()) for tensor in state.values())
    assert all(torch.equal(state[name], again[name]) for name in state)
    drawn = [name for name in state if not torch.equal(state[name], other[name])]
    assert drawn == [f"{index}.weight" for index in (0, 3, 5, 8, 10, 11)]
    assert [(p.shape, p.requires_grad, p.dtype) for p in module.parameters()] == [
        (p.shape, p.requires_grad, p.dtype) for p in net().parameters()
    ]


def test_the_state_of_torchs_generator_does_not_matter_and_is_left_alone() -> None:
    torch.manual_seed(1)
    first = _state(net)
    state = torch.get_rng_state()
    second = _state(net)
    data.noise((3, 4, 4), 1, 0)
    data.smooth((3, 8, 8), 2, 0)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_weights_have_the_scale_of_he_and_normalisation_is_the_identity() -> None:
    module = data.build(net, 0)[0]
    for index, fan_in in ((0, 3 * 9), (3, 16 * 9), (8, 256)):
        weight = module[index].weight
        assert weight.std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.05)
        assert abs(weight.mean().item()) < 4 * math.sqrt(2 / fan_in / weight.numel())
    for part in module:
        if isinstance(part, data._NORMS):
            held = {name: set(tensor.flatten().tolist()) for name, tensor in part.state_dict().items()}
            wanted = {"weight": {1.0}, "bias": {0.0}, "running_mean": {0.0}, "running_var": {1.0}, "num_batches_tracked": {0}}
            assert held == {name: wanted[name] for name in held}
        elif getattr(part, "bias", None) is not None:
            assert not part.bias.any()
    images = torch.randn(4, 64, 6, 6)
    torch.testing.assert_close(module[1](images), images, rtol=1e-4, atol=1e-4)


def test_tied_weights_stay_tied() -> None:
    module, how = data.build(Tied, 0)
    assert how == "filled"
    assert module.two.weight is module.one.weight
    assert module.again is module.three
    assert len(list(module.parameters())) == len(list(Tied().parameters()))


class Table(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.arange(4.0))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.table = torch.arange(4.0)


class InList(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.anchors = {"small": [torch.arange(4.0)]}

    @property
    def table(self) -> torch.Tensor:
        return self.anchors["small"][0]


class Own(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.arange(4.0))


class Scaled(nn.Conv2d):
    """A layer that torch knows, with one thing more than torch knows of."""

    def __init__(self) -> None:
        super().__init__(3, 4, 3)
        self.table = nn.Parameter(torch.arange(4.0))


class Reads(nn.Module):
    """A constructor that reads a value, which the meta device has not."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(int(torch.tensor(2.0).item()), 2)
        self.table = torch.arange(4.0)


@pytest.mark.parametrize("make", [Table, Plain, InList, Own, Scaled, Reads])
def test_what_a_constructor_computed_is_kept(make: type[Any]) -> None:
    module, how = data.build(make, 0)
    assert how == "initialised"
    assert module.table.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert all(torch.equal(value, _state(make)[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize("make", [lambda: nn.MultiheadAttention(8, 2), lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU())])
def test_layers_that_are_not_well_known_are_initialised_by_their_own_constructor(make: Callable[[], Any]) -> None:
    module, how = data.build(make, 3)
    assert how == "initialised"
    if isinstance(module, nn.MultiheadAttention):
        assert not torch.equal(module.in_proj_weight, data.build(make, 4)[0].in_proj_weight)
        assert torch.equal(module.in_proj_weight, data.build(make, 3)[0].in_proj_weight)
    else:
        assert module(torch.ones(1, 3, 5, 5)).shape == (1, 4, 3, 3)


def test_a_builder_must_return_a_network_and_its_own_error_is_passed_on() -> None:
    with pytest.raises(TypeError, match=r"the builder returned dict, not a torch\.nn\.Module"):
        data.build(dict, 0)
    with pytest.raises(ZeroDivisionError):
        data.build(lambda: 1 / 0, 0)


def test_noise_is_seeded_standard_normal_and_all_different() -> None:
    inputs = data.noise((3, 32, 32), 4, seed=5)
    assert [tuple(tensor.shape) for tensor in inputs] == [(4, 3, 32, 32)] * data.ROTATION
    everything = torch.stack(inputs)
    assert len({tensor[0, 0, 0, 0].item() for tensor in inputs}) == data.ROTATION
    assert (everything.mean().item(), everything.std().item()) == pytest.approx((0.0, 1.0), abs=0.02)
    assert torch.equal(torch.stack(data.noise((3, 32, 32), 4, seed=5)), everything)
    assert not torch.equal(torch.stack(data.noise((3, 32, 32), 4, seed=6)), everything)


@pytest.mark.parametrize("shape", [(3, 32, 48), (1, 7, 7), (5, 3, 200), (12,), (2, 3, 4, 5)])
def test_smooth_images_are_seeded_standardised_and_all_different(shape: tuple[int, ...]) -> None:
    images = data.smooth(shape, 6, seed=1)
    assert images.shape == (6, *shape)
    assert len({image.flatten()[0].item() for image in images}) == 6
    assert torch.equal(images, data.smooth(shape, 6, seed=1))
    assert not torch.equal(images, data.smooth(shape, 6, seed=2))
    if len(shape) == 3:
        assert (images.mean().item(), images.std().item()) == pytest.approx((0.0, 1.0), abs=1e-3)


def test_smooth_images_are_smooth() -> None:
    images = data.smooth((3, 56, 56), 8, seed=0)
    assert images.diff(dim=3).std().item() < 0.25  # that of white noise is the root of 2


RED = (200, 100, 50)


def _picture(path: Path, size: tuple[int, int], colour: Any = RED, mode: str = "RGB") -> None:
    Image.new(mode, size, colour).save(path)


def _expected(colour: tuple[int, ...], preprocess: Preprocess) -> torch.Tensor:
    scaled = torch.tensor(colour, dtype=torch.float32) / 255.0
    channels = len(colour)
    return (scaled - torch.tensor(preprocess.mean[:channels])) / torch.tensor(preprocess.std[:channels])


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (40, 40), (1, 500)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_picture_of_one_colour_is_normalised_exactly(tmp_path: Path, size: tuple[int, int], interpolation: Any) -> None:
    _picture(tmp_path / "red.png", size)
    preprocess = Preprocess(interpolation=interpolation, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))
    found = data.images(tmp_path, (3, 32, 24), 1, preprocess)
    assert found.shape == (1, 3, 32, 24)
    assert torch.equal(found, _expected(RED, preprocess).view(1, 3, 1, 1).expand(1, 3, 32, 24))


@pytest.mark.parametrize(
    ("mode", "colour", "value"),
    [("L", 77, 77), ("RGB", (77, 77, 77), 77), ("RGBA", (77, 77, 77, 9), 77), ("LA", (77, 9), 77), ("1", 1, 255)],
)
def test_pictures_of_every_mode_are_read_as_grey_or_colour(tmp_path: Path, mode: str, colour: Any, value: int) -> None:
    _picture(tmp_path / "grey.png", (20, 20), colour, mode)
    for channels in (1, 3):
        found = data.images(tmp_path, (channels, 8, 8), 1, Preprocess())
        assert torch.equal(found, _expected((value,) * channels, Preprocess()).view(1, channels, 1, 1).expand(1, channels, 8, 8))


def test_the_short_side_is_resized_and_the_centre_cut_out(tmp_path: Path) -> None:
    wide = Image.new("RGB", (80, 40), (255, 0, 0))  # red, with a green square in its centre
    wide.paste((0, 255, 0), (25, 5, 55, 35))
    wide.save(tmp_path / "wide.png")
    plain = Preprocess(resize=1.0, mean=(0, 0, 0), std=(1, 1, 1))
    whole = data.images(tmp_path, (3, 40, 40), 1, plain)[0]
    green = torch.zeros(40, 40)
    green[5:35, 5:35] = 1
    assert torch.equal(whole[1], green)
    close = data.images(tmp_path, (3, 40, 40), 1, Preprocess(resize=2.0, mean=(0, 0, 0), std=(1, 1, 1)))[0]
    assert torch.equal(close[1], torch.ones(40, 40))


def test_fewer_pictures_repeat_and_more_are_left(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    _picture(tmp_path / "b.png", (9, 9), (2, 2, 2))
    _picture(tmp_path / "deep" / "c.JPG", (9, 9), (3, 3, 3))
    _picture(tmp_path / "a.bmp", (9, 9), (1, 1, 1))
    (tmp_path / "notes.txt").write_text("no picture", "utf-8")
    plain = Preprocess(mean=(0, 0, 0), std=(1, 1, 1))
    for count, expected in ((5, [1, 2, 3, 1, 2]), (2, [1, 2])):
        found = data.images(tmp_path, (3, 8, 8), count, plain)
        assert (found[:, 0, 0, 0] * 255).round().int().tolist() == expected


def test_a_picture_cut_anywhere_is_read_or_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.effect_noise((24, 24), 90).save(stream, "png")
    whole = stream.getvalue()
    refused: list[str] = []
    for cut in range(0, len(whole), 7):
        (tmp_path / "cut.png").write_bytes(whole[:cut])
        try:
            assert data.images(tmp_path, (3, 8, 8), 1, Preprocess()).shape == (1, 3, 8, 8)
        except UsageError as error:
            refused.append(str(error))
    assert len(refused) > 40
    assert all(line.startswith(f"--images: {tmp_path / 'cut.png'} cannot be read: ") for line in refused)


def test_folders_and_inputs_that_pictures_cannot_serve_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        data.images(tmp_path / "none", (3, 8, 8), 1, Preprocess())
    with pytest.raises(UsageError, match=r"no pictures in it; read are \.bmp, "):
        data.images(tmp_path, (3, 8, 8), 1, Preprocess())
    for shape in ((4, 8, 8), (12,), (3, 8)):
        with pytest.raises(
            UsageError, match="needs an input of 1 or 3 channels, height and width, not " + "x".join(map(str, shape))
        ):
            data.images(tmp_path, shape, 1, Preprocess())
