"""vbench measures what a vision architecture costs on this machine, and says how sure it is.

The public names below are everything a script or a plugin needs. They are resolved on first use, so that
reading a result file never imports torch and `vbench --help` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if __name__ != "vbench":
    message = (
        f"this package is imported as `vbench`, never as `{__name__}`: install it (`pip install -e .`), then `import vbench`"
    )
    raise ImportError(message)

if TYPE_CHECKING:
    from .api import catalogue, run
    from .compression import Option
    from .core import Accuracy, Architecture, Case, Machine, Metric, Naming, Paper, Preprocess, Record
    from .errors import VbenchError
    from .interfaces import Compressor, Engine, Session, Work
    from .registry import architecture, compressor, engine, metric
    from .store import load

__version__ = "0.1.0"

_HOMES = {
    "api": ("catalogue", "run"),
    "compression": ("Option",),
    "core": ("Accuracy", "Architecture", "Case", "Machine", "Metric", "Naming", "Paper", "Preprocess", "Record"),
    "errors": ("VbenchError",),
    "interfaces": ("Compressor", "Engine", "Session", "Work"),
    "registry": ("architecture", "compressor", "engine", "metric"),
    "store": ("load",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Accuracy",
    "Architecture",
    "Case",
    "Compressor",
    "Engine",
    "Machine",
    "Metric",
    "Naming",
    "Option",
    "Paper",
    "Preprocess",
    "Record",
    "Session",
    "VbenchError",
    "Work",
    "architecture",
    "catalogue",
    "compressor",
    "engine",
    "load",
    "metric",
    "run",
]


def __getattr__(name: str) -> Any:
    """Resolve a public name on first use; `vbench.architectures()` lists what can be measured."""
    if name == "architectures":
        # The catalogue is a package of that name and a callable module. In a checkout its own folder takes the place of
        # the installed one, so the configuration is read before anything is imported.
        import_module(".api", __name__).setup()
        return import_module(".architectures", __name__)
    if name not in _HOME:
        message = f"module 'vbench' has no attribute {name!r}; it has {', '.join(__all__)}"
        raise AttributeError(message)
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "architectures"])
