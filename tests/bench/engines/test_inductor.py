"""The compiler's engine: what it refuses, what it keeps, what it runs, and what becomes of a network that is no graph."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import pytest
import torch
from torch import nn

from vbench import agreement, registry
from vbench.engines import _compiled, _quantised, _schedule, inductor
from vbench.engines._account import Ran
from vbench.engines._schedule import Kernel
from vbench.errors import VbenchError
from vbench.preparation import Preparation

if TYPE_CHECKING:
    from pathlib import Path

compiles = pytest.mark.skipif(
    shutil.which(inductor._compiler()) is None or os.name != "posix", reason="no C++ compiler (apt install g++)"
)


def test_what_is_missing_is_said_in_one_line(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = inductor.Inductor()
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        ImportError, match=r"^inductor needs a C\+\+ compiler, and no-such-compiler is not here: apt install g\+\+"
    ):
        engine.version()
    with pytest.raises(VbenchError, match="no-such-compiler does not run"):
        inductor._version_of("no-such-compiler")
    assert engine.skip(make.case()) is None
    assert engine.skip(make.case(precision="tf32")) == "the inductor engine has no tf32 on cpu: it has fp32, bf16, fp16, int8"
    assert engine.skip(make.case(device="mps")) == "the inductor engine compiles for cpu and cuda, not for mps"
    assert "has no int8 on cuda:0" in str(engine.skip(make.case(device="cuda:0", precision="int8")))
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert "this is riscv64: leave out int8" in str(engine.skip(make.case(precision="int8")))
    monkeypatch.setattr("platform.machine", lambda: "x86_64")

    def absent(name: str) -> str:
        raise _quantised.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_quantised.metadata, "version", absent)
    assert engine.skip(make.case(precision="int8")) == (
        "torchao, which quantises for inductor, is not installed: pip install 'vbench[engines]'"
    )


@pytest.mark.parametrize(
    ("name", "operands", "out", "macs"),
    [
        ("mkldnn__convolution_pointwise", [[2, 8, 12, 12], [16, 4, 3, 3], [16]], [2, 16, 12, 12], 165888),
        ("mkldnn__convolution_pointwise_binary", [[2, 16, 6, 6], [2, 16, 6, 6], [16, 16, 3, 3]], [2, 16, 6, 6], 165888),
        ("mkldnn__convolution_pointwise_binary_", [[2, 16, 6, 6], [2, 8, 6, 6], [16, 8, 3, 3]], [], 82944),
        ("_qconv2d_pointwise_binary_tensor", [[2, 8, 6, 6], [16, 8, 3, 3], [16], [2, 16, 6, 6]], [], 82944),
        ("mkldnn__convolution_transpose_pointwise", [[2, 16, 12, 12], [16, 16, 2, 2], [16]], [2, 16, 24, 24], 294912),
        ("_linear_pointwise", [[2, 16], [10, 16], [10]], [2, 10], 320),
        ("_qlinear_pointwise_tensor", [[2, 16], [16, 10], [10], [10]], [2, 10], 320),
        ("addmm_out", [[10], [2, 16], [16, 10]], [2, 10], 320),
        ("bmm_out", [[4, 2, 16], [4, 16, 10]], [4, 2, 10], 1280),
        ("gemm", [[2, 16], [1, 16, 16], [10]], [2, 10], 320),
        ("_scaled_dot_product_flash_attention_for_cpu", [[1, 2, 5, 16]] * 3, [1, 2, 5, 16], 1600),
        ("mkldnn__reorder_convolution_weight", [[16, 4, 3, 3]], [16, 4, 3, 3], 0),
        ("max_pool2d_with_indices", [[2, 8, 12, 12]], [2, 8, 6, 6], 0),
        ("mkldnn__convolution_pointwise", [[2, 8, 12, 12]], [], 0),
    ],
)
def test_macs_of_a_kernel_from_the_sizes_of_what_it_works_on(
    name: str, operands: list[list[int]], out: list[int], macs: int
) -> None:
    assert _schedule.macs_of(name, operands, out) == macs


def test_what_the_profiler_saw_meets_what_was_compiled_in_order(tmp_path: Path) -> None:
    kernels = [
        Kernel("conv", "int8", 10),
        Kernel("conv", "fp32", 20),
        Kernel("quantized_pool", "int8", 0),
        Kernel("mm", "bf16", 5),
    ]
    (tmp_path / _compiled.KERNELS).write_bytes(msgspec.json.encode(kernels))
    seen = [
        ("aten::empty", 9.0), ("graph_0_cpp_fused_quantize_per_tensor_0", 1.0), ("aoti_torch_cpu_conv", 2.0),
        ("graph_0_cpp_fused_mean_relu_1", 3.0), ("aoti_torch_cpu_conv", 4.0), ("aoti_torch_cpu_sort", 5.0),
    ]  # fmt: skip
    assert _compiled.account(tmp_path, seen) == [
        Ran("conversion", "fp32", 0, 1.0), Ran("convolution", "int8", 10, 2.0), Ran("generated", "fp32", 0, 3.0),
        Ran("convolution", "fp32", 20, 4.0), Ran("sort", "fp32", 0, 5.0), Ran("matmul", "bf16", 5, None),
    ]  # fmt: skip


class Grouped(nn.Module):
    """Convolutions in groups and with a sum, batch norm, and two outputs in a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(4, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.grouped = nn.Conv2d(16, 16, 3, padding=1, groups=4)
        self.head = nn.Linear(16, 10)

    def forward(self, images: torch.Tensor) -> dict[str, Any]:
        found = self.stem(images)
        found = (self.grouped(found) + found).relu()
        return {"z": self.head(found.mean((2, 3))), "a": [found]}


MACS = 64 * (16 * 4 * 9 + 16 * 4 * 9) + 160


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def prepared(module: nn.Module, case: Any, **fields: Any) -> tuple[Any, Preparation]:
    preparation = Preparation(module, case, **fields)
    return inductor.Inductor().prepare(module, case, preparation), preparation


@compiles
@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=pytest.mark.slow), "int8"])
def test_a_network_is_compiled_once_and_answers_as_eager_does(precision: str, make: Any, kept: Path) -> None:
    if precision == "int8":
        pytest.importorskip("torchao")
    torch.manual_seed(0)
    before = psutil.Process().children(recursive=True)
    module = Grouped().eval()
    case = make.case(precision=precision, input_shape=(4, 8, 8), batch=2, threads=torch.get_num_threads())
    inputs = [torch.randn(2, 4, 8, 8) for _ in range(3)]
    wanted = torch.cat([agreement.flatten(module(batch)) for batch in inputs])
    session, preparation = prepared(module, case)
    assert preparation.made_s > 0
    assert next(module.parameters()).dtype == torch.float32  # what it is compared with stays as it was
    for again in (False, True):
        if again:
            session, preparation = prepared(module, case)
            assert preparation.made_s == 0
        session.load(inputs)
        got = []
        for _ in inputs:
            session.step()
            session.synchronize()
            got.append(agreement.flatten(session.output()).clone())
        found = agreement.compare(wanted, torch.cat(got), classes=False)
        assert found.sqnr_db is not None
        assert found.sqnr_db > {"fp32": 90, "bf16": 30, "int8": 25}[precision]
    operators = session.operators()
    assert sum(o.macs for o in operators) == MACS
    assert {o.precision for o in operators if o.macs} == {precision}
    assert {o.kind for o in operators if o.place} == {"convolution", "matmul"}
    assert all(o.seconds is not None for o in operators)
    session.close()
    assert not list(kept.rglob(".compiler-*"))
    assert set(psutil.Process().children(recursive=True)) <= set(
        before
    )  # the compiler's helpers would take time from what is measured
    if precision == "int8":
        assert preparation.notes["calibration"] == "64 smooth seeded pictures (seed 1000)"
        assert preparation.notes["quantiser"].startswith("torchao ")


@compiles
@pytest.mark.slow
def test_pooling_whose_last_window_hangs_over_keeps_its_size(make: Any) -> None:
    pytest.importorskip("torchao")
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    module = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), pool, nn.Conv2d(8, 8, 1)).eval()
    session, _ = prepared(module, make.case(precision="int8", input_shape=(3, 8, 8), threads=torch.get_num_threads()))
    images = torch.rand(1, 3, 8, 8)
    session.load([images])
    session.step()
    found = agreement.compare(agreement.flatten(module(images)).T, agreement.flatten(session.output()).T, classes=False)
    assert found.sqnr_db is not None
    assert found.sqnr_db > 15
    session.close()


@compiles
def test_modules_can_be_left_out_of_the_quantisation(make: Any) -> None:
    pytest.importorskip("torchao")
    case = make.case(precision="int8", input_shape=(4, 8, 8), batch=2, threads=torch.get_num_threads())
    session, _ = prepared(Grouped().eval(), case, full_precision=("grouped",))
    session.load([torch.ones(2, 4, 8, 8)])
    assert {(o.kind, o.precision): o.macs for o in session.operators() if o.macs} == {
        ("convolution", "int8"): 64 * 16 * 4 * 9, ("convolution", "fp32"): 64 * 16 * 4 * 9, ("matmul", "int8"): 160,
    }  # fmt: skip
    session.close()


class Deciding(nn.Module):
    """Looks at values to decide what to compute."""

    def __init__(self, *, one: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.one = one

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        value = float(images.sum()) if self.one else sum(images[0, 0, 0].tolist())
        return self.conv(images) if value > 0 else self.conv(-images)


@compiles
@pytest.mark.parametrize(
    ("one", "reason"),
    [
        pytest.param(True, "GuardOnDataDependent", marks=pytest.mark.slow),
        pytest.param(False, "makes lists of values", marks=pytest.mark.slow),
    ],
)
def test_a_network_that_is_no_graph_is_compiled_in_pieces(make: Any, reason: str, *, one: bool) -> None:
    module, case = Deciding(one=one).eval(), make.case(input_shape=(3, 8, 8), threads=torch.get_num_threads())
    session, preparation = prepared(module, case)
    assert reason in preparation.notes["compiled"]
    session.load([torch.ones(1, 3, 8, 8), -torch.ones(1, 3, 8, 8)])
    for _ in range(2):
        session.step()
        assert torch.allclose(session.output(), module(torch.ones(1, 3, 8, 8)), atol=1e-5)
    session.close()
    pytest.importorskip("torchao")
    with pytest.raises(VbenchError, match=f"^inductor could not export it: .*{reason}"):
        prepared(module, make.case(input_shape=(3, 8, 8), precision="int8"))


@compiles
@pytest.mark.slow
@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("name", ["resnet/18", "shufflenet/v1-g3"])
def test_the_macs_of_the_catalogue_are_all_found_again(name: str, make: Any) -> None:
    module = registry.ARCHITECTURES.get(name).build().eval()
    session, _ = prepared(module, make.case(name, input_shape=(3, 64, 64), threads=torch.get_num_threads()))
    images = torch.randn(1, 3, 64, 64)
    session.load([images])
    from vbench.engines import _account  # noqa: PLC0415 - of the module itself, by another way

    assert sum(o.macs for o in session.operators()) == sum(o.macs for o in _account.of_module(module, images))
    session.close()
