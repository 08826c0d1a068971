"""`vbench doctor`: what would spoil a measurement on this machine, and what to do about it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .. import tables
from . import _common as common

HELP = "Say what would spoil a measurement on this machine, and what to do about it. Nothing is changed."


def doctor(
    ceilings: Annotated[
        bool, typer.Option("--ceilings", help="Measure anew what this machine can do at most, and keep it for efficiency.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look; see HELP, which typer shows."""
    if ceilings:
        _ceilings(as_json=json_)
        return
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
    print(tables.aligned(("", "what", "found"), [(c.state, c.name, c.found) for c in found]))
    advice = [f"{c.name}: {c.advice}" for c in found if c.advice and c.state != "good"]
    if advice:
        print("\nwhat to do:")
        print("\n".join(f"  {line}" for line in advice))


def _ceilings(*, as_json: bool) -> None:
    """Every precision of every device that is here, on one thread and on all of them."""
    from .. import ceilings, devices, units  # noqa: PLC0415 - as above

    wanted = ceilings.everything(name for name, missing in devices.known().items() if missing is None)
    print("measuring matrix products and copies; other work on this machine would spoil them", file=sys.stderr)
    found = ceilings.refresh(wanted)
    if as_json:
        common.dump(found)
        return
    rows = [
        (
            need.device,
            need.precision,
            str(need.threads),
            units.quantity(found[need.name].peak_flops, "FLOP/s"),
            units.quantity(found[need.name].bandwidth_bytes_per_s, "B/s"),
            found[need.name].method,
        )
        for need in wanted
    ]
    print(tables.aligned(("device", "precision", "threads", "peak", "bandwidth", "how"), rows, right=(2, 3, 4)))
