"""What there is on one side of the gate: run in that side's own environment, it prints what it finds as one line of JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from . import config, machine, plugins
from .errors import ConfigError, VbenchError
from .gate.sides import Question, Survey
from .registry import ARCHITECTURES, ENGINES
from .sources import source_digest


def survey(question: Question, installed: str = "") -> Survey:
    """Load everything but the harness's own engines, and say what there is. Raises VbenchError where nothing can be said.

    `installed` is the folder of the catalogue that this environment has, which a checkout's own takes the place of.
    """
    root = Path(question.folder)
    errors: list[str] = []
    # Head's plugins are the best guess where this side has no bench.toml, or none that can be read.
    cfg, named = None, tuple(p for p in question.plugins if (root / p).exists())
    try:
        if (root / question.file).is_file():
            cfg = config.load(root / question.file)
            named = cfg.plugins
    except ConfigError as error:
        errors.append(str(error))
    own = next((root / p for p in named if plugins.is_catalogue(root / p)), Path(installed) if installed else None)
    errors += map(str, plugins.load_all([str(Path(p).resolve()) for p in question.extra], catalogue=own))
    errors += map(str, plugins.load_all(named, root=root, catalogue=own))
    for name, shape in question.imports.items():
        try:
            plugins.add_import(name, shape)
        except VbenchError as error:
            errors.append(str(error))
    folder = plugins.catalogue_folder()
    selected = _selected(question, cfg)
    names = dict.fromkeys((*ARCHITECTURES.names(), *selected))  # what is selected in a wrapper is in no registry
    digests = {str(folder): plugins.digest(folder)} if folder is not None else {}
    found = {name: ARCHITECTURES.source(name) for name in names}
    for source in found.values():
        if not source.value.startswith(plugins.CATALOGUE) and source.value not in digests:
            digests[source.value] = source_digest(source)
    return Survey(
        architectures=found,
        engines={name: ENGINES.source(name) for name in ENGINES.names()},
        digests=digests,
        selected=selected,
        catalogue=str(folder) if folder is not None else "",
        versions=machine.versions(),
        errors=tuple(dict.fromkeys(errors)),
    )


def _selected(question: Question, cfg: config.Config | None) -> tuple[str, ...]:
    """What this side's own suite of that name stands for, or else head's; of names, those that are here."""
    patterns, exclude = question.architectures, question.exclude
    if cfg is not None and question.suite in cfg.suites:
        patterns, exclude = cfg.suites[question.suite].architectures, cfg.suites[question.suite].exclude
    here = [p for p in patterns if p in ARCHITECTURES or any(mark in p for mark in "*?[")]
    out = [e for e in exclude if e in ARCHITECTURES or any(mark in e for mark in "*?[")]
    return tuple(a.name for a in ARCHITECTURES.match(here, out)) if here else ()


def main() -> None:
    """Entry of the child: a Question in `sys.argv`, a Survey on standard output, whatever a plugin may print there."""
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        found = survey(msgspec.json.decode(sys.argv[1], type=Question), *sys.argv[2:])
    except VbenchError as error:
        found = Survey(failed=str(error))
    out.write("\n" + msgspec.json.encode(found).decode() + "\n")
    out.flush()
