"""`vbench gate`: red when what a network costs has changed. So far the exact part: counted metrics against a lock file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError
from . import _common as common

HELP = """Compare the counted metrics of every case with vbench.lock.json, exactly, and leave with 1 where one differs.
A network that became smaller differs too: a layer that was lost looks like that.

--update-lock rewrites the file for the cases selected, to be committed with the change that explains it."""

Many = list[str] | None


def gate(
    architectures: Annotated[Many, typer.Argument(metavar="ARCHITECTURES", help="Names or globs.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare counted metrics (the only gate of this version).")] = False,
    update_lock: Annotated[bool, typer.Option("--update-lock", help="Rewrite the lock file instead.")] = False,
    suite: Annotated[str, typer.Option(metavar="NAME", help="A suite of bench.toml.")] = "default",
    plugin: Annotated[Many, typer.Option(metavar="PATHS", help="A file or folder that registers more.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="A bench.toml other than the nearest.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """Gate; see HELP, which typer shows."""
    if not exact and not update_lock:
        message = "this version gates counted metrics only: type `vbench gate --exact`, or `--update-lock` to accept them"
        raise UsageError(message)
    from .. import api  # noqa: PLC0415 - it loads torch, and --help must not
    from ..gate import exact as gates  # noqa: PLC0415 - as above

    prepared = api.prepare(tuple(architectures or ()), suite=suite, plugin=common.words(plugin), config=config)
    common.warn(prepared.errors)
    path = prepared.config.root / prepared.config.lock
    # Only the default suite stands for everything that is locked: another selection says nothing about the rest.
    whole = not architectures and suite == "default"
    counted, failed = gates.count(prepared.plan.cases, prepared.settings)
    common.warn(f"{name}: {reason}" for name, reason in failed.items())
    if update_lock:
        changed = gates.update(path, counted, whole=whole and not failed and not prepared.errors)
        print(f"{path.name}: {len(counted)} entries, {changed} changed")
        raise typer.Exit(4 if failed or prepared.errors else 0)
    differences = gates.compare(gates.read(path), counted, whole=whole)
    if json_:
        common.dump(differences)
    else:
        for difference in differences:
            print(difference.line())
        state = (
            "as locked" if not differences else f"{len(differences)} differences; if they are meant: vbench gate --update-lock"
        )
        print(f"{len(counted)} entries against {path.name}: {state}")
    raise typer.Exit(4 if failed or prepared.errors else 1 if differences else 0)
