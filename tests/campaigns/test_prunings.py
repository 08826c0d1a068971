"""The page of pruning: what a reader sees of a network that was pruned right, wrong, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from prunings import page
from prunings.log import Line, newest, read, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINE = Line(
    architecture="a/1", input_shape=(3, 64, 64), compression="taylor:0.5:data=noise", source="s", versions={"torch": "1"},
    status="ok", removed=30, channels=60, params=40, params_before=100, macs=25, macs_before=100, implied=25.0, apart=2e-7,
    seconds=1.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "| 25 % |"),
        ({"apart": 1e-5}, "| 25 % |"),
        ({"apart": 2e-5}, "| 25 %, **2e-05 apart** |"),
        ({"apart": float("nan")}, "| 25 %, **nan apart** |"),
        ({"apart": None}, "| 25 %, **not compared** |"),
        ({"implied": 24.6}, "| 25 % |"),
        ({"implied": 24.4}, "| 25 %, **MACs off** |"),
        ({"status": "kept", "reason": "no channel can go"}, "| kept (1) |"),
        ({"status": "crashed", "reason": "killed"}, "| **crashed** (1) |"),
    ],
)
@pytest.mark.parametrize("own", [False, True])
def test_a_cell_says_what_holds(change: dict[str, object], said: str, own: bool) -> None:  # noqa: FBT001 - a parameter of pytest
    line = msgspec.structs.replace(LINE, own=own, **change)
    text = page.text([line], ["a/1", "b/2"])
    assert said in text
    assert "b/2" not in text
    if line.reason:
        assert f"1. {line.reason}" in text


def test_the_summary_counts_what_holds() -> None:
    lines = [
        LINE,
        msgspec.structs.replace(LINE, architecture="a/2", apart=3e-5, implied=20.0),
        msgspec.structs.replace(LINE, architecture="a/3", status="kept", reason="r"),
        msgspec.structs.replace(LINE, architecture="a/4", status="timeout", reason="t"),
        msgspec.structs.replace(LINE, architecture="gone/1"),
    ]
    assert "| `taylor` | 4 | 2 | 1 | 3.0e-05 | 1 | 1 | 1 |" in page.text(lines, ["a/1", "a/2", "a/3", "a/4"])


def test_why_channels_stay_is_counted_whatever_the_numbers() -> None:
    said = ("a group norm works across them; those of 3 layers hang together", "those of 12 layers hang together", "")
    lines = [
        msgspec.structs.replace(LINE, architecture=f"a/{place}", kept=f"some channels, because {why}" if why else "")
        for place, why in enumerate(said)
    ]
    text = page.text(lines, [line.architecture for line in lines])
    assert "Some channels stay in 2 of the 3 networks" in text
    assert "| those of some layers hang together | 2 |" in text
    assert "| a group norm works across them | 1 |" in text


def test_engines_stand_beside_the_networks_at_their_own_input() -> None:
    line = msgspec.structs.replace(LINE, own=True, engines={"eager": 200.0, "openvino": "failed: no such operator"}, implied=25.1)
    text = page.text([line, LINE], ["a/1"])
    assert "| pruned in | eager | openvino |" in text
    assert "| 25 % | 0.40 % | 1.5 s | 200 dB | failed (1) |" in text
    assert "1. failed: no such operator" in text


def test_a_log_gives_the_last_of_each_case_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    again = msgspec.structs.replace(LINE, seconds=3.0)
    other = msgspec.structs.replace(LINE, versions={"torch": "2"})
    text = b"\n".join(msgspec.json.encode(line) for line in (LINE, again, other))
    log = tmp_path / "log.jsonl"
    log.write_bytes(text + b'\n{"architecture": "a/')
    assert read(log) == [again, other]
    assert newest(read(log)) == [other]
    assert read(tmp_path / "none.jsonl") == []
    own = msgspec.structs.replace(other, own=True)
    write(log, [own, other])
    assert read(log) == [other, own]


def test_the_page_is_replaced_between_its_marks() -> None:
    assert page.replaced(f"before {page.BEGIN} old {page.END} after", "new") == f"before {page.BEGIN}\n\nnew\n\n{page.END} after"


def test_a_small_network_is_pruned_by_every_criterion_and_what_is_there_is_not_done_again(
    script: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: a fork of one in which PyTorch has already run would wait for threads that it does not have."""
    from prunings import work  # noqa: PLC0415 - imports torch

    from vbench.registry import ARCHITECTURES  # noqa: PLC0415 - as above

    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path))
    campaign = script("pruning")
    campaign.plugins.load_all()
    campaign.compress.load_builtin()
    network = work.Network(ARCHITECTURES.get("mobilenet/v1-0.25"), own=False)
    made = [
        network.pruned(Line(architecture="mobilenet/v1-0.25", compression=text, source="s", versions={}))
        for text in campaign.CRITERIA.values()
    ]
    assert {line.status for line in made} == {"ok"}
    assert all(line.apart is not None and line.apart <= page.TOLERANCE for line in made)
    assert all(line.off is not None and line.off < 1e-9 for line in made)
    assert all(0 < line.removed < line.channels for line in made)
    assert {line.macs for line in made} == {made[0].macs}  # half of each layer, whichever
