"""A profile for people: tables in a terminal, charts, a page, and a trace, from what `vbench.profile` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UsageError
from . import page, trace

if TYPE_CHECKING:
    from pathlib import Path

    from ...roofline import Profile


def make(profile: Profile, out: Path) -> list[Path]:
    """Write `profile.html`, `profile.json`, `trace.json` and the charts (PNG and SVG) into the folder `out`; the files written.

    Raises UsageError where it cannot be written.
    """
    import msgspec  # noqa: PLC0415 - only for the file

    from .. import charts  # matplotlib takes a second, which a table need not wait for  # noqa: PLC0415
    from . import chart, roof  # as above  # noqa: PLC0415

    try:
        out.mkdir(parents=True, exist_ok=True)
        drawings = [chart.draw(profile), roof.draw(profile)]
        pictures = [path for drawing in drawings for path in charts.save(drawing, out, ("png", "svg"))]
        written = {
            out / "profile.html": page.html(profile, [(drawing, _svg(drawing.name, pictures)) for drawing in drawings]),
            out / "profile.json": msgspec.json.format(msgspec.json.encode(profile), indent=1).decode(),
            out / "trace.json": trace.text(profile),
        }
        for path, text in written.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot write the profile to {out}: {error.strerror}; name another folder with -o DIR"
        raise UsageError(message) from None
    return [*written, *pictures]


def _svg(name: str, pictures: list[Path]) -> str:
    """The text of a chart; empty where it has no figure."""
    return next((path.read_text("utf-8") for path in pictures if path.name == f"{name}.svg"), "")
