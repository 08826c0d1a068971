"""The pictures to train on, from a data set: batches in an order that a seed decides, decoded ahead of the network."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from .. import data, datasets
from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from PIL import Image

    from ..core import Preprocess
    from ..datasets import Pictures

    _One = tuple[Image.Image | None, int]

_AHEAD = 3


class Feed:
    """A data set as a `tuner.Feed`: pictures as the network declares them, but cut out at a random place where there is room.

    `targets` says which output of the network each class is. A picture that cannot be read is an error, which names it, or is
    passed over with `skip_broken`.
    """

    def __init__(  # noqa: PLR0913 - a data set, and how its pictures become inputs
        self, pictures: Pictures, targets: Sequence[int], shape: tuple[int, ...], preprocess: Preprocess, *, workers: int = 1,
        skip_broken: bool = False,
    ) -> None:  # fmt: skip
        self._pictures, self._targets, self._shape, self._preprocess = pictures, targets, shape, preprocess
        self._workers, self._skip, self._broken = workers, skip_broken, datasets.broken()

    def steps(self, batch: int) -> int:
        """Of whole batches; a data set of fewer pictures is one."""
        return max(1, len(self._pictures) // batch)

    def batches(self, options: dict[str, Any], number: int, start: int) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """See `tuner.Feed`. Raises UsageError for a picture that cannot be read."""
        unread = 0
        with ThreadPoolExecutor(self._workers) as pool:
            waiting: deque[list[Future[_One]]] = deque()
            for chosen, chance in self._chosen(options, number, start):
                draws = chance.random((len(chosen), 3)).tolist()
                waiting.append(
                    [pool.submit(self._one, *pair, mirror=options["mirror"]) for pair in zip(chosen, draws, strict=True)]
                )
                if len(waiting) <= _AHEAD:
                    continue
                able = [one for one in (future.result() for future in waiting.popleft()) if one[0] is not None]
                unread = 0 if able else unread + 1
                if unread > self.steps(options["batch"]):
                    message = "none of the pictures to train on could be read"
                    raise UsageError(message)
                if able:
                    # torch would start threads of its own in each thread that normalises, so that this one does.
                    inputs = [data.normalise(picture, self._preprocess) for picture, _ in able if picture is not None]
                    yield torch.stack(inputs), torch.tensor([target for _, target in able])

    def _chosen(
        self, options: dict[str, Any], number: int, start: int
    ) -> Iterator[tuple[np.ndarray[Any, np.dtype[np.int64]], np.random.Generator]]:
        """The pictures of each step with what is random about it, without end: all of them in each pass, in another order."""
        count, batch, seed = self.steps(options["batch"]), options["batch"], options["seed"]
        turn, step = divmod(start, count)
        while True:
            order = np.random.default_rng([seed, number, turn]).permutation(len(self._pictures))
            for index in range(step, count):
                yield order[index * batch : (index + 1) * batch], np.random.default_rng([seed, number, turn, index])
            turn, step = turn + 1, 0

    def _one(self, index: int, draw: Sequence[float], *, mirror: bool) -> _One:
        """A picture as it is shown, or None, and which output it is of."""
        target = self._targets[int(self._pictures.labels[index])]
        try:
            picture = self._pictures.open(int(index), self._shape[0])
        except self._broken as error:
            if self._skip:
                return None, target
            message = (
                f"{self._pictures.name(int(index))} cannot be read: {error}; mend or remove it, or leave such pictures out with "
                "--skip-broken"
            )
            raise UsageError(message) from None
        across, down, side = draw
        found = data.resize(picture, self._shape, self._preprocess, (across, down))
        if mirror and side < 0.5:  # noqa: PLR2004 - every second one
            from PIL import Image  # noqa: PLC0415 - only for pictures

            found = found.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return found, target
