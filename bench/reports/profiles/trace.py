"""A profile as a trace that chrome://tracing and Perfetto open: the layers of one run end to end, within the modules around them.

The times are the medians of the profile, laid one after the other: a run as it typically is, and none that happened.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...roofline import Judged, Profile

_US = 1e6
_PROCESS, _LAYERS, _WHOLE = 1, 1, 2


def text(profile: Profile) -> str:
    """The trace as JSON, in the format that Chrome's tracing defined."""
    head = {
        "case": profile.case_id, "machine": profile.machine.slug, "profiler": profile.profiler, "started": profile.started,
        "what": "medians of a profile, laid end to end", "unprofiled_s": profile.total_s, "profiled_run_s": profile.run_s,
        **profile.versions,
    }  # fmt: skip
    return json.dumps({"displayTimeUnit": "ms", "otherData": head, "traceEvents": list(events(profile))}, indent=1)


def events(profile: Profile) -> Iterator[dict[str, Any]]:
    """Names of the tracks, a slice for each module and each layer, and beside them a request without a profiler."""
    for track, name in ((_LAYERS, "layers, end to end"), (_WHOLE, "a request without a profiler")):
        yield {"ph": "M", "name": "thread_name", "pid": _PROCESS, "tid": track, "args": {"name": name}}
    yield {"ph": "M", "name": "process_name", "pid": _PROCESS, "tid": _LAYERS, "args": {"name": profile.case_id}}
    request = {"requests": profile.requests}
    yield _slice(profile.case.label, 0.0, profile.total_s, "request", tid=_WHOLE, args=request)
    opened: list[tuple[str, float]] = []
    at = 0.0
    for layer in profile.layers:
        around = _around(layer.path)
        same = sum(1 for (name, _), wanted in zip(opened, around, strict=False) if name == wanted)
        yield from _closed(opened, same, at)
        opened += [(name, at) for name in around[same:]]
        if layer.seconds is not None:
            yield _slice(layer.name, at, layer.seconds, layer.kind, args=_arguments(layer))
            at += layer.seconds
    yield from _closed(opened, 0, at)


def _around(path: str) -> list[str]:
    """The modules that enclose a layer, outermost first; the layer's own name is its slice's."""
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _closed(opened: list[tuple[str, float]], keep: int, at: float) -> Iterator[dict[str, Any]]:
    """The slices of the modules that end here, and what stays open."""
    while len(opened) > keep:
        name, began = opened.pop()
        if at > began:
            yield _slice(name, began, at - began, "module")


def _slice(name: str, began: float, seconds: float, category: str, **more: Any) -> dict[str, Any]:
    whole = {"ph": "X", "name": name, "cat": category, "pid": _PROCESS, "tid": _LAYERS, "args": {}}
    return {**whole, "ts": began * _US, "dur": seconds * _US, **more}


def _arguments(layer: Judged) -> dict[str, Any]:
    fields = ("operator", "kind", "precision", "output", "macs", "bytes", "share", "flops_per_s", "peak_share", "bytes_per_s",
              "bandwidth_share", "bound")  # fmt: skip
    return {name: value for name in fields if (value := getattr(layer, name)) not in (None, ())}
