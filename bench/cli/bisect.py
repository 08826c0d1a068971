"""`vbench bisect`: which commit made a network slower."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from .. import tables, units
from ..errors import EXIT_OK, UsageError
from . import _common as common
from . import _options as options

if TYPE_CHECKING:
    from ..bisection import Found

HELP = """Find the commit that made a network slower, with the gate as the judge.

Good is compared with bad first. If a network is slower there, the worst of them is followed: git's own bisection, in a work tree
of its own, chooses the commits, and each is compared with good in pairs of fresh processes. A commit is bad where the gate
confirms at least half of the whole slowdown, good where it excludes three quarters, and is passed over where it can tell neither.
Networks and their inputs are those of the work tree you are in, which is left as it is."""


def bisect(
    architectures: Annotated[options.Many, typer.Argument(metavar="ARCHITECTURES", help="Names or globs.")] = None,
    good: Annotated[str, typer.Option(metavar="REV", help="A revision that was fast.")] = "",
    bad: Annotated[str, typer.Option(metavar="REV", help="A later one that is slow.")] = "HEAD",
    metric: Annotated[options.Many, typer.Option(metavar="METRICS", help="latency, throughput, memory, compile.")] = None,
    min_effect: Annotated[
        str | None, typer.Option(metavar="SHARE", help="The least slowdown worth a search, for example 3%.")
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option(metavar="TIME", help="For each comparison, for example 15m; 0 for none.")
    ] = None,
    suite: options.Suite = "default",
    exclude: options.Exclude = None,
    device: options.Device = None,
    engine: options.Engine = None,
    precision: options.Precision = None,
    batch: options.Batch = None,
    threads: options.Threads = None,
    input_: options.Input = None,
    plugin: options.Plugin = None,
    config: options.Config = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="DIR", help="The folder for the pairs.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Bisect; see HELP, which typer shows."""
    if not good:
        message = "name a revision that was fast, for example `vbench bisect --good v1.0 resnet/50`"
        raise UsageError(message)
    if output is not None and output.exists() and not output.is_dir():
        message = f"-o {output}: bisect wants a folder, and this is a file"
        raise UsageError(message)
    from .. import bisection, machine  # noqa: PLC0415 - they load torch, and --help must not
    from ..comparison import Asked  # noqa: PLC0415 - as above

    asked = Asked(
        suite=suite, architectures=tuple(architectures or ()), exclude=common.words(exclude), extra=common.words(plugin),
        config=str(config or ""),
        axes=common.axes(device, engine, precision, batch, threads, input_),
        changes=common.limits(metric, min_effect, time_limit),
    )  # fmt: skip
    prepared = asked.prepare()
    common.warn(prepared.errors)
    first, last = bisection.ends(prepared.config.root, good, bad)
    # Another question is another folder.
    question = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:6]
    place = prepared.config.root / "results" / machine.describe().slug / "gate" / f"bisect-{first[:9]}-{last[:9]}-{question}"
    search = bisection.Search(prepared.config.root, output or place, first, lambda text: common.warn([text]))
    found = bisection.search(search, prepared, asked, last)
    common.warn([f"pairs are in {search.folder}"])
    if json_:
        common.dump(found)
    else:
        print(_text(found))
    raise typer.Exit(found.exit_code)


_HEADER = ("commit", "change", "90 % interval", "verdict", "so it is", "subject")


def _text(found: Found) -> str:
    """What was tried, in the order in which it was, and the first bad commit."""
    rows = [
        (one.commit[:12], units.change(one.effect), units.changes(one.low, one.high), one.verdict, one.said, one.subject)
        for one in found.tried
    ]
    parts = [tables.aligned(_HEADER, rows, right=(1, 2))] if rows else []
    if found.ended:
        parts.append(found.ended)
    if found.exit_code != EXIT_OK or not found.first:
        return "\n".join(parts)
    what = f"{found.case.partition('@')[0]} {found.metric}"
    if len(found.first) == 1:
        (commit,) = found.first
        parts.append(f"the first bad commit for {what} is {commit}")
        parts.append(f"confirm it: vbench gate --base {commit[:12]}~1 --head {commit[:12]} {found.case.partition('@')[0]}")
    else:
        listed = ", ".join(commit[:12] for commit in found.first)
        parts.append(f"the first bad commit for {what} is one of {listed}: those between could not be judged")
    return "\n".join(parts)
