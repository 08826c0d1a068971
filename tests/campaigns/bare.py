"""Bare: an engine's step against the runtime's own call on the same model, by turns in the same process.

python tests/campaigns/bare.py --engine eager,onnxruntime --precision fp32,int8 --networks tiny resnet/18

In each turn both are called some times, in an order that changes; a turn gives one ratio and one difference of medians. Shown
is the median over turns with its distribution-free 95 % interval. `tiny` is one activation: what a step adds shows there.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from campaign import markdown
from torch import nn

from vbench import data, engines, job, plugins, stats
from vbench.core import Architecture, Case, Source
from vbench.preparation import Preparation
from vbench.registry import ARCHITECTURES, ENGINES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Call = Callable[[], Any]
    # What a deployment without vbench would call, on these inputs in rotation; given the module, the case and our session.
    Bare = Callable[[nn.Module, Case, Any, Sequence[torch.Tensor]], Call]

HEADER = ["engine", "precision", "network", "threads", "step", "bare call", "ratio", "95 %", "µs per step", "95 %"]
# Calls at the beginning of a block that bring caches and threads back from the other's turn.
_DISCARDED = 2


class Turns(NamedTuple):
    """Medians of each turn, in nanoseconds."""

    ours: list[float]
    bare: list[float]

    def row(self) -> list[str]:
        """Both, their ratio and their difference."""
        ratios = [ours / bare for ours, bare in zip(self.ours, self.bare, strict=True)]
        added = [(ours - bare) / 1e3 for ours, bare in zip(self.ours, self.bare, strict=True)]
        times = [f"{stats.median(values) / 1e6:.4f} ms" for values in (self.ours, self.bare)]
        return [*times, f"{stats.median(ratios):.4f}", _interval(ratios, 4), f"{stats.median(added):.2f}", _interval(added, 2)]


def _interval(values: list[float], digits: int) -> str:
    found = stats.median_interval(values)
    return markdown.MISSING if found is None else f"{found[0]:.{digits}f} to {found[1]:.{digits}f}"


def eager(module: nn.Module, case: Case, session: Any, inputs: Sequence[torch.Tensor]) -> Call:
    """The module itself; the session has put it into its mode."""
    following = itertools.cycle(inputs).__next__
    return lambda: module(following())


def onnxruntime(module: nn.Module, case: Case, session: Any, inputs: Sequence[torch.Tensor]) -> Call:
    """`InferenceSession.run` of a second session of the same file with the same options, its feeds made beforehand."""
    from vbench.engines._onnx_session import open_session, session_options  # noqa: PLC0415 - where the runtime is installed

    other = open_session(session._model, session_options(case, level=session._level), session._place)
    (name,) = (value.name for value in other.get_inputs())
    feeds = itertools.cycle([{name: tensor.numpy()} for tensor in session._inputs])
    following, run = feeds.__next__, other.run
    return lambda: run(None, following())


BARE: dict[str, Bare] = {"eager": eager, "onnxruntime": onnxruntime}


def block(call: Call, number: int) -> float:
    """The median of so many calls, in nanoseconds."""
    clock = time.perf_counter_ns
    taken = []
    for _ in range(number + _DISCARDED):
        began = clock()
        call()
        taken.append(clock() - began)
    return stats.median(taken[_DISCARDED:])


def turns(ours: Call, bare: Call, *, rounds: int, seconds: float) -> Turns:
    """Both by turns, each block as many calls as take about so many seconds, five at least."""
    once = block(bare, 5) / 1e9
    number = max(5, min(2000, int(seconds / max(once, 1e-9))))
    found = Turns([], [])
    for turn in range(rounds):
        pairs = [(ours, found.ours), (bare, found.bare)]
        for call, values in pairs if turn % 2 else reversed(pairs):
            values.append(block(call, number))
    return found


def network(name: str) -> Architecture:
    """One of the catalogue, or `tiny`."""
    if name == "tiny":
        return Architecture(name=name, build=nn.ReLU, source=Source(kind="module", value=__name__), input=(3, 8, 8))
    return ARCHITECTURES.get(name)


def measure(case: Case, architecture: Architecture, given: argparse.Namespace) -> Turns:
    """Prepare the case as a worker does, and take turns."""
    job.settle_thread(case)
    module, _ = data.build(architecture.build, 0)
    engine = ENGINES.get(case.engine)()
    preparation = (Preparation(module, case),) if getattr(engine, "exports", False) else ()
    session = engine.prepare(module.eval(), case, *preparation)
    inputs = data.noise(case.input_shape, case.batch, 0)
    session.load(inputs)
    bare = BARE[case.engine](module, case, session, inputs)
    found = turns(session.step, bare, rounds=given.rounds, seconds=given.seconds)
    session.close()
    return found


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", default=",".join(BARE), help=f"of {', '.join(BARE)}")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--networks", nargs="*", default=["tiny", "squeezenet/1.1", "resnet/18"])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.2, help="of a block")
    given = parser.parse_args()
    plugins.load_all()
    engines.load_builtin()
    rows = []
    for engine, precision, name in itertools.product(given.engine.split(","), given.precision.split(","), given.networks):
        architecture = network(name)
        case = Case(
            architecture=name, input_shape=architecture.input, engine=engine, precision=precision, batch=given.batch,
            threads=given.threads,
        )  # fmt: skip
        reason = ENGINES.get(engine)().skip(case)
        if reason is not None:
            print(f"{case.id}: {reason}", file=sys.stderr)
            continue
        rows.append([engine, precision, name, str(given.threads), *measure(case, architecture, given).row()])
    print(markdown.table(HEADER, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
