"""How charts are chosen and written: names and globs, formats, and by several processes the same as by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from vbench import errors
from vbench.reports import charts, choose_protocols, make, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from vbench.core import Record


def test_charts_are_chosen_by_name_and_glob() -> None:
    assert charts.chosen(()) == charts.known()
    assert charts.chosen(["quality-l*", "roofline"]) == ["quality-latency", "roofline"]
    with pytest.raises(errors.UnknownNameError, match="unknown chart 'rooflin': did you mean roofline"):
        charts.chosen(["rooflin"])


def test_formats_are_chosen(make_record: Callable[..., Record], tmp_path: Path) -> None:
    written = make([make_record()], tmp_path, only=["quality-gmacs"], formats=["pdf"])
    assert [path.name for path in written] == ["summary.md", "report.html", "top1-gmacs.pdf"]
    text = written[0].read_text(encoding="utf-8")
    assert "Published top-1 against multiply-accumulates per image ([PDF](top1-gmacs.pdf))" in text
    assert "](top1-gmacs.png)" not in text
    with pytest.raises(errors.UnknownNameError, match="unknown format 'jpg'"):
        make([make_record()], tmp_path, formats=["jpg"])


def test_several_processes_write_what_one_writes(
    make_record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rows([make_record(axes=({}, {"batch": 2}))])
    only = ("quality-*", "batches", "memory-params", "proxies")
    written = {}
    for cores in (1, 2):
        monkeypatch.setattr(charts, "_cores", lambda cores=cores: cores)
        out = tmp_path / str(cores)
        out.mkdir()
        drawings = charts.draw(found, choose_protocols(found), only=only)
        assert sum(drawing.paint is not None for drawing in drawings) >= 8
        written[cores] = charts.write(drawings, out, ("png", "svg"))
    assert [path.name for path in written[1]] == [path.name for path in written[2]]
    assert [path.read_bytes() for path in written[1]] == [path.read_bytes() for path in written[2]]


def test_a_folder_that_cannot_be_written_is_an_error_of_every_process(
    make_record: Callable[..., Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "_cores", lambda: 2)
    found = rows([make_record(axes=({}, {"batch": 2}))])
    drawings = charts.draw(found, choose_protocols(found), only=("quality-*", "batches", "proxies", "memory-params"))
    with pytest.raises(OSError, match="nowhere"):
        charts.write(drawings, tmp_path / "nowhere", ("svg",))
