"""Rules for other libraries' names: what a rule does, and that the rules of the catalogue give every tensor its place there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vbench import Naming, plugins, weights
from vbench.checkpoint import Checkpoint, Entry
from vbench.registry import ARCHITECTURES

LISTS = sorted((Path(__file__).parent / "names").glob("*.txt"))


def theirs(rules: list[tuple[str, str]], *names: str) -> list[str]:
    return list(Naming(library="x", rules=tuple(rules)).theirs(names).values())


@pytest.mark.parametrize(
    ("rule", "name", "other"),
    [
        (("stage#", "layer{0}"), "stage3.0.w", "layer3.0.w"),
        (("stage#", "layer{0}"), "stages3.0.w", "stages3.0.w"),
        (("stage#", "layer{0}"), "my.stage12.w", "my.layer12.w"),
        (("stage#.#", "s{1}.{0}"), "stage3.4.w", "s4.3.w"),
        (("a#", "b{0+1}"), "a9.w", "b10.w"),
        (("a#", "b{0-1}"), "a1.w", "b0.w"),
        (("*.one", "m{0}.b1"), "5b.one.0.w", "m5b.b1.0.w"),
        (("7*.one", "m{0}"), "7b.one.0.w", "mb.0.w"),
        (("^0", "first"), "0.0.w", "first.0.w"),
        (("^0", "first"), "1.0.w", "1.0.w"),
        (("0$", "conv"), "0.0.w", "0.conv.w"),
        (("0$", "conv"), "0.1.w", "0.1.w"),
        (("body", ""), "a.body.0.w", "a.0.w"),
        (("body", ""), "body.0.w", "0.w"),
        (("a", ""), "a.w", "w"),
        (("a.b", "c"), "a_b.w", "a_b.w"),
        (("w", "v"), "a.w", "a.w"),
    ],
)
def test_a_rule_replaces_whole_parts_of_a_module_path(rule: tuple[str, str], name: str, other: str) -> None:
    assert theirs([rule], name) == [other]


def test_rules_follow_each_other_and_count() -> None:
    names = ["s1.0.a.w", "s1.0.b.w", "s1.2.a.w", "s2.0.a.w"]
    assert theirs([("s#.#", "f.{n+1}"), ("a", "0")], *names) == ["f.1.0.w", "f.1.b.w", "f.2.0.w", "f.3.0.w"]


def test_two_tensors_of_one_name_are_an_error_of_the_rules() -> None:
    with pytest.raises(ValueError, match=r"the names of x: a\.w and b\.w would both be c\.w; mend the rules"):
        theirs([("a", "c"), ("b", "c")], "a.w", "b.w")


def test_what_is_left_out_is_named_by_globs() -> None:
    naming = Naming(library="x", rules=(), left_out=("aux1.*",))
    assert naming.dropped("aux1.fc.weight")
    assert not naming.dropped("aux2.fc.weight")


def _cases() -> list[tuple[str, str]]:
    return [(path.stem, line[1:-1]) for path in LISTS for line in path.read_text("utf-8").splitlines() if line.startswith("[")]


def _listed(library: str, name: str) -> dict[str, Entry]:
    """The names and shapes that the library has for one of our networks, without the statistics of its batch norms."""
    (path,) = (path for path in LISTS if path.stem == library)
    section = path.read_text("utf-8").partition(f"[{name}]\n")[2].partition("\n[")[0]
    pairs = (line.split() for line in section.splitlines())
    return {tensor: Entry(tuple(map(int, shape.split("x"))), floating=True) for tensor, shape in pairs}


@pytest.mark.parametrize(("library", "name"), _cases())
def test_a_file_with_the_names_and_shapes_of_the_library_fits(library: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plugins.load_all()
    item = ARCHITECTURES.get(name)
    entries = _listed(library, name)
    own = weights._skeleton(item.build)
    (naming,) = (n for n in item.weights if library in n.library.split(" or "))
    for mine, other in naming.theirs(own).items():
        if "running_" in mine:
            entries[other] = own[mine]
    file = Checkpoint(Path("w.pth"), entries, lambda _: torch.zeros(()))
    monkeypatch.setattr(weights.checkpoint, "read", lambda path: file)
    fitted = weights.fit(item, Path("w.pth"))
    assert (fitted.library, fitted.classes) == (naming.library, None)
    # Nothing but the counters of batch norm, which these lists leave out, goes without a tensor of the file.
    assert {mine for mine in own if mine not in fitted.pairs} == {mine for mine in own if mine.endswith("num_batches_tracked")}
    assert len(set(fitted.pairs.values())) == len(fitted.pairs)


@pytest.mark.parametrize(
    "name",
    ["alexnet/one-tower", "densenet/121", "efficientnet/b0", "inception/v3", "inception/v4", "inception/resnet-v2", "resnet/200",
     "se/senet-154", "vgg/13", "zfnet/small", "squeezenet/1.0", "mobilenet/v3-large", "shufflenet/v1-g1-0.25"],
)  # fmt: skip
def test_every_table_names_every_tensor_once_and_leaves_nothing_of_ours(name: str) -> None:
    plugins.load_all()
    item = ARCHITECTURES.get(name)
    own = list(weights._skeleton(item.build))
    assert item.weights
    for naming in item.weights:
        found = naming.theirs(own)
        assert set(found) == set(own)
        words = {part for other in found.values() for part in other.split(".")}
        ours = {"stem", "shortcut", "gate", "old", "new", "three", "stack", "tall", "wide"}
        assert not words & ours, (naming.library, words & ours)
