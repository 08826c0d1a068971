"""A page of the documentation as a script: its files are written, its commands run, and what they print is put back.

In a fenced block's info string, `file=NAME` writes the block to that file of the page's own temporary project. In a
`console` block each line after `$ ` is run there, and what follows is its standard output; `stderr` shows the error stream
as well, `exit=N` is the exit code it must leave with (else 0), and `masked` lets numbers differ, with their units, the width
of columns and validity flags: for times that no two machines share. A `pycon` block is a Python session, one for the whole
page. A `python` block without a file is run with the fake engine in place of the real one. Anything else is left as it is.
"""

from __future__ import annotations

import contextlib
import doctest
import functools
import importlib
import io
import os
import re
import runpy
import shlex
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d[\d.,]*( (?:ns|µs|ms|s|k|M|G|B|KiB|MiB|GiB)\b)?")
SHOWN_AS = "/project"  # what stands in the docs for the temporary folder
IMPORTED = ("torch", "vbench.api", "vbench.counting", "vbench.cli")


class PageError(Exception):
    """A command of a page did not leave with the exit code that the page promises."""


def masked(text: str) -> str:
    """What is compared where numbers may differ: no numbers, no units, no runs of spaces, no flags."""
    return re.sub(r" +", " ", re.sub(r"\bok \([a-z_, ]+\)", "ok", NUMBER.sub("#", text)))


def refresh(page: str, name: str) -> str:
    """The page with everything that it shows printed anew."""
    if not BLOCK.search(page):
        return page
    with tempfile.TemporaryDirectory(prefix="vbench-docs-") as folder:
        return BLOCK.sub(_Project(Path(folder).resolve(), name, page).block, page)


class _Project:
    """The temporary folder of one page, and what was installed on the way."""

    def __init__(self, root: Path, name: str, page: str) -> None:
        self.root = root
        self.name = name
        self.path: list[str] = []
        self.environment = {"COLUMNS": "80", "OMP_NUM_THREADS": "1", "VBENCH_CACHE": str(root / ".cache")}
        self.sessions = [match[3] for match in BLOCK.finditer(page) if match[1] == "pycon"]
        self.answers: list[str] = []

    def block(self, match: re.Match[str]) -> str:
        """One fenced block, carried out."""
        language, info, body = match.groups()
        options = dict(word.partition("=")[::2] for word in shlex.split(info))
        if "file" in options:
            file = self.root / options["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(body, encoding="utf-8")
        elif language == "console":
            shown = self.console(body, options)
            keep = "masked" in options and masked(shown) == masked(body)
            return match[0] if keep else f"```{language}{info}\n{shown}```"
        elif language == "pycon":
            return f"```{language}{info}\n{self.session()}```"
        elif language == "python":
            self.run(body, functools.partial(_on_the_fake_engine, body), {})
        return match[0]

    def console(self, body: str, options: dict[str, str]) -> str:
        """A console block with the output of its commands."""
        out = []
        for line in body.splitlines():
            if line.startswith("$ "):
                shown = self.run(line[2:], self.command(shlex.split(line[2:])), options)
                out += [line, *shown.rstrip().splitlines()]
        return "\n".join(out) + "\n"

    def command(self, words: list[str]) -> Callable[[], object]:
        """What a command of a console block does, in a process of its own."""
        match words:
            case ["vbench", *_]:
                return functools.partial(_vbench, words)
            case ["python", script]:
                return functools.partial(_script, script)
            case ["pip", "install", folder]:
                self.install(self.root / folder)
                return lambda: None
            case ["ls", folder]:
                return lambda: sys.stdout.write("".join(sorted(f"{entry.name}\n" for entry in Path(folder).iterdir())))
        message = f"{self.name}: only vbench, python, pip install and ls are run, not: {' '.join(words)}"
        raise PageError(message)

    def install(self, folder: Path) -> None:
        """Leave what pip would: the metadata with the entry points, on the path. Nothing is built or fetched."""
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        name, version = project["name"], project["version"]
        metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
        groups = project["entry-points"].items()
        lines = [f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in points.items()) for group, points in groups]
        (metadata / "entry_points.txt").write_text("\n".join(lines), "utf-8")
        self.path.append(str(folder))

    def session(self) -> str:
        """The next of the page's Python sessions; all run in one process at the first."""
        if not self.answers:
            text = self.run("the page's Python session", functools.partial(_session, self.sessions), {})
            self.answers = text.split("\f")
        return self.answers.pop(0)

    def run(self, what: str, action: Callable[[], object], options: dict[str, str]) -> str:
        """What the action prints, in a process of its own that has torch imported already."""
        code, out, error = forked(action, self.root, self.path, self.environment)
        if code != int(options.get("exit", "0")):
            message = f"{self.name}: exit {code} instead of {options.get('exit', '0')} from: {what}\n{out}{error}"
            raise PageError(message)
        return (out + error if "stderr" in options else out).replace(str(self.root), SHOWN_AS)


def _vbench(words: list[str]) -> None:
    sys.argv = words
    importlib.import_module("vbench.cli").main()


def _script(name: str) -> None:
    sys.path.insert(0, str(Path.cwd()))
    runpy.run_path(name, run_name="__main__")


def _on_the_fake_engine(code: str) -> None:
    vbench = importlib.import_module("vbench")
    vbench.run = functools.partial(vbench.run, engine=["fake"], device=["fake"])
    exec(compile(code, "<page>", "exec"), {"__name__": "page"})  # noqa: S102 - the page's own code


def _session(bodies: list[str]) -> None:
    """Run the examples of Python sessions, printed as they would be typed; a form feed stands between two blocks."""
    names: dict[str, object] = {"__name__": "page"}
    sys.path.insert(0, str(Path.cwd()))
    for number, body in enumerate(bodies):
        sys.stdout.write("\f" if number else "")
        for example in doctest.DocTestParser().get_examples(body):
            first, *rest = example.source.splitlines()
            sys.stdout.write("\n".join([f">>> {first}", *[f"... {line}".rstrip() for line in rest]]) + "\n")
            try:
                exec(compile(example.source, "<page>", "single"), names)  # noqa: S102 - the page's own code
            except Exception as error:  # noqa: BLE001 - a page may show what an error looks like
                kind = f"{type(error).__module__}.{type(error).__name__}"
                sys.stdout.write(f"Traceback (most recent call last):\n  ...\n{kind}: {error}\n")


def forked(action: Callable[[], object], folder: Path, path: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    """Exit code, standard output and error of an action in a fork of this process, which has imported what costs seconds.

    The fork is what makes a page of twenty commands cheap: each starts from the imports, with registries still empty.
    """
    for module in IMPORTED:
        importlib.import_module(module)
    sys.stdout.flush()
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as error:
        pid = os.fork()
        if pid == 0:
            _child(action, folder, path, environment, (out.fileno(), error.fileno()))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        error.seek(0)
        return code, out.read().decode("utf-8"), error.read().decode("utf-8")


def _child(
    action: Callable[[], object], folder: Path, path: list[str], environment: dict[str, str], streams: tuple[int, int]
) -> NoReturn:
    code: object = 1
    try:
        for number, stream in enumerate((os.open(os.devnull, os.O_RDONLY), *streams)):
            os.dup2(stream, number)
        for text in (sys.stdout, sys.stderr):
            if isinstance(text, io.TextIOWrapper):
                text.reconfigure(encoding="utf-8")
        os.chdir(folder)
        os.environ.update(environment)
        sys.path[:0] = path
        try:
            action()
            code = 0
        except SystemExit as leaving:
            code = leaving.code
        except BaseException:  # noqa: BLE001 - the child must not go on as a second parent
            sys.excepthook(*sys.exc_info())
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else int(bool(code)))
