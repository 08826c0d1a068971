"""Every file that is kept: none grows past the limit, the wheel has all code, and no text names an index or somebody's folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE = 300


def _modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize(
    "path", [p for f in ("bench", "architectures", "tests") for p in _modules(f)], ids=lambda p: str(p.relative_to(ROOT))
)
def test_no_file_grows_past_the_limit(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, "it is telling you about a missing noun"


def test_the_wheel_is_told_of_every_folder_with_code() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    homes = {folder: name for name, folder in settings["package-dir"].items()}
    found = [
        ".".join([homes[folder], *init.parent.relative_to(ROOT / folder).parts])
        for folder in homes
        for init in (ROOT / folder).rglob("__init__.py")
    ]
    assert sorted(settings["packages"]) == sorted(found)
    stray = [p for folder in homes for p in _modules(folder) if not (p.parent / "__init__.py").exists()]
    assert not stray, "a folder with code needs an __init__.py"


# Written with a bracket each, so that this file is not its own finding.
FORBIDDEN = {
    "an index address": re.compile(r"--(extra-)?index[-]url|--find[-]links|https?://[^\s\"'>)]*/(simple|whl)[/\s\"']"),
    "a home folder": re.compile(r"(?<![\w.])/(home|Users)[/]\w|(?<![\w.])/root[/]\w"),
}


def _kept() -> list[Path]:
    """Every file that git keeps or would keep with the next `git add`."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so it is unknown which files belong to it")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_kept_file_holds_an_index_address_or_a_path_of_somebodys_machine() -> None:
    wrong = []
    for path in _kept():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for what, pattern in FORBIDDEN.items():
            wrong += [f"{path.relative_to(ROOT)}: {what}: {match[0]!r}" for match in pattern.finditer(text)]
        if f"{ROOT}/" in text:
            wrong.append(f"{path.relative_to(ROOT)}: the absolute path of this checkout")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "pip install --" + "index" + "-url x",
        "https:/" + "/example.org/" + "simple" + "/torch",
        "see /ho" + "me/ada/notes",
        '"/ro' + 'ot/x.py"',
    ],
)
def test_the_forbidden_is_recognised(text: str) -> None:
    assert any(pattern.search(text) for pattern in FORBIDDEN.values())
