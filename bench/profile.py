"""Where the time of one case goes: a worker's account of its layers, against unwatched requests and the machine's ceilings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from . import ceilings, compress, engines, head, machine, units
from .axes import PRECISIONS
from .core import Ceiling
from .errors import NothingSelectedError, UsageError, VbenchError
from .job import Job, catalogue, memory_limit
from .measure import NS, Budget
from .metrics import ceiling_key
from .registry import ARCHITECTURES, ENGINES
from .roofline import Profile, by_kind, judged
from .stats import median
from .supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .config import Settings
    from .core import Case, Replicate
    from .plan import Plan

# Between the requests before and after the profile; a larger difference is said.
STEADY = 0.05
# A worker exports and compiles for as long as it takes: whoever waits can interrupt it.
_TIMEOUT_S = 86_400.0


def only(plan: Plan, asked: Sequence[str]) -> Case:
    """The one case that was asked for. Raises UsageError where there are several, NothingSelectedError where it cannot run."""
    names = list(dict.fromkeys(case.label for case in plan.cases))
    if len(names) > 1:
        listed = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")  # noqa: PLR2004 - as many as say enough
        message = f"a profile is of one network, and {' '.join(asked)} are {len(names)} ({listed}): name one"
        raise UsageError(message)
    if len(plan.cases) != 1:
        message = "a profile is of one case: write one value for each of --engine, --precision, --device, --batch, --threads"
        raise UsageError(message)
    (case,) = plan.cases
    if not getattr(ENGINES.get(case.engine), "builds", True):
        able = [name for name, engine in engines.known().items() if not isinstance(engine, str) and name != case.engine]
        message = f"the {case.engine} engine builds no network, and has no layers; those that do: {', '.join(able)}"
        raise UsageError(message)
    if case.id in plan.skipped:
        raise NothingSelectedError(plan.skipped[case.id])
    return case


def find(case: Case, settings: Settings, *, weights: Path | None = None, say: Callable[[str], None]) -> Profile:
    """Profile the case in a fresh worker, its layers against the ceilings. Raises VbenchError with the worker's reason."""
    job = Job(
        case=case, profile=True, architecture=ARCHITECTURES.source(case.architecture), engine=ENGINES.source(case.engine),
        compressors=compress.sources(case), catalogue=catalogue(), images=_absolute(settings.images),
        weights=_absolute(weights), seed=settings.seed, memory_limit=memory_limit(settings),
        budget=Budget(warmup=settings.warmup, latency=settings.latency),
    )  # fmt: skip
    with Server(start=settings.start) as server:
        found = server.run(job, _TIMEOUT_S, say)
    if found.status != "ok" or found.account is None:
        message = f"{found.status}: {found.reason}"
        raise VbenchError(message)

    def announce(names: Sequence[str]) -> None:
        say(f"measuring this machine's ceilings, once: {', '.join(names)}")

    precisions = {layer.precision for layer in found.account.layers if layer.macs} & set(PRECISIONS)
    return derived(case, found, _ceilings(case, precisions, settings, announce))


def derived(case: Case, found: Replicate, limits: dict[str, Ceiling]) -> Profile:
    """The profile, from what a worker said and the ceilings by precision."""
    account, before = found.account, int(found.values["requests_before"])
    if account is None:
        message = "a profile needs an account"
        raise ValueError(message)
    layers = judged(account.layers, limits)
    total, first, last = (median(part) / NS for part in (found.latency_ns, found.latency_ns[:before], found.latency_ns[before:]))
    profile = Profile(
        case=case, case_id=case.id, total_s=total, before_s=first, after_s=last, requests=len(found.latency_ns),
        layers_s=sum(layer.seconds or 0.0 for layer in layers), run_s=account.run_s, runs=account.runs,
        profiler=account.profiler, ceilings=limits, layers=layers, kinds=by_kind(layers), machine=machine.describe(),
        versions=machine.versions(), started=head.now(),
    )  # fmt: skip
    return msgspec.structs.replace(profile, notes=(*_disturbed(found), *_notes(profile)))


def _ceilings(
    case: Case, precisions: Iterable[str], settings: Settings, announce: Callable[[Sequence[str]], None]
) -> dict[str, Ceiling]:
    """The ceilings of each precision that something was multiplied in."""
    wanted = sorted({*precisions, case.precision}, key=PRECISIONS.index)
    cases = [msgspec.structs.replace(case, precision=precision) for precision in wanted]
    known = ceilings.for_run(cases, settings, announce)
    found = {one.precision: known.get(ceiling_key(one.device, one.precision, one.threads), Ceiling()) for one in cases}
    return {precision: ceiling for precision, ceiling in found.items() if ceiling.method or ceiling.peak_flops}


def _disturbed(found: Replicate) -> Iterable[str]:
    """How much of the time the worker was ready to run and did not."""
    waited = found.values.get("waited_s", 0.0) / found.values["passes_s"]
    if waited > STEADY:
        yield (
            f"the worker waited for a core {units.percent(waited, 0)} of the time: other work makes its requests longer, and not "
            "the layers, which are shorter than a turn; repeat it on an idle machine"
        )


def _notes(profile: Profile) -> Iterable[str]:
    """What a reader of the numbers must know."""
    apart = abs(profile.after_s - profile.before_s) / profile.total_s
    if apart > STEADY:
        yield (
            f"requests before and after the profile differ by {units.percent(apart, 0)}: the machine was not steady, and so "
            "neither are the layers; repeat it, or see vbench doctor"
        )
    for precision, ceiling in profile.ceilings.items():
        if ceiling.peak_flops is None or ceiling.bandwidth_bytes_per_s is None:
            yield f"the ceilings of {precision} are not known, and so not what bounds its layers: {ceiling.method}"
    untimed = [layer for layer in profile.layers if layer.seconds is None]
    if untimed:
        yield f"{len(untimed)} of {len(profile.layers)} layers ran as a part of others, and have no time of their own"


def _absolute(path: str | Path | None) -> str:
    """A path as a worker finds it, which is at home elsewhere; empty where there is none."""
    return str(Path(path).resolve()) if path else ""
