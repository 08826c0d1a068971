"""Eager: what PyTorch has no kernel for in a precision stays in fp32 where it is a layer of its own, and is said."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from vbench import agreement
from vbench.engines.eager import Eager


class Stem(nn.Module):
    """Two layers of one kind whose kernel may be missing, between convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm1, self.relu, self.norm2 = nn.LocalResponseNorm(5), nn.ReLU(), nn.LocalResponseNorm(3)
        self.head = nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm2(self.relu(self.norm1(self.conv(x)))))


class Whole(nn.Module):
    """The same call in the forward of a module that holds another."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.local_response_norm(self.conv(x), 5)


class Broken(nn.Module):
    """Fails for a reason that no precision mends."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ x


def lacks(dtype: torch.dtype) -> bool:
    try:
        nn.LocalResponseNorm(5)(torch.ones(1, 8, 4, 4, dtype=dtype))
    except RuntimeError:
        return True
    return False


def session_of(module: nn.Module, make: Any, precision: str) -> Any:
    session = Eager().prepare(module, make.case(precision=precision, input_shape=(3, 16, 16)))
    session.load([torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)])
    return session


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_a_layer_without_a_kernel_stays_in_fp32_and_the_rest_does_not(make: Any, precision: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    module = Stem().eval()
    pictures = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = module(pictures)
    session = session_of(module, make, precision)
    try:
        session.step()
        got = session.output()
        assert got.dtype == dtype
        assert agreement.compare(wanted.reshape(4, -1), got.float().reshape(4, -1), classes=False).sqnr_db > 30
        said = session.notes.get("full_precision", "")
        assert lacks(dtype) == (said == f"norm1, norm2: PyTorch has no avg_pool3d_out_frame in {str(dtype)[6:]} here")
        assert module.conv.weight.dtype == module.head.weight.dtype == dtype
        session.step()  # the next request goes straight through
        assert torch.isfinite(session.output()).all()
    finally:
        session.close()


@pytest.mark.skipif(not lacks(torch.bfloat16), reason="this PyTorch has the kernel")
def test_more_than_a_layer_is_not_kept_for_a_call_that_has_no_kernel(make: Any) -> None:
    session = session_of(Whole(), make, "bf16")
    try:
        with pytest.raises(RuntimeError, match="not implemented for 'BFloat16'"):
            session.step()
        assert session.notes == {}
    finally:
        session.close()


def test_any_other_failure_is_told_as_it_is(make: Any) -> None:
    session = session_of(Broken(), make, "fp32")
    session.load([torch.ones(1, 3, 16, 15)])
    try:
        with pytest.raises(RuntimeError, match=r"must match|size"):
            session.step()
    finally:
        session.close()
