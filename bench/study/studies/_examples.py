"""A few pictures and what the trained heads answer to them: made once from the weights, and read without torch."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING, Any

import msgspec

from ..log import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..base import Study
    from ..log import Log

NAME = "examples.json"


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a test as PNG in base64, its people, and the people that each head finds: x, y and 0 if missing."""

    title: str
    seed: int
    picture: str
    limbs: tuple[tuple[int, int], ...]
    people: tuple[tuple[tuple[float, float, float], ...], ...]
    answers: dict[str, tuple[tuple[tuple[float, float, float], ...], ...]]


def read(folder: Path) -> tuple[Example, ...]:
    """The examples of a study's folder; none where there are none, or where the file is not whole."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=tuple[Example, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


def write(study: Study, log: Log, shown: Mapping[str, tuple[str, str]]) -> None:
    """Make them anew for the log's first seed; `shown` is a title by test, and what follows the head in its arm's name.

    An arm is left out that was not trained, or whose weights are gone, or those of what the network was before it was changed.
    """
    import torch  # noqa: PLC0415 - reading must not need it
    from safetensors import SafetensorError  # noqa: PLC0415 - as above
    from safetensors.torch import load_file  # noqa: PLC0415 - as above

    from ... import plugins  # noqa: PLC0415 - as above
    from . import _asked as asked  # noqa: PLC0415 - as above

    plugins.load_all()
    seed = log.head.seeds[0]
    # Figures are drawn, so that few are enough; photographs are divided by how many are read.
    budget = log.head.budget if log.head.source else msgspec.structs.replace(log.head.budget, images=1, tests=4)
    data = study.data(seed, budget, log.head.source)
    nets: dict[str, Any] = {}
    for arm in log.head.arms:
        trial = log.trials.get((arm.name, seed))
        path = log.folder / WEIGHTS / (trial.weights if trial else "")
        if path.is_file():
            net = study.network(arm, data).eval()
            try:
                net.load_state_dict(load_file(path))
            except (SafetensorError, RuntimeError, OSError):
                continue
            nets[arm.name] = net
    found = []
    for test, (title, end) in shown.items():
        one = type(data.tests[test])(*(part[:1] for part in data.tests[test]))
        with torch.no_grad():
            answers = {
                name.removesuffix(end): _people(asked.answers(net, one)[0])
                for name, net in nets.items()
                if name.endswith(end) and "-" not in name.removesuffix(end)
            }
        found.append(Example(title=title, seed=seed, picture=_png(one.inputs[0]), limbs=data.about["limbs"],
                             people=_people(one.targets[0], every=True), answers=answers))  # fmt: skip
    (log.folder / NAME).write_bytes(msgspec.json.encode(found))


def _people(found: Any, *, every: bool = False) -> tuple[tuple[tuple[float, float, float], ...], ...]:
    """As numbers to a hundredth; of answers, the people that have a joint."""
    kept = [person for person in found.tolist() if every or any(joint[2] > 0 for joint in person)]
    return tuple(tuple((round(x, 2), round(y, 2), round(sure, 3)) for x, y, sure in person) for person in kept)


def _png(picture: Any) -> str:
    from PIL import Image  # noqa: PLC0415 - as above

    pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
    gray = bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all())
    buffer = BytesIO()
    Image.fromarray(pixels[..., 0].copy() if gray else pixels.copy()).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()
