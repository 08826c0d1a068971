"""`vbench run`: measure architectures on this machine."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import modes
from ..errors import UsageError
from . import _common as common
from . import _options as options

HELP = """Measure architectures on this machine.

ARCHITECTURES are names, globs ('resnet/*'), networks of other packages (timm:NAME, torchvision:NAME) or import paths
(package.module:function, with --input), each also in a wrapper (resnet/50@upsample:2, resnet/50@multiscale:0.5+1+2) or made
smaller (vgg/16@l1-filter:0.5). Left out, the suite `default` is measured. Axes may be repeated or written with commas:
--batch 1,8. Each finished process is on disk before the next starts, so an interrupted run goes on with --resume FILE."""

# A run ends with these, so that it is over soon after the last process; `vbench report` draws the others too.
_CHARTS = ("quality-gmacs", "quality-latency", "throughput-engines")


def run(
    architectures: Annotated[options.Many, typer.Argument(metavar="ARCHITECTURES", help="What to measure.")] = None,
    suite: options.Suite = "default",
    group: Annotated[
        options.Many, typer.Option(metavar="NAMES", help="The members of these groups (vbench list --groups).")
    ] = None,
    exclude: options.Exclude = None,
    topic: Annotated[options.Many, typer.Option(metavar="TOPICS", help="Only these topics (vbench list).")] = None,
    device: options.Device = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    batch: options.Batch = None,
    threads: options.Threads = None,
    layout: Annotated[options.Many, typer.Option(metavar="LAYOUTS", help="nchw, nhwc.")] = None,
    phase: Annotated[
        options.Many, typer.Option(metavar="PHASES", help="infer, train (a step: forward, backward, optimiser).")
    ] = None,
    scenario: Annotated[
        options.Many,
        typer.Option(metavar="SCENARIOS", help="single-stream, offline, concurrent:2, sustained:60s, server:15ms or end-to-end."),
    ] = None,
    compress: Annotated[
        options.Many,
        typer.Option(metavar="STEPS", help="none, l1-filter:0.5, magnitude:0.9+codebook:5, … (vbench list --compressors)."),
    ] = None,
    latency_bound: Annotated[
        str | None, typer.Option(metavar="TIME", help="What --scenario server keeps its 99th percentile under, for example 15ms.")
    ] = None,
    sustained: Annotated[
        str | None, typer.Option(metavar="TIME", help="Throughput over so long a time: --scenario sustained:TIME.")
    ] = None,
    streams: Annotated[int | None, typer.Option(metavar="N", help="Submit from N streams: --scenario concurrent:N.")] = None,
    end_to_end: Annotated[bool, typer.Option("--end-to-end", help="From a compressed picture to an answer, in parts.")] = False,
    cold_cache: Annotated[bool, typer.Option("--cold-cache", help="Empty a GPU's L2 cache before every sample.")] = False,
    cuda_graph: Annotated[bool, typer.Option("--cuda-graph", help="Replay a CUDA graph; a case of its own.")] = False,
    energy: Annotated[bool, typer.Option("--energy", help="Read an energy counter over 5 s or more per case.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 4 where a flag says that a number may be biased.")] = False,
    input_: options.Input = None,
    weights: options.Weights = None,
    plugin: options.Plugin = None,
    config: options.Config = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help="The result file, or a URL to put it at when it is complete."),
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="FILE", help="Go on with this file.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="One process per case: no intervals.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the cases and their estimated time, and measure nothing.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Leave out the report at the end.")] = False,
    images: Annotated[
        str | None, typer.Option(metavar="DIR", help="A folder of pictures: the inputs, and what channels are ranked by.")
    ] = None,
    interval: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Half-width of the 95 % interval to reach, for example 2%.")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option(metavar="TIME", help="For the whole run, for example 4m30s; 0 for none.")
    ] = None,
    timeout: Annotated[str | None, typer.Option(metavar="TIME", help="For one worker, for example 2m.")] = None,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="For one worker, as 8GB; on a GPU, of its memory.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Of weights, inputs and the order of cases.")] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Measure on a Ray cluster: ray://HOST:PORT, auto or local.")
    ] = None,
    where: Annotated[
        options.Many, typer.Option(metavar="LABEL=VALUE", help="Only its nodes with these labels: accelerator=H100.")
    ] = None,
    each: Annotated[str | None, typer.Option(metavar="machine", help="Every case on every distinct machine of it.")] = None,
    allow_mixed: Annotated[bool, typer.Option("--allow-mixed", help="Measure though its nodes have different versions.")] = False,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Its progress as OpenMetrics on http://127.0.0.1:PORT/metrics.")
    ] = None,
) -> None:
    """Measure; see HELP, which typer shows."""
    from .. import api, results  # noqa: PLC0415 - they load torch, and --help must not
    from ..store import upload  # noqa: PLC0415 - as above
    from ..units import parse_bytes, parse_duration  # noqa: PLC0415 - as above
    from . import _cluster, _live  # noqa: PLC0415 - as above

    changes: dict[str, Any] = {
        "images": images,
        "interval": common.share(interval, "--interval"),
        "timeout": common.quantity(timeout, parse_duration, "--timeout"),
        "memory_limit": common.quantity(memory_limit, parse_bytes, "--memory-limit"),
        "seed": seed,
        "energy": energy or None,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if time_limit is not None:
        changes["time_limit"] = common.quantity(time_limit, parse_duration, "--time-limit") or None
    target = upload.target(output, again=resume is not None)
    output = None if target is not None else output
    if resume is not None:
        given: dict[str, Any] = {
            "names": architectures,
            "--group": group,
            "-o": output,
            "--exclude": exclude,
            "--topic": topic,
            "--device": device,
        }
        given |= {"--engine": engine, "--precision": precision, "--batch": batch, "--threads": threads, "--layout": layout}
        given |= {
            "--compress": compress,
            "--phase": phase,
            "--scenario": scenario,
            "--latency-bound": latency_bound,
            "--sustained": sustained,
        }
        given |= {"--streams": streams, "--end-to-end": end_to_end, "--cold-cache": cold_cache, "--cuda-graph": cuda_graph}
        given |= {"--input": input_, "--weights": weights, "--quick": quick, "--suite": suite != "default", "--list": list_}
        if fixed := [option for option, value in given.items() if value]:
            message = f"--resume goes on with the cases of its file: leave out {', '.join(fixed)}"
            raise UsageError(message)
    again: dict[str, Any] = {"plugin": common.words(plugin), "config": config, "settings": changes}
    selection: dict[str, Any] = again | {
        "suite": suite,
        "group": common.words(group),
        "exclude": common.words(exclude),
        "topic": common.words(topic),
        "device": common.words(device),
        "engine": modes.split(engine or ()),
        "precision": common.words(precision),
        "batch": common.numbers(batch, "--batch"),
        "threads": common.numbers(threads, "--threads"),
        "layout": common.words(layout),
        "phase": common.words(phase),
        "scenario": _scenarios(common.words(scenario), latency_bound, sustained, streams, end_to_end),
        "compress": common.words(compress),
        "cold_cache": cold_cache,
        "cuda_graph": cuda_graph,
        "input": common.shape(input_),
        "weights": weights,
        "quick": quick,
    }
    if cluster is not None:
        code = _cluster.run(
            cluster, _cluster.asked(each, where, allow_mixed=allow_mixed), names=tuple(architectures or ()), selection=selection,
            output=output, resume=resume, again=again, port=metrics_port, plan_only=list_, as_json=json_, strict=strict,
            report=None if no_report else partial(_report, config=config),
        )  # fmt: skip
        raise typer.Exit(code)
    _cluster.refuse_alone(where=where, each=each, allow_mixed=allow_mixed, metrics_port=metrics_port)
    if resume is not None:
        begun = api.continued(resume, **again)
    else:
        begun = api.begin(api.prepare(tuple(architectures or ()), **selection), output)
    common.warn(begun.prepared.errors)
    if list_:
        _live.show_plan(begun.prepared, begun.path.parent, as_json=json_)
        return
    record = begun.execute(_live.watcher(as_json=json_))
    path = begun.path
    if target is not None:
        put = target.put(path, record)
        common.warn(
            [f"put at {put}" if put else f"not complete, and so not put at {target.url}: --resume {path} -o {target.url} goes on"]
        )
    if json_:
        common.dump([results.row(record.run, result) for result in record.results])
    if not no_report and record.ended == "complete" and any(result.status == "ok" for result in record.results):
        _report(path, config)
    raise typer.Exit(results.exit_code(record, strict=strict))


def _scenarios(
    named: tuple[str, ...], bound: str | None, sustained: str | None, streams: int | None, end_to_end: bool
) -> tuple[str, ...]:
    """The scenarios that were named, and those that an option of its own stands for."""
    if bound is not None and "server" not in named:
        message = "--latency-bound belongs to --scenario server: vbench run --scenario server --latency-bound 15ms"
        raise UsageError(message)
    found = [f"server:{bound}" if name == "server" and bound is not None else name for name in named]
    found += [f"sustained:{sustained}"] if sustained is not None else []
    found += [f"concurrent:{streams}"] if streams is not None else []
    found += ["end-to-end"] if end_to_end else []
    return tuple(found)


def _report(path: Path, config: Path | None) -> None:
    """Make the report in a process of its own, without torch; a report that fails does not undo a run."""
    import subprocess  # noqa: PLC0415 - only here

    out = path.with_suffix(".report")
    code = "from vbench.cli import main; main()"
    few = ["--chart", ",".join(_CHARTS), "--format", "png,svg"]
    words = ["report", str(path), "-o", str(out), *few, *(("--config", str(config)) if config is not None else ())]
    done = subprocess.run(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-c", code, *words], check=False, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1].removeprefix("vbench: ")
        common.warn([f"the report failed: {said}; try `vbench report {path} -o {out}`"])
    else:
        print(done.stdout.strip(), file=sys.stderr)
