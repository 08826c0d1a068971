"""What `vbench evaluate --sensitivity` evaluates and prints: each layer alone made smaller, at each ratio."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from .. import compression, tables
from ..errors import UsageError
from . import _common as common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case, Record
    from ..evaluate.planning import Planned

RATIOS = (0.1, 0.3, 0.5, 0.7, 0.9)


def ratios(given: Sequence[str] | None) -> tuple[float, ...]:
    """`--ratios 0.3,0.5`. Raises UsageError for what is no share."""
    found = []
    for word in common.words(given):
        try:
            ratio = float(word)
        except ValueError:
            ratio = 0.0
        if not 0 < ratio < 1:
            message = f"--ratios {word}: write numbers between 0 and 1, both excluded, for example --ratios 0.3,0.5,0.7"
            raise UsageError(message)
        found.append(ratio)
    return tuple(dict.fromkeys(found)) or RATIOS


def widened(planned: Planned, asked: str, wanted: Sequence[float]) -> Planned:
    """The cases with, behind each, those of its single layers. Raises UsageError for a compressor that takes all at once."""
    from ..compress import _stages as stages  # noqa: PLC0415 - imports torch
    from ..plan import Plan  # noqa: PLC0415 - --help must be quick
    from ..registry import ARCHITECTURES  # noqa: PLC0415 - as above
    from ..weights import fit  # noqa: PLC0415 - imports torch

    name, *words = asked.split(":")
    ARCHITECTURES.options(name)  # an unknown name is said with the nearest
    cases: list[Case] = []
    found: dict[str, list[Any]] = {}
    for case in planned.plan.cases:
        cases.append(case)
        if case.id in planned.plan.skipped:
            continue
        if case.architecture not in found:
            architecture = ARCHITECTURES.get(case.architecture)
            fitted = fit(architecture, Path(planned.weights.path))
            found[case.architecture] = stages.layers(
                msgspec.structs.replace(architecture, build=fitted, input=case.input_shape), name
            )
        for layer in found[case.architecture]:
            for ratio in wanted:
                if layer.least <= ratio:
                    text = ":".join((name, f"{ratio:g}", *words, f"only={layer.name}"))
                    written = compression.canonical(text, ARCHITECTURES.options)
                    smaller = compression.joined((case.compression, written))
                    cases.append(msgspec.structs.replace(case, compression=smaller))
    return planned._replace(plan=Plan(tuple(cases), planned.plan.skipped))


def show(record: Record, cases: Sequence[Case], folder: Path, *, as_json: bool) -> None:
    """The table of each network, what stands out, and the chart beside the result file."""
    from .. import joins  # noqa: PLC0415 - --help must be quick
    from ..reports import charts, layers  # noqa: PLC0415 - as above
    from ..reports.charts import sensitivity  # noqa: PLC0415 - as above
    from ..reports.rows import Row  # noqa: PLC0415 - as above

    wanted = [joins.key(case) for case in cases]
    rows = [Row(record.run, result) for result in record.results if result.accuracy and joins.key(result.case) in wanted]
    rows.sort(key=lambda row: wanted.index(joins.key(row.case)))
    found = layers.read(rows)
    if as_json:
        common.dump([layers.plain(own) for own in found])
    for own in found:
        if not as_json:
            header, body = layers.table(own)
            print(f"{own.name}, {own.criterion}: top-1 in % with the share of one layer alone taken out")
            print(tables.aligned(header, body, right=range(1, len(header))))
            print("\n".join(layers.told(own)))
        written = charts.save(sensitivity.drawing(own), folder, ("png", "svg"))
        common.warn([f"{', '.join(path.name for path in written)} in {folder}"])
