"""An edited plugin is loaded anew, an edit is seen in the digest of a source, and a checkout brings its own catalogue."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from vbench import plugins
from vbench.core import Source
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Plant = Callable[[Mapping[str, str]], Path]

pytestmark = pytest.mark.usefixtures("registries")

HEAD = "from vbench import architecture\n"


def net(name: str) -> str:
    """A plugin's source with one architecture."""
    return f"{HEAD}\n@architecture({name!r}, input=(3, 8, 8))\ndef build(classes=10):\n    return classes\n"


def mine() -> set[str]:
    return {name for name in ARCHITECTURES.names() if name.startswith("my/")}


def lines(*names: str, root: Path) -> list[str]:
    return [str(error) for error in plugins.load_all(names, root=root)]


@pytest.mark.parametrize(
    ("before", "after", "name", "names"),
    [
        ({"one.py": net("my/one")}, {"one.py": net("my/two")}, "one.py", {"my/two"}),
        ({"one.py": net("my/one")}, {"one.py": net("my/one") + net("my/two").removeprefix(HEAD)}, "one.py", {"my/one", "my/two"}),
        ({"p/a.py": net("my/a"), "p/b.py": net("my/b")}, {"p/b.py": net("my/c")}, "p", {"my/a", "my/c"}),
        ({"p/a.py": net("my/a")}, {"p/b.py": net("my/b")}, "p", {"my/a", "my/b"}),
        ({"p/__init__.py": net("my/init"), "p/a.py": net("my/a")}, {"p/__init__.py": net("my/new")}, "p", {"my/new", "my/a"}),
        (
            {"p/a.py": "from ._n import N\n" + net("my/x").replace("'my/x'", "N"), "p/_n.py": "N = 'my/1'\n"},
            {"p/_n.py": "N = 'my/2'\n"},
            "p",
            {"my/2"},
        ),
        ({"one.py": "1 / 0\n"}, {"one.py": net("my/mended")}, "one.py", {"my/mended"}),
    ],
)
def test_an_edited_plugin_is_loaded_anew(
    plant: Plant, before: dict[str, str], after: dict[str, str], name: str, names: set[str]
) -> None:
    root = plant(before)
    lines(name, root=root)
    plant(after)
    assert lines(name, root=root) == []
    assert mine() == names
    assert lines(name, root=root) == []
    assert mine() == names


def test_an_edited_builder_is_the_one_that_builds_and_a_broken_edit_leaves_nothing(plant: Plant) -> None:
    root = plant({"one.py": net("my/one").replace("return classes", "return 1")})
    lines("one.py", root=root)
    plant({"one.py": net("my/one").replace("return classes", "return 2")})  # of the same size, and within the same second
    lines("one.py", root=root)
    assert ARCHITECTURES.get("my/one").build() == 2
    plant({"one.py": net("my/one") + "1 / 0\n"})
    assert lines("one.py", root=root) == [f"plugin {root}/one.py:6: ZeroDivisionError: division by zero"]
    assert mine() == set()
    (root / "one.py").unlink()
    assert lines("one.py", root=root) == [f"plugin 'one.py': there is no such file or folder in {root}"]


def test_what_an_edited_plugin_imported_from_elsewhere_stays(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plant({"lib/shared_nets.py": net("my/shared"), "one.py": "import shared_nets\n" + net("my/one")})
    monkeypatch.syspath_prepend(root / "lib")
    assert lines("one.py", root=root) == []
    plant({"one.py": "import shared_nets\n" + net("my/two")})
    assert lines("one.py", root=root) == []
    assert mine() == {"my/shared", "my/two"}


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ({"kind": "path", "value": "one.py"}, "one.py"),
        ({"kind": "script", "value": "one.py"}, "one.py"),
        ({"kind": "path", "value": "folder", "part": "a"}, "folder/_b.py"),
        ({"kind": "module", "value": "strange_nets.a"}, "strange_nets/deep/b.py"),
        ({"kind": "module", "value": "strange_file"}, "strange_file.py"),
        ({"kind": "import", "value": "strange_nets.a:net", "part": "3x8x8"}, "strange_nets/deep/b.py"),
    ],
)
def test_an_edit_changes_the_digest_of_its_source(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, source: dict[str, str], code: str
) -> None:
    files = ("one.py", "folder/a.py", "folder/_b.py", "strange_nets/__init__.py", "strange_nets/a.py", "strange_nets/deep/b.py",
             "strange_file.py", "other.py")  # fmt: skip
    root = plant(dict.fromkeys(files, "x = 1\n"))
    monkeypatch.syspath_prepend(root)
    value = str(root / source["value"]) if source["kind"] in {"path", "script"} else source["value"]
    given = msgspec.convert(source | {"value": value}, Source)
    first = plugins.source_digest(given)
    plant({"other.py": "x = 2\n", "folder/.hidden/c.py": "x = 2\n", "folder/env/lib/python3.11/c.py": "x = 2\n"})
    assert plugins.source_digest(given) == first != ""
    plant({code: "x = 2\n"})
    assert plugins.source_digest(given) not in {first, ""}


def test_the_digest_of_vbenchs_own_sources_is_that_of_their_part() -> None:
    folder = plugins.catalogue_folder()
    assert folder is not None
    nets = {plugins.source_digest(Source(kind="module", value=f"vbench.architectures.{name}")) for name in ("resnet", "vgg")}
    assert len(nets) == 1
    assert plugins.source_digest(Source(kind="module", value="vbench.engines.eager")) not in nets | {""}


@pytest.mark.parametrize(
    "source", [("path", "/nowhere/at/all.py"), ("module", "nowhere_at_all.a"), ("module", "sys"), ("script", "<stdin>")]
)
def test_without_a_file_there_is_no_digest(source: tuple[str, str]) -> None:
    assert plugins.source_digest(msgspec.convert({"kind": source[0], "value": source[1]}, Source)) == ""


def test_a_digest_follows_every_source_and_nothing_else(plant: Plant) -> None:
    root = plant({"p/a.py": "1", "p/q/b.py": "2", "p/notes.txt": "3"})
    first = plugins.digest(root / "p")
    plant({"p/notes.txt": "4"})
    assert plugins.digest(root / "p") == first
    plant({"p/q/b.py": "5"})
    second = plugins.digest(root / "p")
    (root / "p/q/b.py").rename(root / "p/q/c.py")
    assert len({first, second, plugins.digest(root / "p")}) == 3


CATALOGUE = """
import sys
from pathlib import Path
import vbench
names = [item.name for item in vbench.catalogue("*")]
from vbench import plugins
assert len(names) == len(set(names)) and "resnet/50" in names, names
print(plugins.catalogue_folder())
print(vbench.architectures.__file__)
print(*[name for name in names if name.startswith("mine/")])
"""


def test_the_catalogue_of_a_checkout_takes_the_place_of_the_installed_one(repository: Path, tmp_path: Path) -> None:
    for name in ("bench.toml", "pyproject.toml"):
        shutil.copy(repository / name, tmp_path)
    shutil.copytree(repository / "architectures", tmp_path / "architectures", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "architectures" / "mine.py").write_text(net("mine/new"), "utf-8")
    (tmp_path / "deeper").mkdir()
    done = subprocess.run([sys.executable, "-c", CATALOGUE], cwd=tmp_path / "deeper", capture_output=True, text=True, check=False)
    folder = tmp_path / "architectures"
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [str(folder), str(folder / "__init__.py"), "mine/new"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": '[project]\nname = "vbench"'}, True),
        ({"pyproject.toml": '[project]\nname = "other"'}, False),
        ({"pyproject.toml": "[tool]"}, False),
        ({"pyproject.toml": "project = 3"}, False),
        ({"pyproject.toml": "[broken"}, False),
        ({}, False),
    ],
)
def test_only_this_projects_own_folder_is_the_catalogue(plant: Plant, files: dict[str, str], *, expected: bool) -> None:
    root = plant(files | {"architectures/a.py": net("my/a"), "models/a.py": ""})
    assert plugins.is_catalogue(root / "architectures") is expected
    assert not plugins.is_catalogue(root / "models")
    assert not plugins.is_catalogue(root / "none" / "architectures")
    loaded = plugins.catalogue_folder()
    assert loaded is not None
    assert plugins.is_catalogue(loaded)
    assert lines("architectures", root=root) == []
    assert mine() == (set() if expected else {"my/a"})
