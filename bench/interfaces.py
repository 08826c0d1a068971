"""What an engine must offer, and what a prepared case must offer to be timed. Any class with these methods will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from .core import Case


class Session(Protocol):
    """A prepared case, ready to be timed. `measure.py` knows this and a clock, and nothing else."""

    def step(self) -> None:
        """Submit one forward pass on the next of the inputs in rotation."""

    def synchronize(self) -> None:
        """Wait until everything submitted has finished."""

    def output(self) -> Any:
        """The last step's output, on the host, fp32."""

    def load(self, inputs: Any) -> None:
        """Put these inputs on the device, in rotation from the first."""

    def close(self) -> None:
        """Free what the session holds."""


@runtime_checkable
class Engine(Protocol):
    """How a module is made ready to run. Register one with `@engine("name")`."""

    def version(self) -> str:
        """The receipt that it can run here; raise ImportError with the install line when it cannot."""

    def skip(self, case: Case) -> str | None:
        """Why this case cannot run on this engine, or None."""

    def prepare(self, module: Any, case: Case) -> Session:
        """Make the module ready; called once per worker, timed as `compile_s`."""
