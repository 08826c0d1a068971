"""The error tree: every error has the exit code of the contract, and unknown names come with the nearest known ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import errors

CODES = {
    "VbenchError": 4,
    "UsageError": 2,
    "ConfigError": 2,
    "UnknownNameError": 2,
    "PluginError": 4,
    "NothingSelectedError": 3,
    "RegressionError": 1,
    "ResultFileError": 4,
}


def test_every_error_has_the_exit_code_of_the_contract() -> None:
    tree = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)}
    assert {name: kind.exit_code for name, kind in tree.items()} == CODES
    assert all(issubclass(kind, errors.VbenchError) for kind in tree.values())


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("resnet/5O", ["resnet/50", "resnet/18", "vgg/16"], "did you mean resnet/50, resnet/18?"),
        ("50", ["resnet/50", "vgg/16"], "did you mean resnet/50?"),
        ("zebra", ["vgg/16", "alexnet/one-tower"], "known: alexnet/one-tower, vgg/16"),
        ("q", list("abcdefghij"), "known: a, b, c, d, e, f, g, h, …"),
        ("", ["a", "b"], "known: a, b"),
        ("zebra", [], "none are registered"),
    ],
)
def test_the_nearest_names_are_said(name: str, known: list[str], said: str) -> None:
    assert errors.nearest(name, known) == said


@given(st.sampled_from(["vgg/16", "resnet/50", "squeezenet/1.0"]), st.data())
def test_a_name_with_one_letter_missing_is_found(name: str, data: st.DataObject) -> None:
    gone = data.draw(st.integers(min_value=0, max_value=len(name) - 1))
    assert name in errors.nearest(name[:gone] + name[gone + 1 :], ["vgg/16", "resnet/50", "squeezenet/1.0"])
