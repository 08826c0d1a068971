"""The kind of a layer: of what multiplies by its weights, of the rest by the words that engines call it by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import kinds
from vbench.reports.profiles import _marks


@pytest.mark.parametrize(
    ("weight", "groups", "kind"),
    [
        ((64, 32, 1, 1), 1, kinds.ONE),
        ((64, 32, 3, 3), 1, kinds.THREE),
        ((64, 3, 7, 7), 1, kinds.LARGER),
        ((64, 32, 1, 3), 1, kinds.LARGER),
        ((64, 32, 3), 1, kinds.LARGER),
        ((64, 32, 1), 1, kinds.ONE),
        ((64, 1, 3, 3), 64, kinds.DEPTHWISE),
        ((64, 1, 3, 3), 1, kinds.THREE),
        ((64, 8, 1, 1), 4, kinds.GROUPED),
        ((128, 1, 1, 1), 64, kinds.DEPTHWISE),
        ((10, 64), 1, kinds.LINEAR),
        ((), 1, kinds.LINEAR),
    ],
)
def test_a_convolution_is_told_by_its_window_and_its_groups(weight: tuple[int, ...], groups: int, kind: str) -> None:
    assert kinds.of_convolution(weight, groups) == kind


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (
            kinds.POOLING,
            "max_pool2d_with_indices MaxPool GlobalAveragePool Pooling mean ReduceMean _adaptive_avg_pool2d max_unpool2d",
        ),
        (kinds.NORMALISATION, "native_batch_norm BatchNormalization LRN LayerNormalization native_layer_norm MVN"),
        (kinds.ACTIVATION, "relu_ PRelu Clip hardtanh_ HardSwish _softmax silu clamp_min BiasGelu leaky_relu_"),
        (
            kinds.MOVEMENT,
            "cat Concatenation _to_copy copy_ Transpose ReorderInput QuantizeLinear constant_pad_nd channel_shuffle",
        ),
        (kinds.ELEMENTWISE, "add_ Add Eltwise mul Subgraph"),
        (kinds.OTHER, "upsample_bilinear2d Resize Interpolate FusedConv"),
    ],
)
def test_the_rest_is_told_by_the_words_of_its_name(kind: str, names: str) -> None:
    assert {name: kinds.of_name(name) for name in names.split()} == dict.fromkeys(names.split(), kind)


def test_a_kernel_that_does_several_things_is_the_first_that_it_has() -> None:
    assert kinds.of_name("graph_0_cpp_fused_cat_max_pool2d_with_indices_3") == kinds.POOLING
    assert kinds.of_name("cpp_fused__native_batch_norm_legit_no_training_relu_1") == kinds.NORMALISATION
    assert kinds.of_name("cpp_fused_cat_relu_4") == kinds.ACTIVATION


@given(st.text())
def test_every_name_has_a_kind(name: str) -> None:
    assert kinds.of_name(name) in kinds.KINDS


def test_every_kind_has_a_colour_of_its_own() -> None:
    assert list(_marks.COLORS) == list(kinds.KINDS)
    assert len(set(_marks.COLORS.values())) == len(kinds.KINDS)
    assert set(kinds.PRODUCTS) < set(kinds.KINDS)
