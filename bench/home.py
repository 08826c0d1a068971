"""Where child processes live: this interpreter with this import path, or another one that is given this very harness."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

_HARNESS = Path(__file__).parent
# Another interpreter gets this very harness, whatever it has installed under that name; its own catalogue stays its own.
_BOOTSTRAP = """
import importlib.util as _util, sys
def _find(name):
    try:
        return _util.find_spec(name)
    except (ImportError, ValueError):
        return None
_own = _find("vbench.architectures")
for _name in [name for name in sys.modules if name.partition(".")[0] == "vbench"]:
    del sys.modules[_name]
_spec = _util.spec_from_file_location("vbench", {init!r}, submodule_search_locations=[{folder!r}])
sys.modules["vbench"] = _util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["vbench"])
if _own is not None and _own.submodule_search_locations:
    import pathlib
    from vbench import sources
    sources.use_catalogue(pathlib.Path(list(_own.submodule_search_locations)[0]))
"""


class Home(NamedTuple):
    """Where child processes live: the interpreter, what it looks through first, its folder, and its further environment.

    Of this process's own interpreter `path` is the whole import path; another one keeps its own behind it.
    """

    python: str = sys.executable
    path: tuple[str, ...] = ()
    folder: str | None = None
    environment: Mapping[str, str] = {}

    def command(self, entry: str, *arguments: str) -> list[str]:
        """What starts a child that calls a function of this harness, `module:function`, with these in `sys.argv`."""
        module, _, function = entry.partition(":")
        if self.python == sys.executable:
            # The child gets this process's import path and nothing of its main module: scripts need no main guard.
            before = f"import sys; sys.path[:] = {list(self.path or sys.path)!r}"
        else:
            own = _BOOTSTRAP.format(init=str(_HARNESS / "__init__.py"), folder=str(_HARNESS))
            before = f"import sys; sys.path[:0] = {list(self.path)!r}\n{own}"
        return [self.python, "-c", f"{before}\nfrom {module} import {function}; {function}()", *arguments]
