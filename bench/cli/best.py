"""`vbench best`: which network, engine and precision to take under limits. Without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import EXIT_NOTHING, NothingSelectedError, UsageError
from . import _common as common
from . import _options as options

HELP = """Choose networks, engines and precisions that keep every limit from result files, ranked, and say what each limit costs.

Limits are written with their unit: 20ms, 500MB, 1.5GMACs, 5M, 30/s, 70. A row is `sure` of its place where its whole 95 %
interval keeps the limits, `likely` where only the median does, and `open` where there is no interval, or the accuracy is that of
another precision. Accuracies are measured or published ones, in one protocol.

Where nothing keeps all limits the exit code is 3, and the nearest is named. Nothing is measured, and torch is not imported."""

Text = str | None


def best(
    files: Annotated[list[Path], typer.Argument(metavar="FILES", help="Result files, folders, globs, or their URLs.")],
    task: Annotated[str, typer.Option(metavar="TASK", help="What the networks are for.")] = "classification",
    max_latency: Annotated[Text, typer.Option(metavar="TIME", help="Of one request, for example 20ms.")] = None,
    min_throughput: Annotated[Text, typer.Option(metavar="RATE", help="Images in a second, for example 30/s.")] = None,
    max_memory: Annotated[Text, typer.Option(metavar="SIZE", help="Peak, of the device where it has its own: 500MB.")] = None,
    min_top1: Annotated[Text, typer.Option(metavar="PERCENT", help="Top-1 accuracy, for example 70.")] = None,
    min_quality: Annotated[Text, typer.Option(metavar="PERCENT", help="The task's own: mIoU, AP, PCKh or top-1.")] = None,
    max_params: Annotated[Text, typer.Option(metavar="COUNT", help="Parameters, for example 5M.")] = None,
    max_macs: Annotated[Text, typer.Option(metavar="COUNT", help="Multiply-accumulates per image: 1.5GMACs.")] = None,
    max_energy: Annotated[Text, typer.Option(metavar="ENERGY", help="Per image, for example 50mJ.")] = None,
    max_file_size: Annotated[Text, typer.Option(metavar="SIZE", help="As serialised, for example 20MB.")] = None,
    engine: Annotated[options.Many, typer.Option(metavar="ENGINES", help="Only these.")] = None,
    precision: Annotated[options.Many, typer.Option(metavar="PRECISIONS", help="Only these.")] = None,
    device: Annotated[options.Many, typer.Option(metavar="DEVICES", help="Only these.")] = None,
    batch: Annotated[options.Many, typer.Option(metavar="SIZES", help="Only these.")] = None,
    scenario: Annotated[str, typer.Option(metavar="SCENARIO", help="Rows of this scenario.")] = "single-stream",
    by: Annotated[
        str,
        typer.Option(metavar="MEASURE", help="Rank by quality, latency, throughput, memory, params, macs, energy or file-size."),
    ] = "quality",
    protocol: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The accuracy protocol; left out, the one that most rows have.")
    ] = None,
    mix_machines: Annotated[bool, typer.Option("--mix-machines", help="Rank rows of different machines together.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Choose; see HELP, which typer shows."""
    from .. import results, store  # noqa: PLC0415 - --help must be quick
    from ..best import candidates, choice, limits, text  # noqa: PLC0415 - as above
    from ..errors import nearest  # noqa: PLC0415 - as above

    if min_top1 is not None and min_quality is not None:
        message = "--min-top1 and --min-quality limit the same: leave one out"
        raise UsageError(message)
    if by not in limits.MEASURES:
        message = f"--by {by}: {nearest(by, limits.MEASURES)}"
        raise UsageError(message)
    typed = {
        "--min-top1": (min_top1, "quality"), "--min-quality": (min_quality, "quality"), "--max-latency": (max_latency, "latency"),
        "--min-throughput": (min_throughput, "throughput"), "--max-memory": (max_memory, "memory"),
        "--max-params": (max_params, "params"), "--max-macs": (max_macs, "macs"), "--max-energy": (max_energy, "energy"),
        "--max-file-size": (max_file_size, "file-size"),
    }  # fmt: skip
    given = [limits.parse(option, said, limits.MEASURES[name]) for option, (said, name) in typed.items() if said is not None]
    asked = candidates.Asked(
        task=task, scenario=scenario, engine=common.words(engine), precision=common.words(precision),
        device=common.words(device), batch=common.numbers(batch, "--batch"), metric="top1" if min_top1 is not None else "",
        protocol=protocol, mix_machines=mix_machines,
    )  # fmt: skip
    if store.scaled(files):
        records = store.records(files, latest=True, warn=lambda line: common.warn([line]))
    else:
        records = results.read_all(results.files(files))
    found = candidates.candidates(records, asked)
    measure = limits.MEASURES[by]
    chosen = choice.choose(found.rows, given, measure, found.protocol)
    miss = None if chosen.ranked else choice.nearest_miss(chosen.judged, given)
    if json_:
        common.dump(text.plain(found, chosen, given, measure, miss))
    if not chosen.ranked:
        line = text.miss_text(miss, found, chosen, given)
        if json_:
            common.warn([line])
            raise typer.Exit(EXIT_NOTHING)
        raise NothingSelectedError(line)
    if not json_:
        print(text.text(found, chosen, given, measure, task))
