"""The lecture's groups: every member is there, every ratio is counted, and what is stated is right or known to be wrong."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from vbench import config, contrasts, results
from vbench.counting import count
from vbench.groups import METRICS
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES
from vbench.registry import METRICS as REGISTERED

if TYPE_CHECKING:
    from pathlib import Path

    from vbench.core import Architecture
    from vbench.groups import Group

load_all()
results.load_metrics()
GROUPS = contrasts.known(config.Config(suites={}))
EACH = pytest.mark.parametrize("group", GROUPS.values(), ids=list(GROUPS))
# Statements that counting does not bear out to 2 %: group and what is divided, and what is counted.
WRONG = {
    ("inception-module", "block/inception-slide-bottleneck"): 0.318,
    ("googlenet-alexnet", "alexnet/two-group"): 8.71,
    ("factorised", "block/factorised-7x7-6b-split"): 0.238,
    ("depthwise", "block/full-3x3-32"): 7.02,
    ("squeezenet", "alexnet/two-group"): 48.8,
    ("squeezenet", "squeezenet/1.0"): 2.35,
    ("cardinality-50", "resnext/50-32x4d"): 1.035,
    ("cardinality-101", "resnext/101-32x4d"): 1.022,
    ("deeper-wider-grouped", "resnet/200"): 1.92,
    ("deeper-wider-grouped", "resnet/101-w100"): 1.96,
    ("grouped-pointwise", "block/grouped-1x1-g4"): 0.256,
    ("grouped-pointwise", "block/grouped-1x1-g8"): 0.132,
}


def _facts(architecture: Architecture) -> object:
    """The declared counts, which another test recomputes; those of a network in a wrapper are counted."""
    if architecture.macs is None:
        return count(architecture.build, architecture.input, second=False)
    declared = {"params": architecture.params, "macs": architecture.macs}
    return type("Facts", (), declared)()


@EACH
def test_every_member_exists_and_every_ratio_is_counted(group: Group) -> None:
    assert len(contrasts.members("it", group)) >= 2
    assert not group.topic or group.topic in {item.topic for item in ARCHITECTURES}
    declared = [ratio for ratio in group.ratios if ratio.metric in {"params", "macs"}]
    others = [ratio for ratio in group.ratios if ratio not in declared]
    values = contrasts.counted(declared, _facts)
    values += contrasts.counted(others, lambda item: count(item.build, item.input, second=False))
    assert all(value is not None and value > 0 for value in values)


def test_what_is_stated_is_right_or_known_to_be_wrong() -> None:
    found = {}
    for name, group in GROUPS.items():
        stated = [ratio for ratio in group.ratios if ratio.stated is not None]
        for ratio, value in zip(stated, contrasts.counted(stated, _facts), strict=True):
            low, high = ratio.stated if isinstance(ratio.stated, tuple) else (ratio.stated, ratio.stated)
            assert value is not None
            assert low is not None
            assert high is not None
            if not 0.98 * low <= value <= 1.02 * high:
                found[name, ratio.of] = value
    assert found == pytest.approx(WRONG, rel=2e-3)


def test_every_metric_of_a_ratio_is_a_column() -> None:
    columns = {column for metric in REGISTERED if metric.kind == "counted" for column in metric.columns}
    assert set(METRICS) <= columns


def test_every_block_takes_part_in_a_group() -> None:
    members = {member for group in GROUPS.values() for member in group.members}
    assert {item.name for item in ARCHITECTURES if item.task == "block"} <= members


def test_groups_have_titles_of_their_own_and_prose_that_ends() -> None:
    assert len({group.title for group in GROUPS.values()}) == len(GROUPS)
    assert all(group.prose.endswith(".") for group in GROUPS.values())


def test_the_file_beside_the_catalogue_holds_groups_and_nothing_else(repository: Path) -> None:
    table = tomllib.loads((repository / "architectures" / "groups.toml").read_text("utf-8"))
    assert list(table) == ["groups"]
    assert list(table["groups"]) == list(GROUPS)


def test_the_suite_of_the_lecture_holds_every_network_and_every_block(repository: Path) -> None:
    suite = config.load(repository / "bench.toml").suite("lecture")
    assert ARCHITECTURES.match(suite.architectures, suite.exclude) == list(ARCHITECTURES)
