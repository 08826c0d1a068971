"""A selection and its axes become cases: all of them, once, in order, under ids that tell them apart."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench.config import Suite
from vbench.core import Architecture, Case, Source
from vbench.errors import NothingSelectedError, UnknownNameError, UsageError
from vbench.plan import Plan, definition, plan, select
from vbench.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

NETS = {"a/one": "first", "a/two": "first", "b/one": "second"}


class Able:
    """An engine that runs everything but int8."""

    def version(self) -> str:
        return "1"

    def skip(self, case: Case) -> str | None:
        return "no int8 here" if case.precision == "int8" else None

    def prepare(self, module: Any, case: Case) -> Any:
        raise NotImplementedError


@pytest.fixture(scope="module", autouse=True)
def _nets() -> Iterator[None]:
    """Three architectures, and no other, whatever else has been loaded."""
    nets: Registry[Architecture] = Registry("architecture")
    for name, topic in NETS.items():
        source = Source(kind="module", value="nets")
        nets.add(name, Architecture(name=name, build=list, source=source, input=(3, 8, 8), topic=topic), source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vbench.plan.ARCHITECTURES", nets)
        yield


def _plan(*patterns: str, devices: Any = None, engines: Any = None, **axes: Any) -> Plan:
    given = {key: axes.pop(key) for key in ("threads_here", "shape", "seed", "named") if key in axes}
    given["threads"] = given.pop("threads_here", 2)
    return plan(
        Suite(architectures=patterns or ("a/one",), **axes),
        devices=devices or {"cpu": None, "fake": None},
        engines=engines or {"eager": Able(), "fake": Able()},
        **given,
    )


def test_every_combination_of_the_axes_is_a_case_once_and_in_order() -> None:
    found = _plan("a/*", "b/one", batch=(1, 8, 1), threads=(1, 2), precision=("fp32", "bf16"), layout=("nchw", "nhwc"))
    axes = itertools.product(("fp32", "bf16"), (1, 8), (1, 2), ("nchw", "nhwc"), NETS)
    got = [(case.precision, case.batch, case.threads, case.layout, case.architecture) for case in found.cases]
    assert got == list(axes)
    assert len({case.id for case in found.cases}) == 48
    assert found.open == found.cases
    assert found.skipped == {}


def test_what_is_left_out_has_its_default() -> None:
    (case,) = _plan(seed=3, threads_here=7).cases
    assert case == Case(architecture="a/one", input_shape=(3, 8, 8), weights="random:3", threads=7)
    (other,) = _plan(shape=(3, 16, 16)).cases
    assert other.input_shape == (3, 16, 16)


def test_under_all_what_is_absent_is_skipped_with_its_reason_and_the_fakes_are_left_out() -> None:
    found = _plan(
        device=("all",),
        engine=("all",),
        precision=("all",),
        devices={"cpu": None, "cuda": "no driver", "fake": None},
        engines={"eager": Able(), "trt": "pip install tensorrt", "fake": Able()},
    )
    reasons = {(case.device, case.engine, case.precision): found.skipped.get(case.id) for case in found.cases}
    precisions = ("fp32", "tf32", "bf16", "fp16", "int8")
    assert reasons == (
        {("cpu", "eager", p): "no int8 here" if p == "int8" else None for p in precisions}
        | {("cpu", "trt", p): "pip install tensorrt" for p in precisions}
        | {("cuda", engine, p): "no driver" for engine in ("eager", "trt") for p in precisions}
    )
    assert [case.precision for case in found.open] == ["fp32", "tf32", "bf16", "fp16"]


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"device": ("mps",)}, "device 'mps' is not here; those that are: cpu"),
        ({"device": ("cuda:7",)}, "device 'cuda:7' was asked for and cannot be used: no driver; those that are: cpu"),
        ({"engine": ("eagre",)}, r"unknown engine 'eagre': did you mean eager\?"),
        ({"device": ("cpu", "cuda")}, "device 'cuda' was asked for and cannot be used: no driver; those that are: cpu"),
        ({"engine": ("trt",)}, "engine 'trt' was asked for and cannot be used: pip install tensorrt"),
    ],
)
def test_a_device_or_engine_that_was_named_must_be_there(axes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        _plan(devices={"cpu": None, "cuda": "no driver"}, engines={"eager": Able(), "trt": "pip install tensorrt"}, **axes)
    assert caught.value.exit_code == 2


class Moded(Able):
    """An engine with options."""

    options = ("cuda-graph",)
    modes: ClassVar[dict[str, tuple[str, ...]]] = {"hint": ("latency", "throughput"), "streams": ("1", "2")}


def test_an_engine_is_planned_with_its_options_and_a_default_is_none() -> None:
    spelt = ("ov[hint=throughput;streams=2]", "ov[streams=2][hint=throughput]", "ov[hint=latency]", "ov", "eager")
    found = _plan(engine=spelt, engines={"eager": Able(), "ov": Moded()})
    assert [(case.engine, case.engine_options) for case in found.cases] == [
        ("ov", (("hint", "throughput"), ("streams", "2"))),
        ("ov", ()),
        ("eager", ()),
    ]
    assert ",ov[hint=throughput][streams=2]," in found.cases[0].id
    assert len({definition(case, 0) for case in found.cases[:2]}) == 2
    assert found.skipped == {}
    assert {case.engine_options for case in _plan(engine=("all",), engines={"eager": Able(), "ov": Moded()}).cases} == {()}


def test_options_stand_beside_the_flags_that_an_engine_has_or_lacks() -> None:
    both = _plan(engine=("ov[hint=throughput]", "eager"), engines={"eager": Able(), "ov": Moded()}, cuda_graph=True)
    ov, eager = both.cases
    assert ov.engine_options == (("cuda-graph", "on"), ("hint", "throughput"))
    assert both.skipped == {eager.id: "the eager engine has no such mode: leave out --cuda-graph, or add --engine eager"}
    assert _plan(engine=("ov[cuda-graph=on]",), engines={"ov": Moded()}).cases == (
        _plan(engine=("ov",), engines={"ov": Moded()}, cuda_graph=True).cases
    )


def test_options_are_checked_whether_or_not_the_engine_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: Registry[Any] = Registry("engine")
    registered.add("ov", Moded, Source(kind="module", value="engines"))
    monkeypatch.setattr("vbench.plan.ENGINES", registered)
    for engine in (Moded(), "pip install ov"):
        with pytest.raises(UsageError, match=r"ov\[hint=fast\]: allowed is latency, throughput"):
            _plan(engine=("ov[hint=fast]",), engines={"ov": engine}, named=())
    (case,) = (found := _plan(engine=("ov[hint=throughput]",), engines={"ov": "pip install ov"}, named=())).cases
    assert found.skipped == {case.id: "pip install ov"}
    assert case.engine_options == (("hint", "throughput"),)


def test_in_a_suite_what_is_absent_is_skipped_with_its_reason_and_what_is_unknown_is_not() -> None:
    here = {"devices": {"cpu": None, "cuda:0": None, "mps": "no mac"}, "engines": {"eager": Able(), "trt": "pip install trt"}}
    found = _plan(engine=("eager", "trt"), device=("cpu", "mps", "cuda:7"), named=(), **here)
    reasons = {(case.device, case.engine): found.skipped.get(case.id) for case in found.cases}
    gone = "device 'cuda:7' is not here; those that are: cpu, cuda:0"
    assert reasons == {
        ("cpu", "eager"): None, ("cpu", "trt"): "pip install trt", ("mps", "eager"): "no mac", ("mps", "trt"): "no mac",
        ("cuda:7", "eager"): gone, ("cuda:7", "trt"): gone,
    }  # fmt: skip
    for axes in ({"engine": ("eagre",)}, {"device": ("gpu",)}):
        with pytest.raises(UnknownNameError):
            _plan(named=(), **axes, **here)
    with pytest.raises(UsageError, match="engine 'trt' was asked for and cannot be used: pip install trt"):
        _plan(engine=("trt",), named=("engine",), **here)


def test_a_plan_goes_on_with_what_another_has_beyond_it() -> None:
    first = _plan("a/*")
    other = _plan("a/one", "b/one", precision=("fp32", "int8"))
    both = first.then(other, quick=True).then(_plan("b/one", batch=(1, 2)), quick=False)
    added = [c.id for c in other.cases if c not in first.cases]
    assert [case.id for case in both.cases] == [*(c.id for c in first.cases), *added, _plan("b/one", batch=(2,)).cases[0].id]
    assert both.further == tuple(case.id for case in both.cases[2:])
    assert both.quick == tuple(added)
    assert set(both.skipped) == {case.id for case in other.cases if case.precision == "int8"}


@pytest.mark.parametrize(
    ("spelt", "one"),
    [
        (("sustained:60", "sustained:1m", "sustained:60s"), "sustained:60s"),
        (("server:15ms", "server:0.015s", "server:15000us"), "server:15ms"),
        (("concurrent:2", "concurrent:02"), "concurrent:2"),
        (("single-stream",), "single-stream"),
    ],
)
def test_one_scenario_has_one_case_however_it_is_spelt(spelt: tuple[str, ...], one: str) -> None:
    found = _plan(devices={"cpu": None}, engines={"eager": Able()}, scenario=spelt)
    assert {case.scenario for case in found.cases} == {one}
    assert len(found.cases) == len({case.architecture for case in found.cases})


@pytest.mark.parametrize(
    ("suite", "names"),
    [
        ({"architectures": ("*",)}, ["a/one", "a/two", "b/one"]),
        ({"architectures": ("b/one", "a/*")}, ["b/one", "a/one", "a/two"]),
        ({"architectures": ("a/one", "a/*")}, ["a/one", "a/two"]),
        ({"architectures": ("*",), "exclude": ("*/one",)}, ["a/two"]),
        ({"architectures": ("*",), "topic": ("second",)}, ["b/one"]),
        ({"architectures": ("a/*",), "topic": ("first", "second")}, ["a/one", "a/two"]),
    ],
)
def test_names_globs_exclusions_and_topics_select(suite: dict[str, Any], names: list[str]) -> None:
    assert [item.name for item in select(Suite(**suite))] == names


def test_names_that_are_not_there_and_selections_of_nothing_are_told_apart() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown architecture 'a/oen': did you mean a/one") as unknown:
        select(Suite(architectures=("a/oen",)))
    with pytest.raises(UnknownNameError, match=r"unknown topic 'frist': did you mean first\?"):
        select(Suite(architectures=("*",), topic=("frist",)))
    with pytest.raises(NothingSelectedError, match=r"no architecture matches c/\*; `vbench list` shows them") as nothing:
        select(Suite(architectures=("c/*",)))
    with pytest.raises(NothingSelectedError, match=r"no architecture matches a/\* without a/one, a/two"):
        select(Suite(architectures=("a/*",), exclude=("a/one", "a/two")))
    assert (unknown.value.exit_code, nothing.value.exit_code) == (2, 3)


names = st.text("abcxyz019._-", min_size=1, max_size=6)
sizes = st.integers(min_value=1, max_value=64)
cases = st.builds(
    Case,
    architecture=st.builds("{}/{}".format, names, names) | st.builds("{}.{}:{}".format, names, names, names),
    input_shape=st.lists(sizes, min_size=1, max_size=3).map(tuple),
    compression=st.just("none") | st.builds("{}:0.{}".format, names, sizes),
    weights=st.builds("random:{}".format, sizes) | st.builds("sha256:{}".format, names),
    phase=st.sampled_from(["infer", "train"]),
    scenario=names,
    engine=names,
    engine_options=st.dictionaries(names, names, max_size=3).map(lambda options: tuple(options.items())),
    precision=st.sampled_from(["fp32", "bf16", "int8"]),
    device=st.sampled_from(["cpu", "cuda:0", "cuda:1"]),
    batch=sizes,
    threads=sizes,
    layout=st.sampled_from(["nchw", "nhwc"]),
)


def _canonical(case: Case) -> Case:
    return msgspec.structs.replace(case, engine_options=tuple(sorted(case.engine_options)))


@given(cases, cases, st.sampled_from(Case.__struct_fields__))
def test_two_cases_share_an_id_only_where_all_axes_are_equal(one: Case, other: Case, axis: str) -> None:
    near = msgspec.structs.replace(one, **{axis: getattr(other, axis)})
    for case in (near, other):
        assert (case.id == one.id) == (_canonical(case) == _canonical(one))


@given(cases, st.data())
def test_an_id_is_one_word_and_does_not_depend_on_the_order_of_options(case: Case, data: st.DataObject) -> None:
    options = tuple(data.draw(st.permutations(case.engine_options)))
    assert msgspec.structs.replace(case, engine_options=options).id == case.id
    assert case.id == "".join(case.id.split())


def test_an_id_reads_like_this() -> None:
    case = Case(architecture="resnet/50", input_shape=(3, 224, 224), threads=2, engine_options=(("b", "2"), ("a", "1")))
    assert case.id == "resnet/50@none,3x224x224,b1,eager[a=1][b=2],fp32,cpu,t2,nchw,infer,single-stream,random:0"


def test_a_definition_changes_with_what_is_measured_and_not_with_how_it_is_written() -> None:
    case = Case(architecture="a/one", input_shape=(3, 8, 8))
    other = {"input_shape": (3, 9, 9), "weights": "random:1", "engine_options": (("a", "1"),), "phase": "train", "scenario": "s"}
    changed = [definition(msgspec.structs.replace(case, **{axis: value}), 0) for axis, value in other.items()]
    changed += [definition(case, 1), definition(case, 0, "pictures"), definition(case, 0)]
    assert len(set(changed)) == len(changed)
    # Not with the network, nor with the machine's side of the case: an edit must leave something to compare with.
    same = msgspec.structs.replace(case, architecture="b/one", threads=4, device="cuda:0", engine="fake")
    assert definition(same, 0) == definition(case, 0)
