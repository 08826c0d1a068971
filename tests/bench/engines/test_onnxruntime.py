"""ONNX Runtime: what is exported, quantised, kept and run, and what the runtime says of it. The first tests need no runtime."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vbench import agreement, data
from vbench.core import Case
from vbench.counting import count
from vbench.engines import _onnx, _onnx_account, _onnx_graph, _onnx_int8
from vbench.engines.onnxruntime import OnnxRuntime
from vbench.engines.tensorrt import TensorRT
from vbench.preparation import Preparation

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPE = (3, 16, 16)
# The MACs of the transposed convolution below.
UP = 12 * 8 * 8 * 4 * 2 * 2


def test_what_it_does_not_run_is_said_in_one_line(make: Any) -> None:
    skip = OnnxRuntime().skip
    for precision in ("fp32", "fp16", "int8"):
        assert skip(make.case(precision=precision)) is None
    assert skip(make.case(precision="bf16")) == "the onnxruntime engine has no bf16 on cpu: it measures fp32, fp16, int8 there"
    assert skip(make.case(device="mps")) == "the onnxruntime engine runs on cpu, cuda, not on mps"
    assert "add --engine tensorrt" in str(skip(make.case(device="cuda:0", precision="int8")))
    assert "leave out --layout nhwc" in str(skip(make.case(layout="nhwc")))
    assert TensorRT().skip(make.case()) == "the tensorrt engine runs on cuda, not on cpu"
    assert TensorRT().skip(make.case(device="cuda:0", precision="int8")) is None
    assert "no bf16" in str(TensorRT().skip(make.case(device="cuda:0", precision="bf16")))


def test_an_absent_or_old_package_is_named_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    have: dict[str, str] = {}
    monkeypatch.setattr(_onnx, "_installed", have.get)
    with pytest.raises(ImportError, match=r"^onnxruntime is not installed: pip install 'vbench\[engines\]'$"):
        OnnxRuntime().version()
    have |= {"onnxruntime-gpu": "1.30.0", "onnx": "1.20.0", "onnxscript": "0.5.dev2"}
    assert OnnxRuntime().version() == "1.30.0"
    have |= {"onnxruntime": "1.9.1"}
    with pytest.raises(ImportError, match=r"^onnxruntime 1\.9\.1 is too old, 1\.22 or newer is needed: pip install -U 'vbench"):
        OnnxRuntime().version()
    del have["onnxruntime-gpu"]
    lacking = r"^onnxruntime-gpu is not installed, and TensorRT's provider comes with it: pip install 'vbench\[gpu\]'"
    with pytest.raises(ImportError, match=lacking):
        TensorRT().version()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=4), st.lists(st.integers(0, 50), min_size=1, max_size=4))
def test_versions_are_ordered_as_numbers(have: list[int], want: list[int]) -> None:
    padded = [numbers + [0] * (4 - len(numbers)) for numbers in (have, want)]
    assert _onnx._older(".".join(map(str, have)), ".".join(map(str, want))) == (padded[0] < padded[1])


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 5), st.integers(1, 5))
def test_adaptive_pooling_by_parts_is_adaptive_pooling(height: int, width: int, rows: int, columns: int) -> None:
    images = torch.randn(2, 3, height, width)
    expected = nn.functional.adaptive_max_pool2d(images, (rows, columns))
    assert torch.equal(_onnx._adaptive_max(images, (rows, columns)), expected)


@given(st.integers(1, 20), st.integers(1, 7))
def test_calibration_hands_over_whole_batches_with_every_picture(pictures: int, batch: int) -> None:
    reader = _onnx_int8._Reader(torch.arange(float(pictures)).reshape(-1, 1), batch)
    seen = []
    while (fed := reader.get_next()) is not None:
        assert fed[_onnx.INPUT].shape == (batch, 1)
        seen += fed[_onnx.INPUT][:, 0].tolist()
    assert seen[:pictures] == list(range(pictures))
    assert len(seen) < pictures + batch


def test_the_paths_along_a_traced_name() -> None:
    assert _onnx_graph._traced("/network/network.0/network.0.1/conv/Conv") == ["", "0", "0.1", "0.1.conv"]
    assert _onnx_graph._traced("Conv_3") == []


def _node(operator: str, name: str, inputs: list[str], outputs: list[str]) -> SimpleNamespace:
    return SimpleNamespace(op_type=operator, name=name, input=inputs, output=outputs, attribute=())


def test_a_fused_operator_is_traced_by_any_name_that_it_can_bear() -> None:
    nodes = [
        _node("Conv", "a/Conv", ["x", "w"], ["a"]),
        _node("Conv", "b/Conv", ["x", "w"], ["b"]),
        _node("Add", "sum", ["a", "b"], ["s"]),
        _node("Relu", "relu", ["s"], ["r"]),
        _node("Gemm", "head/Gemm", ["r", "v"], ["y"]),
    ]
    known = _onnx_account.names(SimpleNamespace(graph=SimpleNamespace(node=nodes)))
    assert (known["a/Conv"], known["b"], known["r"], known["y"]) == ([0], [1], [0, 1], [2])
    listed = [_onnx_account.Product(name, 1, convolution=True) for name in ("a/Conv", "b/Conv")]
    listed.append(_onnx_account.Product("head/Gemm", 1, convolution=False))

    def run(*names: str) -> list[_onnx_account.Event]:
        return [_onnx_account.Event(i, n, "QGemm" if "Gemm" in n else "Conv", "float", 1.0) for i, n in enumerate(names)]

    assert _onnx_account.trace(run("r_nchwc", "a_nchwc", "head/Gemm_token_7"), listed, known) == {1: [0], 2: [2], 0: [1]}
    assert _onnx_account.trace(run("made-up", "a/Conv", "Gemm"), listed, known) == {1: [0], 0: [1], 2: [2]}
    with pytest.raises(ValueError, match="1 of 3 operators with MACs do not appear in the profile: b/Conv"):
        _onnx_account.trace(run("a/Conv", "head/Gemm"), listed, known)
    with pytest.raises(ValueError, match="Conv more is none of the operators that were exported"):
        _onnx_account.trace(run("a/Conv", "b/Conv", "more"), listed, known)


class Net(nn.Module):
    """A grouped convolution, a sum, a pyramid level, and two answers in a dictionary, of which one is given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU())
        self.grouped = nn.Conv2d(12, 12, 3, padding=1, groups=3)
        self.up = nn.ConvTranspose2d(12, 4, 2, 2)
        self.pool = nn.AdaptiveMaxPool2d(3)
        self.head = nn.Linear(12 * 9, 10)

    def forward(self, images: torch.Tensor) -> dict[str, Any]:
        found = self.stem(images)
        found = torch.relu(found + self.grouped(found))
        classes = self.head(self.pool(found).flatten(1))
        return {"maps": [self.up(found)], "classes": classes, "again": classes}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    for package in ("onnxruntime", "onnx", "onnxscript"):
        pytest.importorskip(package)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def net() -> Net:
    module, _ = data.build(Net, 0)
    return module.eval()  # type: ignore[no-any-return]


def _case(precision: str) -> Case:
    return Case(architecture="test/net", input_shape=SHAPE, engine="onnxruntime", precision=precision, batch=2)


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(("precision", "least_db"), [("fp32", 90), ("fp16", 40), ("int8", 20)])
def test_it_answers_like_eager_and_says_what_ran(
    precision: str, least_db: float, net: Net, capfd: pytest.CaptureFixture[str]
) -> None:
    case = _case(precision)
    preparation = Preparation(net, case)
    session = OnnxRuntime().prepare(net, case, preparation)
    probes = list(data.smooth(SHAPE, 16, 0).split(2))
    with torch.inference_mode():
        wanted = torch.cat([agreement.flatten(net(batch)) for batch in probes])
    session.load(probes)
    got = []
    for _ in probes:
        session.step()
        session.synchronize()
        got.append(agreement.flatten(session.output()).clone())
    found = agreement.compare(wanted, torch.cat(got), classes=False)
    assert found.sqnr_db is not None
    assert found.sqnr_db > least_db
    session.step()  # the rotation begins again
    assert torch.equal(agreement.flatten(session.output()), got[0])
    operators = session.operators()
    session.close()
    counted = count(Net, SHAPE, second=False, batch=2)
    assert sum(operator.macs for operator in operators) == counted.macs
    # This runtime has neither a transposed convolution in int8 nor, on x86, any in fp16: what was asked for is not what runs.
    whole = sum(operator.macs for operator in operators if operator.precision == precision)
    assert whole == counted.macs - (UP if precision == "int8" else 0) or precision == "fp16"
    assert [operator.place for operator in operators].count("first") == 1
    assert all(operator.seconds is not None for operator in operators)
    assert {operator.kind for operator in operators if operator.macs} == {"convolution", "matmul"}
    assert capfd.readouterr() == ("", "")
    again = Preparation(net, case)
    OnnxRuntime().prepare(net, case, again).close()
    assert again.made_s == 0
    assert again.notes == preparation.notes
    assert again.notes["exporter"] == "torch.onnx (dynamo, opset 20)"
    if precision == "int8":
        assert again.notes["calibration"] == preparation.calibration
        assert "static QDQ" in again.notes["quantisation"]


@pytest.mark.usefixtures("kept")
def test_modules_named_stay_in_full_precision(net: Net) -> None:
    case = _case("int8")
    preparation = Preparation(net, case, full_precision=("stem", "head"))
    session = OnnxRuntime().prepare(net, case, preparation)
    session.load(list(data.smooth(SHAPE, 4, 0).split(2)))
    operators = session.operators()
    session.close()
    left = UP + 12 * 3 * 9 * 8 * 8 + 12 * 9 * 10
    assert sum(operator.macs for operator in operators if operator.precision == "fp32") == left
    with pytest.raises(_onnx.RuntimeFailedError, match="no operator of the graph comes from nowhere"):
        OnnxRuntime().prepare(net, case, Preparation(net, case, full_precision=("nowhere",)))


class Spectral(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.linalg.eigvals(images).real.flatten(1)


@pytest.mark.usefixtures("kept")
def test_what_cannot_be_exported_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    case = _case("fp32")
    module = Spectral()
    with pytest.raises(_onnx.RuntimeFailedError, match=r"^cannot be exported to ONNX: dynamo: .*; TorchScript: .*") as caught:
        OnnxRuntime().prepare(module, case, Preparation(module, case))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    spoilt, _ = data.build(Net, 0)
    with torch.no_grad():
        spoilt.stem[0].weight[0] = float("nan")  # type: ignore[index,operator]
    with pytest.raises(_onnx.RuntimeFailedError, match=r"stem\.0\.weight holds NaN or infinity"):
        OnnxRuntime().prepare(spoilt, case, Preparation(spoilt, case))
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("name", ["resnet/18", "shufflenet/v1-g3", "densenet/121", "sppnet/6321-max"])
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_account_of_the_catalogue_is_what_was_counted(name: str, precision: str) -> None:
    from vbench import plugins  # noqa: PLC0415 - the catalogue is loaded for these alone
    from vbench.registry import ARCHITECTURES  # noqa: PLC0415

    plugins.load_all()
    architecture = ARCHITECTURES.get(name)
    case = Case(architecture=name, input_shape=architecture.input, engine="onnxruntime", precision=precision)
    module, _ = data.build(architecture.build, 0)
    session = OnnxRuntime().prepare(module, case, Preparation(module, case))
    session.load(list(data.smooth(architecture.input, 2, 0).split(1)))
    session.step()
    operators = session.operators()
    session.close()
    assert sum(operator.macs for operator in operators) == architecture.macs
    assert {operator.precision for operator in operators if operator.macs} == {precision}
