"""A smaller network on disk: what one process makes the others read, bit for bit, and nothing that could be another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from vbench import artefacts, compress, data
from vbench.cli import cache as verb
from vbench.compress import _store
from vbench.compress._building import Smaller
from vbench.core import Architecture, Source
from vbench.errors import VbenchError
from vbench.registry import COMPRESSORS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

compress.load_builtin()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def _conv(inputs: int, outputs: int, size: int = 3, **more: Any) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, padding=size // 2, **more), nn.BatchNorm2d(outputs), nn.ReLU())


def _separable() -> nn.Module:
    """A depthwise and a grouped convolution, a transposed one, and slopes for each channel."""
    return nn.Sequential(
        _conv(3, 12), _conv(12, 12, groups=12), _conv(12, 16, 1), _conv(16, 16, groups=4), nn.PReLU(16),
        nn.ConvTranspose2d(16, 8, 2, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first, self.second, self.head = nn.Linear(12, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.stem(x.flatten(1)))
        return self.head(torch.relu(self.second(torch.relu(self.first(x)))))


class Table(nn.Module):
    """Holds numbers that its constructor computes, which seeded weights do not give."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1)
        self.register_buffer("scale", torch.rand(8, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.conv(x) * self.scale).mean((2, 3))


def _smaller(make: Callable[[], nn.Module], text: str, *, shape: tuple[int, ...] = (3, 8, 8), **more: Any) -> Smaller:
    architecture = Architecture(name="a/b", build=make, source=Source(kind="module", value="m"), input=shape)
    return Smaller(architecture, text, **{"seed": 0, "weights": "random:0"} | more)


def _entries() -> list[artefacts.Manifest]:
    return [manifest for _, manifest in artefacts.entries() if manifest.name == _store.NAME]


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}


@pytest.mark.parametrize(
    ("make", "text", "shape"),
    [
        (_separable, "l1-filter:0.5", (3, 8, 8)),
        (_separable, "taylor:0.5:data=noise", (3, 8, 8)),
        (_separable, "codebook:3", (3, 8, 8)),
        (_separable, "l2-filter:0.25+magnitude:0.5+codebook:3", (3, 8, 8)),
        (_separable, "binary", (3, 8, 8)),
        (Tied, "codebook:2", (3, 2, 2)),
    ],
)
def test_one_process_makes_it_and_the_next_reads_the_same(
    make: Callable[[], nn.Module], text: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _smaller(make, text, shape=shape, verify=True)
    notes: dict[str, str] = {}
    whole = first.take(notes)
    assert len(_entries()) == 1

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(data, "build", never)
    second = _smaller(make, text, shape=shape, verify=True)
    again: dict[str, str] = {}
    read = second.take(again)
    assert again == notes
    assert second.values == first.values
    assert repr(read) == repr(whole)
    assert not read.training
    wanted, got = _state(whole), _state(read)
    assert wanted.keys() == got.keys()
    assert all(torch.equal(wanted[name], got[name]) for name in wanted)
    ties = [{name: place for place, name in enumerate(state)} for state in (wanted, got)]
    assert ties[0] == ties[1]
    assert [wanted[a] is wanted[b] for a in wanted for b in wanted] == [got[a] is got[b] for a in got for b in got]
    x = torch.randn(2, *shape)
    with torch.inference_mode():
        assert torch.equal(whole(x), read(x))


def test_a_worker_that_does_not_check_reads_what_the_check_made() -> None:
    checked = _smaller(_separable, "codebook:3", verify=True)
    checked.take({})
    worker = _smaller(_separable, "codebook:3")
    worker.take({})
    assert worker.values["encoded_bytes"] == checked.values["encoded_bytes"]
    assert len(_entries()) == 1


def test_what_nobody_has_verified_is_made_again_for_a_check() -> None:
    _smaller(_separable, "l1-filter:0.5").take({})
    notes: dict[str, str] = {}
    checked = _smaller(_separable, "l1-filter:0.5", verify=True)
    checked.take(notes)
    assert "l1-filter verified" in notes
    assert checked.values["encoded_bytes"] > 0
    assert len(_entries()) == 1


@pytest.mark.parametrize("file", ["tensors.safetensors", "facts.msgpack"])
def test_a_damaged_entry_is_made_again_and_said(file: str) -> None:
    _smaller(_separable, "codebook:3").take({})
    ((folder, _),) = [entry for entry in artefacts.entries() if entry[1].name == _store.NAME]
    content = bytearray((folder / file).read_bytes())
    content[-1] ^= 1
    (folder / file).write_bytes(bytes(content))
    notes: dict[str, str] = {}
    made = _smaller(_separable, "codebook:3").take(notes)
    assert notes["artefact_smaller"] == "a damaged entry was made again"
    sound: dict[str, str] = {}
    read = _smaller(_separable, "codebook:3").take(sound)
    assert "artefact_smaller" not in sound
    assert all(torch.equal(a, b) for a, b in zip(made.parameters(), read.parameters(), strict=True))


def test_whatever_it_depends_on_makes_it_another_one(tmp_path: Path) -> None:
    from PIL import Image  # noqa: PLC0415 - only here

    folder = tmp_path / "pictures"
    folder.mkdir()
    Image.new("RGB", (16, 16), (200, 10, 10)).save(folder / "a.png")
    text = "taylor:0.5:pictures=1"
    same = {"text": text, "images": str(folder)}
    _smaller(_separable, **same).take({})
    _smaller(_separable, **same).take({})
    assert len(_entries()) == 1
    Image.new("RGB", (24, 24), (10, 200, 10)).save(folder / "a.png")
    others: list[dict[str, Any]] = [
        same, same | {"seed": 1}, same | {"weights": "net:0123"}, same | {"text": "taylor:0.25:pictures=1"},
        same | {"shape": (3, 12, 12)}, same | {"images": ""},
    ]  # fmt: skip
    for number, other in enumerate(others):
        _smaller(_separable, **other).take({})
        assert len(_entries()) == 2 + number
    _smaller(lambda: _separable().append(nn.Identity()), **same).take({})
    assert len(_entries()) == 2 + len(others)


def test_a_network_that_its_constructor_computes_is_made_each_time() -> None:
    for _ in range(2):
        _smaller(Table, "codebook:2").take({})
    assert not _entries()


def test_what_only_counts_keeps_nothing() -> None:
    _smaller(_separable, "codebook:3", weights="")()
    assert not _entries()


class _Plugin:
    description, needs, options = "a stranger's", "", ()

    def version(self) -> str:
        return "1"

    def apply(self, module: Any, work: Any) -> nn.Module:
        del work
        module[-1] = nn.Sequential(nn.Linear(8, 2), nn.Linear(2, 5))
        return module  # type: ignore[no-any-return]  # a network


class _Vain(_Plugin):
    """Says of itself that its tensors tell all, and puts other layers in."""

    kept = True


@pytest.mark.parametrize("kind", [_Plugin, _Vain])
def test_what_a_stranger_makes_is_kept_only_where_its_tensors_tell_all(kind: type, registries: None) -> None:
    COMPRESSORS.add("factored", kind, Source(kind="script", value=__file__))
    made = [_smaller(_separable, "factored").take({}) for _ in range(2)]
    assert not _entries()
    assert all("in_features=8, out_features=2" in repr(module) for module in made)


def test_what_cannot_be_done_leaves_nothing() -> None:
    with pytest.raises(VbenchError, match="no channel can go"):
        _smaller(lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(2)), "l1-filter:0.5").take({})
    assert not _entries()


def test_the_verb_shows_what_made_it_smaller() -> None:
    _smaller(_separable, "magnitude:0.5").take({})
    (manifest,) = _entries()
    row = verb._row(manifest, 0.0)
    assert row[:2] == ("smaller", "a/b")
    assert row[3] == "magnitude:0.5"
