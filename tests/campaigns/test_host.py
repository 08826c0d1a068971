from __future__ import annotations

import pytest
from campaign import host, log
from campaign.host import Counters

BEFORE = Counters(at=100.0, busy=50.0, steal=1.0, total=200.0, own=20.0)


def test_what_others_used_is_all_work_but_ours() -> None:
    after = Counters(at=110.0, busy=65.0, steal=2.0, total=220.0, own=32.0)
    found = host.since(BEFORE, after)
    assert found["seconds"] == pytest.approx(10.0)
    assert found["others_cores"] == pytest.approx(0.3)
    assert found["steal_share"] == pytest.approx(0.05)


def test_counters_that_tick_coarsely_give_no_negative_use() -> None:
    found = host.since(BEFORE, BEFORE._replace(at=100.1, own=20.2))
    assert found["others_cores"] == 0.0
    assert found["steal_share"] == 0.0


def test_own_work_counts_as_own() -> None:
    before = host.counters()
    sum(range(3_000_000))
    assert host.counters().own > before.own


@pytest.mark.parametrize(
    ("conditions", "spoiled"),
    [
        ({"others_cores": 0.1, "steal_share": 0.01}, False),
        ({"others_cores": 0.5, "steal_share": 0.0}, True),
        ({"others_cores": 0.0, "steal_share": 0.05}, True),
        ({}, False),
    ],
)
def test_a_repetition_on_a_busy_machine_is_visible(conditions: dict[str, float], *, spoiled: bool) -> None:
    assert host.spoiled(conditions) is spoiled


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (BEFORE._replace(at=101.0, busy=50.1, total=202.0), None),
        (BEFORE._replace(at=101.0, busy=51.5, total=202.0), "others use 1.50 cores"),
        (BEFORE._replace(at=101.0, steal=1.2, total=202.0), "hypervisor took 10.0%"),
    ],
)
def test_a_busy_machine_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, after: Counters, said: str | None) -> None:
    readings = iter([BEFORE, after])
    monkeypatch.setattr(host, "counters", lambda: next(readings))
    monkeypatch.setattr(host, "_by_process", dict)
    trouble = host.busy(window_s=0.0)
    if said is None:
        assert trouble is None
    else:
        assert trouble is not None
        assert said in trouble
        assert "--anyway" in trouble
        assert "\n" not in trouble


def test_the_greediest_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([BEFORE, BEFORE._replace(at=101.0, busy=51.5, total=202.0)])
    spent = iter([{(7, "thief"): 1.0, (8, "mouse"): 1.0}, {(7, "thief"): 2.4, (8, "mouse"): 1.001}])
    monkeypatch.setattr(host, "counters", lambda: next(readings))
    monkeypatch.setattr(host, "_by_process", lambda: next(spent))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    trouble = host.busy(window_s=1.0)
    assert trouble is not None
    assert "thief 1.40" in trouble
    assert "mouse" not in trouble


def test_a_summary_hides_nothing() -> None:
    calm, busy = ({"conditions": {"others_cores": cores}} for cores in (0.0, 1.0))
    found = log.Log(None, {0: calm, 1: busy, 2: calm}, [{"reason": "why"}], 0)
    assert host.summary(found, "runs") == "3 runs (1 on a machine that was not idle), 1 failed attempts."
