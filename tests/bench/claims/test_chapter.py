"""What is printed and drawn of the findings: structure and text against the evidence, and nothing of a stranger's as markup."""

from __future__ import annotations

import html.parser
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import claims
from vbench.claims import chapter, drawings, lines, sums, text
from vbench.claims.entry import CLAIMS, COUNTED, HOLDS, MEASURED, VERDICTS, Part, judge
from vbench.claims.evidence import Evidence
from vbench.claims.pictures import PICTURES
from vbench.claims.spans import (
    Band,
    Span,
    about,
    at_least,
    at_most,
    exact,
    less_than,
    missing,
    more_than,
    no_more,
    rounds_to,
    same,
    sampled,
)
from vbench.results import record

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Maker


class Tags(html.parser.HTMLParser):
    """Every tag with its attributes, whether all were closed, and the words between them."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def seen(make: Maker) -> Evidence:
    case = make.case("pose/decode-argmax")
    soft = make.case("pose/decode-soft-argmax")
    network = make.case("pose/simple-baseline-50")
    taken = ((case, 1.0), (soft, 1.5), (network, 100.0))
    replicates = [make.replicate(one, index, ms=ms + index / 100) for one, ms in taken for index in range(6)]
    shown = [
        lines.Shown(
            demonstration="branches",
            architecture="block/esp-fused",
            values={"widest": 0.25},
            states={"seen": (1.0, 0.0, 0.0, 0.0)},
        ),
        lines.Shown(
            demonstration="decoded", architecture="pose/decode-soft-argmax", values={"two equal": 31.0, "two unequal": 14.0}
        ),
        lines.Shown(
            demonstration="target",
            architecture="pose/decode-peaks",
            states={"map": (1.0, 0.0, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1)},
        ),
        lines.Shown(demonstration="sizes", architecture="sppnet/none", status="failed", reason="a <b>reason</b>"),
        *(
            lines.Shown(demonstration=lines.COUNT, architecture=name, counted=make.counted(macs=854_196_224, receptive_field=9.0))
            for name in ("block/inception-slide-naive", "vgg/11", "vgg/13")
        ),
    ]
    return Evidence([record(make.run(case, soft, network), replicates, "complete")], shown)


def test_the_chapter_has_every_entry_in_order_with_its_verdict_and_is_well_formed(seen: Evidence) -> None:
    findings = claims.judged(claims.select(), seen)
    page = chapter.page(findings, seen)
    tags = Tags(page)
    assert not tags.open
    assert [attrs["id"] for tag, attrs in tags.seen if tag == "article"] == list(CLAIMS)
    assert {"script", "link", "img"}.isdisjoint(tag for tag, _ in tags.seen)
    assert not [
        value for _, attrs in tags.seen for name, value in attrs.items() if name in {"src", "href"} and "//" in (value or "")
    ]
    words = "".join(tags.words)
    for finding in findings:
        assert finding.claim.sentence in words
    assert text.counts(findings) in words
    assert {topic for topic, _ in chapter.TITLES.items()} == {entry.topic for entry in CLAIMS.values()}
    assert all(name in PICTURES for entry in CLAIMS.values() for name in entry.pictures)


def test_bars_show_value_interval_and_what_is_expected_to_scale(seen: Evidence) -> None:
    finding = judge(CLAIMS["efficient-soft-max"], seen)
    part = finding.parts[0]
    assert drawings.bars(finding).count("<svg") == 2  # a ratio and a share have no axis in common
    tags = Tags(drawings.bars(finding._replace(parts=(part,))))
    rects = {attrs["class"]: attrs for tag, attrs in tags.seen if tag == "rect"}
    (whisker,) = [attrs for tag, attrs in tags.seen if tag == "line" and attrs["class"] == "whisker"]
    assert part.span.value is not None
    assert finding.verdict == HOLDS
    scale = float(rects["band"]["width"] or 0) / 2  # the range ends at 2, which is the largest number on the axis
    assert float(rects["yes"]["width"] or 0) == pytest.approx(part.span.value * scale, rel=0.01)
    assert (
        float(whisker["x1"] or 0)
        < float(rects["yes"]["x"] or 0) + float(rects["yes"]["width"] or 0)
        <= float(whisker["x2"] or 0) + 0.1
    )
    assert f"{part.span.text()}expected: at most 2" in "".join(tags.words)


@pytest.mark.parametrize("name", PICTURES)
def test_every_drawing_is_well_formed_with_and_without_evidence(name: str, seen: Evidence, make: Maker) -> None:
    nothing = Evidence([record(make.run(), [], "complete")])
    for evidence in (seen, nothing):
        tags = Tags(PICTURES[name](evidence))
        assert not tags.open
        assert all(attrs.get("aria-label") for tag, attrs in tags.seen if tag == "svg")
    assert [tag for tag, _ in Tags(PICTURES[name](seen)).seen if tag == "svg"]


def test_a_grid_has_a_rectangle_for_each_pixel_that_is_seen() -> None:
    tags = Tags(drawings.grid([[1, 0], [0.5, 0]], "two <of> four", [drawings.Mark(1, 1, "here")]))
    cells = [attrs for tag, attrs in tags.seen if tag == "rect" and "opacity" in attrs]
    assert [cell["opacity"] for cell in cells] == ["1.00", "0.50"]
    assert "two <of> four" in "".join(tags.words)
    assert [attrs["class"] for tag, attrs in tags.seen if tag == "circle"] == ["ring m0"]
    twice = [drawings.Mark(0, 0, "peak"), drawings.Mark(1, 0, "peak"), drawings.Mark(1, 1, "top")]
    tags = Tags(drawings.grid([[1, 0], [0.5, 0]], "four", twice))
    assert [attrs["class"] for tag, attrs in tags.seen if tag == "circle"] == ["ring m0", "ring m0", "mark m1"]
    assert "".join(tags.words).count("peak") == 1


def test_markdown_has_a_row_and_a_section_for_each_entry_and_escapes_bars(seen: Evidence) -> None:
    findings = claims.judged(claims.select(["no-fc-googlenet", "cross-talk"]), seen)
    said = text.markdown(findings, ["a | machine"])
    assert said.count("\n## ") == 2
    assert "| no-fc-googlenet | No FC layers | – | – | undecided on this run |" in said
    assert said.count("\n> ") == 2


def test_what_a_verdict_rests_on_is_said_unless_the_sentence_holds(seen: Evidence) -> None:
    findings = claims.judged(claims.select(["naive-854", "not-a-probability", "projects-neck", "efficient-soft-max"]), seen)
    by_name = {finding.claim.id: finding for finding in findings}
    assert [text.condition(by_name[name]) for name in ("naive-854", "projects-neck", "efficient-soft-max")] == ["", "", ""]
    said = text.condition(by_name["not-a-probability"])
    assert said.startswith("It holds for sum of one person's bell, sigma 1; sum")
    assert "Missing: the demonstration target of pose/decode-peaks was not done." in said
    page = "".join(Tags(chapter.page(findings, seen)).words)
    assert said in page
    assert said in text.markdown(findings, [])
    assert "Slide: Heatmap-based 2D pose estimation. Source: Tompson et al. 2015; Cao et al. 2017. It says: the target is" in page


def test_a_source_that_is_not_named_or_says_the_same_is_a_sentence() -> None:
    assert text.sourced(CLAIMS["translation"]) == "The lecture names no source."
    assert text.sourced(CLAIMS["extent"]).endswith(" It says the same.")
    assert text.sourced(CLAIMS["twelve-times"]).endswith("than Krizhevsky et al.")
    assert text.placed(CLAIMS["naive-854"]) == "Slide: GoogLeNet: What's the problem?"


def test_the_table_has_all_numbers_that_decide_from_the_least_to_the_largest(seen: Evidence) -> None:
    finding = judge(CLAIMS["not-a-probability"], seen)
    assert text.headline(finding, COUNTED) == "6.28 to 56.5"
    assert text.headline(finding, MEASURED) == "–"
    assert text.headline(judge(CLAIMS["naive-854"], seen), COUNTED) == "854 M"
    assert text.headline(judge(CLAIMS["efficient-soft-max"], seen), MEASURED).startswith("1.49 [")


def test_the_table_counts_the_verdicts_and_the_data_can_be_written(seen: Evidence) -> None:
    findings = claims.judged(claims.select(["naive-854", "projects-neck", "any-size"]), seen)
    table = text.table(findings)
    assert table.endswith("1 holds, 1 undecided on this run, 1 cannot be measured here")
    (row,) = [line for line in table.splitlines() if line.startswith("naive-854")]
    assert "854 M" in row
    plain = msgspec.json.decode(msgspec.json.encode([text.plain(finding) for finding in findings]))
    assert [one["verdict"] in VERDICTS for one in plain] == [True] * 3
    part = plain[0]["parts"][0]
    assert (part["value"], part["low"], part["expected_low"], part["answer"], part["decides"]) == (
        854196224,
        854196224,
        853.5e6,
        True,
        True,
    )
    assert "the demonstration sizes of sppnet/6321-max was not done" in text.detail(findings[1])


def test_what_is_written_lands_in_the_folder_or_is_one_line(seen: Evidence, tmp_path: Path) -> None:
    findings = claims.judged(claims.select(["naive-854"]), seen)
    paths = chapter.write(findings, seen, tmp_path / "new")
    assert [path.name for path in paths] == ["claims.html", "claims.md"]
    assert all(path.read_text("utf-8") for path in paths)
    (tmp_path / "file").write_text("")
    with pytest.raises(Exception, match=r"-o .*file: .*; name another folder"):
        chapter.write(findings, seen, tmp_path / "file")


@pytest.mark.parametrize(
    ("band", "span", "answer"),
    [
        (at_most(1), exact(1), True),
        (at_most(1), Span(1.0, 0.9, 1.1), None),
        (at_least(1), Span(1.5, 1.2, 1.9), True),
        (at_least(2), Span(1.5, 1.2, 1.9), False),
        (about(10, 0.1), exact(9.5), True),
        (Band(3, 4), Span(5, 4.5, 6), False),
        (Band(3, 4), Span(3.5), None),
        (more_than(1), exact(1), False),
        (more_than(1), Span(1.5, 1.0, 2.0), None),
        (less_than(1), exact(0.5), True),
        (Band(3, 4), missing("not there"), None),
        (rounds_to(12, 1), exact(12.4), True),
        (rounds_to(12, 1), exact(11.4), False),
        (no_more(), exact(1.04), True),
        (no_more(), exact(0.5), True),
        (no_more(), exact(1.06), False),
        (same(), exact(1.04), True),
        (same(), exact(0.94), False),
    ],
)
def test_an_answer_needs_the_whole_interval(band: Band, span: Span, answer: bool | None) -> None:  # noqa: FBT001 - a table
    assert band.holds(span) is answer
    assert Part("x", MEASURED, span, band).answer is answer
    assert Part("x", COUNTED, span).answer is None


@pytest.mark.parametrize(
    ("band", "said"),
    [
        (at_most(1.1), "at most 1.10"),
        (more_than(0, "share"), "more than 0 %"),
        (less_than(1, "share"), "less than 100 %"),
        (Band(8, 9), "8 to 9"),
        (Band(22, 22), "22"),
        (about(9, 1e-9), "about 9.00"),
        (at_most(0, "layers"), "at most 0 layers"),
        (more_than(1, "persons"), "more than 1 person"),
        (Band(853.5e6, 854.5e6), "about 854 M"),
    ],
)
def test_what_is_expected_is_said_as_people_say_it(band: Band, said: str) -> None:
    assert band.text() == said


def test_spans_keep_their_interval_through_a_change_of_measure() -> None:
    span = sampled([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert span[:3] == (3.5, 1.0, 6.0)
    assert span.through(lambda x: 1 / x)[:3] == (1 / 3.5, 1 / 6, 1.0)
    assert sampled([1.0])[:3] == (1.0, None, None)
    assert exact(0.682, "share").text() == "68.2 %"
    assert missing("why").through(lambda x: x).missing == "why"


def test_sums_are_those_of_the_definitions() -> None:
    assert sums.covered(sums.seen((2,))) == 9 / 25
    assert sums.covered(sums.seen((2, 2))) == 25 / 81
    assert sums.covered(sums.seen((1, 2, 4))) == 1
    assert sums.taps_inside(33, 3, 1) == pytest.approx(((33 * 3 - 2) / 99) ** 2)
    assert sums.taps_inside(5, 3, 5) == pytest.approx(1 / 9)
    assert sums.area((0.5, 1, 1.5, 2)) == 7.5
    assert sums.peaks([0, 0, 0, 0, 9, 0, 0, 0, 0]) == [(1, 1)]
    assert sums.peaks([9, 0, 0, 0, 0, 0, 0, 0, 4]) == [(0, 0)]  # the other is less than half as high
    assert sums.peaks([9, 0, 5, 0, 0, 0, 7, 0, 8]) == [(0, 0), (0, 2), (2, 0), (2, 2)]
    assert sums.expectation(sums.bell(64, (20.3, 31.0), 2.0)) == pytest.approx((20.3, 31.0))


def test_lines_are_read_back_and_others_are_passed_over(tmp_path: Path) -> None:
    one: Any = lines.Shown(demonstration="sizes", architecture="a/b", values={"share": 0.4}, states={"takes": (0.0, 1.0)})
    file = tmp_path / "r.jsonl"
    line = msgspec.json.encode({"type": lines.KIND, **msgspec.to_builtins(one)})
    file.write_bytes(b'{"type":"run"}\n' + line + b"\n" + b'{"type":"replicate"}\n' + line[:30])
    assert lines.read(file) == [one]
