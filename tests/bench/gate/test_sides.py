"""Where base comes from: a revision, a folder, a wheel, another interpreter; and that it is never head in disguise."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from vbench.errors import UsageError
from vbench.gate import sides

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks one interpreter for many commands")


def test_both_sides_have_paths_of_equal_length_and_nothing_is_left(repository_of_models: Any) -> None:
    models = repository_of_models
    commit = models.commit()
    with sides.workspace() as space:
        head, base = sides.head(space, models.root), sides.base(space, models.root, "HEAD")
        assert len(str(head.top)) == len(str(base.top))
        assert (base.commit, head.commit, head.dirty) == (commit, commit, False)
        assert (base.folder / "bench.toml").read_text() == (head.folder / "bench.toml").read_text()
        models.write(a=1.1)
        assert "1.1" in (head.folder / "nets.py").read_text()
        assert "1.1" not in (base.folder / "nets.py").read_text()
    assert not space.folder.exists()
    assert models.git("worktree", "list").count("\n") == 0
    assert models.root.exists()


def test_a_project_below_the_root_of_its_repository(tmp_path: Path) -> None:
    root = tmp_path / "all"
    (root / "vision").mkdir(parents=True)
    (root / "vision" / "bench.toml").write_text("plugins = []\n")
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", "x"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    with sides.workspace() as space:
        base = sides.base(space, root / "vision", "HEAD")
        assert (base.folder / "bench.toml").exists()
        assert base.folder.parent == base.top


def test_what_is_imported_from_heads_tree_is_imported_from_bases(
    repository_of_models: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = repository_of_models
    models.commit()
    monkeypatch.setattr(sys, "path", [str(models.root / "src"), *sys.path])
    with sides.workspace() as space:
        base = sides.base(space, models.root, "HEAD")
        home = sides.home(base, models.root)
        assert home.path[0] == str(base.top / "src")
        assert list(home.path[1:]) == sys.path[1:]
        assert home.environment["MALLOC_TRIM_THRESHOLD_"] == "-1"
        monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
        assert "MALLOC_TRIM_THRESHOLD_" not in sides.home(base, models.root).environment


def test_a_wheel_is_unpacked_and_goes_first(tmp_path: Path) -> None:
    wheel = tmp_path / "models-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("my_models/__init__.py", "")
    with sides.workspace() as space:
        place = sides.base(space, tmp_path, str(wheel))
        assert (place.top / "my_models" / "__init__.py").exists()
        assert sides.home(place, tmp_path).path[0] == str(place.top)
        wheel.write_bytes(b"no zip")
        with pytest.raises(UsageError, match="cannot be read as a wheel"):
            sides.base(space, tmp_path, str(wheel), "far")


def test_a_wheel_is_measured_with_this_harness_even_if_it_holds_another(
    commands: Any, repository_of_models: Any, tmp_path: Path
) -> None:
    models = repository_of_models
    models.write()
    wheel = tmp_path / "models-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(models.root / "nets.py", "nets.py")
        archive.writestr("vbench/__init__.py", "raise RuntimeError('the harness of the wheel')")
    models.write(a=1.1)
    done = commands(models.root, "gate", "--base", str(wheel), "--json")
    assert done.returncode == 1, done.stderr
    assert {row["architecture"]: row["verdict"] for row in json.loads(done.stdout)["rows"]} == {
        "net/a": "regression", "net/b": "pass",
    }  # fmt: skip


INSTALLED = """
from vbench import architecture
from my_models import net
architecture("net/a", input=(3, 8, 8))(net)
"""
PACKAGE = """
def net(classes=10):
    import torch
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, classes))
"""


def test_base_that_imports_heads_package_is_invalid_and_says_which(
    commands: Any, repository_of_models: Any, tmp_path: Path
) -> None:
    """A package that is found in head's tree whatever the import path says, as some editable installs are."""
    models = repository_of_models
    (models.root / "bench.toml").write_text(
        textwrap.dedent("""
        plugins = ["nets.py"]
        [suites.default]
        architectures = ["net/*"]
        [gate]
        screen-pairs = 5
        confirm-pairs = 9
        """)
    )
    own = models.root / "elsewhere"
    own.mkdir()
    (own / "my_models.py").write_text(PACKAGE)
    (models.root / "nets.py").write_text(f"import sys\nsys.path.insert(0, {str(own)!r})\n{INSTALLED}")
    models.git("add", ".")
    models.git("commit", "-q", "-m", "x")
    # Measured on the processor, so that the machine is locked: here, by a lock of its own.
    pid, errors = commands.start(models.root, "gate", "--base", "HEAD", "--json", TMPDIR=str(tmp_path))
    assert commands.wait(pid) == 4, errors.read_text()
    (row,) = json.loads(errors.with_suffix(".out").read_text())["rows"]
    assert row["verdict"] == "invalid"
    assert "imported my_models from" in row["reason"]
    assert "which is the other side's" in row["reason"]


def test_another_interpreter_gets_this_harness_and_keeps_its_own_packages(
    commands: Any, repository_of_models: Any, tmp_path: Path
) -> None:
    models = repository_of_models
    models.commit()
    # A second environment that sees the packages of this one, under an interpreter of its own.
    old = tmp_path / "old"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(old)], check=True)
    site = next((old / "lib").glob("python*/site-packages"))
    (site / "here.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    done = commands(models.root, "gate", "--base-python", "../old/bin/python", "--json", "-o", "g.jsonl")
    assert done.returncode == 0, done.stderr
    assert {row["verdict"] for row in json.loads(done.stdout)["rows"]} == {"pass"}
    head = json.loads((models.root / "g.jsonl").read_text().splitlines()[0])
    assert head["sides"]["base"]["python"] == str(old / "bin" / "python")
    assert head["sides"]["head"]["python"] == ""
