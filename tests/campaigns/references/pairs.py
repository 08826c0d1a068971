"""What is compared: a network of the catalogue, the same network of another library, and what has to be levelled first.

A difference of form that the weights do not show (another activation, another padding) is levelled in the library's network, so
that all the rest of it is compared, and stands in the table.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable


class Pair(NamedTuple):
    """`side` is the input of the comparison of outputs, where that of the catalogue would take too long.

    `level` changes the library's network before it is compared, and `without` takes tensors out of its file that our network
    has no place for and that have no effect after that. `outputs` is false where only counts can be equal. `note` says why.
    """

    ours: str
    library: str
    theirs: str
    make: Callable[[], nn.Module]
    side: int = 0
    level: Callable[[Any], None] | None = None
    without: tuple[str, ...] = ()
    outputs: bool = True
    note: str = ""


def _quiet(make: Callable[..., Any], *args: Any, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*args, **options)


def _torchvision(ours: str, name: str, **fields: Any) -> Pair:
    """One of torchvision's builders; two of them draw first values for a minute unless told not to."""
    told = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}

    def make() -> nn.Module:
        net: nn.Module = _quiet(getattr(import_module("torchvision.models"), name), **told)
        return net

    return Pair(ours, "torchvision", name, make, **fields)


def _resnet(ours: str, depth: int, groups: int, width: int, **fields: Any) -> Pair:
    """torchvision's ResNet class with groups and widths that no builder of it has."""
    layers = {50: [3, 4, 6, 3], 101: [3, 4, 23, 3]}[depth]

    def make() -> nn.Module:
        resnet = import_module("torchvision.models.resnet")
        net: nn.Module = resnet.ResNet(resnet.Bottleneck, layers, groups=groups, width_per_group=width)
        return net

    return Pair(ours, "torchvision", f"ResNet, {depth} layers, {groups} x {width}", make, **fields)


def _timm(ours: str, name: str, **fields: Any) -> Pair:
    return Pair(ours, "timm", name, lambda: _quiet(import_module("timm").create_model, name), **fields)


def _pytorchcv(ours: str, name: str, **fields: Any) -> Pair:
    return Pair(ours, "pytorchcv", name, lambda: _quiet(import_module("pytorchcv.model_provider").get_model, name), **fields)


def _replaced(net: nn.Module, kind: type[nn.Module], make: Callable[[Any], nn.Module]) -> None:
    for part in list(net.modules()):
        for name, child in list(part.named_children()):
            if type(child) is kind:
                setattr(part, name, make(child))


def _unclipped(net: nn.Module) -> None:
    _replaced(net, nn.ReLU6, lambda _: nn.ReLU())


def _three_channels(net: Any) -> None:
    norm = nn.LocalResponseNorm(3, alpha=5e-5)
    for part in net.modules():
        if getattr(part, "use_lrn", False):
            part.use_lrn = False
            part.register_forward_hook(lambda _, __, output: norm(output))


def _eps(net: nn.Module) -> None:
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps = 1e-3


def _unpadded(net: nn.Module) -> None:
    _replaced(net, nn.MaxPool2d, lambda _: nn.MaxPool2d(3, 2, ceil_mode=True))
    for stage in net.features.children():  # type: ignore[union-attr]  # a module by that name
        for name, child in list(stage.named_children()):
            if isinstance(child, nn.AvgPool2d):
                setattr(stage, name, nn.AvgPool2d(3, 2, ceil_mode=True))


def _old_first(net: Any) -> None:
    """Turn the channels of a unit that halves the map until those that it hands on come first."""
    for part in net.modules():
        if getattr(part, "downsample", False):
            part.register_forward_hook(lambda _, inputs, output: torch.roll(output, inputs[0].shape[1], dims=1))


def _once(net: Any) -> None:
    """Make the second normalisation of the stem's output do nothing."""
    norm = net.features.stage1.unit1.body.conv1.bn
    norm.eps, norm.affine = 0.0, True
    for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
        getattr(norm, name).data.fill_(value)


RELU6 = "its activations are clipped at 6: taken out"
EPS = "its batch norms add 1e-5 to the variance: set to 1e-3"
LRN = "it normalises over five channels, with other constants: set to ours"
POOLS = "its poolings are padded: set to ours"
TWICE = "it normalises the stem's output a second time: that one set to the identity, and its 128 parameters left out"
ORDER = (
    "counts only, without its bias in the last layer: it shuffles behind a unit and not before it, so the channels of a stage's "
    "output stand in another order"
)
AUXILIARY = "without its auxiliary heads, which are left out of the file"
WIDE_HEAD = "its wide layers are convolutions over the whole map"
NEW_FIRST = "its units that halve the map put the channels that they make before those that they hand on: turned round"
MOBILE = ("v1-1.0", "w1"), ("v1-0.75", "w3d4"), ("v1-0.5", "wd2"), ("v1-0.25", "wd4")
SHUFFLED = {"v1-g1-0.5": "g1_wd2", "v1-g3-0.5": "g3_wd2", "v1-g1-0.25": "g1_wd4", "v1-g3-0.25": "g3_wd4"}

PAIRS: list[Pair] = [
    _torchvision("alexnet/one-tower", "alexnet"),
    *(_torchvision(f"vgg/{d}", f"vgg{d}", side=96) for d in (11, 13, 16, 19)),
    *(_torchvision(f"vgg/{d}-bn", f"vgg{d}_bn", side=96) for d in (11, 13, 16, 19)),
    *(_timm(f"vgg/{d}", f"vgg{d}", side=224, note=WIDE_HEAD) for d in (11, 16)),
    *(_torchvision(f"resnet/{d}", f"resnet{d}", side=0 if d < 100 else 128) for d in (18, 34, 50, 101, 152)),
    _timm("resnet/50", "resnet50"),
    _resnet("resnet/101-w100", 101, 1, 100, side=128),
    _pytorchcv(
        "resnet/200", "preresnet200b", side=224, level=_once, without=("features.stage1.unit1.body.conv1.bn.*",), note=TWICE
    ),
    *(_resnet(f"resnext/50-{g}x{w}d", 50, g, w) for g, w in ((2, 40), (4, 24), (8, 14))),
    _torchvision("resnext/50-32x4d", "resnext50_32x4d"),
    *(_resnet(f"resnext/101-{g}x{w}d", 101, g, w, side=128) for g, w in ((2, 40), (4, 24), (8, 14), (2, 64))),
    _timm("resnext/101-32x4d", "resnext101_32x4d", side=128),
    _torchvision("resnext/101-32x8d", "resnext101_32x8d", side=128),
    _torchvision("resnext/101-64x4d", "resnext101_64x4d", side=128),
    *(_torchvision(f"densenet/{d}", f"densenet{d}", side=0 if d < 161 else 128) for d in (121, 161, 169, 201)),
    _torchvision("googlenet/torchvision", "googlenet", note=AUXILIARY),
    _torchvision("inception/v3", "inception_v3", side=171, note=AUXILIARY),
    _timm("inception/v3", "inception_v3", side=171),
    _torchvision("mobilenet/v2", "mobilenet_v2"),
    _timm("mobilenet/v2", "mobilenetv2_100"),
    _torchvision("mobilenet/v3-large", "mobilenet_v3_large"),
    _torchvision("mobilenet/v3-small", "mobilenet_v3_small"),
    *(_torchvision(f"efficientnet/b{n}", f"efficientnet_b{n}", side=0 if n < 3 else 160) for n in range(8)),
    *(_timm(f"efficientnet/b{n}", f"efficientnet_b{n}", side=0 if n < 3 else 160) for n in range(5)),
    *(_timm(f"efficientnet/b{n}", f"efficientnet_b{n}", side=160, level=_eps, note=EPS) for n in range(5, 8)),
    *(
        _torchvision(f"shufflenet/v2-{w}-torchvision", f"shufflenet_v2_x{w.replace('.', '_')}")
        for w in ("0.5", "1.0", "1.5", "2.0")
    ),
    *(
        _pytorchcv(f"shufflenet/v2-{w}", f"shufflenetv2b_{name}", without=("output.bias",), outputs=False, note=ORDER)
        for w, name in (("0.5", "wd2"), ("1.0", "w1"))
    ),
    *(_pytorchcv(f"shufflenet/v1-g{g}", f"shufflenet_g{g}_w1", level=_old_first, note=NEW_FIRST) for g in (1, 2, 3, 4, 8)),
    *(
        _pytorchcv(f"shufflenet/{ours}", f"shufflenet_{name}", level=_old_first, note=NEW_FIRST)
        for ours, name in SHUFFLED.items()
    ),
    _torchvision("squeezenet/1.0", "squeezenet1_0"),
    _torchvision("squeezenet/1.1", "squeezenet1_1"),
    _pytorchcv("squeezenet/simple-bypass", "squeezeresnet_v1_0"),
    _timm("mobilenet/v1-1.0", "mobilenetv1_100", level=_unclipped, note=RELU6),
    *(_pytorchcv(f"mobilenet/{ours}", f"mobilenet_{name}") for ours, name in MOBILE),
    _timm("inception/v4", "inception_v4", side=171),
    _timm("inception/resnet-v2", "inception_resnet_v2", side=171),
    _timm("xception/original", "legacy_xception", side=171),
    *(_timm(f"se/resnet-{d}", f"legacy_seresnet{d}", side=0 if d == 50 else 128) for d in (50, 101, 152)),
    *(_timm(f"se/resnext-{d}", f"legacy_seresnext{d}_32x4d", side=0 if d == 50 else 128) for d in (50, 101)),
    _timm("se/senet-154", "legacy_senet154", side=128),
    _pytorchcv("inception/v2-bn", "bninception"),
    *(
        _pytorchcv(f"zfnet/{ours}", name, level=_three_channels, note=LRN)
        for ours, name in (("small", "zfnet"), ("wide", "zfnetb"))
    ),
    _pytorchcv("nin/cifar-10", "nin_cifar10", level=_unpadded, note=POOLS),
]

# Networks that a library has under the same name and in another form, and why they are not compared.
OTHER = {
    "resnet/cifar-*": "pytorchcv projects where the shape changes (option B), and the paper pads with zeros",
    "alexnet/two-group": "pytorchcv's `alexnetb` has no groups",
    "inception/resnet-v1": "the libraries' have a sixth last module, and 512 features before the classifier",
    "shufflenet/v2-1.5": "pytorchcv's `shufflenetv2b_w3d2` has other widths",
    "shufflenet/v2-2.0": "pytorchcv's `shufflenetv2b_w2` has other widths",
    "mobilenet/v1-*-*": "the same layers as at 224 px, on smaller inputs",
}
