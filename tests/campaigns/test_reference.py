"""The comparison with other libraries, without them: what is compared exists, an outcome is judged, and the page is made."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import msgspec
import pytest
import torch
from references import compare, page
from references.pairs import OTHER, PAIRS, Pair
from torch import nn

from vbench import Naming, plugins
from vbench.core import Architecture, Source
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

ONE = compare.Outcome(
    ours="a/b", library="theirs", theirs="ab", params=(1234, 1234), macs=(5, 5), error=1e-9, side=32, tensors=7, note="as it is"
)
NAMING = Naming(library="theirs", rules=(("^0", "conv"), ("^1", "norm"), ("^4", "fc")), left_out=("aux.*",))


def test_every_pair_is_of_the_catalogue_and_stands_once() -> None:
    plugins.load_all()
    keys = [(pair.ours, pair.library, pair.theirs) for pair in PAIRS]
    assert len(set(keys)) == len(keys)
    for pair in PAIRS:
        libraries = {word for naming in ARCHITECTURES.get(pair.ours).weights for word in naming.library.split(" or ")}
        assert pair.library in libraries or not pair.outputs, pair
    assert all(any(fnmatchcase(name, glob) for name in ARCHITECTURES.names()) for glob in OTHER)


@pytest.mark.parametrize(
    ("fields", "equal"),
    [({}, True), ({"error": None}, True), ({"error": 2e-4}, False), ({"params": (1, 2)}, False), ({"macs": (1, 2)}, False),
     ({"error": float("nan")}, False)],
)  # fmt: skip
def test_equal_means_all_of_it(fields: dict[str, object], equal: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert msgspec.structs.replace(ONE, **fields).equal == equal


def test_the_page_says_what_was_compared_and_what_was_not() -> None:
    other = msgspec.structs.replace(ONE, ours="a/c", params=(1, 2000), error=None, side=0, tensors=0)
    made = page.text([ONE, other], {"torch": "2"})
    assert "Made with torch 2: 1 of 2 comparisons equal, of 2 networks." in made
    assert "| `a/b` | theirs | `ab` | 1,234 | 5 | 1e-09 | 32 | 7 | as it is |" in made
    assert "**1, and 2,000 there** | 5 | – | – | – |" in made
    assert "- `alexnet/two-group`: " in made
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
    assert page.replaced(text, "new") == f"before\n{page.BEGIN}\n\nnew\n\n{page.END}\nafter\n"


class Theirs(nn.Module):
    """The network of `_ours` under other names, with an auxiliary head that inference does not run."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.conv, self.norm, self.fc, self.aux = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 5), nn.Linear(4, 5)
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.fc(nn.functional.leaky_relu(self.norm(self.conv(x)), self.slope).mean((2, 3)))
        return out


def _ours(classes: int = 5) -> nn.Module:
    layers = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
    return nn.Sequential(*layers, nn.Linear(4, classes))


@pytest.fixture
def planted() -> Iterator[None]:
    source = Source(kind="module", value="x")
    item = Architecture(name="mine/ours", build=_ours, source=source, input=(3, 16, 16), weights=(NAMING,))
    ARCHITECTURES.add("mine/ours", item, source)
    yield
    ARCHITECTURES.discard("mine/ours")


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(("slope", "equal"), [(0.0, True), (0.01, False)])
def test_a_difference_that_no_name_shows_is_found(slope: float, equal: bool) -> None:  # noqa: FBT001 - a parameter of the test
    found = compare.compare(Pair("mine/ours", "theirs", "x", lambda: Theirs(slope)))
    assert found.params[0] == found.params[1] == 4 * 27 + 4 + 8 + 25
    assert found.macs[0] == found.macs[1]
    assert (found.tensors, found.side, found.names) == (9, 16, "theirs")
    assert found.equal == equal


def test_the_committed_page_holds_what_the_script_compares(script: Callable[[str], ModuleType], repository: Path) -> None:
    assert script("reference").PACKAGES == ("torch", "torchvision", "timm", "pytorchcv")
    text = (repository / "docs" / "reference.md").read_text("utf-8")
    for pair in PAIRS:
        assert f"| `{pair.ours}` | {pair.library} | `{pair.theirs}` |" in text, pair
    assert "**" not in text.partition(page.BEGIN)[2]
