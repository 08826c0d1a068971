"""Every network of the catalogue: its declared facts recomputed, its shapes and gradients.

The catalogue is large, so each test does the least that proves its point: counts run on the meta device, values pass through
the smallest pictures that a network takes. The second counter, which needs values at full size, runs by default on the first
networks, and on all others with `pytest -m slow`.
"""

from __future__ import annotations

import fnmatch
import math
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

import vbench.architectures
from vbench.counting import count
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from vbench.core import Architecture

load_all()
CATALOGUE = [item for item in ARCHITECTURES if item.source.value.startswith(vbench.architectures.__name__)]
EACH = pytest.mark.parametrize("architecture", CATALOGUE, ids=lambda item: item.name)
# Decoders have no weights and read maps of one size, some of them in plain Python; of people no gradient is left where none are
# found. Their tests stand in test_decoding.py.
LEARNT = [item for item in CATALOGUE if item.task != "decoding" and not item.name.endswith("-people")]
# Blocks are parts of networks: they answer with a map, know no classes, and were never trained alone.
NETWORKS = pytest.mark.parametrize("architecture", [i for i in LEARNT if i.task != "block"], ids=lambda item: item.name)

FIRST = {
    "alexnet/one-tower",
    "vgg/16",
    "resnet/18",
    "resnet/50",
    "googlenet/bottleneck",
    "googlenet/naive",
    "mobilenet/v1-1.0",
    "mobilenet/full-conv",
    "squeezenet/1.0",
    "squeezenet/1.1",
    "resnext/50-32x4d",
    "shufflenet/v1-g3",
}
# Names or globs, in both tables; every one must be needed.
NO_ACCURACY = {
    "googlenet/naive": "drawn in the paper to be rejected, never trained",
    "mlp/*": "examples of a theorem, not networks of a paper",
    "resnet/50-[ac]": "the paper trains these shortcuts at 34 layers only",
    "sppnet/4321-*": "the paper gives a figure in its text, which nobody here has read",
    "sppnet/6321-average": "a variant of the lecture; the paper pools maxima only",
    "googlenet/*-bn": "the pair as it would be trained today; the figure printed for a BN-GoogLeNet comes without its layers",
    "inception/resnet-v1": "the paper's figure could not be read again, and the libraries' weights are for another network",
    "shufflenet/*-dense": "what grouping saves, at one width; never trained",
    "squeezenet/1.0-*": "what early pooling saves; never trained",
    "block/*": "a part of a network has no accuracy",
    "pose/deeppose-alexnet": "no copy of the paper could be read",
    "pose/cpm-vgg": "released after the paper, without a figure",
    "pose/openpose-mpi-4": "released after the paper, without a figure",
    "pose/openpose-body25": "released after the paper, and no figure of its own could be read",
    "pose/hourglass-[12]": "no figure for so few of this width could be read",
    "pose/decode-*": "no networks",
    "pose/simple-baseline-50-argmax": "the network's own, which stands with it",
    "pose/hrnet-w32-argmax": "as above",
    "pose/openpose-coco-people": "as above",
    "pipeline/*": "the detector is a stand-in that nobody trained",
    "pose/integral-resnet50-3d": "published as millimetres of error, which is no share of anything",
    "deeplabv3/*-undilated": "what the holes do, at equal cost; never trained",
    "deeplabv3/block[456]-[!1]*": "without holes the paper trains all seven blocks only",
    "deeplabv3/block6-128": "as above",
    "deeplabv3/aspp-*": "the paper prints this head with ResNet-101 only",
    "small/*": "forms of this repository, trained by `vbench study` and published by nobody",
    "espnet/*c*": "the paper's figures of the encoder and of the shallower forms could not be read",
    "espnet/full-*": "as above",
    "espnet/no-hff": "as above",
    "enet/encoder": "half of a training, not a network that anybody uses",
}
# The side of the small pictures (of a block's maps), in pixels, and the smallest of those networks that refuse them.
SIDE, SIDE_OF_MAPS = 32, 7
SIDES = {
    "block/spp-flatten": 12,
    "alexnet/one-tower": 63,
    "alexnet/two-group": 67,
    "mlp/*-224": 224,
    "nin/imagenet": 39,
    "sppnet/none": 207,
    "zfnet/*": 47,
    "inception/v[34]": 75,
    "inception/resnet-*": 75,
    "pose/deeppose-alexnet": 59,
    "pose/hourglass-*": 63,
    "small/pose-connected": 57,
}
# How many parameters know the number of classes, where they are not the weight and the bias of one last layer.
# Where stages read the maps of the one before, their first layers know it too.
CLASSIFIERS = {
    "googlenet/aux": 6,
    "shufflenet/v2-?.?": 1,
    "espnet/c*": 1,
    "pose/cpm*": 6 * 2 + 5,
    "pose/openpose-coco": 6 * 2 + 5 * 2,
    "pose/openpose-mpi": 6 * 2 + 5 * 2,
    "pose/openpose-mpi-4": 4 * 2 + 3 * 2,
    "pose/openpose-body25": 2 * 2 + 1,
    "pose/hourglass-2": 2 * 2 + 1,
    "pose/hourglass-8": 8 * 2 + 7,
    "pose/higher-hrnet-*": 2 * 2 + 1,
    "small/pose-integral*": 1,
}
# Networks whose decoder has as many channels as there are labels, and the parameters that may therefore know their number.
DECODERS = {"espnet/full*": "[!e]*", "espnet/no-hff": "[!e]*"}
# Parameters that only training uses, or nothing at all; a test of their own shows it.
TRAINED = {"googlenet/aux": "heads.*", "pose/integral-resnet50-2d": "head.bias"}
# What reads values in plain Python, and so is counted on a real module.
READS = {"pose/decode-*-looped": "real", "pose/decode-paf-optimal": "real"}
CLASSES = 6  # other than any network's own
ONE_CROP = "1 model, 1 crop, 224 px"


def _matching(table: Iterable[str], name: str) -> list[str]:
    return [pattern for pattern in table if fnmatch.fnmatchcase(name, pattern)]


def _side(architecture: Architecture) -> int:
    usual = SIDE_OF_MAPS if architecture.task == "block" else SIDE
    return next((SIDES[pattern] for pattern in _matching(SIDES, architecture.name)), usual)


SECOND = pytest.mark.parametrize(
    "architecture",
    [pytest.param(item, marks=[] if item.name in FIRST else pytest.mark.slow, id=item.name) for item in LEARNT],
)


def test_the_first_networks_are_all_there() -> None:
    assert {item.name for item in CATALOGUE} >= FIRST


@pytest.mark.parametrize("table", [NO_ACCURACY, SIDES, CLASSIFIERS, DECODERS, TRAINED, READS])
def test_every_exception_is_that_of_a_network(table: Mapping[str, object]) -> None:
    matched = [_matching(table, item.name) for item in CATALOGUE]
    assert {pattern for patterns in matched for pattern in patterns} == set(table)
    assert all(len(patterns) <= 1 for patterns in matched)


@pytest.mark.parametrize("architecture", [item for item in CATALOGUE if _matching(SIDES, item.name)], ids=lambda item: item.name)
def test_a_network_refuses_pictures_that_are_smaller_than_its_side(architecture: Architecture) -> None:
    with torch.device("meta"), pytest.raises(RuntimeError):
        architecture.build().eval()(torch.empty(1, architecture.input[0], _side(architecture) - 1, _side(architecture) - 1))


def test_registering_builds_nothing() -> None:
    lines = (
        "import torch, vbench.plugins, vbench.registry",
        "torch.nn.Module.__init__ = torch.nn.Parameter.__new__ = None",
        "print(vbench.plugins.load_all(), len(vbench.registry.ARCHITECTURES))",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"[] {len(ARCHITECTURES)}\n"), done.stderr


@EACH
def test_declared_counts_are_what_the_first_counter_finds(architecture: Architecture) -> None:
    counted = count(architecture.build, architecture.input, second=False)
    assert counted.params == counted.trainable_params == architecture.params
    assert counted.macs == architecture.macs
    assert counted.uncounted_ops == {}
    assert counted.method == ("real" if _matching(READS, architecture.name) else "meta")
    assert bool(counted.notes) == (counted.method == "real")


@SECOND
def test_the_second_counter_agrees(architecture: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path))
    counted = count(architecture.build, architecture.input)
    assert (counted.macs_second, counted.notes) == (architecture.macs, ())


@pytest.mark.parametrize("architecture", LEARNT, ids=lambda item: item.name)
def test_outputs_are_finite_and_gradients_reach_every_parameter(architecture: Architecture) -> None:
    side = _side(architecture)
    network = _filled(architecture).eval()
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, architecture.input[0], side, side, generator=generator, requires_grad=True)
    answer = network(inputs)
    outputs = answer if isinstance(answer, tuple) else (answer,)
    assert [output.shape for output in outputs] == [(2, CLASSES)] or architecture.task != "classification"
    assert architecture.task != "segmentation" or [output.shape[:2] for output in outputs] == [(2, CLASSES)]
    assert all(len(output) == 2 and torch.isfinite(output).all() for output in outputs)
    torch.stack([(output * torch.randn(output.shape, generator=generator)).sum() for output in outputs]).sum().backward()
    assert inputs.grad is not None
    assert inputs.grad.any()
    # The largest magnitude is 0 where nothing arrived, and infinite or NaN where something did that is.
    largest = {name: math.nan if p.grad is None else float(p.grad.abs().max()) for name, p in network.named_parameters()}
    silent = [name for name, value in largest.items() if not 0 < value < math.inf]
    assert [name for name in silent if not fnmatch.fnmatchcase(name, TRAINED.get(architecture.name, ""))] == []


@NETWORKS
def test_the_number_of_classes_only_changes_the_classifier(architecture: Architecture) -> None:
    with torch.device("meta"):
        usual, other = architecture.build(), architecture.build(classes=CLASSES)
    different = [name for name, p in other.named_parameters() if p.shape != usual.get_parameter(name).shape]
    decoders = _matching(DECODERS, architecture.name)
    if decoders:
        assert different
        assert [name for name in different if not fnmatch.fnmatchcase(name, DECODERS[decoders[0]])] == []
        return
    assert len(different) == next((CLASSIFIERS[pattern] for pattern in _matching(CLASSIFIERS, architecture.name)), 2)
    if architecture.task == "classification":
        assert all(other.get_parameter(name).shape[0] == CLASSES for name in different)
        assert {usual.get_parameter(name).shape[0] for name in different} <= {10, 1000}
    for name in different:
        sizes = zip(other.get_parameter(name).shape, usual.get_parameter(name).shape, strict=True)
        assert sum(size != before for size, before in sizes) == 1


@EACH
def test_facts_stand_with_the_network(architecture: Architecture) -> None:
    assert architecture.topic
    assert architecture.paper is not None
    assert architecture.paper.title
    assert architecture.paper.authors
    assert 1989 <= architecture.paper.year <= 2026
    assert bool(architecture.accuracy) != bool(_matching(NO_ACCURACY, architecture.name))
    protocols = [accuracy.protocol for accuracy in architecture.accuracy]
    assert ONE_CROP not in protocols[1:] or protocols[0] == ONE_CROP, (
        "the first declared accuracy is the row's, and rows are compared"
    )
    labels = {(accuracy.protocol, accuracy.recipe) for accuracy in architecture.accuracy}
    assert len(labels) == len(architecture.accuracy), "two figures under one label"
    for accuracy in architecture.accuracy:
        assert accuracy.source
        assert accuracy.recipe
        assert accuracy.protocol.startswith(("1 model, ", "7 models, "))
        assert (accuracy.metric == "top1") == (architecture.task == "classification") == (accuracy.value is None)
        given = [value for value in (accuracy.top1, accuracy.top5, accuracy.value) if value is not None]
        assert given
        assert (accuracy.metric == "mIoU") == (architecture.task == "segmentation")
        # Seven blocks without holes find a fifth of what they look for; no published classifier is as bad.
        least = 40 if architecture.task == "classification" else 20
        assert all(least < value < 100 for value in given), "a percentage of right answers, not of errors"
        assert given == sorted(given), "five guesses are right at least as often as one"


def _filled(architecture: Architecture) -> nn.Module:
    """Real weights at the scale of He et al., drawn quickly: a block of random numbers, over and over.

    Its length is a prime, so no two filters of a layer are alike. Drawing each of a VGG's weights takes a second.
    """
    with torch.device("meta"):
        network: nn.Module = architecture.build() if architecture.task == "block" else architecture.build(classes=CLASSES)
    network.to_empty(device="cpu")
    block = torch.rand(65537, generator=torch.Generator().manual_seed(0)).mul_(2).sub_(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() > 1:
                flat, bound = parameter.view(-1), math.sqrt(6 / parameter[0].numel())
                whole = len(flat) // len(block) * len(block)
                flat[:whole].view(-1, len(block)).copy_(block)
                flat[whole:].copy_(block[: len(flat) - whole])
                flat.mul_(bound)
            else:
                parameter.zero_()
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()
                # At full strength the sum of fifty residual blocks is so large that a gate behind it is 0 or 1 exactly.
                module.weight.fill_(0.5)
            elif isinstance(module, nn.PReLU):
                module.weight.fill_(
                    0.25
                )  # as torch does: with slopes of 0 nothing would pass where two of them follow each other
    return network
