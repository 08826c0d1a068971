"""Files of weights: both formats, what trainers put around them, and everything that is none or is damaged is one clear line."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from vbench import checkpoint
from vbench.errors import UsageError

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2), "n.num_batches_tracked": torch.tensor(7)}
SHAPES = {"a.weight": ((2, 3), True), "a.bias": ((2,), True), "n.num_batches_tracked": ((), False)}
SHARED = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def entries(path: Path) -> dict[str, tuple[tuple[int, ...], bool]]:
    return {name: tuple(entry) for name, entry in checkpoint.read(path).entries.items()}  # type: ignore[misc]


@pytest.mark.parametrize(
    "save",
    [
        lambda path: torch.save(STATE, path),
        lambda path: torch.save(STATE, path, _use_new_zipfile_serialization=False),
        lambda path: safetensors.torch.save_file(STATE, path),
        lambda path: torch.save({"model": STATE, "epoch": 3, "optimizer": {"lr": [0.1]}}, path),
        lambda path: torch.save({"state_dict": STATE, "arch": "resnet50"}, path),
        lambda path: torch.save({f"module.{name}": value for name, value in STATE.items()}, path),
        lambda path: safetensors.torch.save_file({f"_orig_mod.{name}": value for name, value in STATE.items()}, path),
    ],
    ids=["torch", "torch, old format", "safetensors", "in model", "in state_dict", "data parallel", "compiled"],
)
def test_a_state_dict_is_read_whatever_it_is_wrapped_in(save: Any, tmp_path: Path) -> None:
    path = tmp_path / "w.bin"
    save(path)
    assert entries(path) == SHAPES
    found = checkpoint.read(path)
    assert all(torch.equal(found.tensor(name), value) for name, value in STATE.items())


def test_half_precision_and_empty_names_are_tensors_like_others(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"a": torch.ones(2, dtype=torch.bfloat16), "b": torch.ones(2, dtype=torch.int8)}, path)
    assert entries(path) == {"a": ((2,), True), "b": ((2,), False)}


class Planted:
    """What a pickle can do to whoever reads it."""

    def __init__(self, victim: str) -> None:
        self.victim = victim

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.victim),)


def test_a_file_with_code_is_refused_in_one_line_and_the_code_is_not_run(tmp_path: Path) -> None:
    path, victim = tmp_path / "w.pth", tmp_path / "victim"
    torch.save({"a": torch.ones(1), "b": Planted(str(victim))}, path)
    with pytest.raises(UsageError, match="and code is not run: save the tensors alone") as caught:
        checkpoint.read(path)
    assert "\n" not in str(caught.value)
    path.write_bytes(pickle.dumps(Planted(str(victim))))
    with pytest.raises(UsageError):
        checkpoint.read(path)
    assert not victim.exists()


@pytest.mark.parametrize(
    ("save", "words"),
    [
        (lambda path: torch.save(nn.Linear(2, 2), path), "holds code besides tensors"),
        (lambda path: torch.save([1, 2], path), "it holds list and no state dict"),
        (lambda path: torch.save({}, path), "there is no tensor in it"),
        (lambda path: torch.save({"a": torch.ones(1), "epoch": 3}, path), "'epoch' is no tensor that a layer could hold"),
        (lambda path: torch.save({"a": torch.ones(2, 2).to_sparse()}, path), "'a' is no tensor that a layer could hold"),
        (lambda path: safetensors.torch.save_file({}, path), "there is no tensor in it"),
        (lambda path: path.write_bytes(b""), "neither safetensors nor a state dict"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: None, "No such file or directory; name a file of weights"),
    ],
)
def test_what_is_no_file_of_weights_is_one_clear_line(save: Any, words: str, tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    save(path)
    with pytest.raises(UsageError) as caught:
        checkpoint.read(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"--weights {path}: ")
    assert "\n" not in str(caught.value)


@SHARED
@given(cut=st.integers(0, 999), flip=st.integers(0, 999), kind=st.sampled_from(["torch", "safetensors"]))
def test_a_damaged_file_is_read_or_refused_and_never_a_crash(cut: int, flip: int, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "w.bin"
    if kind == "torch":
        torch.save(STATE, path)
    else:
        safetensors.torch.save_file(STATE, path)
    data = bytearray(path.read_bytes())
    data[flip * len(data) // 1000] ^= 0xFF
    path.unlink()
    path.write_bytes(data[: len(data) - cut * len(data) // 1000])
    try:
        said = str(checkpoint.read(path).entries)
    except UsageError as error:
        said = str(error)
    assert said
    assert "\n" not in said


@SHARED
@given(data=st.binary(max_size=64))
def test_noise_is_refused_in_one_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "noise.bin"
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        checkpoint.read(path)
    assert "\n" not in str(caught.value)


def test_the_digest_is_of_the_content_and_the_label_says_both(tmp_path: Path) -> None:
    one, two = tmp_path / "my net, v2.pth", tmp_path / "random.pth"
    one.write_bytes(b"abc")
    two.write_bytes(b"abc")
    assert checkpoint.digest(one) == "ba7816bf8f01"
    assert checkpoint.label(one) == "my-net-v2:ba7816bf8f01"
    assert checkpoint.label(two) == "random-file:ba7816bf8f01"
    with pytest.raises(UsageError, match="No such file"):
        checkpoint.digest(tmp_path / "none")
