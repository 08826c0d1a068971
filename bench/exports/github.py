"""GitHub Actions: a summary in Markdown, annotations at the lines of the networks, and the verdict as an output.

Workflow commands: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import units
from ..errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, EXIT_REGRESSION, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ..gate.outcome import Outcome, Row

SUMMARY, OUTPUT = "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"
# GitHub shows ten annotations of a kind for a step, and a summary of at most 1 MiB.
ANNOTATIONS, SUMMARY_BYTES = 9, 2**20
LEVELS = {"regression": "error", "invalid": "error", "not_run": "warning", "inconclusive": "notice", "accepted": "notice"}
VERDICTS = {EXIT_OK: "pass", EXIT_REGRESSION: "regression", EXIT_FAILED: "invalid", EXIT_INTERRUPTED: "interrupted"}
_TRIMMED = "\n\n(cut: the summary of a step may be 1 MiB)\n"


def summary(found: Outcome, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The whole of it as Markdown; `rows` are the cells of the table that the terminal shows, under `header`."""
    lines = [f"### vbench gate: {VERDICTS.get(found.exit_code, 'failed')}", ""]
    if rows:
        lines += [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
        lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    lines += ["", *(f"- {_cell(line.text)}" for line in found.exact)]
    lines += [f"- expired: {_cell(line)}" for line in found.expired]
    lines += [f"- host: {_cell(found.host)}"] if found.host else []
    text = "\n".join(lines) + "\n"
    data = text.encode()
    return text if len(data) <= SUMMARY_BYTES else data[: SUMMARY_BYTES - len(_TRIMMED)].decode("utf-8", "ignore") + _TRIMMED


def _cell(text: str) -> str:
    return " ".join(_utf8(text).split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def marks(found: Outcome, places: Mapping[str, tuple[str, int]]) -> list[str]:
    """A line for each row that is not as it should be, worst first; `places` are files and lines by architecture."""
    rows = [row for level in LEVELS for row in found.rows if row.verdict == level]
    lines = [_annotation(row, places.get(row.architecture)) for row in rows[:ANNOTATIONS]]
    if len(rows) > ANNOTATIONS:
        lines.append(f"::warning title=vbench gate::and {len(rows) - ANNOTATIONS} more, see the summary")
    return lines


def _annotation(row: Row, place: tuple[str, int] | None) -> str:
    where = f"file={_property(place[0])},line={place[1]}," if place else ""
    change = "" if row.effect is None else f" {units.change(row.effect)} ({units.changes(row.low, row.high)})"
    text = f"{row.verdict}: {row.architecture} {row.metric}{change} against {row.against}"
    text += f": {row.reason}" if row.reason else ""
    return f"::{LEVELS[row.verdict]} {where}title={_property('vbench gate')}::{_data(text)}"


def _utf8(text: str) -> str:
    """What is no text, as in the name of a file, with question marks."""
    return text.encode("utf-8", "replace").decode()


def _data(text: str) -> str:
    return _utf8(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def check(environment: Mapping[str, str]) -> None:
    """Raises UsageError outside of GitHub Actions."""
    for name in (SUMMARY, OUTPUT):
        if not environment.get(name):
            message = f"--github: {name} is not set, so this is no step of GitHub Actions: leave it out"
            raise UsageError(message)


def write(text: str, found: Outcome, environment: Mapping[str, str], path: Path) -> None:
    """Append the summary, and the outputs `verdict` and `pairs`."""
    outputs = f"verdict={VERDICTS.get(found.exit_code, 'failed')}\npairs={path}\n"
    for name, content in ((SUMMARY, text), (OUTPUT, outputs)):
        with open(environment[name], "a", encoding="utf-8") as file:  # noqa: PTH123 - a file that the runner names
            file.write(content)
