"""`vbench profile`: what is derived from a worker's account, what is refused in a line, and small networks on each engine."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from vbench import kinds, profile
from vbench.core import Account, Ceiling, Layer, Replicate

if TYPE_CHECKING:
    from collections.abc import Sequence

PLUGIN = str(Path(__file__).parents[1] / "plugins" / "profiled.py")
LIMITS = {"fp32": Ceiling(peak_flops=100e9, bandwidth_bytes_per_s=10e9, method="a product")}
# By hand: channels in a group x window x channels out x pixels.
MACS = {
    kinds.THREE: 8 * 9 * 16 * 256, kinds.DEPTHWISE: 9 * 16 * 256, kinds.GROUPED: 4 * 32 * 256, kinds.ONE: 32 * 16 * 256,
    kinds.LARGER: 16 * 5 * 8 * 8 * 4, kinds.LINEAR: 8 * 10,
}  # fmt: skip


def told(make: Any, before: Sequence[float], after: Sequence[float], **values: float) -> Replicate:
    layers = (
        Layer(path="a", operator="convolution", kind=kinds.ONE, precision="fp32", macs=30_000_000, bytes=1000, seconds=1e-3),
        Layer(path="b", operator="relu", kind=kinds.ACTIVATION, precision="fp32", bytes=1000, seconds=2e-3),
        Layer(path="c", operator="linear", kind=kinds.LINEAR, precision="fp32", macs=10),
    )
    given = {"requests_before": float(len(before)), "passes_s": 2.0} | values
    account = Account(layers=layers, run_s=5e-3, runs=9, profiler="some profiler")
    latency = tuple(int(ms * 1e6) for ms in (*before, *after))
    return make.replicate(make.case(), latency_ns=latency, values=given, account=account)


def test_the_sum_of_the_layers_is_held_against_requests_before_and_after(make: Any) -> None:
    found = profile.derived(make.case(), told(make, (3.9, 4.0, 4.1), (4.0, 4.0, 4.0, 4.2)), LIMITS)
    assert (found.total_s, found.before_s, found.after_s, found.requests) == (4e-3, 4e-3, 4e-3, 7)
    assert (found.layers_s, found.covered) == (pytest.approx(3e-3), pytest.approx(0.75))
    assert (found.run_s, found.overhead) == (5e-3, pytest.approx(0.25))
    assert [layer.bound for layer in found.layers] == ["compute", "overhead", "unknown"]
    assert [group.name for group in found.kinds] == [kinds.ACTIVATION, kinds.ONE, kinds.LINEAR]
    assert found.notes == ("1 of 3 layers ran as a part of others, and have no time of their own",)


def test_what_a_reader_must_know_is_noted(make: Any) -> None:
    limits = {"fp32": Ceiling(method="not measured: no time")}
    notes = profile.derived(make.case(), told(make, (4.0, 4.0), (5.0, 5.0), waited_s=0.5), limits).notes
    assert notes[0].startswith("the worker waited for a core 25 % of the time")
    assert notes[1].startswith("requests before and after the profile differ by 22 %")
    assert notes[2] == "the ceilings of fp32 are not known, and so not what bounds its layers: not measured: no time"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, commands: Any) -> Any:
    folder = tmp_path_factory.mktemp("profile")
    return lambda *words: commands(folder, "profile", *words, "--plugin", PLUGIN)


QUICK = ("--threads", "1", "--quick")


def test_eager_tells_every_layer_by_its_module_kind_and_counts(cli: Any, tmp_path: Path) -> None:
    done = cli("tiny/kinds", *QUICK, "--batch", "2", "--json", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    layers = found["layers"]
    assert {layer["kind"]: layer["macs"] for layer in layers if layer["macs"]} == {kind: 2 * macs for kind, macs in MACS.items()}
    assert [layer["path"] for layer in layers if layer["macs"]] == ["0", "3", "4", "5", "7", "10"]
    assert {layer["kind"] for layer in layers} >= {kinds.NORMALISATION, kinds.ACTIVATION, kinds.POOLING}
    first = layers[0]
    assert first["bytes"] == 4 * (2 * 8 * 256 + 16 * 8 * 9 + 16 + 2 * 16 * 256)
    assert first["output"] == [2, 16, 16, 16]
    assert found["profiler"] == "torch.profiler"
    assert found["layers_s"] == pytest.approx(sum(layer["seconds"] for layer in layers))
    assert all(layer["seconds"] > 0 for layer in layers if layer["macs"])
    assert sum(layer["share"] for layer in layers) == pytest.approx(1.0)
    assert found["total_s"] > 0
    assert (tmp_path / "profile.html").exists()
    assert json.loads((tmp_path / "profile.json").read_text())["layers"] == layers


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_other_engines_tell_the_same_products_of_the_same_modules(cli: Any, engine: str) -> None:
    if find_spec(engine) is None:
        pytest.skip(f"{engine} is not installed: pip install 'vbench[engines]'")
    done = cli("tiny/kinds", *QUICK, "--engine", engine, "--json")
    assert done.returncode == 0, done.stderr
    products = [layer for layer in json.loads(done.stdout)["layers"] if layer["macs"]]
    assert {layer["kind"]: layer["macs"] for layer in products} == MACS
    assert [layer["path"] for layer in products] == ["0", "3", "4", "5", "7", "10"]
    # Blocked layouts pad; nothing is smaller than what it must read and write.
    assert all(layer["bytes"] >= 4 * layer["output"][0] * layer["output"][1] for layer in products)
    assert products[0]["bytes"] >= 4 * (8 * 256 + 16 * 8 * 9 + 16 * 256)


@pytest.mark.skipif(shutil.which("g++") is None, reason="inductor needs a C++ compiler: apt install g++")
def test_a_compiled_network_tells_its_kernels_and_what_it_generates_itself(cli: Any) -> None:
    done = cli("tiny/kinds", *QUICK, "--engine", "inductor", "--json")
    assert done.returncode == 0, done.stderr
    layers = json.loads(done.stdout)["layers"]
    assert {layer["kind"]: layer["macs"] for layer in layers if layer["macs"]} == MACS
    pooled = next(layer for layer in layers if "max pool" in layer["operator"])
    # It reads a map of 16 channels and writes a quarter of it, with indices of a byte or none.
    assert pooled["path"] == "6"
    assert pooled["bytes"] >= 4 * (16 * 256 + 16 * 64)
    assert all(layer["bytes"] for layer in layers if layer["seconds"])


def test_a_plugin_engine_that_accounts_for_its_layers_is_profiled(cli: Any) -> None:
    done = cli("tiny/kinds", *QUICK, "--engine", "teller", "--by", "module")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "sum of 3 layers: 5.00 ms" in lines[2]
    assert lines[3].endswith("median of 3 (a made-up profiler)")
    assert [line.split()[0] for line in lines[-3:]] == ["one", "two", "three"]
    assert "80.0 %" in lines[-3]
    assert "time again" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("tiny/kindz",), 2, ("unknown architecture 'tiny/kindz'", "tiny/kinds")),
        (("tiny/*", "--engine", "absent"), 2, ("absent", "pip install absent")),
        (("tiny/kinds", "--engine", "nowhere"), 2, ("unknown engine 'nowhere'",)),
        (("block/*",), 2, ("a profile is of one network", "name one")),
        (("tiny/kinds", "squeezenet/1.1"), 2, ("unexpected extra argument",)),
        (("tiny/kinds", "--engine", "eager,teller"), 2, ("--engine", "one value")),
        (("tiny/kinds", "--batch", "1,2"), 2, ("--batch", "one value")),
        (("tiny/kinds", "--precision", "all"), 2, ("--precision", "one value")),
        (("tiny/kinds", "--engine", "fake", "--device", "fake"), 2, ("the fake engine builds no network", "eager")),
        (("tiny/kinds", "--engine", "teller", "--precision", "bf16"), 3, ("this engine has no bf16",)),
        (("tiny/kinds", "--by", "moduel"), 2, ("--by moduel", "module, operator, kind")),
        (("tiny/kinds", "--depth", "1"), 2, ("--depth 1", "--by module")),
        (("tiny/kinds", "--top", "0"), 2, ("--top 0",)),
        (("tiny/kinds", "--top", "3", "--all"), 2, ("--top 3", "--all")),
    ],
)
def test_what_cannot_be_asked_is_one_line(cli: Any, words: Sequence[str], code: int, said: Sequence[str]) -> None:
    done = cli(*words)
    assert done.returncode == code, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert [word for word in said if word not in done.stderr] == []
    assert not done.stdout


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("silent", "the silent engine gives no account of its layers for tiny/kinds: add --engine eager"),
        ("untimed", "the untimed engine's account of tiny/kinds has no times: add --engine eager"),
        ("liar", "wrong_output"),
    ],
)
def test_an_engine_without_an_account_or_with_another_answer_is_a_line_and_a_failure(cli: Any, engine: str, said: str) -> None:
    done = cli("tiny/kinds", *QUICK, "--engine", engine)
    assert done.returncode == 4
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("vbench: failed: ")
    assert said in last
    assert not done.stdout
