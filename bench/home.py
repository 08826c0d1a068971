"""Where child processes live: this interpreter with this import path, or another one that is given this very harness."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_HARNESS = Path(__file__).parent
# A side gets this very harness, whatever its environment has installed under that name. The catalogue that is installed there
# stays its own: its folder is added to the arguments, for `survey` to fall back on.
_BOOTSTRAP = """
import importlib.util, sys
sys.path[:{end}] = {path!r}
try:
    own = importlib.util.find_spec("vbench.architectures")
except Exception:
    own = None
sys.argv.append((own.submodule_search_locations or [""])[0] if own is not None else "")
for name in [name for name in sys.modules if name.partition(".")[0] == "vbench"]:
    del sys.modules[name]
spec = importlib.util.spec_from_file_location("vbench", {init!r}, submodule_search_locations=[{folder!r}])
sys.modules["vbench"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["vbench"])
"""


class Home(NamedTuple):
    """Where child processes live: the interpreter, what it looks through first, its folder, and its further environment.

    Of this process's own interpreter `path` is the whole import path, and left out it is this process's; another interpreter
    keeps its own behind it.
    """

    python: str = sys.executable
    path: tuple[str, ...] = ()
    folder: str | None = None
    environment: Mapping[str, str] = {}

    def command(self, entry: str, *arguments: str) -> list[str]:
        """What starts a child that calls a function of this harness, `module:function`, with these in `sys.argv`."""
        module, _, function = entry.partition(":")
        call = f"from {module} import {function}; {function}()"
        own = self.python == sys.executable
        if own and not self.path:
            # The child gets this process's import path and nothing of its main module: scripts need no main guard.
            return [self.python, "-c", f"import sys; sys.path[:] = {sys.path!r}; {call}", *arguments]
        # Of the other interpreter's own path only the first entry goes, which is the current folder.
        before = _BOOTSTRAP.format(
            end="" if own else 1, path=list(self.path), init=str(_HARNESS / "__init__.py"), folder=str(_HARNESS)
        )
        return [self.python, "-c", before + call, *arguments]
