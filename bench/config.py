"""bench.toml becomes a Config. An error says file, full key, value, what is allowed, and gives an example."""

from __future__ import annotations

import math
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from . import groups, suites, tolerances
from .errors import ConfigError, UnknownNameError, UsageError, nearest
from .suites import Suite, check_axes
from .units import parse_bytes, parse_duration

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

FILE = "bench.toml"
STARTS = ("auto", "forkserver", "spawn")
# One process of each case, with shorter passes: what --quick asks for, and a suite with `quick = true`.
QUICK: dict[str, Any] = {"min_processes": 1, "max_processes": 1, "spread": 0.0, "latency": 0.5, "throughput": 0.25}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How a run measures; times in seconds, sizes in bytes."""

    time_limit: float | None = 270.0
    interval: float = 0.02
    min_processes: int = 6
    max_processes: int = 30
    warmup: float = 5.0
    latency: float = 1.0
    throughput: float = 0.5
    timeout: float = 120.0
    memory_limit: int | None = None
    spread: float = 60.0
    seed: int = 0
    start: str = "auto"
    images: str = ""
    energy: bool = False


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that bench.toml and vbench's own defaults say together."""

    suites: dict[str, Suite]
    groups: dict[str, groups.Group] = {}
    settings: Settings = Settings()
    plugins: tuple[str, ...] = ()
    lock: str = "vbench.lock.json"
    gate: tolerances.Gate = tolerances.Gate()
    root: Path = Path()
    file: Path | None = None

    def suite(self, name: str) -> Suite:
        """The suite of that name. Raises UnknownNameError with the nearest names."""
        if name not in self.suites:
            message = f"unknown suite {name!r}: {nearest(name, self.suites)} Suites are tables [suites.NAME] in {FILE}"
            raise UnknownNameError(message)
        return self.suites[name]


def also(config: Config, name: str) -> list[Suite]:
    """The further suites of a suite, those of their own included, each once and in order."""
    found, open_ = [name], [name]
    while open_:
        new = [other for other in config.suite(open_.pop(0)).also if other not in found]
        found += new
        open_ += new
    return [config.suite(other) for other in found[1:]]


# What is allowed, and an example, for every key; a test holds the documentation to this list.
ALLOWED: dict[str, tuple[str, str]] = (
    {
        "plugins": ("a list of files or folders that register architectures, engines or metrics", 'plugins = ["my_models"]'),
        "lock": ("the file that keeps the counted metrics", 'lock = "vbench.lock.json"'),
        "run.time-limit": ("a duration, or 0 for none", 'time-limit = "4m30s"'),
        "run.interval": ("the relative half-width of the 95 % interval to reach, a number between 0 and 1", "interval = 0.02"),
        "run.min-processes": ("a whole number of at least 1; under 6 there is no interval", "min-processes = 6"),
        "run.max-processes": ("a whole number of at least 1", "max-processes = 30"),
        "run.warmup": ("the longest warm-up of a process, a duration", 'warmup = "5s"'),
        "run.latency": ("how long a process samples latency, a duration", 'latency = "1s"'),
        "run.throughput": ("how long a process submits for throughput, a duration", 'throughput = "500ms"'),
        "run.timeout": ("how long a worker may take before it is killed, a duration", 'timeout = "2m"'),
        "run.memory-limit": ("the memory that a worker may take, a size", 'memory-limit = "8GB"'),
        "run.spread": ("over how long the rounds of a short run are spread, a duration", 'spread = "60s"'),
        "run.seed": ("a whole number of at least 0, for weights, inputs and the order of cases", "seed = 0"),
        "run.start": (f"how workers start: {', '.join(STARTS)}", 'start = "auto"'),
        "run.images": ("a folder of pictures to use as inputs", 'images = "pictures"'),
        "run.energy": ("true or false: a pass of at least 5 s per case that reads an energy counter", "energy = true"),
    }
    | suites.ALLOWED
    | groups.ALLOWED
    | tolerances.ALLOWED
)
_KEYS = ("plugins", "lock", "run", "suites", "groups", "gate")
_DURATIONS = ("time-limit", "warmup", "latency", "throughput", "timeout", "spread")


def load(file: Path | None = None) -> Config:
    """Read bench.toml: the file named, or the nearest one upwards from here, or vbench's defaults alone."""
    defaults = read(Path(__file__).with_name("default.toml"))
    path = file if file is not None else _find(Path.cwd())
    if path is None:
        return msgspec.structs.replace(defaults, root=Path.cwd(), file=None)
    own, root = read(path, defaults.settings), path.resolve().parent
    settings = own.settings
    if settings.images:
        settings = msgspec.structs.replace(settings, images=str(root / settings.images))
    named = {**defaults.suites, **own.suites}
    for name, suite in named.items():
        for other in suite.also:
            if other not in named:
                raise ConfigError(_line(path, f"suites.{name}.also", list(suite.also), f"unknown suite {other!r}"))
    return msgspec.structs.replace(own, suites=named, settings=settings, root=root, file=path)


def _find(folder: Path) -> Path | None:
    """The nearest bench.toml, no further up than the root of a checkout."""
    for place in (folder, *folder.parents):
        if (place / FILE).is_file():
            return place / FILE
        if (place / ".git").exists():
            return None
    return None


def read(path: Path, settings: Settings | None = None) -> Config:
    """What one file says, over these settings; what it leaves out has its default. Raises ConfigError."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}; name another with --config FILE"
        raise ConfigError(message) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is not valid TOML: {error}"
        raise ConfigError(message) from None
    for key in table:
        if key not in _KEYS:
            message = f"{path}: unknown key {key}: {nearest(key, _KEYS)}"
            raise ConfigError(message)
    run = _table(path, "run", table.get("run", {}))
    base = msgspec.to_builtins(settings or Settings())
    named, grouped = _each(path, table, "suites", Suite), _each(path, table, "groups", groups.Group)
    for name, suite in named.items():
        check_axes(suite, f"{path}: suites.{name}.")
    for name, group in grouped.items():
        groups.check(group, f"{path}: groups.{name}.")
    parsed = _convert(path, "run", base | _units(path, "run", run), Settings)
    check_settings(parsed, f"{path}: run.")
    gate = _table(path, "gate", table.get("gate", {}))
    judged = _convert(path, "gate", _units(path, "gate", gate), tolerances.Gate)
    tolerances.check(judged, f"{path}: gate.")
    plugins = _value(path, "plugins", table.get("plugins", []), tuple[str, ...])
    lock = _value(path, "lock", table.get("lock", "vbench.lock.json"), str)
    return Config(suites=named, groups=grouped, settings=parsed, plugins=plugins, lock=lock, gate=judged)


def _each(path: Path, table: dict[str, Any], key: str, kind: type[S]) -> dict[str, S]:
    """Every table [KEY.NAME], by name."""
    entries = _table(path, key, table.get(key, {})).items()
    return {name: _convert(path, f"{key}.{name}", _table(path, f"{key}.{name}", entry), kind) for name, entry in entries}


def _allowed(key: str) -> tuple[str, str]:
    """What a key allows, and an example, whatever its suite or group is called."""
    return ALLOWED[re.sub(r"^(suites|groups)\..*\.", r"\1.*.", key)]


def _table(path: Path, key: str, value: object) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    message = f"{path}: {key} = {value!r}: it must be a table, written [{key}]"
    raise ConfigError(message)


def _units(path: Path, name: str, table: dict[str, Any]) -> dict[str, Any]:
    """Durations and sizes may be written with their unit."""
    out = dict(table)
    for key, value in table.items():
        if not isinstance(value, str):
            continue
        try:
            if key in _DURATIONS:
                out[key] = parse_duration(value)
            elif key == "memory-limit":
                out[key] = parse_bytes(value)
        except ValueError as error:
            raise ConfigError(_line(path, f"{name}.{key}", value, error)) from None
    if out.get("time-limit") == 0 and not isinstance(out["time-limit"], bool):
        out["time-limit"] = None
    return out


def _line(path: Path, key: str, value: object, error: object) -> str:
    allowed, example = _allowed(key)
    problem = str(error).partition(" - at ")[0]
    return f"{path}: {key} = {value!r}: {problem}; allowed is {allowed}; for example: {example}"


def _value(path: Path, key: str, value: object, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(_line(path, key, value, error)) from None


def _convert(path: Path, prefix: str, table: dict[str, Any], kind: type[S]) -> S:
    """Convert one table; msgspec's own path loses dictionary keys, so each is named here in full."""
    fields = {field.encode_name for field in msgspec.structs.fields(kind)}
    for key in table:
        if key not in fields:
            message = f"{path}: unknown key {prefix}.{key}: {nearest(key, fields)}"
            raise ConfigError(message)
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        found = re.search(r"`\$\.([\w-]+)", str(error))
        if found is None:
            key = str(error).split("`")[1]  # a key that has no default
            allowed, example = _allowed(f"{prefix}.{key}")
            message = f"{path}: {prefix} has no {key}: it needs {allowed}; for example: {example}"
            raise ConfigError(message) from None
        key = found.group(1)
        raise ConfigError(_line(path, f"{prefix}.{key}", table.get(key), error)) from None


def check_settings(settings: Settings, where: str = "--") -> None:
    """Refuse settings that no run could follow. Raises UsageError."""
    least = settings.min_processes
    problems = {
        "interval": not 0 < settings.interval < 1 and "not between 0 and 1",
        "min-processes": least < 1 and "less than 1",
        "max-processes": settings.max_processes < least and f"less than min-processes ({least})",
        "time-limit": settings.time_limit is not None and not 0 < settings.time_limit < math.inf and "no time to measure in",
        "timeout": not 0 < settings.timeout < math.inf and "no time to wait for",
        "memory-limit": settings.memory_limit is not None and settings.memory_limit <= 0 and "no size",
        "seed": settings.seed < 0 and "less than 0",
        "start": settings.start not in STARTS and nearest(settings.start, STARTS),
    }
    for key in ("warmup", "latency", "throughput", "spread"):
        problems[key] = not 0 <= getattr(settings, key) < math.inf and "no time to measure for"
    for key, problem in problems.items():
        if problem:
            raise suites.impossible(where, key, getattr(settings, key.replace("-", "_")), problem, ALLOWED[f"run.{key}"])


def changed(base: Settings, changes: dict[str, Any]) -> Settings:
    """The settings with some said anew, by the keys of `[run]` or as Python spells them. Raises UsageError."""
    known = msgspec.to_builtins(base)
    named = {key.replace("_", "-"): value for key, value in changes.items()}
    for key in named:
        if key not in known:
            message = f"settings: unknown key {key!r}: {nearest(key, known)}"
            raise UsageError(message)
    try:
        final = msgspec.convert(known | named, Settings)
    except msgspec.ValidationError as error:
        message = f"settings: {error}; times are in seconds, sizes in bytes"
        raise UsageError(message) from None
    check_settings(final)
    return final
