"""`vbench show`: one architecture, its facts and what each of its modules costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import tables, units
from ..errors import VbenchError
from . import _common as common
from . import _geometry, _sensitivity
from . import _options as options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..core import Architecture, Counted
    from ..counting import ModuleCost

HELP = """Show an architecture's facts, what each of its modules costs, and where it looks, counted now.

--sensitivity quantises it instead: each layer alone, then the engine with the worst layers left in floating point."""


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An architecture, timm:NAME, torchvision:NAME, or package.module:function.")
    ],
    input_: options.Input = None,
    weights: options.Weights = None,
    depth: Annotated[int, typer.Option(metavar="N", help="How deep to go into nested modules.")] = 2,
    geometry: Annotated[
        bool, typer.Option("--geometry", help="Receptive field and stride, of each module too, and the input sizes it takes.")
    ] = False,
    diagram: Annotated[
        bool, typer.Option("--diagram", help="Draw the layers and blocks instead of the table of modules.")
    ] = False,
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="The largest batch whose weights and activations fit into that.")
    ] = None,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Which layers destroy agreement in int8, and what it costs to leave them out.")
    ] = False,
    engine: Annotated[options.Many, typer.Option(metavar="ENGINE", help="Of --sensitivity: the engine that quantises.")] = None,
    precision: Annotated[options.Many, typer.Option(metavar="PRECISION", help="Of --sensitivity: int8.")] = None,
    device: Annotated[options.Many, typer.Option(metavar="DEVICE", help="Of --sensitivity: as of run, cpu if left out.")] = None,
    pictures: Annotated[
        int | None, typer.Option(metavar="N", help="Of --sensitivity: compare on so many pictures; 64 if left out.")
    ] = None,
    images: Annotated[str | None, typer.Option(metavar="DIR", help="Of --sensitivity: a folder of pictures, as of run.")] = None,
    plugin: options.Plugin = None,
    config: options.Config = None,
    json_: Annotated[bool, typer.Option("--json", help="Print facts and modules as JSON.")] = False,
) -> None:
    """Show; see HELP, which typer shows."""
    if sensitivity:
        _sensitivity.show(
            name, engine=engine, precision=precision, device=device, pictures=pictures, images=images,
            shape=common.shape(input_), weights=weights, plugin=plugin, config=config, as_json=json_,
        )  # fmt: skip
        return
    given = {"--engine": engine, "--precision": precision, "--device": device, "--pictures": pictures, "--images": images}
    _sensitivity.refuse_without(given)
    import msgspec  # noqa: PLC0415 - --help must be quick

    from .. import api, plugins  # noqa: PLC0415 - loading plugins imports torch, and --help must not
    from ..counting import count, largest_batch, module_table  # noqa: PLC0415 - as above
    from ..registry import ARCHITECTURES  # noqa: PLC0415 - as above
    from . import _diagram  # noqa: PLC0415 - as above

    _, errors = api.setup(config, common.words(plugin))
    common.warn(errors)
    shape = common.shape(input_)
    plugins.add_named(name, shape)
    found, loaded = _with_weights(ARCHITECTURES.get(name), weights)
    size = shape or found.input
    room = common.quantity(memory_limit, units.parse_bytes, "--memory-limit")
    more: dict[str, Any] = {}
    try:
        counted = count(found.build, size, second=False)
        modules = module_table(found.build, size)
        if geometry:
            more["geometry"] = _geometry.counted(found, size)
        if diagram:
            more["diagram"] = _diagram.of(found.build, size)
        if room is not None:
            more["largest_batch"] = largest_batch(found.build, size, room)
    except Exception as error:  # a network may raise anything
        said = " ".join(str(error).split())
        message = f"{name} cannot be counted at {'x'.join(map(str, size))}: {type(error).__name__}: {said}"
        raise VbenchError(message) from error
    if json_:
        facts = msgspec.to_builtins(found.facts())
        common.dump({"name": name, "input": size, **facts, "weights": loaded, "counted": counted, "modules": modules, **more})
        return
    print(f"{name}  {'x'.join(map(str, size))}")
    from_file = [f"weights: {loaded}"] if loaded else []
    for line in (*_facts(found), *from_file, *_counted(found, counted, size), *_geometry.lines(more)):
        print(f"  {line}")
    if room is not None:
        fits = units.MISSING if more["largest_batch"] is None else more["largest_batch"]
        print(f"  largest batch in {units.bytes_(room)}: {fits}, without what kernels take beside")
    print()
    if diagram:
        print("\n".join(more["diagram"]))
        return
    print(_table(name, counted, modules, depth, more))


def _counted(found: Architecture, counted: Counted, size: tuple[int, ...]) -> Iterator[str]:
    """The totals, and where they are not what was declared."""
    yield (
        f"counted: {units.count(counted.params)} params ({counted.params:,}), "
        f"{units.count(counted.macs)} MACs ({counted.macs:,}), "
        f"{units.count(counted.activations)} activations, {units.bytes_(counted.weight_bytes)} of weights"
    )
    for what, declared, now in (("params", found.params, counted.params), ("MACs", found.macs, counted.macs)):
        if declared is not None and declared != now and size == found.input:
            yield f"declared {what} are false: {declared:,} declared, {now:,} counted"
    for op, calls in counted.uncounted_ops.items():
        yield f"not counted: {op}, {calls} calls"


def _nested(path: str, ran: set[str]) -> tuple[int, str]:
    """How deep a module stands among those that ran, and its name inside the nearest of them.

    A list of modules does not run itself: what it holds stands where the list would, as `stages.0`.
    """
    parts = path.split(".")
    around = [outer for outer in (".".join(parts[:count]) for count in range(1, len(parts))) if outer in ran]
    return len(around) + bool(path), path.removeprefix(f"{around[-1]}." if around else "")


def _table(name: str, counted: Counted, modules: Sequence[ModuleCost], depth: int, more: dict[str, Any]) -> str:
    ran = {module.path for module in modules}
    header = ["module", "kind", "output", "params", "MACs", "share", "activations", *_geometry.header(more)]
    rows = [
        (
            "  " * level + (own or name),
            module.kind,
            "x".join(map(str, module.output_shape[1:])),
            units.count(module.params),
            units.count(module.macs),
            units.percent(module.macs / counted.macs) if counted.macs else units.MISSING,
            units.count(module.activations),
            *_geometry.cells(more, module.path),
        )
        for module in modules
        for level, own in (_nested(module.path, ran),)
        if level <= depth
    ]
    return tables.aligned(header, rows, right=range(3, len(header)))


def _with_weights(found: Architecture, path: Path | None) -> tuple[Architecture, str]:
    """The network as a file of weights makes it, and in words what the file is; with other classes its accuracy is another's."""
    if path is None:
        return found, ""
    import msgspec  # noqa: PLC0415 - as above

    from .. import checkpoint, compress, weights  # noqa: PLC0415 - they import torch

    fitted = weights.fit(found, path)
    said = f"{checkpoint.label(path)}, {len(fitted.pairs)} tensors by {fitted.library} names"
    other = msgspec.structs.replace(found, build=fitted)
    text = found.compression if fitted.lineage is None else fitted.lineage.compression
    if text != "none":
        other = compress.made(other, text)
    if fitted.classes is None:
        return other, said
    other = msgspec.structs.replace(other, accuracy=(), params=None, macs=None)
    return other, f"{said}, {fitted.classes} classes"


def _facts(found: Architecture) -> list[str]:
    """The declared facts, a line each."""
    lines = [f"topic: {found.topic}"] if found.topic else []
    if found.paper is not None:
        link = f", {found.paper.link}" if found.paper.link else ""
        lines.append(f"paper: {found.paper.authors}, {found.paper.title}, {found.paper.year}{link}")
    for a in found.accuracy:
        given = {"top1": a.top1, "top5": a.top5, a.metric: a.quality}
        numbers = [f"{units.metric(name)} {value:g} %" for name, value in given.items() if value is not None]
        recipe = f", {a.recipe}" if a.recipe else ""
        lines.append(f"{a.kind}: {', '.join(numbers)} ({a.protocol}{recipe}; {a.source})")
    if not found.accuracy:
        where = (
            "none in timm's package, whose repository has them in results/"
            if found.name.startswith("timm:")
            else "none published"
        )
        lines.append(f"accuracy: {where}")
    if found.compression != "none":
        lines += [f"{key}: {text}" for key, text in found.build.notes.items()]  # type: ignore[attr-defined]  # a Smaller
    if found.deviation:
        lines.append(f"deviation: {found.deviation}")
    lines.append(f"source: {found.source}")
    return lines
