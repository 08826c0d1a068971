"""Whether something answers at the address of a cluster."""

from __future__ import annotations

import os
import socket

from ..errors import UsageError

# What listens at an address takes a connection within this.
_ANSWER_S = 10.0


def refuse_silence(address: str) -> None:
    """Refuse an address where nothing listens; Ray itself tries for minutes. Raises UsageError."""
    place = address.removeprefix("ray://") if address.startswith("ray://") else os.environ.get("RAY_ADDRESS", "")
    host, _, port = place.rpartition(":")
    if address == "local" or not (host and port.isdigit()):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise unreachable(address, f"{place}: {error}") from None


def unreachable(address: str, text: str) -> UsageError:
    """The error for an address where no cluster answers, with what was heard instead."""
    return UsageError(
        f"--cluster {address}: no cluster answers there ({text[:200]}); `ray status` on one of its nodes says whether it runs"
    )
