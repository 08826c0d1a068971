"""`vbench best` as it is typed: the table, what limits cost, the nearest miss, what is refused, and no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from .conftest import MACHINE, Net

if TYPE_CHECKING:
    from pathlib import Path

SMALL, MIDDLE, LARGE = Net("net/small", 60.0, 10.0, 50), Net("net/middle", 70.0, 20.0, 100), Net("net/large", 75.0, 40.0, 300)
LABELS = Net("net/labels", 72.0, 30.0, task="segmentation", metric="mIoU", protocol="VOC 2012, val")


@pytest.fixture
def cli(commands: Any, tmp_path: Path) -> Any:
    return lambda *words: commands(tmp_path, "best", *map(str, words))


def test_the_table_and_what_the_limits_cost(cli: Any, rows: Any) -> None:
    narrow = MIDDLE._replace(ms=15.0, axes={"precision": "int8", "engine": "onnxruntime"})
    done = cli(rows.write([SMALL, MIDDLE, LARGE, narrow]), "--max-latency", "20.2ms", "--max-memory", "200MB", "--min-top1", "65")
    assert (done.returncode, done.stderr) == (0, "")
    head, table, legend, prices = done.stdout.rstrip("\n").split("\n\n")
    assert head == (
        "classification: 2 of 4 rows keep --min-top1 65, --max-latency 20.2ms, --max-memory 200MB, by top-1; "
        "top-1 (1 model, 1 crop, 224 px); some-cpu-2c-0000aa"
    )
    lines = [line.split() for line in table.splitlines()]
    assert lines[0][:6] == ["#", "architecture", "engine", "precision", "top-1", "latency"]
    assert lines[1][:8] == ["1", "(*)", "net/middle", "onnxruntime", "int8", "(70.00", "%)", "15.0"]
    assert "200 dB" in table
    assert table.splitlines()[1].endswith("open    the accuracy is that of fp32")
    assert lines[2][:6] == ["2", "*", "net/middle", "eager", "fp32", "70.00"]
    assert table.splitlines()[2].endswith("likely  latency may be 20.4 ms")
    front, borrowed = legend.splitlines()
    assert front.endswith("and better in one: top-1, latency, memory; (*) if its accuracy were that of fp32")
    assert borrowed.startswith(
        "(top-1) was published for fp32: nobody measured it in this precision, and agreement of random weights"
    )
    assert prices.splitlines() == [
        "what the limits cost",
        "  --min-top1 65 binds: -5.00 points (60.00 %) is net/small eager fp32 with 10.0 ms, 5.00 ms better: 1.00 ms per point",
        "  --max-latency 20.2ms: nothing stands outside of it alone",
        "  --max-memory 200MB: nothing stands outside of it alone",
    ]


def test_a_price_says_how_much_a_unit_more_buys(cli: Any, rows: Any) -> None:
    near = Net("net/near", 65.0, 25.2, 90, spread=0.05)
    said = cli(rows.write([SMALL, MIDDLE, LARGE, near]), "--max-latency", "25ms").stdout
    assert "  --max-latency 25ms binds: +15.0 ms (40.0 ms) is net/large eager fp32 with 75.00 %, 5.00 points better" in said
    assert "better: 0.333 points per ms\n" in said
    assert "    nearer, and no better: net/near eager fp32, +200 µs (25.2 ms, whose interval reaches within)" in said
    assert (
        "costs no top-1: the nearest outside is net/near"
        in cli("r.jsonl", "--max-latency", "25ms", "--max-memory", "200MB").stdout
    )


def test_nothing_within_is_3_with_the_nearest(cli: Any, rows: Any) -> None:
    path = rows.write([SMALL, MIDDLE, LARGE])
    done = cli(path, "--max-latency", "15ms", "--min-top1", "68")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        "vbench: no row of 3 keeps --min-top1 68, --max-latency 15ms; the nearest is net/small eager fp32: "
        "top-1 60.00 % is 11.8 % below --min-top1 68\n"
    )
    done = cli(path, "--max-latency", "15ms", "--min-top1", "68", "--json")
    assert done.returncode == 3
    told = json.loads(done.stdout)
    assert (told["rows"], told["nearest"]["architecture"]) == ([], "net/small")
    assert told["nearest"]["over"] == {"--min-top1": pytest.approx(8 / 68)}
    done = cli(path, "--max-energy", "5mJ")
    assert done.returncode == 3
    assert done.stderr == (
        "vbench: no row of 3 keeps --max-energy 5mJ: left out by --max-energy, since no energy is known: 3 of 3 rows\n"
    )


def test_json_is_in_base_units(cli: Any, rows: Any) -> None:
    told = json.loads(cli(rows.write([SMALL, LARGE]), "--max-latency", "20ms", "--max-macs", "1.5GMACs", "--json").stdout)
    assert told["limits"] == [
        {"option": "--max-latency", "measure": "latency", "value": 0.02, "unit": "s"},
        {"option": "--max-macs", "measure": "macs", "value": 1.5e9, "unit": "MACs"},
    ]
    (row,) = told["rows"]
    assert (row["latency"], row["memory"], row["quality"], row["place"]) == (0.01, 50e6, 60.0, "sure")
    assert row["quality_is_own"]
    assert told["protocol"] == {"metric": "top1", "text": "1 model, 1 crop, 224 px", "kind": "published"}
    assert [price["binds"] for price in told["prices"]] == [False, False]


def test_axes_tasks_and_machines(cli: Any, rows: Any) -> None:
    other = msgspec.structs.replace(MACHINE, slug="other-cpu", fingerprint="0000bb")
    path = rows.write([SMALL, MIDDLE._replace(axes={"batch": 8}), LABELS])
    assert "net/middle    eager   fp32       8" in cli(path).stdout
    assert "net/middle" not in cli(path, "--batch", "1").stdout
    assert "mIoU (VOC 2012, val)" in cli(path, "--task", "segmentation", "--min-quality", "70").stdout
    rows.write([SMALL._replace(ms=5.0)], "there.jsonl", machine=other)
    done = cli(path, "there.jsonl")
    assert done.returncode == 2
    assert "2 machines: some-cpu-2c-0000aa (0000aa), other-cpu (0000bb)" in done.stderr
    assert "other-cpu" in cli(path, "there.jsonl", "--mix-machines").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--max-latency", "20"), 2, "--max-latency: '20' has no unit: write a number and ms or s, like 20ms"),
        (("--max-latency", "20MB"), 2, "--max-latency: '20MB' is not a time"),
        (("--max-memory", "500"), 2, "--max-memory: '500' has no unit"),
        (("--max-memory", "500ms"), 2, "--max-memory: '500ms' is not a size"),
        (("--max-macs", "1.5ms"), 2, "--max-macs: '1.5ms' is not a number of MACs"),
        (("--max-params", "5MB"), 2, "--max-params: '5MB' is not a number of parameters"),
        (("--min-top1", "0.7"), 2, "--min-top1: '0.7' is not a percentage"),
        (("--min-top1", "170"), 2, "at most 100 %"),
        (("--max-energy", "5MJ"), 2, "--max-energy: '5MJ' is not an energy"),
        (("--min-throughput", "-3"), 2, "--min-throughput: '-3' is not a rate"),
        (("--max-latency", "0ms"), 2, "write more than 0"),
        (("--min-top1", "70", "--min-quality", "70"), 2, "leave one out"),
        (("--by", "latencyy"), 2, "--by latencyy: did you mean latency"),
        (("--task", "classificatio"), 3, "these files have classification (1), segmentation (1)"),
        (("--task", "segmentation", "--min-top1", "50"), 2, "--min-top1: for segmentation these files have mIoU"),
        (("--engine", "openvino"), 3, "no measured row has --engine openvino; there is eager"),
        (("--scenario", "offline"), 3, "no measured row of the scenario offline; there is single-stream"),
        (("--protocol", "1 crop"), 2, "protocol '1 crop'"),
        (("none.jsonl",), 2, "none.jsonl"),
    ],
)
def test_a_wrong_word_is_one_line_that_helps(cli: Any, rows: Any, words: Any, code: int, said: str) -> None:
    done = cli(rows.write([SMALL, LABELS]), *words)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, "")
    assert said in done.stderr


def test_torch_is_not_imported(rows: Any) -> None:
    path = str(rows.write([SMALL, MIDDLE]))
    script = (
        "import sys; from vbench.cli import app\n"
        f"app(['best', {path!r}, '--max-latency', '15ms'], standalone_mode=False)\n"
        "print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
