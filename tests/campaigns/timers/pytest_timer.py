"""A fresh process with pytest-benchmark times this file; it is given by name and has an own ini file beside it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import subject

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


def test_forward(benchmark: BenchmarkFixture) -> None:
    benchmark(subject.prepare(subject.parse(os.environ["VBENCH_CAMPAIGN_SUBJECT"])))
