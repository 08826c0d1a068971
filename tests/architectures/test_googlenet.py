"""GoogLeNet's auxiliary heads: they train with the network, and an answer does not pay for them."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

load_all()
AUX = ARCHITECTURES.get("googlenet/aux")


@pytest.mark.parametrize(("training", "macs"), [(True, 1_591_044_096), (False, 1_582_671_872)])
def test_only_training_pays_for_the_heads(*, training: bool, macs: int) -> None:
    with torch.device("meta"):
        network = AUX.build().train(training)
        with FlopCounterMode(display=False) as counter:
            answer = network(torch.empty(1, *AUX.input))
    assert counter.get_total_flops() // 2 == macs
    answers = answer if isinstance(answer, tuple) else (answer,)
    assert [tuple(logits.shape) for logits in answers] == [(1, 1000)] * (3 if training else 1)


def test_all_three_losses_reach_their_own_weights() -> None:
    torch.manual_seed(0)
    network = AUX.build(classes=5)
    # The smallest side whose maps at the heads, after four halvings, hold the 5x5 that these average.
    answers = network(torch.randn(2, 3, 79, 79))
    assert [logits.shape for logits in answers] == [(2, 5)] * 3
    for head, logits in zip(("trunk.head", "heads.4a", "heads.4d"), answers, strict=True):
        network.zero_grad()
        logits.square().sum().backward(retain_graph=True)
        reached = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
        others = {"trunk.head", "heads.4a", "heads.4d"} - {head}
        assert not any(name.startswith(tuple(others)) for name in reached)
        assert {name for name, _ in network.named_parameters() if name.startswith(head)} <= reached
        assert any(name.startswith("trunk.conv1") for name in reached)


def test_the_heads_leave_the_trunk_as_it_is() -> None:
    with torch.device("meta"):
        plain, trunk = ARCHITECTURES.get("googlenet/bottleneck").build(), AUX.build().get_submodule("trunk")
    assert {name: p.shape for name, p in trunk.named_parameters()} == {name: p.shape for name, p in plain.named_parameters()}
