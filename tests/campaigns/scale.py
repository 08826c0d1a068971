"""A million rows in ten thousand files: what reading them takes, before and after `vbench compact`.

python tests/campaigns/scale.py FOLDER --make 0:10000         # writes the files, 13 GB; several at once, each a part of them
python tests/campaigns/scale.py FOLDER -o FILE [--sizes 100,1000,10000]
python tests/campaigns/scale.py --analyse FILE [--chart PICTURE]

Every figure is of a whole command in a fresh process, with the files dropped from memory before, the median of three;
those that read every file, once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campaign import markdown
from scaling import files, timing

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (100, 1000, 10_000)
REPEATS = 3
# What is asked for, as the issue of this part put it: seconds with all files, and bytes of memory.
GOALS = {"load before": 30.0, "load": 3.0}
MEMORY = 2e9
WHAT = {
    "load before": f"`vbench.load(FOLDER, where={{'architecture': '{files.WANTED}'}})`, not compacted",
    "compact": "`vbench compact FOLDER`",
    "load": f"`vbench.load(FOLDER, where={{'architecture': '{files.WANTED}'}})`",
    "history": f"`vbench history FOLDER --only {files.WANTED} --json`",
    "best": "`vbench best FOLDER --max-latency 20ms --mix-machines --json`",
    "report one": "`vbench report FILE`, the newest run alone",
    "report": "`vbench report FOLDER --newest 1`",
}


def commands(folder: Path, scratch: Path) -> dict[str, list[str]]:
    """What is timed, in this order; `compact` comes between the two ways to load."""
    newest = max(folder.rglob("*.jsonl"), key=lambda file: file.name)
    chart = ["--chart", "quality-latency", "--format", "png", "-o", str(scratch / "report")]
    return {
        "load before": timing.load(folder, files.WANTED),
        "compact": [*timing.VERB, "compact", str(folder)],
        "load": timing.load(folder, files.WANTED),
        "history": [*timing.VERB, "history", str(folder), "--only", files.WANTED, "--json"],
        "best": [*timing.VERB, "best", str(folder), "--max-latency", "20ms", "--mix-machines", "--json"],
        "report one": [*timing.VERB, "report", str(newest), *chart],
        "report": [*timing.VERB, "report", str(folder), "--newest", "1", *chart],
    }


def _processor() -> str:
    """What the system calls it."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text("utf-8").splitlines() if told.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


def measure(folder: Path, sizes: Sequence[int], out: Path) -> None:
    """Time what the file does not have yet."""
    held = json.loads(out.read_text("utf-8")) if out.exists() else {"answers": []}
    held |= {
        "where": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
        }
    }
    for many in sizes:
        few = files.linked(folder, many)
        for name, words in commands(few, out.parent).items():
            if any(answer["what"] == name and answer["files"] == many for answer in held["answers"]):
                continue
            if name in {"load before", "compact"}:
                shutil.rmtree(few / "compacted", ignore_errors=True)
            repeats = 1 if name in {"load before", "compact"} else REPEATS
            found = [timing.run(words, cold=few) for _ in range(repeats)]
            sizes_ = [file.stat().st_size for file in few.rglob("*.jsonl")]
            parts = [file.stat().st_size for file in few.rglob("*.parquet")]
            held["answers"].append({
                "what": name, "files": many, "rows": many * files.ROWS, "bytes": sum(sizes_), "compacted_bytes": sum(parts),
                "seconds": [one["seconds"] for one in found], "peak_bytes": max(one["peak_bytes"] for one in found),
                "cold": all(one["cold"] for one in found), "found": int(found[0]["out"]) if name.startswith("load") else None,
            })  # fmt: skip
            lines = ",\n".join(json.dumps(line) for line in held["answers"])
            out.write_text(f'{{"where": {json.dumps(held["where"])}, "answers": [\n{lines}\n]}}\n', "utf-8")
            sys.stderr.write(f"{many} {name}: {held['answers'][-1]['seconds']}\n")


def seconds(answer: dict[str, Any]) -> float:
    """The median of the repetitions."""
    return float(statistics.median(answer["seconds"]))


def report(held: dict[str, Any]) -> str:
    """The table, and whether what was asked for is kept."""
    by = {(answer["what"], answer["files"]): answer for answer in held["answers"]}
    sizes = sorted({files_ for _, files_ in by})
    header = ("command", *(f"{many:,} files" for many in sizes), "most memory")
    rows = []
    for name, text in WHAT.items():
        own = [by.get((name, many)) for many in sizes]
        peaks = [one["peak_bytes"] for one in own if one]
        cells = [markdown.seconds(seconds(one)) if one else markdown.MISSING for one in own]
        rows.append([text, *cells, f"{max(peaks) / 1e6:.0f} MB" if peaks else markdown.MISSING])
    told = [markdown.table(header, rows)]
    largest = [answer for answer in held["answers"] if answer["files"] == sizes[-1]]
    every, where = largest[0], held["where"]
    compacted = max(answer["compacted_bytes"] for answer in largest)
    told.append(
        f"{sizes[-1]:,} files are {every['bytes'] / 1e9:.1f} GB with {every['rows']:,} rows; compacted {compacted / 1e9:.2f} GB. "
        f"Measured on {where['processor']} with {where['cores']} core{'s' * (where['cores'] > 1)}, Python {where['python']}."
    )
    for name, goal in GOALS.items():
        answer = by.get((name, sizes[-1]))
        if answer is not None:
            kept = seconds(answer) < goal and answer["peak_bytes"] < MEMORY
            told.append(
                f"{WHAT[name]}: {markdown.seconds(seconds(answer))} for {answer['found']:,} rows of {answer['rows']:,}, "
                f"{answer['peak_bytes'] / 1e9:.2f} GB of memory; asked for are under {goal:g} s and {MEMORY / 1e9:g} GB: "
                f"{'kept' if kept else 'not kept'}."
            )
    return "\n\n".join(told)


def chart(held: dict[str, Any], picture: Path) -> None:
    """Seconds against the number of files."""
    import matplotlib as mpl  # noqa: PLC0415 - only for the picture

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - as above

    names = {
        "load before": "load, not compacted",
        "load": "load, compacted",
        "history": "history, compacted",
        "report": "report --newest 1",
        "compact": "compact",
    }
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for name, label in names.items():
        own = sorted((answer["files"], seconds(answer)) for answer in held["answers"] if answer["what"] == name)
        if own:
            axes.plot(*zip(*own, strict=True), marker="o", label=label)
    axes.set(xscale="log", yscale="log", xlabel="run files of 100 rows", ylabel="seconds, whole command, cold")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False)
    figure.savefig(picture, dpi=150)


def main() -> None:
    """Make, measure, or print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="where the files are, or are to be")
    parser.add_argument("--make", metavar="FROM:TO", help="write these files")
    parser.add_argument("--step", type=int, default=1, help="every so many, for several processes at once")
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--analyse", type=Path)
    parser.add_argument("--chart", type=Path)
    given = parser.parse_args()
    if given.make is not None:
        first, _, end = given.make.partition(":")
        for number in range(int(first), int(end), given.step):
            files.write(given.folder, number)
    if given.output is not None:
        measure(given.folder, [int(size) for size in given.sizes.split(",")], given.output)
    path = given.analyse or given.output
    if path is not None:
        held = json.loads(path.read_text("utf-8"))
        sys.stdout.write(report(held) + "\n")
        if given.chart is not None:
            chart(held, given.chart)


if __name__ == "__main__":
    main()
