"""Weights and inputs: seeded, at the scale of real ones, or the user's own pictures.

Zeros run faster than data and hide errors; default initialisation of a VGG takes longer than measuring it. So a network
is built on the meta device and filled once, with He normal weights and identity normalisation (He et al. 2015).
"""

from __future__ import annotations

import hashlib
import math
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .datasets import PICTURES, broken, decode
from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from PIL import Image

    from .core import Preprocess

ROTATION = 8

_WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear, nn.Embedding, nn.PReLU)  # noqa: SLF001 - the only common base
_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)  # noqa: SLF001 - as above
# Where a module keeps what it registered; any other attribute that holds a tensor was put there by its constructor.
_STORES = {"_parameters", "_buffers", "_modules"}
# All that these layers hold, and so all that `fill` can fill.
_KNOWN = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def build(make: Callable[[], Any], seed: int, load: Callable[[nn.Module], None] | None = None) -> tuple[nn.Module, str]:
    """Build a network for measuring, and say how: `filled` (meta device, then seeded weights), `initialised`, or `loaded`.

    A network that holds anything besides the weights of well-known layers (tables in buffers, plain tensors, parameters
    of its own) is built the ordinary way with the seed set, since filling would destroy what its constructor computed. `load`
    puts weights into all that its state dict holds, in place of the seeded ones.
    """
    empty = blank(make)
    if empty is not None:
        if load is None:
            fill(empty, seed)
        else:
            load(empty)
        return empty.eval(), "filled" if load is None else "loaded"
    torch.manual_seed(seed)
    module = make()
    if not isinstance(module, nn.Module):
        message = f"the builder returned {type(module).__name__}, not a torch.nn.Module"
        raise TypeError(message)
    if load is not None:
        load(module)
    return module.eval(), "initialised" if load is None else "loaded"


def blank(make: Callable[[], Any]) -> nn.Module | None:
    """The network with memory and no values; None where `fill` cannot give it all of them, or it is not built without."""
    try:
        with torch.device("meta"), _uninitialised():
            module = make()
        fillable = isinstance(module, nn.Module) and _fillable(module)
    except Exception:  # noqa: BLE001 - whatever the constructor cannot do on meta, it may do on the processor
        return None
    if not fillable:
        return None
    found: nn.Module = module
    _materialise(found)
    return found


@contextmanager
def _uninitialised() -> Iterator[None]:
    """Keep well-known layers from initialising their weights: on the meta device that is half of the time, for nothing."""
    kinds: tuple[Any, ...] = (nn.modules.conv._ConvNd, nn.Linear, nn.modules.batchnorm._NormBase)  # noqa: SLF001 - where torch defines it
    before = [kind.reset_parameters for kind in kinds]
    for kind in kinds:
        kind.reset_parameters = _nothing
    try:
        yield
    finally:
        for kind, method in zip(kinds, before, strict=True):
            kind.reset_parameters = method


def _nothing(_: nn.Module) -> None:
    pass


def _fillable(module: nn.Module) -> bool:
    for part in module.modules():
        if any(_holds_tensor(value) for name, value in vars(part).items() if name not in _STORES):
            return False
        own = {**part._parameters, **part._buffers}  # noqa: SLF001 - named_parameters() would recurse
        held = {name: value for name, value in own.items() if value is not None}
        if held and not isinstance(part, (*_WEIGHTED, *_NORMS)):
            return False
        if not held.keys() <= _KNOWN or any(nn.parameter.is_lazy(value) for value in held.values()):
            return False
    return True


def _holds_tensor(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_tensor, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_tensor, value))
    return isinstance(value, torch.Tensor)


def _materialise(module: nn.Module) -> None:
    """Give every weight memory, tied ones once.

    `Module.to_empty` does the same by way of the reference operators, whose first use imports five hundred modules.
    """
    made: dict[int, torch.Tensor] = {}
    for part in module.modules():
        stores: tuple[dict[str, Any], ...] = (part._parameters, part._buffers)  # noqa: SLF001 - setattr would refuse tied ones
        for store in stores:
            for name, old in store.items():
                if old is None:
                    continue
                if id(old) not in made:
                    new = torch.empty(old.shape, dtype=old.dtype)
                    made[id(old)] = nn.Parameter(new, requires_grad=old.requires_grad) if isinstance(old, nn.Parameter) else new
                store[name] = made[id(old)]


@torch.no_grad()
def fill(module: nn.Module, seed: int) -> None:
    """Fill every weight in place: He normal from one seeded generator, biases 0, normalisation the identity."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, _NORMS):
            _identity(part)
        elif isinstance(part, nn.PReLU):
            part.weight.fill_(0.25)
        elif isinstance(part, nn.Embedding):
            part.weight.normal_(generator=generator)
        elif isinstance(part, _WEIGHTED):
            weight = part.weight
            fan_in = weight[0].numel() if weight.dim() > 1 else 1
            weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)
            bias = part._parameters.get("bias")  # noqa: SLF001 - torch has no type for "may have one"
            if bias is not None:
                bias.zero_()


def _identity(part: nn.Module) -> None:
    for name, value in (("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)):
        tensor = getattr(part, name, None)
        if isinstance(tensor, torch.Tensor):
            tensor.fill_(value)
    count = getattr(part, "num_batches_tracked", None)
    if isinstance(count, torch.Tensor):
        count.zero_()


def noise(shape: Sequence[int], batch: int, seed: int, count: int = ROTATION) -> list[torch.Tensor]:
    """`count` seeded standard normal inputs of shape `(batch, *shape)`, fp32, all different."""
    generator = torch.Generator().manual_seed(seed + 1)
    return [torch.randn((batch, *shape), generator=generator) for _ in range(count)]


def smooth(shape: Sequence[int], count: int, seed: int) -> torch.Tensor:
    """`(count, *shape)` smooth seeded images, standardised: low-frequency noise, upsampled.

    So they look like pictures to a network: its outputs differ from image to image, which those of white noise hardly do.
    """
    generator = torch.Generator().manual_seed(seed + 2)
    if len(shape) != 3:  # noqa: PLR2004 - channels, height, width; anything else has no notion of smooth
        return torch.randn((count, *shape), generator=generator)
    coarse = torch.randn((count, shape[0], 7, 7), generator=generator)
    images = nn.functional.interpolate(coarse, size=tuple(shape[1:]), mode="bicubic", align_corners=False)
    return (images - images.mean()) / images.std()


def pictures(folder: str | Path) -> list[Path]:
    """The picture files of a folder, sorted. Raises UsageError when there are none."""
    path = Path(folder)
    if not path.is_dir():
        message = f"--images {folder}: there is no such folder"
        raise UsageError(message)
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in PICTURES)
    if not found:
        message = f"--images {folder}: no pictures in it; read are {', '.join(sorted(PICTURES))}"
        raise UsageError(message)
    return found


def digest(folder: str | Path) -> str:
    """What a folder's pictures are, by name and content: the same on another machine, whatever the folder is called."""
    total = hashlib.sha256()
    for picture in pictures(folder):
        total.update(picture.relative_to(folder).as_posix().encode() + hashlib.sha256(picture.read_bytes()).digest())
    return total.hexdigest()[:12]


def stamp(folder: str | Path) -> str:
    """What a folder's pictures are, by name, size and time of change: other ones under the same names have another stamp.

    Unlike `digest` it reads none of them, which of a large data set would take minutes.
    """
    found = ((path, path.stat()) for path in pictures(folder))
    listed = ";".join(f"{path}:{stat.st_size}:{stat.st_mtime_ns}" for path, stat in found)
    return hashlib.sha256(listed.encode()).hexdigest()[:16]


def images(folder: str | Path, shape: Sequence[int], count: int, preprocess: Preprocess, *, last: bool = False) -> torch.Tensor:
    """`(count, *shape)` real pictures, decoded, resized, centre-cropped and normalised as the architecture declares.

    The first in the order of their names, or the last. Where the folder holds fewer they repeat. Raises UsageError naming a
    picture that cannot be read.
    """
    if len(shape) != 3 or shape[0] not in {1, 3}:  # noqa: PLR2004 - a picture has 1 or 3 channels
        message = f"--images needs an input of 1 or 3 channels, height and width, not {'x'.join(map(str, shape))}"
        raise UsageError(message)
    files = pictures(folder)[:: -1 if last else 1]
    out = []
    for index in range(min(count, len(files))):
        file = files[index]
        try:
            picture = decode(file, shape[0])
        except broken() as error:
            message = f"--images: {file} cannot be read: {error}"
            raise UsageError(message) from None
        out.append(normalise(resize(picture, shape, preprocess), preprocess))
    return torch.stack([out[i % len(out)] for i in range(count)]).contiguous()


def resize(
    picture: Image.Image, shape: Sequence[int], preprocess: Preprocess, place: tuple[float, float] = (0.5, 0.5)
) -> Image.Image:
    """The centre of the picture, its short side resized as declared, at the height and width of `shape`.

    `place` says where else, if not in the centre: across and down, from 0 to 1.
    """
    from PIL import Image  # noqa: PLC0415 - only for pictures

    _, height, width = shape
    resample = Image.Resampling.BICUBIC if preprocess.interpolation == "bicubic" else Image.Resampling.BILINEAR
    scale = max(height, width) * preprocess.resize / min(picture.size)
    size = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
    picture = picture.resize(size, resample)
    left, top = (int(free * share) for free, share in zip((picture.width - width, picture.height - height), place, strict=True))
    return picture.crop((left, top, left + width, top + height))


def normalise(picture: Image.Image, preprocess: Preprocess) -> torch.Tensor:
    """The pixels as `(channels, height, width)`, scaled to [0, 1] and normalised per channel."""
    import numpy as np  # noqa: PLC0415 - only for pictures

    channels = len(picture.getbands())
    pixels = np.asarray(picture, dtype=np.float32) / 255.0
    tensor = torch.from_numpy(pixels.copy()).reshape(picture.height, picture.width, channels).permute(2, 0, 1)
    mean = torch.tensor(preprocess.mean[:channels]).view(channels, 1, 1)
    std = torch.tensor(preprocess.std[:channels]).view(channels, 1, 1)
    return (tensor - mean) / std
