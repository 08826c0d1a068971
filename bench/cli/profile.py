"""`vbench profile`: where the time of one case goes, layer by layer, and what bounds each."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import modes
from ..errors import UsageError, nearest
from . import _common as common
from . import _options as options

HELP = """Profile one network: its layers, their times, and what bounds each.

A worker times requests, asks the engine's own profiler, and times requests again. Each layer is then held against the measured
ceilings of this machine: it is bound by compute, by memory, or by overhead. Left out, --by prints the kinds and the slowest
layers."""
_TOP = 10


def profile(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An architecture, timm:NAME, torchvision:NAME, or package.module:function.")
    ],
    engine: Annotated[
        options.Many, typer.Option(metavar="ENGINE", help="eager if left out, inductor, onnxruntime, openvino, or a plugin's.")
    ] = None,
    precision: Annotated[options.Many, typer.Option(metavar="PRECISION", help="As of run, fp32 if left out.")] = None,
    device: Annotated[options.Many, typer.Option(metavar="DEVICE", help="As of run, cpu if left out.")] = None,
    batch: Annotated[options.Many, typer.Option(metavar="SIZE", help="Batch size, 1 if left out.")] = None,
    threads: Annotated[options.Many, typer.Option(metavar="COUNT", help="Left out, as many as this process may use.")] = None,
    layout: Annotated[options.Many, typer.Option(metavar="LAYOUT", help="nchw if left out, or nhwc.")] = None,
    input_: options.Input = None,
    weights: options.Weights = None,
    images: Annotated[str | None, typer.Option(metavar="DIR", help="A folder of pictures, as of run.")] = None,
    by: Annotated[str | None, typer.Option(metavar="WHAT", help="One table: by module, operator or kind.")] = None,
    depth: Annotated[
        int | None, typer.Option(metavar="N", help="Of --by module: only so deep, all that is inside together.")
    ] = None,
    top: Annotated[int | None, typer.Option(metavar="N", help=f"How many rows.  [default: {_TOP}]")] = None,
    every: Annotated[bool, typer.Option("--all", help="All rows.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Less time, and only the ceilings that are kept already.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Write charts, a page, the profile and a Chrome trace.")
    ] = None,
    plugin: options.Plugin = None,
    config: options.Config = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the profile as JSON, whole.")] = False,
) -> None:
    """Profile; see HELP, which typer shows."""
    from ..reports.profiles import text  # noqa: PLC0415 - --help must be quick

    _refuse(by, depth, top, every=every, known=text.BY)
    from .. import api, profile  # noqa: PLC0415 - they load torch

    given = {
        "--engine": modes.split(engine or ()) or ("eager",), "--precision": common.words(precision) or ("fp32",),
        "--device": common.words(device) or ("cpu",), "--batch": common.numbers(batch, "--batch") or (1,),
        "--threads": common.numbers(threads, "--threads"), "--layout": common.words(layout) or ("nchw",),
    }  # fmt: skip
    for option, values in given.items():
        if len(values) > 1 or "all" in values:
            message = f"{option}: a profile is of one case, so write one value, for example {option} {values[0]}"
            raise UsageError(message)
    axes: dict[str, Any] = {option.removeprefix("--"): values for option, values in given.items() if values}
    prepared = api.prepare(
        (name,), **axes, phase=("infer",), scenario=("single-stream",), input=common.shape(input_), weights=weights,
        plugin=common.words(plugin), config=config, quick=quick, settings={} if images is None else {"images": images},
    )  # fmt: skip
    common.warn(prepared.errors)
    case = profile.only(prepared.plan, (name,))
    found = profile.find(case, prepared.settings, weights=weights, say=_say)
    if json_:
        common.dump(found)
    else:
        print(text.text(found, by=by, top=None if every else top or _TOP, depth=depth))
    if output is not None:
        from ..reports import profiles  # noqa: PLC0415 - as above

        written = profiles.make(found, output)
        print(f"  wrote {', '.join(path.name for path in written)} in {output}", file=sys.stderr)


def _refuse(by: str | None, depth: int | None, top: int | None, *, every: bool, known: tuple[str, ...]) -> None:
    """Raise UsageError for what no table can be."""
    if by is not None and by not in known:
        message = f"--by {by}: {', '.join(known)}; {nearest(by, known)}"
        raise UsageError(message)
    if depth is not None and (by != "module" or depth < 1):
        message = f"--depth {depth}: a whole number from 1 on, and read by --by module only"
        raise UsageError(message)
    if top is not None and (top < 1 or every):
        message = f"--top {top}: a whole number from 1 on, and not with --all, which is all rows"
        raise UsageError(message)


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)
