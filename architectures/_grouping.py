"""From peaks and part affinity fields to people: which joints belong together (Cao et al. 2017).

Three steps. A pair of peaks is scored by the line integral of the limb's field between them; for each limb the best pairs are
kept, no peak in two of them; limbs that share a joint are one person. Only the limbs of the skeleton's tree are followed, so that
a person has each joint once. The looped form is plain Python on lists and works on the peaks that there are; its time grows with
the square of their number. The vectorised one works on `most` places per joint whether they are taken or not, for all images
at once and without a look at any value, so its time is always that of a full picture. Both give the same people.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from ._decoding import peaks, peaks_looped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._decoding import Found
    from ._targets import Skeleton

    Scores = Sequence[Sequence[float]]
    Match = Callable[[Scores], list[tuple[int, int]]]
    """Chooses pairs (row, column), no row and no column twice, among those that score above 0."""

SAMPLES = 10
LEVEL = 0.05
SHARE = 0.5
"""A pair is a limb where at least this share of its samples is above the level. The authors' code asks for 0.8 of fields that it
draws a cell longer at both ends; on the formula's own, a limb of five cells may lose 0.42 to the grid."""
LEAST = 4
"""A person has at least as many joints, as in the authors' code."""


def line_integrals(fields: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Score every pair of a limb's start and end by how far the field between them points from one to the other.

    Takes the fields `(batch, limbs, 2, height, width)` and places `(batch, limbs, most, 3)`; gives `(batch, limbs, starts,
    ends)`: the mean over samples between the two of the field times the unit vector (equation 10), each sample in the
    cell that is nearest. 0 for pairs that are no limb.
    """
    height, width = fields.shape[3:]
    step = end[:, :, None, :, :2] - start[:, :, :, None, :2]
    unit = step / step.norm(dim=4, keepdim=True).clamp(min=1e-6)
    # The middle of each of as many parts: at the ends themselves half of the nearest cells lie beside the limb.
    along = (torch.arange(SAMPLES, device=fields.device) + 0.5) / SAMPLES
    x, y = (start[:, :, :, None, :2, None] + step[..., None] * along).round().long().unbind(4)
    cell = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
    batch, limbs, starts, ends, _ = cell.shape
    index = cell.view(batch, limbs, 1, -1).expand(-1, -1, 2, -1)
    field = fields.flatten(3).gather(3, index).view(batch, limbs, 2, starts, ends, SAMPLES)
    agreed = field[:, :, 0] * unit[..., 0, None] + field[:, :, 1] * unit[..., 1, None]
    there = (start[..., :, None, 2] > 0) & (end[..., None, :, 2] > 0)
    limb = there & ((agreed > LEVEL).sum(4) >= SHARE * SAMPLES)
    return torch.where(limb, agreed.mean(4), 0).clamp(min=0)


def greedy(scores: torch.Tensor) -> torch.Tensor:
    """Keep the best pair, strike out its row and its column, and so on: `(…, starts, ends)` to each end's start, or -1.

    This is the pairing of the authors' code. As many rounds as there are starts, whether pairs are left or not.
    """
    starts, ends = scores.shape[-2:]
    row, column = torch.arange(starts, device=scores.device), torch.arange(ends, device=scores.device)
    chosen = torch.full((*scores.shape[:-2], ends), -1, dtype=torch.long, device=scores.device)
    left = scores.flatten(-2)
    for _ in range(min(starts, ends)):
        best, pair = left.max(-1, keepdim=True)
        in_row, in_column = row == pair // ends, column == pair % ends
        chosen = torch.where(in_column & (best > 0), pair // ends, chosen)
        struck = in_row[..., :, None] | in_column[..., None, :]
        left = left.masked_fill(struck.flatten(-2), 0)
    return chosen


def greedy_looped(scores: Scores) -> list[tuple[int, int]]:
    """Go through the pairs from the best down, and keep those whose row and column are free."""
    pairs = [(-score, row, column) for row, line in enumerate(scores) for column, score in enumerate(line) if score > 0]
    rows, columns, kept = set[int](), set[int](), []
    for _, row, column in sorted(pairs):
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            kept.append((row, column))
    return kept


def optimal(scores: Scores) -> list[tuple[int, int]]:
    """Choose the pairs whose scores sum to the most, of all ways to pair the ends of one limb, by scipy."""
    from scipy.optimize import linear_sum_assignment  # registering must stay quick  # noqa: PLC0415

    if not scores or not scores[0]:
        return []
    rows, columns = linear_sum_assignment(scores, maximize=True)
    return [(row, column) for row, column in zip(rows.tolist(), columns.tolist(), strict=True) if scores[row][column] > 0]


def people(heat: torch.Tensor, fields: torch.Tensor, skeleton: Skeleton, most: int) -> torch.Tensor:
    """Group the joints of up to `most` people, the surest first.

    Takes heat maps `(batch, joints, height, width)` and fields `(batch, 2 times limbs, height, width)`; gives `(batch, most,
    joints, 3)`: x, y and the heat there, zeros for joints that are missing and for people that are not there.
    """
    found = peaks(heat, most)
    batch, joints = found.shape[:2]
    starts, ends = ([skeleton.limbs[limb][side] for limb in skeleton.tree] for side in (0, 1))
    ours = fields.unflatten(1, (-1, 2))[:, list(skeleton.tree)]
    chosen = greedy(line_integrals(ours, found[:, starts], found[:, ends]))
    # Each peak points at the one that it hangs on, a root at itself; doubled often enough, every pointer reaches a root.
    node = torch.arange(joints * most, device=heat.device).view(joints, most).expand(batch, -1, -1)
    first = torch.tensor(starts, device=heat.device)[:, None] * most
    hung = torch.where(chosen >= 0, first + chosen, node[:, ends])
    order = [ends.index(joint) if joint in ends else len(ends) for joint in range(joints)]
    roots = node[:, [joint for joint in range(joints) if joint not in ends]]
    pointer = torch.cat([hung, roots], dim=1)[:, order].flatten(1)
    for _ in range(math.ceil(math.log2(joints))):
        pointer = pointer.gather(1, pointer)
    # One row for each peak that could be a root: which peaks are its person's.
    heat_there = found[..., 2].flatten(1)
    member = (pointer[:, None, :] == node.flatten(1)[:, :, None]) & (heat_there > 0)[:, None, :]
    enough = member.sum(2) >= LEAST
    total, root = ((member * heat_there[:, None, :]).sum(2) * enough).topk(most, dim=1)
    mine = (pointer[:, None, :] == root[:, :, None]) & (total > 0)[:, :, None]
    return mine.view(batch, most, joints, most, 1).mul(found[:, None]).sum(3)


def in_one(maps: torch.Tensor, skeleton: Skeleton, most: int, group: Callable[..., torch.Tensor] = people) -> torch.Tensor:
    """Group what a network emits as one tensor: a map for each joint, the background's, and two for each limb."""
    joints = len(skeleton.joints)
    return group(maps[:, :joints], maps[:, joints + 1 :], skeleton, most)


def people_looped(
    heat: torch.Tensor, fields: torch.Tensor, skeleton: Skeleton, most: int, match: Match = greedy_looped
) -> torch.Tensor:
    """Do what `people` does, image by image, limb by limb and pair by pair; `optimal` may take the place of the greedy match."""
    images = zip(heat.tolist(), fields.unflatten(1, (-1, 2)).tolist(), strict=True)
    return heat.new_tensor([_people(*image, skeleton, most, match) for image in images])


def _people(
    heat: list[list[list[float]]],
    fields: list[list[list[list[float]]]],
    skeleton: Skeleton,
    most: int,
    match: Match,
) -> list[list[Found]]:
    """Group the joints of one image."""
    found = [peaks_looped(grid)[:most] for grid in heat]
    owner: dict[tuple[int, int], dict[int, Found]] = {}
    groups: list[dict[int, Found]] = []
    for limb in skeleton.tree:
        start, end = skeleton.limbs[limb]
        scores = [[_line_integral(fields[limb], a, b) for b in found[end]] for a in found[start]]
        for a, b in match(scores):
            # The limbs of a tree come in an order in which either end may have been seen before, or both.
            parts = [owner.setdefault(key, {key[0]: found[key[0]][key[1]]}) for key in ((start, a), (end, b))]
            parts[0].update(parts[1])
            owner.update({key: parts[0] for key, part in owner.items() if part is parts[1]})
    for group in owner.values():
        if len(group) >= LEAST and not any(group is other for other in groups):
            groups.append(group)
    groups.sort(key=lambda group: -sum(score for _, _, score in group.values()))
    nowhere = (0.0, 0.0, 0.0)
    filled = [[group.get(joint, nowhere) for joint in range(len(found))] for group in groups[:most]]
    return filled + [[nowhere] * len(found)] * (most - len(filled))


def _line_integral(field: list[list[list[float]]], start: Found, end: Found) -> float:
    """The score of one pair, as `line_integrals` has it."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = max(math.hypot(dx, dy), 1e-6)
    height, width = len(field[0]), len(field[0][0])
    agreed = []
    for sample in range(SAMPLES):
        along = (sample + 0.5) / SAMPLES
        x = min(max(round(start[0] + along * dx), 0), width - 1)
        y = min(max(round(start[1] + along * dy), 0), height - 1)
        agreed.append((field[0][y][x] * dx + field[1][y][x] * dy) / length)
    if sum(value > LEVEL for value in agreed) < SHARE * SAMPLES:
        return 0.0
    return max(0.0, sum(agreed) / SAMPLES)
