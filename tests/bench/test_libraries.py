"""`timm:NAME` and `torchvision:NAME`, on packages made up here that answer as the real ones do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from vbench import api, libraries, plugins
from vbench.core import Source
from vbench.errors import UnknownNameError, UsageError
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Plant = Callable[[Mapping[str, str]], Path]

pytestmark = pytest.mark.usefixtures("registries")

TIMM = """
from types import SimpleNamespace as Config
from torch import nn

CONFIG = dict(input_size=(3, 24, 24), fixed_input_size=False, interpolation="bicubic", crop_pct=0.9, mean=(0.5, 0.5, 0.5),
              std=(0.4, 0.4, 0.4), num_classes=7)
CONFIGS = {"plainnet": CONFIG, "plainnet.big": CONFIG | {"num_classes": 9}, "fixednet": CONFIG | {"fixed_input_size": True}}
told = {}

def list_models(): return ["plainnet", "fixednet", "barenet"]
def is_model(name): return name in list_models()
def list_pretrained(glob): return ["plainnet.big", "plainnet.small"] if glob == "plainnet.*" else []
def get_pretrained_cfg(name): return Config(**CONFIGS[name]) if name in CONFIGS else None
def create_model(name, **options):
    told.update(options)
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, options.get("num_classes", 7)))
"""
MODELS = """
import enum
from torch import nn

class How:
    def __init__(self, **given): self.__dict__.update(given)
class Mode(enum.Enum):
    BILINEAR = "bilinear"
MEAN = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225], interpolation=Mode.BILINEAR)
class Weights(enum.Enum):
    IMAGENET1K_V1 = (1, {"acc@1": 70.0, "acc@5": 90.0}, "https://example.org/one", dict(crop_size=[224], resize_size=[256]))
    IMAGENET1K_V2 = (2, {"acc@1": 75.0, "acc@5": 92.0}, "https://example.org/two", dict(crop_size=[224], resize_size=[232]))
    DEFAULT = IMAGENET1K_V2
    @property
    def meta(self): return {"_metrics": {"ImageNet-1K": self.value[1]}, "recipe": self.value[2], "categories": ["x"] * 1000}
    def transforms(self): return How(**MEAN, **self.value[3])
class Segments(enum.Enum):
    COCO = 1
    DEFAULT = COCO
    @property
    def meta(self): return {"_metrics": {"VOC": {"miou": 66.0, "pixel_acc": 90.0}}, "categories": ["x"] * 21}
    def transforms(self): return How(**MEAN, resize_size=[520])
class Detects(enum.Enum):
    COCO = 1
    DEFAULT = COCO
    @property
    def meta(self): return {"_metrics": {"COCO": {"box_map": 37.0}}, "categories": ["x"] * 91}
    def transforms(self): return How()
told = {}

def net(*, weights=None, num_classes=1000, weights_backbone="downloaded"):
    told.update(weights=weights, backbone=weights_backbone)
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, num_classes))
SETS = {"plainnet18": Weights, "segnet": Segments, "boxnet": Detects}
def list_models(): return list(SETS)
def get_model_builder(name): return net
def get_model_weights(name): return SETS[name]
def get_model(name, **options): return net(**options)
"""


@pytest.fixture(autouse=True)
def packages(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] in {"timm", "torchvision"}]:
        monkeypatch.delitem(sys.modules, name)
    root = plant({"timm.py": TIMM, "torchvision/__init__.py": "", "torchvision/models.py": MODELS})
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.chdir(root)


def test_torchvisions_metadata_gives_input_accuracy_and_preprocessing() -> None:
    plugins.add_named("torchvision:plainnet18", None)
    found = ARCHITECTURES.get("torchvision:plainnet18")
    assert (found.input, found.task, found.params) == ((3, 224, 224), "classification", None)
    assert [(a.top1, a.top5, a.protocol) for a in found.accuracy] == [
        (70.0, 90.0, "1 model, 1 crop, 224 px"),
        (75.0, 92.0, "1 model, 1 crop, 224 px, resize 232"),
    ]
    assert found.accuracy[0].recipe == "torchvision V1, https://example.org/one"
    assert found.accuracy[1].source == "torchvision weights IMAGENET1K_V2, ImageNet-1K val"
    assert (found.preprocess.resize, found.preprocess.mean) == (232 / 224, (0.485, 0.456, 0.406))
    assert found.build()[2].out_features == 1000
    assert found.build(classes=5)[2].out_features == 5
    # Weights of a trunk would be downloaded by default.
    assert sys.modules["torchvision.models"].told == {"weights": None, "backbone": None}


def test_segmentation_has_its_own_metric_and_detection_no_input_of_its_own() -> None:
    plugins.add_named("torchvision:segnet", None)
    found = ARCHITECTURES.get("torchvision:segnet")
    assert (found.input, found.task, found.accuracy[0].quality, found.accuracy[0].metric) == (
        (3, 520, 520), "segmentation", 66.0, "mIoU",
    )  # fmt: skip
    with pytest.raises(UsageError, match="its input shape is not known: add --input"):
        plugins.add_named("torchvision:boxnet", None)
    plugins.add_named("torchvision:boxnet", (3, 64, 64))
    assert ARCHITECTURES.get("torchvision:boxnet").input == (3, 64, 64)


def test_timms_configuration_gives_input_and_classes_and_no_accuracy() -> None:
    plugins.add_named("timm:plainnet", None)
    found = ARCHITECTURES.get("timm:plainnet")
    assert (found.input, found.accuracy, found.preprocess.interpolation) == ((3, 24, 24), (), "bicubic")
    assert found.build()[2].out_features == 7
    assert sys.modules["timm"].told == {"pretrained": False}
    assert found.build(classes=4)[2].out_features == 4
    plugins.add_named("timm:plainnet.big", (3, 32, 32))
    assert ARCHITECTURES.get("timm:plainnet.big").input == (3, 32, 32)
    with pytest.raises(UsageError, match="its input shape is not known"):
        plugins.add_named("timm:barenet", None)


def test_a_network_whose_positions_are_of_one_size_is_told_another() -> None:
    plugins.add_named("timm:fixednet", (3, 48, 40))
    ARCHITECTURES.get("timm:fixednet").build()
    assert sys.modules["timm"].told == {"pretrained": False, "img_size": (48, 40)}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("timm:planenet", "timm has no network 'planenet': did you mean plainnet"),
        ("timm:plainnet.bug", "timm has no network 'plainnet.bug': did you mean plainnet.big"),
        ("timm:", "timm has no network ''"),
        ("torchvision:plainnet81", "torchvision has no network 'plainnet81': did you mean plainnet18?"),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(name: str, words: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        plugins.add_named(name, None)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_package_that_is_missing_or_broken_is_one_line(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match="timm:plainnet is a network of timm, which is not installed: pip install timm"
    ) as caught:
        api.prepare(["timm:plainnet"])
    assert caught.value.exit_code == 2
    monkeypatch.undo()
    root = plant({"torchvision/models.py": "raise RuntimeError('operator torchvision::nms does not exist')\n"})
    monkeypatch.syspath_prepend(str(root))
    with pytest.raises(UsageError, match="operator torchvision::nms does not exist; install one that was built for this torch"):
        plugins.add_named("torchvision:plainnet18", None)


def test_a_worker_loads_it_again_by_name() -> None:
    source = Source(kind="import", value="timm:plainnet", part="3x24x24")
    plugins.load(source)
    found = ARCHITECTURES.get("timm:plainnet")
    assert (found.input, found.source.kind, found.source.value, found.source.part) == (
        (3, 24, 24),
        "import",
        "timm:plainnet",
        "3x24x24",
    )
    assert plugins.source_digest(found.source)


def test_a_suite_may_name_them(plant: Plant) -> None:
    plant({"bench.toml": '[suites.mine]\narchitectures = ["timm:plainnet", "torchvision:plainnet18"]\n'})
    prepared = api.prepare(suite="mine", engine=["fake"], device=["fake"])
    assert [(case.architecture, case.input_shape) for case in prepared.plan.cases] == [
        ("timm:plainnet", (3, 24, 24)),
        ("torchvision:plainnet18", (3, 224, 224)),
    ]
