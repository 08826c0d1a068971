"""The import direction, read from the source: the table below is the house's plan, and the tree is held to it.

A module imports only from rungs above its own. Imports under TYPE_CHECKING cost nothing and are allowed anywhere; imports
inside functions count like any other.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import vbench

ROOT = Path(__file__).resolve().parent.parent

# Highest first; names on one rung do not import each other. A package is named once, for all of its modules.
RUNGS = """
errors garbage units tables evidence cache naming kinds
core wrappers compression clutter lineage
interfaces names libraries artefacts modes
registry
stats levels roofline
variance sweeps pages changepoints accuracies
metrics scan joins
journal lines flags axes tolerances groups home neighbour
drift causes suites savings
judge speedups
results config
store
sources imports datasets
plugins classes
verdicts budgets contrasts
refusals
plan history
claims reports exports
compare best
serve
devices machine doctor contention checkpoint
data agreement estimate peaks rescaled weights
training preparation
counting engines witness
compress
measure head
job sentinel energy
tuning
effort
scenarios
pairing inside answers
check
sensitivity anatomy demonstrations scoring
worker
forkserver
supervisor
ceilings state
further watch
pipeline gate evaluate study profile
api
survey comparison culprits cluster
trials bisection expectations gathering
cli pytest_plugin
__main__
"""
RUNG = {name: rung for rung, line in enumerate(RUNGS.split("\n")) for name in line.split()}
TORCHLESS = {name for name in RUNG if RUNG[name] < RUNG["devices"]}
TORCHLIKE = {"torch", "torchvision", "fvcore", "iopath", "timm", "onnx", "onnxruntime", "openvino"}  # and what costs as much

# (importer, imported; "" is the package itself): why the direction may be broken here.
EXEMPT = {
    ("core", "results"): "a Record shows itself as a frame and as a table; it looks up how when asked, since results needs core",
    ("registry", "results"): "a plugin's metric meets those of vbench when it is registered, not when rows are derived from it",
    (
        "names",
        "compress",
    ): "the compressors that come with vbench register themselves when a name asks for one, like the modules below",
    ("wrappers", "rescaled"): "a wrapped network is built in a worker, and only there are the modules that wrap it imported",
    ("", "api"): "the public names stand in the package and are resolved when they are asked for; so is the configuration",
    ("", "architectures"): "the catalogue's package is the public name `vbench.architectures`, resolved when it is asked for",
}
# What each file of architectures/ may take from its neighbours; a file that is not named here may take them all.
_NONE, _BLOCKS = set[str](), {"_blocks"}
SHARED = {
    "_papers": _NONE,
    "_published": _NONE,
    "_blocks": _NONE,
    "_modules": _BLOCKS,
    "_small": _BLOCKS,
    "_trunks": _BLOCKS,
    "_pose": {"_blocks", "_trunks"},
    # These know maps and joints, and no network. For the optimal pairing one of them calls scipy.
    "_targets": _NONE,
    "_decoding": _BLOCKS,
    "_grouping": {"_decoding", "scipy"},
}


class Import(NamedTuple):
    """A dotted name that a file imports, from the package's root on, and the line."""

    name: str
    line: int


def _modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def _package(path: Path, folder: str, name: str) -> list[str]:
    """The dotted parts of the package that the file is in."""
    return [*name.split("."), *path.relative_to(ROOT / folder).parent.parts]


def _imports(path: Path, package: list[str], *, typing: bool = False) -> list[Import]:
    """All that the file imports, wherever it stands; with `typing`, under TYPE_CHECKING too."""
    found: list[Import] = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING") and not typing:
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            whole = [*base, *(node.module or "").split(".")] if node.module else base
            # `from . import x` names a module or an attribute; for our own packages both are kept and looked up later.
            found.extend(Import(".".join([*whole, alias.name]), node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module") and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                dots = len(name.value) - len(name.value.lstrip("."))
                base = package[: len(package) - dots + 1] if dots else []
                found.append(Import(".".join([*base, name.value.lstrip(".")]), node.lineno))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def _own(path: Path) -> str:
    """The name under which the table knows a file of bench/; "" for the package itself."""
    return path.relative_to(ROOT / "bench").parts[0].removesuffix(".py").removeprefix("__init__")


@pytest.mark.parametrize("path", _modules("bench"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_table_names_every_module_and_each_imports_only_from_rungs_above(path: Path) -> None:
    own = _own(path)
    assert not own or own in RUNG, f"{path.name}: give it a rung in the table above"
    wrong = _breaches(own, _imports(path, _package(path, "bench", "vbench")))
    assert not wrong, "\n".join(wrong)


def _breaches(own: str, imports: list[Import]) -> list[str]:
    """What the module `own` ("" for the package itself) imports against the direction."""
    wrong = []
    for name, line in imports:
        first, second, *_ = [*name.split("."), ""]
        if first in {"bench", "architectures"}:
            wrong.append(f"line {line}: {name} is no name of an installed package")
        if first != "vbench" or second == own or (own, second) in EXEMPT:
            continue
        if second == "architectures":
            wrong.append(f"line {line}: the catalogue is a plugin, and nothing in the harness imports it")
        if second in RUNG and (not own or RUNG[second] >= RUNG[own]):
            wrong.append(f"line {line}: {own or 'the package'} imports {name}, which stands on the same rung or below")
    return wrong


@pytest.mark.parametrize(
    ("own", "name", "wrong"),
    [
        ("stats", "vbench.core.Case", False),
        ("stats", "vbench.metrics.latency", True),
        ("machine", "vbench.doctor", True),
        ("metrics", "vbench.metrics.counted", False),
        ("core", "vbench.results.frame", False),
        ("core", "vbench.plan", True),
        ("", "vbench.core.Case", True),
        ("cli", "vbench.architectures.resnet", True),
        ("cli", "bench.core", True),
        ("cli", "rich.table.Table", False),
    ],
)
def test_a_breach_is_recognised(own: str, name: str, *, wrong: bool) -> None:
    assert bool(_breaches(own, [Import(name, 1)])) == wrong


def test_every_exemption_is_still_needed() -> None:
    used = set()
    for path in _modules("bench"):
        for name, _ in _imports(path, _package(path, "bench", "vbench")):
            used.add((_own(path), [*name.split("."), ""][1]))
    assert set(EXEMPT) <= used


@pytest.mark.parametrize(
    "path", [p for p in _modules("bench") if _own(p) in TORCHLESS | {""}], ids=lambda p: str(p.relative_to(ROOT))
)
def test_reading_results_never_imports_torch(path: Path) -> None:
    named = [
        (name, line)
        for name, line in _imports(path, _package(path, "bench", "vbench"), typing=True)
        if name.split(".")[0] in TORCHLIKE
    ]
    assert not named


@pytest.mark.parametrize("path", _modules("architectures"), ids=lambda path: str(path.relative_to(ROOT)))
def test_an_architecture_imports_torch_the_public_names_and_the_shared_layers(path: Path) -> None:
    allowed = SHARED.get(path.stem, set(SHARED))
    wrong = []
    for name, line in _imports(path, _package(path, "architectures", "vbench.architectures")):
        first, second, third, *_ = [*name.split("."), "", ""]
        if first in sys.stdlib_module_names or first == "torch" or (first == "scipy" and first in allowed):
            continue
        public = not second or (second in vbench.__all__ and not third)
        if first == "vbench" and (public or (second == "architectures" and third in allowed)):
            continue
        wrong.append(
            f"line {line}: {name}; allowed are torch, the standard library, {', '.join(sorted(allowed))} and vbench.__all__"
        )
    assert not wrong, "\n".join(wrong)


def test_no_block_is_written_twice() -> None:
    seen: dict[str, str] = {}
    for path in _modules("architectures"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name == "__init__":
                continue
            body = node.body[1:] if ast.get_docstring(node) else node.body
            text = "\n".join(ast.dump(statement) for statement in body)
            where = f"{path.name}:{node.name}"
            assert text not in seen, f"{where} repeats {seen[text]}: shared layers stand in _blocks.py"
            seen[text] = where


def _planted(tmp_path: Path, text: str, *, typing: bool = False) -> set[str]:
    path = tmp_path / "planted.py"
    path.write_text(text, encoding="utf-8")
    return {name for name, _ in _imports(path, ["vbench", "gate"], typing=typing)}


def test_imports_are_found_wherever_they_hide(tmp_path: Path) -> None:
    text = """
import a.b
from . import c
from ..d import e
from vbench.f import g as h
if TYPE_CHECKING:
    from .i import j
else:
    import k
def deep():
    try:
        from .. import l
    except ImportError:
        import_module("..m", __name__)
    importlib.import_module("n")
"""
    found = {"a.b", "vbench.gate.c", "vbench.d.e", "vbench.f.g", "k", "vbench.l", "vbench.m", "n"}
    assert _planted(tmp_path, text) == found
    assert _planted(tmp_path, text, typing=True) == found | {"vbench.gate.i.j"}
