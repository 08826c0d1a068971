"""What devices have in common whose calls return when their work is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..interfaces import Timer


class Direct:
    """Always there, with nothing to wait for, to switch, to limit, or to say of itself; what differs is overridden."""

    def missing(self) -> str | None:
        """It is always there."""
        return None

    def lacks(self, precision: str) -> str | None:
        """Which precisions it computes in is the engine's to say."""
        del precision
        return None

    def settle(self, precision: str) -> dict[str, str]:
        """The threads are the case's, and are set with it."""
        del precision
        return {}

    def describe(self) -> dict[str, str]:
        """The machine's description has it all."""
        return {}

    def synchronize(self) -> None:
        """There is nothing to wait for."""

    def timer(self) -> Timer | None:
        """The host's clock is the device's."""
        return None

    def state(self) -> dict[str, float]:
        """Nothing that this device says of itself; the sentinel shows what a processor's clock did."""
        return {}

    def limit_memory(self, size: int) -> str | None:
        """The worker's own limit holds."""
        del size
        return None
