"""Engines that train, in real workers: who leaves something out of a step is failed, whoever does not is measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import vbench

if TYPE_CHECKING:
    from vbench.core import Record

TRAINERS = Path(__file__).parents[1] / "plugins" / "trainers.py"
SETTINGS = {"min_processes": 1, "max_processes": 1, "spread": 0.0, "warmup": 0.05, "latency": 0.02, "throughput": 0.02}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    engines = [f"train-{n}" for n in ("honest", "forward", "gradients", "zero", "light", "last", "frozen", "calm", "never")]
    return vbench.run(
        "train/small",
        plugin=[str(TRAINERS)],
        engine=["eager", *engines],
        phase=["train"],
        batch=[2],
        threads=[1],
        output=tmp_path_factory.mktemp("train") / "r.jsonl",
        settings=SETTINGS,
    )


@pytest.mark.parametrize("name", ["eager", "train-honest"])
def test_an_engine_that_trains_is_measured_in_training(name: str, record: Record) -> None:
    row = next(result for result in record.results if result.case.engine == name)
    assert row.status == "ok", row.reason
    assert row.values["train_gradient_sqnr_db"] > 60
    assert row.values["latency_s"] > 0
    assert row.values["throughput_per_s"] > 0
    assert row.values["peak_host_bytes"] > 0
    assert row.values["page_faults"] >= 0
    assert 0 <= row.values["page_fault_share"] < 1
    assert min(row.values[f"train_{part}_s"] for part in ("forward", "backward", "optimizer")) > 0
    # Two products per convolution or linear layer but the first, which needs no gradient of its input.
    first, second, head, aux = 8 * 27 * 64, 8 * 72 * 64, 512 * 10, 8 * 10
    assert row.values["macs"] == first + second + head
    assert row.values["backward_macs"] == first + 2 * (second + head + aux)
    assert row.values.get("peak_activation_bytes") is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("forward", "left no gradient for"),
        ("gradients", "update of the weights"),
        ("zero", "update of the weights"),
        ("light", "update of the weights"),
        ("last", "update of the weights"),
        ("frozen", "left no gradient for stem"),
        ("calm", "the outputs: "),
    ],
)
def test_an_engine_that_leaves_something_out_is_failed_and_never_timed(name: str, words: str, record: Record) -> None:
    row = next(result for result in record.results if result.case.engine == f"train-{name}")
    assert row.status == "failed"
    assert row.reason.startswith("wrong_output: ")
    assert words in row.reason
    assert "latency_s" not in row.values


def test_an_engine_that_only_infers_is_skipped(record: Record) -> None:
    row = next(result for result in record.results if result.case.engine == "train-never")
    assert (row.status, "only infers" in row.reason) == ("skipped", True)


def test_what_cannot_be_trained_is_a_row_with_advice(tmp_path: Path) -> None:
    found = vbench.run(
        "train/pooled", "train/nothing", plugin=[str(TRAINERS)], phase=["train"], threads=[1], output=tmp_path / "r.jsonl",
        settings=SETTINGS,
    )  # fmt: skip
    reasons = {result.case.architecture: result.reason for result in found.results}
    assert {result.status for result in found.results} == {"failed"}
    assert "raise --batch" in reasons["train/pooled"]
    assert "nothing to train" in reasons["train/nothing"]
