"""`vbench doctor`: what would spoil a measurement on this machine, and what to do about it."""

from __future__ import annotations

from typing import Annotated

import typer

from . import _common as common

HELP = "Say what would spoil a measurement on this machine, and what to do about it. Nothing is changed."


def doctor(
    json_: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look; see HELP, which typer shows."""
    from .. import api, engines, machine  # noqa: PLC0415 - they load torch, and --help must be quick
    from .. import doctor as checks  # noqa: PLC0415 - as above
    from ..interfaces import Engine  # noqa: PLC0415 - as above

    config, errors = api.setup()
    common.warn(errors)

    receipts = {name: kind.version() if isinstance(kind, Engine) else ImportError(kind) for name, kind in engines.known().items()}
    found = checks.checkup(
        machine.describe(),
        memory_available=machine.memory_available(),
        engines=receipts,
        results=config.root / "results",
    )
    if json_:
        common.dump(found)
        return
    print(common.plain_table(("", "what", "found"), [(c.state, c.name, c.found) for c in found]))
    advice = [f"{c.name}: {c.advice}" for c in found if c.advice and c.state != "good"]
    if advice:
        print("\nwhat to do:")
        print("\n".join(f"  {line}" for line in advice))
