"""The openvino engine against OpenVINO's own benchmark_app: images per second of the same network, by turns in fresh processes.

python tests/campaigns/against_benchmark_app.py -o FILE                         ResNet-50, fp32 and int8, both hints
python tests/campaigns/against_benchmark_app.py mobilenet/v2 --precision fp32 --hint latency --turns 10 -o FILE
python tests/campaigns/against_benchmark_app.py --analyse FILE
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from vbench import machine, stats
from vbench.core import Case

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).resolve()
LEAST = 0.97
APP = "from openvino.tools.benchmark.main import main; main()"
# What each precision's operators compute in that were not quantised.
HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}


def case_of(given: argparse.Namespace, precision: str, hint: str) -> Case:
    """What both tools measure."""
    options = (("hint", hint),) if hint == "throughput" else ()
    return Case(
        architecture=given.network,
        input_shape=tuple(given.input),
        engine="openvino",
        engine_options=options,
        precision=precision,
        batch=given.batch,
        threads=given.threads,
    )


def ours(case: Case, seconds: float, folder: Path) -> dict[str, Any]:
    """In a process of its own: prepare as a worker does, and time its throughput pass after its warm-up.

    The first call leaves the inputs in the folder, and says where the network lies.
    """
    import numpy as np  # noqa: PLC0415 - in the child only, as all of these
    import torch  # noqa: PLC0415

    from vbench import data, engines, measure, plugins  # noqa: PLC0415
    from vbench.engines.openvino import network  # noqa: PLC0415
    from vbench.preparation import Preparation  # noqa: PLC0415
    from vbench.registry import ARCHITECTURES, ENGINES  # noqa: PLC0415

    plugins.load_all()
    engines.load_builtin()
    torch.set_num_threads(case.threads)
    module, _ = data.build(ARCHITECTURES.get(case.architecture).build, case.seed)
    preparation = Preparation(module, case)
    session = ENGINES.get("openvino")().prepare(module, case, preparation)
    inputs = data.noise(case.input_shape, case.batch, case.seed)
    for index, tensor in enumerate(inputs):
        np.save(folder / f"{index}.npy", tensor.numpy())
    session.load(inputs)
    clock = time.perf_counter_ns
    budget = measure.Budget(throughput=seconds)
    measure.warm_up(session, clock, budget)
    with measure.quiet():
        found = measure.throughput(session, clock, budget, case.batch)
    folder_of_network = network(module, case, preparation).folder
    return {"images_per_s": found, "network": str(folder_of_network / "model.xml")}


def theirs(case: Case, seconds: float, folder: Path, model: str) -> float:
    """benchmark_app on the same file, inputs, precision, threads and hint; it sets the input anew for every run, as we do."""
    hint = dict(case.engine_options).get("hint", "latency")
    inputs = ",".join(str(path) for path in sorted(folder.glob("*.npy")))
    shape = ",".join(map(str, (case.batch, *case.input_shape)))
    words = ["-m", model, "-d", "CPU", "-shape", f"[{shape}]", "-i", inputs, "-ip", "f32", "-inference_only", "False"]
    words += ["-infer_precision", HINTS[case.precision], "-t", str(max(1, round(seconds)))]
    # On the command line it takes a number of threads only without a hint; in a file it takes both.
    settings = folder / "settings.json"
    settings.write_text(json.dumps({"CPU": {"INFERENCE_NUM_THREADS": str(case.threads)}}), "utf-8")
    words += ["-load_config", str(settings)]
    words += ["-hint", hint, "-api", "sync" if hint == "latency" else "async"]
    done = subprocess.run([sys.executable, "-c", APP, *words], capture_output=True, text=True, check=False)
    found = re.search(r"Throughput:\s*([\d.]+) FPS", done.stdout)
    if found is None:
        message = f"benchmark_app said no throughput: {(done.stderr or done.stdout)[-500:]}"
        raise SystemExit(message)
    return float(found[1])


def turn(case: Case, seconds: float, folder: Path, model: str, chance: random.Random) -> tuple[dict[str, float], str]:
    """Each tool once, in an order that a coin decides; where the network is unknown yet, ours goes first."""
    found: dict[str, float] = {}
    for tool in chance.sample(("vbench", "benchmark_app"), 2) if model else ("vbench", "benchmark_app"):
        if tool == "vbench":
            text = msgspec.json.encode(case).decode()
            words = [sys.executable, str(HERE), "--child", text, "--seconds", str(seconds), "--folder", str(folder)]
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            if done.returncode:
                message = f"our process failed: {done.stderr[-500:]}"
                raise SystemExit(message)
            answer = json.loads(done.stdout)
            found[tool], model = answer["images_per_s"], answer["network"]
        else:
            found[tool] = theirs(case, seconds, folder, model)
    return found, model


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Per case: images per second of either, and the median of the turns' ratios with its 95 % interval."""
    out = ["| case | turns | vbench | benchmark_app | ratio [95 % interval] |", "| :--- | ---: | ---: | ---: | ---: |"]
    for name, found in ratios(lines).items():
        interval = stats.median_interval(found)
        ends = "–" if interval is None else f"{interval[0]:.3f}, {interval[1]:.3f}"
        rates = [stats.median([line[tool] for line in lines if line["case"] == name]) for tool in ("vbench", "benchmark_app")]
        both = " | ".join(f"{rate:.1f}/s" for rate in rates)
        out.append(f"| {name} | {len(found)} | {both} | {stats.median(found):.3f} [{ends}] |")
    return "\n".join(out)


def ratios(lines: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Ours over theirs of every turn, by case."""
    found: dict[str, list[float]] = {}
    for line in lines:
        found.setdefault(line["case"], []).append(line["vbench"] / line["benchmark_app"])
    return found


def main() -> int:
    """Measure by turns and print the table; 1 where a median is below 0.97."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("network", nargs="?", default="resnet/50")
    parser.add_argument("--input", type=int, nargs=3, default=[3, 224, 224], metavar="N")
    parser.add_argument("--precision", default="fp32,int8", help="of fp32, bf16, int8")
    parser.add_argument("--hint", default="latency,throughput")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=machine.usable_cores())
    parser.add_argument("--turns", type=int, default=6, help="six are the fewest that give an interval")
    parser.add_argument("--seconds", type=float, default=2.0, help="for which either tool times in a turn")
    parser.add_argument("-o", "--out", type=Path, default=Path("against_benchmark_app.jsonl"), metavar="FILE", help="the log")
    parser.add_argument("--analyse", type=Path, metavar="FILE", help="measure nothing: print the table of a log")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(ours(msgspec.json.decode(given.child, type=Case), given.seconds, given.folder)))
        return 0
    if given.analyse is None:
        measure(given)
    lines = [json.loads(text) for text in (given.analyse or given.out).read_text("utf-8").splitlines()]
    print(table(lines))
    return int(min(stats.median(found) for found in ratios(lines).values()) < LEAST)


def measure(given: argparse.Namespace) -> None:
    """Turn after turn into the log, case after case."""
    chance = random.Random(0)  # noqa: S311 - an order, not a secret
    for precision, hint in product(given.precision.split(","), given.hint.split(",")):
        case, model = case_of(given, precision, hint), ""
        name = f"{case.architecture} {precision} b{case.batch} t{case.threads} {hint}"
        with tempfile.TemporaryDirectory() as folder:
            for number in range(given.turns):
                found, model = turn(case, given.seconds, Path(folder), model, chance)
                with given.out.open("a", encoding="utf-8") as log:
                    log.write(json.dumps({"case": name, "turn": number, **found}) + "\n")
                print(f"{name}, {number + 1} of {given.turns}: {found}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
