"""Engines with options, as they are written and as a case carries them."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import modes
from vbench.errors import UsageError

WORDS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,6}", fullmatch=True)
OPTIONS = st.dictionaries(WORDS, WORDS, max_size=3)
ENGINES = st.lists(st.tuples(WORDS.filter(lambda name: name != "all"), OPTIONS), max_size=4)


class Able:
    """An engine with two options and a flag."""

    options = ("cuda-graph",)
    modes: ClassVar[dict[str, tuple[str, ...]]] = {"hint": ("latency", "throughput"), "streams": ("1", "2", "4")}


@given(ENGINES, st.sampled_from(["][", ";", ",", " ; "]))
def test_what_is_written_is_read_however_the_options_are_parted(engines: list[tuple[str, dict[str, str]]], between: str) -> None:
    texts = []
    for name, options in engines:
        inside = between.join(f"{key}={value}" for key, value in options.items())
        texts.append(f"{name}[{inside}]" if options else name)
    words = modes.split([",".join(texts)])
    assert [modes.parse(word) for word in words] == [(name, tuple(options.items())) for name, options in engines]
    assert modes.split(texts) == words


@given(st.text(alphabet="a,[]=; "))
def test_any_text_is_read_or_refused_with_an_example(text: str) -> None:
    for word in modes.split([text]):
        try:
            name, options = modes.parse(word)
        except UsageError as error:
            said = str(error)
        else:
            said = f"engine {word!r}: openvino[hint=throughput]"
            assert modes.parse(name + "".join(f"[{key}={value}]" for key, value in options)) == (name, options)
        assert said.startswith(f"engine {word!r}: ")
        assert "openvino[hint=throughput]" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("openvino[hint]", "'hint' is not key=value"),
        ("openvino[=a]", "'=a' is not key=value"),
        ("openvino[a=b][a=c]", "a is given twice"),
        ("[a=b]", "no name with options in brackets"),
        ("openvino[a=b", "no name with options in brackets"),
        ("a[b=c]d", "no name with options in brackets"),
        ("all[hint=latency]", "`all` takes no options"),
    ],
)
def test_what_is_misspelt_is_said(text: str, words: str) -> None:
    with pytest.raises(UsageError, match="write for example") as caught:
        modes.parse(text)
    assert words in str(caught.value)


def test_defaults_that_are_spelled_out_are_left_out_and_the_rest_is_sorted() -> None:
    given_ = (("streams", "2"), ("hint", "latency"), ("cuda-graph", "on"))
    assert modes.chosen("able", given_, Able()) == (("cuda-graph", "on"), ("streams", "2"))
    assert modes.chosen("able", (("cuda-graph", "off"), ("hint", "latency"), ("streams", "1")), Able) == ()


@pytest.mark.parametrize(
    ("given_", "kind", "words"),
    [
        (("hnt", "latency"), Able, "engine 'able' has no option 'hnt': did you mean hint?"),
        (
            ("hint", "fast"),
            Able,
            "able[hint=fast]: allowed is latency, throughput; for example: --engine 'able[hint=throughput]'",
        ),
        (("cuda-graph", "yes"), Able, "able[cuda-graph=yes]: allowed is off, on; for example: --engine 'able[cuda-graph=on]'"),
        (("hint", "latency"), object, "engine 'able' has no option 'hint': it has none"),
    ],
)
def test_an_option_or_value_that_an_engine_does_not_have_is_refused(given_: tuple[str, str], kind: type, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        modes.chosen("able", (given_,), kind)
    assert (str(caught.value), caught.value.exit_code) == (words, 2)


def test_a_case_is_written_as_the_axis_takes_it(make: Any) -> None:
    case = make.case(engine="able", engine_options=(("hint", "throughput"), ("streams", "2")))
    assert modes.written(case) == "able[hint=throughput][streams=2]"
    assert modes.written(case) in case.id
    assert modes.parse(modes.written(case)) == ("able", case.engine_options)
