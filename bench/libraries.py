"""Networks of other packages by their own names: `timm:NAME` and `torchvision:NAME`, with the facts that the packages state.

Nothing is downloaded: weights are random, or those of `--weights`.
"""

from __future__ import annotations

import inspect
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from .core import Accuracy, Architecture, Preprocess, Source
from .errors import UnknownNameError, UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

Shape = tuple[int, ...]

# These draw their first values for a minute, unless told otherwise.
_DRAWN = ("googlenet", "inception_v3")
_RESIZE = {224: 256}  # the side that goes without saying, as in the catalogue's own accuracies


class Found(NamedTuple):
    """A network of a library: its usual input, its facts, and a function that makes its builder for an input shape."""

    input: Shape | None
    builder: Callable[[Shape], Callable[..., Any]]
    preprocess: Preprocess = Preprocess()
    accuracy: tuple[Accuracy, ...] = ()
    task: str = "classification"


def has(path: str) -> bool:
    """Whether a name is one of another package: `timm:…` or `torchvision:…`."""
    return path.partition(":")[0] in _FINDERS


def shape(path: str) -> Shape | None:
    """The input shape that the package states for the network, where it does."""
    return _find(path).input


def architecture(source: Source, size: Shape) -> Architecture:
    """The network as an architecture for inputs of that shape. Raises UsageError where its package is not installed.

    And UnknownNameError, with the nearest names, where the package has none of that name.
    """
    found = _find(source.value)
    package = import_module(source.value.partition(":")[0])
    return Architecture(
        name=source.value,
        build=found.builder(size),
        source=Source(kind=source.kind, value=source.value, part=source.part, file=str(package.__file__)),
        input=size,
        accuracy=found.accuracy,
        task=found.task,
        preprocess=found.preprocess,
    )


def _find(path: str) -> Found:
    package, _, name = path.partition(":")
    if find_spec(package) is None:
        message = f"{path} is a network of {package}, which is not installed: pip install {package}"
        raise UsageError(message)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _FINDERS[package](name)
    except UsageError:
        raise
    except (ImportError, RuntimeError, AttributeError) as error:
        line = " ".join(str(error).split())
        message = f"{path}: {package} cannot be used: {type(error).__name__}: {line}; install one that was built for this torch"
        raise UsageError(message) from error


def _imported(name: str) -> Any:
    """A module of a package that imports torch: only for those who name a network of it."""
    return import_module(name)


def _refuse(package: str, name: str, known: list[str]) -> NoReturn:
    message = f"{package} has no network {name!r}: {nearest(name, known)}"
    raise UnknownNameError(message)


def _timm(name: str) -> Found:
    timm = _imported("timm")
    base, _, tag = name.partition(".")
    if not base or not timm.is_model(base):
        _refuse("timm", name, timm.list_models())
    if tag and (tags := timm.list_pretrained(f"{base}.*")) and name not in tags:
        _refuse("timm", name, tags)
    config = timm.get_pretrained_cfg(name)

    def builder(size: Shape) -> Callable[..., Any]:
        # A transformer's positions are those of one size, and it has to be told another.
        told = {"img_size": size[1:]} if config is not None and config.fixed_input_size and size != config.input_size else {}
        return _built(timm.create_model, name, told | {"pretrained": False}, config.num_classes if config is not None else 0)

    if config is None:
        return Found(None, builder)
    method = "bicubic" if config.interpolation == "bicubic" else "bilinear"
    how = Preprocess(resize=1 / config.crop_pct, interpolation=method, mean=tuple(config.mean), std=tuple(config.std))  # type: ignore[arg-type]  # one of the literals
    # The package holds no accuracies: they are published in a table of its repository.
    return Found(tuple(config.input_size), builder, how)


def _torchvision(name: str) -> Found:
    models = _imported("torchvision.models")
    if name not in models.list_models():
        _refuse("torchvision", name, models.list_models())
    known = inspect.signature(models.get_model_builder(name)).parameters
    sets = list(models.get_model_weights(name))
    usual = models.get_model_weights(name).DEFAULT if sets else None

    def builder(size: Shape) -> Callable[..., Any]:
        # The weights of a trunk are asked for by default, and would be downloaded.
        told: dict[str, Any] = {key: None for key in ("weights", "weights_backbone") if key in known}
        if name in _DRAWN:
            told["init_weights"] = False
        if name.startswith("vit_"):
            told["image_size"] = size[-1]
        return _built(models.get_model, name, told, len(usual.meta.get("categories", ())) if usual is not None else 0)

    if usual is None:
        return Found(None, builder)
    how = usual.transforms()
    # A segmentation network reads the whole picture, resized; a video or a list of pictures has no shape that is stated here.
    side: list[int] = getattr(how, "crop_size", None) or getattr(how, "resize_size", None) or []
    metrics = [metric for weights in sets for metric in weights.meta.get("_metrics", {}).values()]
    if len(side) != 1:
        return Found(None, builder)
    prepared = Preprocess(
        resize=how.resize_size[0] / side[0], interpolation=how.interpolation.value, mean=tuple(how.mean), std=tuple(how.std)
    )
    segments = any("miou" in metric for metric in metrics)
    accuracy = tuple(line for weights in sets for line in _published(weights))
    return Found((3, side[0], side[0]), builder, prepared, accuracy, "segmentation" if segments else "classification")


def _published(weights: Any) -> list[Accuracy]:
    """What torchvision's metadata says of one set of weights."""
    how, name = weights.transforms(), weights.name.removeprefix("IMAGENET1K_")
    side, resized = (getattr(how, "crop_size", None) or how.resize_size)[0], how.resize_size[0]
    more = "" if _RESIZE.get(side) == resized else f", resize {resized}"
    link = weights.meta.get("recipe")
    recipe = f"torchvision {name}" + (f", {link}" if link else "")
    found = []
    for data, metric in weights.meta.get("_metrics", {}).items():
        source = f"torchvision weights {weights.name}, {data} val"
        protocol = f"1 model, 1 crop, {side} px{more}"
        if data == "ImageNet-1K":
            found.append(Accuracy(source=source, protocol=protocol, recipe=recipe, top1=metric["acc@1"], top5=metric["acc@5"]))
        elif "miou" in metric:
            whole = f"1 model, short side {resized} px"
            found.append(Accuracy(source=source, protocol=whole, recipe=recipe, value=metric["miou"], metric="mIoU"))
    return found


def _built(make: Callable[..., Any], name: str, told: dict[str, Any], usual: int) -> Callable[..., Any]:
    """A builder like the catalogue's, with the library's own number of classes unless it is given another."""

    def build(classes: int = usual) -> Any:
        more = {} if classes == usual else {"num_classes": classes}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make(name, **told, **more)

    return build


_FINDERS: dict[str, Callable[[str], Found]] = {"timm": _timm, "torchvision": _torchvision}
