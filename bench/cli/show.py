"""`vbench show`: one architecture, its facts and what each of its modules costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .. import tables
from ..errors import VbenchError
from . import _common as common
from . import _options as options

if TYPE_CHECKING:
    from ..core import Architecture

HELP = "Show an architecture's facts, and params, MACs and activations of each of its modules, counted now."


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An architecture, or package.module:function.")],
    input_: options.Input = None,
    depth: Annotated[int, typer.Option(metavar="N", help="How deep to go into nested modules.")] = 2,
    plugin: options.Plugin = None,
    config: options.Config = None,
    json_: Annotated[bool, typer.Option("--json", help="Print facts and modules as JSON.")] = False,
) -> None:
    """Show; see HELP, which typer shows."""
    import msgspec  # noqa: PLC0415 - --help must be quick

    from .. import api, plugins, units  # noqa: PLC0415 - loading plugins imports torch, and --help must not
    from ..counting import count, module_table  # noqa: PLC0415 - as above
    from ..registry import ARCHITECTURES  # noqa: PLC0415 - as above

    _, errors = api.setup(config, common.words(plugin))
    common.warn(errors)
    shape = common.shape(input_)
    if ":" in name:
        plugins.add_import(name, shape)
    found = ARCHITECTURES.get(name)
    size = shape or found.input
    try:
        counted = count(found.build, size, second=False)
        modules = module_table(found.build, size)
    except Exception as error:  # a network may raise anything
        said = " ".join(str(error).split())
        message = f"{name} cannot be counted at {'x'.join(map(str, size))}: {type(error).__name__}: {said}"
        raise VbenchError(message) from error
    if json_:
        facts = msgspec.to_builtins(found.facts())
        common.dump({"name": name, "input": size, **facts, "counted": counted, "modules": modules})
        return
    print(f"{name}  {'x'.join(map(str, size))}")
    for line in _facts(found):
        print(f"  {line}")
    print(
        f"  counted: {units.count(counted.params)} params ({counted.params:,}), "
        f"{units.count(counted.macs)} MACs ({counted.macs:,}), "
        f"{units.count(counted.activations)} activations, {units.bytes_(counted.weight_bytes)} of weights"
    )
    for what, declared, now in (("params", found.params, counted.params), ("MACs", found.macs, counted.macs)):
        if declared is not None and declared != now and size == found.input:
            print(f"  declared {what} are false: {declared:,} declared, {now:,} counted")
    for op, calls in counted.uncounted_ops.items():
        print(f"  not counted: {op}, {calls} calls")
    rows = []
    for module in modules:
        level = module.path.count(".") + 1 if module.path else 0
        if level > depth:
            continue
        share = units.percent(module.macs / counted.macs) if counted.macs else units.MISSING
        output = "x".join(map(str, module.output_shape[1:]))
        text = "  " * level + (module.path.rpartition(".")[2] or name)
        rows.append(
            (
                text,
                module.kind,
                output,
                units.count(module.params),
                units.count(module.macs),
                share,
                units.count(module.activations),
            )
        )
    print()
    print(tables.aligned(("module", "kind", "output", "params", "MACs", "share", "activations"), rows, right=(3, 4, 5, 6)))


def _facts(found: Architecture) -> list[str]:
    """The declared facts, a line each."""
    lines = [f"topic: {found.topic}"] if found.topic else []
    if found.paper is not None:
        link = f", {found.paper.link}" if found.paper.link else ""
        lines.append(f"paper: {found.paper.authors}, {found.paper.title}, {found.paper.year}{link}")
    for a in found.accuracy:
        numbers = [f"top-1 {a.top1:g} %" if a.top1 is not None else "", f"top-5 {a.top5:g} %" if a.top5 is not None else ""]
        numbers.append(f"{a.metric} {a.value:g}" if a.value is not None else "")
        recipe = f", {a.recipe}" if a.recipe else ""
        lines.append(f"{a.kind}: {', '.join(n for n in numbers if n)} ({a.protocol}{recipe}; {a.source})")
    if not found.accuracy:
        lines.append("accuracy: none published")
    if found.deviation:
        lines.append(f"deviation: {found.deviation}")
    lines.append(f"source: {found.source}")
    return lines
