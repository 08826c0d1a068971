from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (0.98, 0), (0.96, 1)])
def test_the_table_gives_the_median_of_the_turns_and_the_code_says_whether_it_holds(  # noqa: PLR0913, PLR0917 - four of them are fixtures
    script: Callable[[str], ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    factor: float,
    code: int,
) -> None:
    campaign: Any = script("against_benchmark_app")
    rates = (10.0, 11.0, 12.0, 13.0, 14.0, 15.0)
    lines = [{"case": "net fp32 b1 t2 latency", "turn": n, "vbench": factor * r, "benchmark_app": r} for n, r in enumerate(rates)]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    monkeypatch.setattr("sys.argv", ["against_benchmark_app.py", "--analyse", str(log)])
    assert campaign.main() == code
    shown = capsys.readouterr().out
    assert f"| net fp32 b1 t2 latency | 6 | {factor * 12.5:.1f}/s | 12.5/s | {factor:.3f} [{factor:.3f}, {factor:.3f}] |" in shown
