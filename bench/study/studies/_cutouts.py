"""People cut out of photographs whose joints are annotated as COCO's: each is pasted where a scene wants it, at its size.

So every question that is asked of drawn figures can be asked of photographs. A cut-out is a person's box, with what else is in
it; where the picture ends before the box does, it is black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import torch
from torch.nn import functional

from ...errors import UsageError
from ._scenes import SIDE, Cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from PIL.Image import Image
    from torch import Generator, Tensor

_CROP = 64  # pixels of a cut-out's side: what a person is drawn with at most
_WIDER = 1.1  # a box ends at the joints; a hand goes on
_LEAST_JOINTS = 4
_BILINEAR = 2  # PIL's number of the filter that averages what shrinks
_TESTED = 5  # of so many pictures one is for tests


class _Category(msgspec.Struct):
    id: int
    keypoints: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()


class _Picture(msgspec.Struct):
    id: int
    file_name: str


class _Person(msgspec.Struct):
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    keypoints: tuple[float, ...] = ()
    iscrowd: int = 0


class _Annotations(msgspec.Struct):
    """What is read of a file in COCO's format; the rest is passed over."""

    images: tuple[_Picture, ...]
    annotations: tuple[_Person, ...]
    categories: tuple[_Category, ...]


class CutOuts:
    """A source of people from photographs: at most `most` of them, in the order of the file.

    Of a person at least half of the joints must be annotated, in a box that has a size. One picture in five, with all of its
    people, is for tests. Raises UsageError where the file or a picture cannot be read, or there are no such people.
    """

    channels = 3

    def __init__(self, path: Path, most: int) -> None:
        read = _read(path)
        category = _category(path, read)
        self.joints: Sequence[str] = category.keypoints
        self.limbs = tree(path, category.keypoints, category.skeleton)
        people = [person for person in read.annotations if _usable(person, category)][:most]
        names = {picture.id: picture.file_name for picture in read.images}
        ids = sorted({person.image_id for person in people})
        if len(ids) < _TESTED:
            message = (
                f"--data coco:{path}: {len(ids)} pictures have a person with half of the {len(self.joints)} joints and a box; "
                f"{_TESTED} are the fewest that a study could train on and test with"
            )
            raise UsageError(message)
        tested = set(ids[_TESTED - 1 :: _TESTED])
        crops, joints = _cut(path, people, names, len(self.joints))
        testing = torch.tensor([person.image_id in tested for person in people])
        self._of = {wanted: (crops[testing == wanted], joints[testing == wanted]) for wanted in (False, True)}

    def cast(self, count: int, generator: Generator, *, testing: bool) -> Cast:
        """So many people, any of them as often as another."""
        crops, joints = self._of[testing]
        chosen = torch.randint(len(crops), (count,), generator=generator)
        own, places = crops[chosen], joints[chosen]

        def paint(canvas: Tensor, origin: Tensor, height: Tensor) -> None:
            # Two samples a pixel, along x and along y, so that a cut-out that shrinks does not flicker.
            at = (torch.arange(2 * SIDE) + 0.5) / 2 - 0.5
            u, v = ((at - origin[:, axis, None]) / height[:, None] for axis in (0, 1))
            grid = torch.stack([u[:, None, :].expand(-1, 2 * SIDE, -1), v[:, :, None].expand(-1, -1, 2 * SIDE)], dim=3)
            inside = ((grid >= 0) & (grid < 1)).all(3).float()[:, None]
            pasted = functional.grid_sample(own.float() / 255, 2 * grid - 1, padding_mode="border", align_corners=False)
            share = functional.avg_pool2d(inside, 2)
            canvas.mul_(1 - share).add_(functional.avg_pool2d(pasted * inside, 2))

        return Cast(places, paint)


def _read(path: Path) -> _Annotations:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Annotations)
    except OSError as error:
        message = f"--data coco:{path}: {error.strerror}; name a file of annotations, as person_keypoints_val2017.json"
        raise UsageError(message) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        message = f"--data coco:{path}: it is no file of keypoints in COCO's format: {error}; name person_keypoints_….json"
        raise UsageError(message) from None


def _category(path: Path, read: _Annotations) -> _Category:
    found = next((category for category in read.categories if len(category.keypoints) >= _LEAST_JOINTS), None)
    if found is None:
        message = f"--data coco:{path}: no category has {_LEAST_JOINTS} keypoints or more; name person_keypoints_….json"
        raise UsageError(message)
    return found


def tree(path: Path, joints: Sequence[str], skeleton: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Those limbs of a skeleton, which counts joints from 1, that reach every joint once, from the best connected one outwards.

    Raises UsageError where they do not reach all.
    """
    limbs = [(a - 1, b - 1) for a, b in skeleton]
    degree = [sum(joint in limb for limb in limbs) for joint in range(len(joints))]
    reached, found = [max(range(len(joints)), key=degree.__getitem__)], []
    for joint in reached:
        for a, b in limbs:
            other = b if a == joint else a
            if joint in {a, b} and other not in reached:
                reached.append(other)
                found.append((joint, other))
    if left := [name for number, name in enumerate(joints) if number not in reached]:
        message = f"--data coco:{path}: its skeleton does not reach {left[0]}: fields need limbs from one joint to all others"
        raise UsageError(message)
    return tuple(found)


def _usable(person: _Person, category: _Category) -> bool:
    joints = len(category.keypoints)
    own = person.category_id == category.id and not person.iscrowd and len(person.keypoints) == 3 * joints
    return own and min(person.bbox[2:]) > 1 and 2 * sum(v > 0 for v in person.keypoints[2::3]) >= joints


def _cut(path: Path, people: Sequence[_Person], names: dict[int, str], joints: int) -> tuple[Tensor, Tensor]:
    """The boxes as squares `(people, 3, side, side)` of bytes, and the joints in them `(people, joints, 3)` from 0 to 1."""
    folder = _folder(path, names[people[0].image_id])
    missing = sorted({names[p.image_id] for p in people if not (folder / names[p.image_id]).is_file()})
    if missing:
        message = f"--data coco:{path}: {len(missing)} of its pictures are not in {folder}, the first {missing[0]}"
        raise UsageError(message)
    crops, places = torch.empty(len(people), 3, _CROP, _CROP, dtype=torch.uint8), torch.empty(len(people), joints, 3)
    opened: tuple[int, Any] = (-1, None)
    for number, person in enumerate(people):
        if opened[0] != person.image_id:
            opened = person.image_id, _open(path, folder / names[person.image_id])
        x, y, width, height = person.bbox
        side = round(_WIDER * max(width, height))
        left, top = round(x + (width - side) / 2), round(y + (height - side) / 2)
        square = opened[1].crop((left, top, left + side, top + side)).resize((_CROP, _CROP), resample=_BILINEAR)
        crops[number] = torch.frombuffer(bytearray(square.tobytes()), dtype=torch.uint8).view(_CROP, _CROP, 3).permute(2, 0, 1)
        points = torch.tensor(person.keypoints).view(joints, 3)
        # 2 is a joint that is seen and 1 one that is covered, whose place the annotator knew all the same.
        known = points[:, 2] > 0
        unit = (points[:, :2] - torch.tensor([left, top])) / side
        # Between the others, where it changes nothing.
        unit[~known] = unit[known].mean(0)
        places[number] = torch.cat([unit, known[:, None]], dim=1)
    return crops, places


def _folder(path: Path, name: str) -> Path:
    """Where the pictures are: beside the file, or where COCO's own archives put them. Raises UsageError."""
    around, split = path.parent, path.stem.rpartition("_")[2]
    tried = (around, around / "images", around / split, around.parent / split, around.parent / "images" / split, around.parent)
    for folder in tried:
        if (folder / name).is_file():
            return folder
    message = f"--data coco:{path}: no picture {name} in {', '.join(map(str, dict.fromkeys(tried)))}: put them into one of these"
    raise UsageError(message)


def _open(path: Path, picture: Path) -> Image:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - only for photographs

    try:
        with Image.open(picture) as opened:
            return opened.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        message = f"--data coco:{path}: {picture} cannot be read as a picture: {' '.join(str(error).split())}"
        raise UsageError(message) from None
