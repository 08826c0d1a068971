"""Why a case cannot run: on this machine, on its engine, or in a worker that must load it by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from . import axes as scenarios
from . import modes
from .errors import UsageError
from .registry import ARCHITECTURES, ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .core import Case
    from .interfaces import Engine


def _impossible(case: Case, threads: int) -> str | None:
    """Why no engine could measure this here: a thread without a core to run on waits for the others."""
    if case.threads > threads:
        return (
            f"{case.threads} threads are more than the {threads} that this process may run at once "
            f"(affinity, quota, OMP_THREAD_LIMIT): --threads {threads}, or give the container more"
        )
    return None


def unable(engine: Engine, case: Case, threads: int) -> str | None:
    """Why this machine, or the engine on it, cannot do it, or None; what else is refused is so on every machine."""
    return _impossible(case, threads) or _skip(engine, case)


def refused(engine: Engine, case: Case, threads: int | None) -> str | None:
    """Why this machine, the scenario or the engine cannot do it, or None; without `threads` it is no matter of this machine."""
    return (
        (None if threads is None else _impossible(case, threads))
        or scenarios.absent(case.scenario)
        or scenarios.unable(case)
        or untrained(engine, case)
        or _without(engine, case)
        or (None if threads is None else _skip(engine, case))
    )


def untrained(engine: Engine, case: Case) -> str | None:
    """Why this engine takes no training step; one that does says so with `trains = True`."""
    if case.phase == "train" and not getattr(engine, "trains", False):
        return f"the {case.engine} engine only infers: leave out --phase train, or add --engine eager"
    return None


def _without(engine: Engine, case: Case) -> str | None:
    """The flag that was asked for and that this engine does not have; one that has it names it in its `options`."""
    missing = [key for key, _ in case.engine_options if key not in modes.offered(engine)]
    return f"the {case.engine} engine has no such mode: leave out --{missing[0]}, or add --engine eager" if missing else None


def _skip(engine: Engine, case: Case) -> str | None:
    """The engine's reason not to run a case; one that raises instead of answering has given one."""
    try:
        return engine.skip(case)
    except Exception as error:  # noqa: BLE001 - a stranger's engine may raise anything
        return f"the engine raised {type(error).__name__} when asked: {' '.join(str(error).split())}"


def loadable(cases: Iterable[Case]) -> None:
    """Refuse what a worker could not load by name. Raises UsageError."""
    given = list(cases)
    sources = {ARCHITECTURES.source(case.architecture): case.architecture for case in given}
    sources |= {ENGINES.source(case.engine): case.engine for case in given}
    for source, name in sources.items():
        if source.kind == "script" and not Path(source.value).is_file():
            message = (
                f"{name!r} is defined in {source.value}, which is no file that a worker could load: put it in a file, "
                "for example my_nets.py, and name that with plugin=['my_nets.py'] or in bench.toml"
            )
            raise UsageError(message)
