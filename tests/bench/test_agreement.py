"""How far two outputs agree: a constant scores nothing, noise of a known size its exact decibels, and NaN never passes."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vbench import agreement
from vbench.agreement import CAP_DB, LIMITS_DB, MIN_CLASSES, compare, fingerprint, flatten
from vbench.axes import PRECISIONS
from vbench.stats import same

seeds = st.integers(min_value=0, max_value=2**31)


def _outputs(seed: int = 0, images: int = 64, values: int = 100) -> torch.Tensor:
    return torch.randn(images, values, generator=torch.Generator().manual_seed(seed))


def _sqnr(reference: torch.Tensor, output: torch.Tensor) -> float:
    found = compare(reference, output, classes=False).sqnr_db
    assert found is not None
    return found


@given(seeds, st.floats(min_value=-100, max_value=100))
def test_a_constant_answer_scores_nothing(seed: int, constant: float) -> None:
    reference = _outputs(seed) + 50
    found = compare(reference, torch.full_like(reference, constant), classes=True)
    assert found.sqnr_db == pytest.approx(0, abs=1e-6)
    assert found.cosine == 0
    assert found.top1 is not None
    assert found.top1 < 0.2


@given(seeds)
def test_an_answer_that_ignores_its_input_scores_nothing(seed: int) -> None:
    reference = _outputs(seed) + 50
    found = compare(reference, reference[:1].expand_as(reference), classes=False)
    assert found.sqnr_db == pytest.approx(0, abs=1e-6)  # however close the first image's answer is to the others
    assert found.cosine == pytest.approx(0, abs=1e-6)


@given(seeds)
def test_equal_outputs_score_the_cap(seed: int) -> None:
    reference = _outputs(seed)
    found = compare(reference, reference.clone(), classes=True)
    assert (found.sqnr_db, found.top1, found.note) == (CAP_DB, 1.0, "")
    assert found.cosine == pytest.approx(1)


@given(seeds, st.floats(min_value=1e-6, max_value=10))
def test_noise_of_a_known_size_scores_its_exact_decibels(seed: int, scale: float) -> None:
    reference, noise = _outputs(seed).double(), _outputs(seed + 1).double()
    centred, disturbance = reference - reference.mean(0), noise - noise.mean(0)
    expected = 10 * math.log10(float(centred.square().sum() / (scale * disturbance).square().sum()))
    assert _sqnr(reference, reference + scale * noise) == pytest.approx(expected, abs=1e-6)
    # Ten times the noise costs twenty decibels, and a constant added to every answer costs nothing.
    assert _sqnr(reference, reference + 10 * scale * noise) == pytest.approx(expected - 20, abs=1e-6)
    assert _sqnr(reference, reference + scale * noise + 7) == pytest.approx(expected, abs=1e-6)
    assert _sqnr(reference, -reference) == pytest.approx(-20 * math.log10(2))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_an_answer_that_is_no_number_is_wrong_and_not_perfect(wrong: float) -> None:
    reference = _outputs()
    spoilt = reference.clone()
    spoilt[17, 5] = wrong
    with pytest.raises(ValueError, match="the output holds NaN or infinity"):
        compare(reference, spoilt, classes=False)
    with pytest.raises(ValueError, match="eager fp32's output holds NaN or infinity"):
        compare(spoilt, reference, classes=False)


def test_outputs_of_another_shape_are_wrong() -> None:
    with pytest.raises(ValueError, match=r"the output has shape \(64, 99\), and eager fp32 gives \(64, 100\)"):
        compare(_outputs(), _outputs(values=99), classes=False)


def test_a_reference_that_does_not_depend_on_its_input_says_nothing() -> None:
    reference = torch.full((64, 10), 3.0)
    found = compare(reference, reference + _outputs(values=10), classes=True)
    assert (found.sqnr_db, found.cosine, found.top1) == (None, None, None)
    assert found.note == "the reference's output does not depend on its input"


@pytest.mark.parametrize("classes", [1, MIN_CLASSES - 1, MIN_CLASSES, 20])
def test_top1_is_left_empty_where_the_reference_gives_few_classes(classes: int) -> None:
    answers = torch.nn.functional.one_hot(torch.arange(64) % classes, 20).float()
    reference = answers + 0.01 * _outputs(values=20)
    half = torch.where(torch.arange(64).view(64, 1) < 16, reference.roll(1, 1), reference)
    found = compare(reference, half, classes=True)
    if classes >= MIN_CLASSES:
        assert (found.top1, found.note) == (0.75, "")
    else:
        assert found.top1 is None
        assert found.note == f"top-1 agreement left empty: the reference gives {classes} classes for 64 images"
    assert compare(reference, half, classes=False).top1 is None


def test_any_nest_of_tensors_is_one_row_for_each_image() -> None:
    a, b, c = torch.arange(6.0).view(2, 3), torch.arange(8.0).view(2, 2, 2) + 10, torch.tensor([1, 2], dtype=torch.int64)
    found = flatten({"logits": a, "more": [b, (c, "a word", None)]})
    assert found.dtype == torch.float32
    assert found.tolist() == [[0, 1, 2, 10, 11, 12, 13, 1], [3, 4, 5, 14, 15, 16, 17, 2]]
    assert not flatten(a.clone().requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    [
        (None, TypeError, "the output is NoneType and holds no tensor"),
        ([], TypeError, "the output is list and holds no tensor"),
        (torch.tensor(1.0), ValueError, "do not share their first dimension"),
        ((torch.ones(2, 3), torch.ones(3, 2)), ValueError, r"do not share their first dimension: \(2, 3\), \(3, 2\)"),
    ],
)
def test_what_is_no_output_is_said(output: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        flatten(output)


@given(seeds, st.integers(min_value=1, max_value=5000))
def test_a_fingerprint_is_short_and_the_same_for_the_same_output(seed: int, size: int) -> None:
    output = _outputs(seed, 1, size)
    found = fingerprint(output)
    assert len(found) == min(size, 32) or 32 >= len(found) >= 16
    assert set(found) <= set(output.flatten().tolist())
    for precision in PRECISIONS:
        assert same(found, fingerprint(output.clone()), LIMITS_DB[precision])


def test_every_precision_has_a_limit_and_coarser_ones_a_lower_one() -> None:
    assert set(LIMITS_DB) == set(PRECISIONS)
    limits = [LIMITS_DB[precision] for precision in ("fp32", "fp16", "bf16", "int8")]
    assert limits == sorted(limits, reverse=True)
    assert limits[0] < agreement.CAP_DB


@pytest.mark.parametrize("precision", PRECISIONS)
def test_a_fingerprint_may_differ_as_far_as_its_precision_allows(precision: str) -> None:
    expected = fingerprint(_outputs(0, 1, 32))
    step = 10 ** (-LIMITS_DB[precision] / 20)
    assert same(expected, tuple(value * (1 + 0.99 * step) for value in expected), LIMITS_DB[precision])
    assert not same(expected, tuple(value * (1 + 1.01 * step) for value in expected), LIMITS_DB[precision])
    assert not same(expected, (*expected[:-1], math.nan), LIMITS_DB[precision])
    assert not same(expected, expected[:-1], LIMITS_DB[precision])
    assert same((0.0, 0.0), (0.0, 0.0), LIMITS_DB[precision])
    assert not same((0.0, 0.0), (0.0, 1e-30), LIMITS_DB[precision])
