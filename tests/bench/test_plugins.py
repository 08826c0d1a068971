"""Plugins of every kind load, and a broken one is one line that names its file, while the rest still loads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from vbench import plugins
from vbench.core import Source
from vbench.errors import UsageError
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Plant = Callable[[Mapping[str, str]], Path]

pytestmark = pytest.mark.usefixtures("registries")

HEAD = "from vbench import architecture\n"


def net(name: str, more: str = "") -> str:
    """A plugin's source: one architecture, then whatever else."""
    return f"{HEAD}\n@architecture({name!r}, input=(3, 8, 8))\ndef build(classes=10):\n    return classes\n{more}"


def mine() -> set[str]:
    return {name for name in ARCHITECTURES.names() if name.startswith("my/")}


def lines(*names: str, root: Path) -> list[str]:
    return [str(error) for error in plugins.load_all(names, root=root)]


@pytest.mark.parametrize(
    ("files", "name", "loaded"),
    [
        ({"one.py": net("my/one")}, "one.py", {"my/one"}),
        ({"p/b.py": net("my/b"), "p/a.py": net("my/a"), "p/_hidden.py": net("my/hidden"), "p/x.txt": ""}, "p", {"my/a", "my/b"}),
        ({"p/__init__.py": net("my/init"), "p/a.py": net("my/a")}, "p", {"my/init", "my/a"}),
        ({"p/__init__.py": net("my/init")}, "p", {"my/init"}),
        ({"p/__init__.py": "from . import b, a\n", "p/a.py": net("my/a"), "p/b.py": net("my/b")}, "p", {"my/a", "my/b"}),
        ({"p/a.py": "from ._n import NAME\nfrom .b import *\n" + net("my/a"), "p/b.py": net("my/b"), "p/_n.py": "NAME = 1"}, "p",
         {"my/a", "my/b"}),
        ({"p/Upper.py": net("my/upper"), "p/__init__.py": "WORD = 'my/' + 'w'"}, "p/", {"my/upper"}),
    ],
)  # fmt: skip
def test_files_and_folders_load_once_and_can_be_loaded_again_by_name(
    plant: Plant, files: dict[str, str], name: str, loaded: set[str]
) -> None:
    root = plant(files)
    assert lines(name, root=root) == []
    assert mine() == loaded
    assert lines(name, root=root) == []  # a second time is nothing new, and no clash
    sources = {item: ARCHITECTURES.source(item) for item in loaded}
    assert all(Path(source.file).parent.parent in {root, root.parent} for source in sources.values())
    for item in loaded:
        ARCHITECTURES.discard(item)
    plugins._loaded.clear()
    for module in [module for module in sys.modules if module.startswith("vbench_plugin_")]:
        del sys.modules[module]
    for source in sources.values():  # as a worker does, which gets the source as JSON
        plugins.load(msgspec.json.decode(msgspec.json.encode(source), type=Source))
    assert mine() == loaded


BROKEN = {
    "syntax": ("def (:\n", "bad.py:1: SyntaxError: invalid syntax"),
    "import": (HEAD + "import nowhere_at_all\n", "bad.py:2: ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "exception": (net("my/bad", "raise ValueError('two\\nlines')\n"), "bad.py:6: ValueError: two lines"),
    "deeper": (net("my/bad", "import json\njson.loads('{')\n"), "bad.py:7: JSONDecodeError: Expecting property name"),
    "exit": (net("my/bad", "raise SystemExit(3)\n"), "bad.py:6: SystemExit: 3"),
    "generator": (net("my/bad", "raise GeneratorExit\n"), "bad.py:6: GeneratorExit: "),
    "wrong call": (HEAD + "architecture('my/bad', size=3)\n", "bad.py:2: TypeError: architecture() got an unexpected keyword"),
    "twice": (net("my/bad") + net("my/bad"), "architecture 'my/bad' is registered twice: in "),
}


@pytest.mark.parametrize(("code", "words"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("place", ["bad.py", "p/bad.py"])
def test_a_broken_file_is_one_line_and_leaves_nothing_behind_and_the_rest_loads(
    plant: Plant, place: str, code: str, words: str
) -> None:
    root = plant({place: code, "good.py": net("my/good"), "p/zed.py": net("my/zed")})
    (line,) = lines(*dict.fromkeys([place.partition("/")[0], "p", "good.py"]), root=root)
    assert words in line
    assert "\n" not in line
    assert str(root / place) in line
    assert mine() == {"my/good", "my/zed"}


def test_a_broken_init_is_one_line_and_not_one_for_each_file(plant: Plant) -> None:
    root = plant({"p/__init__.py": net("my/init") + "1 / 0\n", "p/a.py": net("my/a"), "p/b.py": net("my/b")})
    assert lines("p", root=root) == [f"plugin {root}/p/__init__.py:6: ZeroDivisionError: division by zero"]
    assert mine() == set()


def test_what_a_broken_file_had_imported_still_loads_for_itself(plant: Plant) -> None:
    root = plant(
        {"p/a.py": HEAD + "from . import b\n1 / 0\n", "p/b.py": net("my/b"), "p/c.py": "from . import b\n" + net("my/c")}
    )
    assert lines("p", root=root) == [f"plugin {root}/p/a.py:3: ZeroDivisionError: division by zero"]
    assert mine() == {"my/b", "my/c"}


def test_a_clash_names_both_files_and_the_first_one_stays(plant: Plant) -> None:
    root = plant({"one.py": net("my/same"), "two.py": net("my/same") + net("my/two").removeprefix(HEAD)})
    (line,) = lines("one.py", "two.py", root=root)
    assert line == f"architecture 'my/same' is registered twice: in {root}/one.py:3 and in {root}/two.py:3; rename one of them"
    assert mine() == {"my/same"}
    assert ARCHITECTURES.source("my/same").file == str(root / "one.py")


def test_what_is_not_there_or_holds_no_python_says_so(plant: Plant) -> None:
    root = plant({"empty/notes.txt": "", "good.py": net("my/good")})
    assert lines("none", "empty", "good.py", root=root) == [
        f"plugin 'none': there is no such file or folder in {root}",
        f"plugin 'empty': there is no Python file in {root}/empty",
    ]
    assert mine() == {"my/good"}


def test_keys_that_stop_a_run_are_not_a_plugins_to_swallow(plant: Plant) -> None:
    root = plant({"stop.py": "raise KeyboardInterrupt\n"})
    with pytest.raises(KeyboardInterrupt):
        plugins.load_all(["stop.py"], root=root)


def _install(root: Path, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an installer leaves behind of a distribution with an entry point."""
    info = root / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(f"[{plugins.GROUP}]\nstranger = {module}\n", "utf-8")
    monkeypatch.syspath_prepend(str(root))


def test_an_installed_package_loads_through_its_entry_point(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "__init__.py": net("my/init"),
        "a.py": net("my/a"),
        "_b.py": net("my/b"),
        "c.py": "1 / 0\n",
        "d.py": "from .a import *",
    }
    root = plant({f"stranger_nets/{name}": text for name, text in files.items()})
    _install(root, "stranger_nets", monkeypatch)
    assert lines(root=root) == [f"plugin {root}/stranger_nets/c.py:1: ZeroDivisionError: division by zero"]
    assert mine() == {"my/init", "my/a"}
    assert ARCHITECTURES.source("my/a").kind == "module"
    assert ARCHITECTURES.source("my/a").value == "stranger_nets.a"


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({}, "plugin stranger_nets: ModuleNotFoundError: No module named 'stranger_nets'"),
        (
            {"stranger_nets.py": net("my/half", "1 / 0\n")},
            "plugin {root}/stranger_nets.py:6: ZeroDivisionError: division by zero",
        ),
        (
            {"stranger_nets.py": "def (:\n"},
            "plugin {root}/stranger_nets.py:1: SyntaxError: invalid syntax (stranger_nets.py, line 1)",
        ),
        (
            {"stranger_nets/__init__.py": net("my/half", "from . import a\n"), "stranger_nets/a.py": net("my/a", "exit(5)\n")},
            "plugin {root}/stranger_nets/__init__.py:6: SystemExit: 5",
        ),
    ],
)
def test_a_broken_installed_package_is_one_line(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], line: str
) -> None:
    root = plant(files | {"good.py": net("my/good")})
    _install(root, "stranger_nets", monkeypatch)
    assert lines("good.py", root=root) == [line.format(root=root)]
    assert mine() == {"my/good"}


def test_an_import_path_is_an_architecture_of_that_name(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    root = plant(
        {"strange_pkg/__init__.py": "", "strange_pkg/models.py": "class Zoo:\n    @staticmethod\n    def net(): return 7\n"}
    )
    monkeypatch.chdir(root)
    name = "strange_pkg.models:Zoo.net"
    plugins.add_import(name, (3, 8, 8))
    plugins.add_import(name, None)  # known by now
    item = ARCHITECTURES.get(name)
    assert (item.build(), item.input, item.source.kind, item.source.value) == (7, (3, 8, 8), "import", name)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere_at_all.models:net", "cannot import nowhere_at_all.models:net: ModuleNotFoundError: No module named"),
        ("strange_mod:none", "strange_mod:none: strange_mod has no 'none'; it has net"),
        ("strange_mod:net.layer", "strange_mod has no 'layer'; it has nothing callable"),
        ("strange_mod:SIZE", "strange_mod:SIZE is not callable; name a function or a class that returns a torch.nn.Module"),
        ("strange_mod:", "strange_mod: is no import path: write package.module:function"),
        (":net", ":net is no import path: write package.module:function"),
        ("leaving:net", "leaving.py:1: SystemExit: 1"),
        ("raising:net", "raising.py:2: ZeroDivisionError: division by zero"),
    ],
)
def test_an_import_path_that_leads_nowhere_is_a_usage_error(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, path: str, words: str
) -> None:
    files = {
        "strange_mod.py": "SIZE = 3\ndef net(): return 7\n",
        "leaving.py": "raise SystemExit(1)\n",
        "raising.py": "\n1 / 0\n",
    }
    monkeypatch.chdir(plant(files))
    with pytest.raises(UsageError) as caught:
        plugins.add_import(path, (3, 8, 8))
    assert words in str(caught.value)
    assert path not in ARCHITECTURES
    with pytest.raises(UsageError, match="add --input, for example --input 3x224x224"):
        plugins.add_import(path, None)


def test_what_a_plugin_prints_is_not_on_standard_output(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    root = plant({"loud.py": "print('heard')\n" + net("my/loud"), "p/__init__.py": "print('heard')\n", "p/a.py": net("my/a")})
    assert lines("loud.py", "p", root=root) == []
    assert capsys.readouterr() == ("", "heard\nheard\n")
    assert mine() == {"my/loud", "my/a"}


@pytest.mark.skipif(sys.platform != "linux", reason="only some file systems hold names that are not UTF-8")
def test_a_name_that_is_not_utf_8_is_one_line_that_can_be_printed(plant: Plant) -> None:
    root = plant({"good.py": net("my/good")})
    name = os.fsdecode(b"bad\xff.py")
    (root / name).write_text(net("my/bad"), "utf-8")
    (line,) = lines(name, "good.py", root=root)
    assert "its path is not UTF-8, and so cannot be told to a worker: rename it" in line
    assert r"bad\udcff.py" in line
    assert line.isascii()
    assert mine() == {"my/good"}
    assert plugins.source_digest(Source(kind="path", value=str(root / name)))
