"""What is written behind `--compress` and behind an @: one spelling for one thing, and one line for what is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import compression
from vbench.compression import Option
from vbench.errors import UnknownNameError, UsageError, nearest

OPTIONS = {
    "prune": (
        Option("ratio", "share that goes"),
        Option("global", "rank all layers together", "flag"),
        Option("round", "multiple", "whole", 1, low=1),
        Option("scope", "what is ranked", "word", "layer", words=("layer", "network")),
    ),
    "deep": (
        Option("density", "share that stays, or whose", words=("alexnet",)),
        Option("fc", "bits", "whole", 5, low=1, high=8),
    ),
    "code": (Option("bits", "bits of an index", "whole", low=1, high=16), Option("rest", "of others", "number", 0.25)),
    "sign": (),
}


def options(name: str) -> tuple[Option, ...]:
    if name not in OPTIONS:
        message = f"unknown compressor {name!r}: {nearest(name, OPTIONS)}"
        raise UnknownNameError(message)
    return OPTIONS[name]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("none", "none"),
        ("prune:0.5", "prune:0.5"),
        ("prune:.50", "prune:0.5"),
        ("prune:ratio=0.5", "prune:0.5"),
        ("prune:round=8:global:0.5", "prune:0.5:global:round=8"),
        ("prune:0.5:round=1:scope=layer", "prune:0.5"),
        ("prune:0.9 + code:5", "prune:0.9+code:5"),
        ("code:5:rest=0.250", "code:5"),
        ("sign+sign", "sign+sign"),
        ("deep:alexnet", "deep:alexnet"),
        ("deep:fc=4:0.10", "deep:0.1:fc=4"),
    ],
)
def test_one_thing_has_one_spelling(text: str, canonical: str) -> None:
    assert compression.canonical(text, options) == canonical
    assert compression.canonical(canonical, options) == canonical


@given(
    st.lists(
        st.one_of(
            st.builds(
                "prune:{}{}:round={}".format,
                st.floats(1e-6, 1 - 1e-6),
                st.sampled_from(["", ":global"]),
                st.integers(1, 64),
            ),
            st.builds("code:{}".format, st.integers(1, 16)),
            st.just("sign"),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_chain_survives_being_written(parts: list[str]) -> None:
    text = "+".join(parts)
    written = compression.canonical(text, options)
    assert compression.canonical(written, options) == written
    for step, again in zip(compression.steps(text, options), compression.steps(written, options), strict=True):
        filled, refilled = (compression.filled(one, OPTIONS[one.name]) for one in (step, again))
        assert step.name == again.name
        assert {
            key: pytest.approx(value, rel=1e-11) if isinstance(value, float) else value for key, value in filled.items()
        } == refilled


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prnue:0.5", "did you mean prune"),
        ("prune", "needs ratio.*between 0 and 1.*prune:0.5"),
        ("prune:0", "ratio '0' is not allowed.*between 0 and 1"),
        ("prune:1", "ratio '1' is not allowed"),
        ("prune:nan", "ratio 'nan' is not allowed"),
        ("prune:0.5:0.6", "no option '0.6'"),
        ("prune:0.5:globl", "did you mean global"),
        ("prune:0.5:global=yes", "no option 'global=yes'"),
        ("prune:0.5:round=0", "round '0' is not allowed.*at least 1"),
        ("prune:0.5:round=8:round=8", "round is given twice"),
        ("prune:0.5:scope=all", "one of layer, network"),
        ("code:17", "a whole number from 1 to 16"),
        ("code:2.5", "a whole number from 1 to 16"),
        ("deep:vgg", "density 'vgg' is not allowed: it is a number between 0 and 1, both excluded, or alexnet"),
        ("deep:1.5", "density '1.5' is not allowed"),
        ("sign:1", "no option '1': it has none"),
        ("", "is no compression"),
        ("prune:0.5+", "is no compression"),
        ("prune::0.5", "is no compression"),
        ("none+prune:0.5", "none stands alone"),
        ("none:1", "none stands alone|is no compression"),
    ],
)
def test_what_is_wrong_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        compression.canonical(text, options)
    assert "\n" not in str(caught.value)


def test_compressions_are_joined_in_their_order() -> None:
    assert compression.joined(("none", "prune:0.5")) == "prune:0.5"
    assert compression.joined(("prune:0.5", "code:5")) == "prune:0.5+code:5"
    assert compression.joined(("none", "none")) == "none"
