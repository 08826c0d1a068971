"""Labelled pictures, by a word: `folder:PATH`, `cifar10:PATH`, `digits`, `clutter:SEED`; for measuring and for training.

Nothing is downloaded, and no pickle is opened: CIFAR-10 is read in its binary version. A picture is opened when it is asked for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from . import clutter
from .errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image

# What a file must end in to count as a picture.
PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}
# The two halves of a data set, and by what names folders call them.
SPLITS = {"train": ("train", "training"), "test": ("val", "validation", "valid", "test")}

# A record of CIFAR-10: a label, then 32 x 32 bytes of red, of green and of blue.
_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE
_CIFAR = {"train": [f"data_batch_{number}.bin" for number in range(1, 6)], "test": ["test_batch.bin"]}
_CIFAR_FOLDER, _CIFAR_PICKLES = "cifar-10-batches-bin", "cifar-10-batches-py"
_CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
# The digits have grey values from 0 to 16; they are ordered by who wrote them, so that the last fifth is of other hands.
_DIGITS_MOST, _DIGITS_TRAIN = 16.0, 0.8
_NAMED = 3
# So many bytes from a picture's middle are in the digest of its folder: whole data sets take minutes to read.
_SAMPLE = 4096


@dataclass(frozen=True)
class Pictures:
    """A data set: `labels[i]` is the class of picture `i`, an index into `classes`, which name them.

    `open(i, channels)` is the picture in grey (1) or colour (3), and raises one of `broken()` where it cannot be read;
    `name(i)` is what a message calls it. `label` names the data set with a digest of what is in it, wherever it lies.
    """

    label: str
    classes: tuple[str, ...]
    labels: np.ndarray[Any, np.dtype[np.int64]]
    open: Callable[[int, int], Image.Image]
    name: Callable[[int], str]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.labels)


def read(spec: str, *, split: str = "test", option: str = "--data", label: bool = True) -> Pictures:
    """The data set that a word names; `split` is `train` or `test`, of those that come in two.

    Without `label` that of a folder has no digest, for which each file would be opened.
    Raises UsageError, naming the option, where the word means nothing, or what it names is absent, empty or damaged.
    """
    kind, _, place = spec.partition(":")
    if kind not in KINDS:
        message = f"{option} {spec}: {nearest(kind, KINDS)}; allowed are {', '.join(KINDS.values())}"
        raise UsageError(message)
    if bool(place) != (":" in KINDS[kind]):
        message = f"{option} {spec}: write {KINDS[kind]}"
        raise UsageError(message)
    if kind == "folder" and not label:
        return _folder(place, split, f"{option} {spec}", label=False)
    readers: dict[str, Callable[[str, str, str], Pictures]] = {"folder": _folder, "cifar10": _cifar10, "digits": _digits}
    readers["clutter"] = _clutter
    return readers[kind](place, split, f"{option} {spec}")


def halves(spec: str, said: str) -> tuple[Pictures, Pictures]:
    """What a data set has to train and to test on. Raises UsageError where it has no halves, or they have other classes.

    The labels of folders have no digest.
    """
    train, test = (read(spec, split=split, label=False) for split in ("train", "test"))
    if train.label == test.label:
        message = f"{said}: it has no halves to train and to test on: name a folder that holds train and val"
        raise UsageError(message)
    if train.classes != test.classes:
        strange = sorted(set(train.classes) ^ set(test.classes))
        message = f"{said}: {strange[0]} is a class of one half only, to train on or to test on: give both the same"
        raise UsageError(message)
    return train, test


# The words, as they are written.
KINDS = {"folder": "folder:PATH", "cifar10": "cifar10:PATH", "digits": "digits", "clutter": "clutter:SEED"}


def _folder(place: str, split: str, said: str, *, label: bool = True) -> Pictures:
    """A folder for each class, in the order of their names, with pictures at any depth; a folder of splits has one in each."""
    root = _split(Path(place), split, said)
    folders = sorted((path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")), key=lambda p: p.name)
    if not folders:
        there = sum(path.suffix.lower() in PICTURES for path in root.iterdir())
        loose = f"{there} pictures lie in it directly" if there else "it is empty"
        message = f"{said}: {root} has no folders of classes ({loose}): put the pictures of each class into a folder of its name"
        raise UsageError(message)
    files = [sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES and p.is_file()) for folder in folders]
    if without := [folder.name for folder, own in zip(folders, files, strict=True) if not own]:
        what = f"of {len(folders)} class folders {len(without)} hold no picture: {some(without)}"
        message = f"{said}: {what}; read are {', '.join(sorted(PICTURES))}"
        raise UsageError(message)
    paths = [path for own in files for path in own]
    labels = np.repeat(np.arange(len(folders), dtype=np.int64), [len(own) for own in files])
    return Pictures(
        label=f"folder:{root.resolve().name}" + (f" ({_digest(root, paths)})" if label else ""),
        classes=tuple(folder.name for folder in folders),
        labels=labels,
        open=lambda index, channels: decode(paths[index], channels),
        name=lambda index: str(paths[index]),
    )


def _digest(root: Path, paths: Sequence[Path]) -> str:
    """What tells two folders of one name apart: each picture's name, its size, and some of its content."""
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, (size - _SAMPLE) // 2))
            some = file.read(_SAMPLE)
        digest.update(f"{path.relative_to(root).as_posix()}\0{size}\0".encode("utf-8", "surrogateescape") + some)
    return digest.hexdigest()[:8]


def _split(root: Path, split: str, said: str) -> Path:
    """The folder of the classes: the one that is named, or of the splits in it the one that is asked for."""
    if not root.is_dir():
        message = f"{said}: there is no folder {root}; write folder:PATH, with a folder for each class in it"
        raise UsageError(message)
    inside = {path.name.lower(): path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")}
    every = [name for names in SPLITS.values() for name in names]
    if not inside or not all(name in every for name in inside):
        return root
    found = next((inside[name] for name in SPLITS[split] if name in inside), None)
    if found is None:
        there = ", ".join(sorted(inside))
        message = f"{said}: {root} holds {there} and not {' or '.join(SPLITS[split])}: name the folder of the classes itself"
        raise UsageError(message)
    return found


def decode(source: Path | BinaryIO, channels: int) -> Image.Image:
    """A picture file, or its bytes, as pixels: grey for one channel, else colour. Raises one of `broken()`."""
    from PIL import Image  # noqa: PLC0415 - only for pictures

    with Image.open(source) as opened:
        return opened.convert("L" if channels == 1 else "RGB")


def broken() -> tuple[type[Exception], ...]:
    """What Pillow raises for a file that is no picture, is cut, or would fill the memory."""
    from PIL import Image  # noqa: PLC0415 - only for pictures

    return OSError, SyntaxError, ValueError, Image.DecompressionBombError


def _cifar10(place: str, split: str, said: str) -> Pictures:
    """CIFAR-10 in its binary version (Krizhevsky 2009): records of a label and a picture, one after the other."""
    root = Path(place)
    root = inner if (inner := root / _CIFAR_FOLDER).is_dir() else root
    files = [root / name for name in _CIFAR[split]]
    if missing := [file.name for file in files if not file.is_file()]:
        pickled = (root / _CIFAR_PICKLES).is_dir() or (root / "data_batch_1").is_file() or (root / "test_batch").is_file()
        why = "what lies there is the Python version, which is made of pickles and is not opened" if pickled else "not there"
        message = f"{said}: {some(missing)}: {why}; unpack cifar-10-binary.tar.gz and name its folder {_CIFAR_FOLDER}"
        raise UsageError(message)
    parts, digest = [], hashlib.sha256()
    for file in files:
        data = file.read_bytes()
        if not data or len(data) % _RECORD:
            message = f"{said}: {file} is damaged: its {len(data)} bytes are not records of {_RECORD}; unpack the archive again"
            raise UsageError(message)
        digest.update(data)
        parts.append(np.frombuffer(data, dtype=np.uint8).reshape(-1, _RECORD))
    records = np.concatenate(parts)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(_CIFAR_CLASSES):
        message = f"{said}: {files[0].name} is damaged: a label is {labels.max()}, and CIFAR-10 has classes 0 to 9"
        raise UsageError(message)
    pixels = records[:, 1:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return Pictures(
        label=f"cifar10 {split} ({digest.hexdigest()[:8]})",
        classes=_CIFAR_CLASSES,
        labels=labels,
        open=lambda index, channels: _converted(np.ascontiguousarray(pixels[index]), channels),
        name=lambda index: f"picture {index} of cifar10 {split}",
    )


def _digits(place: str, split: str, said: str) -> Pictures:
    """The 1797 digits of 8 x 8 pixels that come with scikit-learn (Alpaydin and Kaynak 1998): four fifths are for training."""
    del place
    try:
        from sklearn import datasets  # noqa: PLC0415 - only for these
    except ImportError:
        message = f"{said}: the digits come with scikit-learn, which is not installed: pip install scikit-learn"
        raise UsageError(message) from None
    bunch = datasets.load_digits()
    end = round(len(bunch.target) * _DIGITS_TRAIN)
    half = slice(0, end) if split == "train" else slice(end, None)
    pixels = np.round(bunch.images[half] * (255.0 / _DIGITS_MOST)).astype(np.uint8)
    return Pictures(
        label=f"digits {split} ({hashlib.sha256(pixels.tobytes()).hexdigest()[:8]})",
        classes=tuple(map(str, bunch.target_names)),
        labels=bunch.target[half].astype(np.int64),
        open=lambda index, channels: _converted(pixels[index], channels),
        name=lambda index: f"digit {index} of the {split} half",
    )


def _clutter(place: str, split: str, said: str) -> Pictures:
    """The pictures of `vbench study classification` with this seed, as many as it has by default (see `clutter`)."""
    if not place.isdecimal():
        message = f"{said}: write clutter:SEED, a whole number, for example clutter:0"
        raise UsageError(message)
    pixels, labels = clutter.pictures(int(place), split, clutter.TESTS if split == "test" else clutter.TRAINS, said)
    return Pictures(
        label=f"clutter:{int(place)} {split} ({hashlib.sha256(pixels.tobytes()).hexdigest()[:8]})",
        classes=tuple("0123456789"),
        labels=labels,
        open=lambda index, channels: _converted(pixels[index], channels),
        name=lambda index: f"picture {index} of clutter:{int(place)} {split}",
    )


def _converted(pixels: np.ndarray[Any, np.dtype[np.uint8]], channels: int) -> Image.Image:
    from PIL import Image  # noqa: PLC0415 - only for pictures

    return Image.fromarray(pixels).convert("L" if channels == 1 else "RGB")


def some(names: Sequence[str]) -> str:
    """The first of these names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
