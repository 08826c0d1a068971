"""What an engine must offer, what a prepared case must offer to be timed, and what a compressor. Any class with these will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .compression import Option
    from .core import Case

    # The pieces of a step in order, each with its name; pieces of one name belong together.
    Parts = Sequence[tuple[str, Callable[[], Any]]]


class Timer(Protocol):
    """Times work on a device that goes on behind the host's back."""

    def start(self) -> None:
        """Mark the beginning of a step on the device."""

    def stop(self) -> None:
        """Mark its end; neither waits."""

    def read(self) -> list[int]:
        """Wait once, and give the nanoseconds of every step marked since the last call."""


class Session(Protocol):
    """A prepared case, ready to be timed. `measure.py` knows this and a clock, and nothing else.

    It may have a `flush()` as well: called before each request, outside of what is timed, to empty the device's caches. And
    `operators()`: what runs, as a sequence of `core.Operator` by the engine's own account; called once, after the verification.
    And `account()`: every layer with its time, as a `core.Account`, which `vbench profile` asks for. And `notes`: what a reader
    of the row should know of how it ran, in words, looked at when it has run.
    """

    def step(self) -> None:
        """Submit one forward pass on the next of the inputs in rotation; of a case that trains, a whole training step."""

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
    """How a module is made ready to run. Register one with `@engine("name")`.

    One that sets `exports = True` is handed a `Preparation` as the third argument of `prepare`: a place where what it makes is
    kept for the next process, and pictures to calibrate with. `patience_s` says how many seconds more than usual making may
    take, `check_s` about how many the check of a small network takes, and `modes` maps its options to the values that they take,
    the default first.
    """

    def version(self) -> str:
        """The receipt that it can run here; raise ImportError with the install line when it cannot."""

    def skip(self, case: Case) -> str | None:
        """Why this case cannot run on this engine, or None."""

    def prepare(self, module: Any, case: Case) -> Session:
        """Make the module ready; called once per worker, timed as `compile_s`."""


class Work(Protocol):
    """What a compressor is told besides its options, and where it says what it did."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input, channels first."""

    @property
    def task(self) -> str:
        """What the architecture is for, as it declares it: `classification` for one."""

    @property
    def seed(self) -> int:
        """What whatever is drawn at random depends on."""

    def pictures(self, count: int) -> Any:
        """Inputs of shape `(count, *shape)`: the run's pictures, else smooth seeded ones; the notes say which."""

    def note(self, key: str, text: str) -> None:
        """Say in words what was done; it goes to the row's notes."""

    def add(self, name: str, number: float) -> None:
        """Say in numbers what was done: `removed_channels`, `zeros`, …; what several steps say is added up."""

    def keep(self, make: Callable[[], bytes]) -> bytes:
        """What is dear to find and the same in every process: `make()`, or what it gave an earlier one.

        It is kept under the network's values and structure, the step, the input's shape, the seed and the pictures. What was
        noted while it was made is noted again.
        """

    def written(self, tensor: str, kind: str, *, bits: int = 0, index_bits: int = 8) -> None:
        """Say how the tensor of that name is written to disk, which is what `encoded_bytes` counts: raw where nothing is said.

        `kind` is `sparse`, `codebook`, `deep` or `binary`; with `bits` to a number in a codebook, `index_bits` to a distance.
        """

    def same(self, twin: Any, *, tolerance: float) -> None:
        """Say what must be true: `twin(network)` makes, of a copy of the network before, one that answers the same.

        A check compares the two, to `tolerance` of the largest of the answers.
        """


@runtime_checkable
class Compressor(Protocol):
    """How a network is made smaller. Register one with `@compressor("name")`.

    `description` is one line, `options` says what may stand behind the name, and `needs` what it looks at besides the weights:
    "" for nothing, `data` for what pictures make the network answer, `gradients` for its derivatives too. What needs pictures is
    refused without `--images`, unless the step says `data=noise`: an option `data` of the words `images` and `noise`.

    One that sets `kept = True` says that all it does is in the network's tensors and in the sizes of ordinary layers. What it
    makes is then kept on disk, and read by the other processes of the run.
    """

    description: str
    options: Sequence[Option]
    needs: str

    def version(self) -> str:
        """The receipt that it can work here; raise ImportError with the install line when it cannot."""

    def apply(self, module: Any, work: Work, **options: Any) -> Any:
        """The smaller network: the module itself, changed in place, or another. Raise ValueError with the reason if it cannot."""
