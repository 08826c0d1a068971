"""What `vbench list --compressors` prints: every compressor with its options, and what it looks at."""

from __future__ import annotations

from typing import Any

from .. import compression, tables, units


def entries() -> list[dict[str, Any]]:
    """As JSON has it; `missing` says why one cannot work here, and is empty where it can."""
    import msgspec  # noqa: PLC0415 - --help must be quick

    from .. import compress  # noqa: PLC0415 - as above
    from ..registry import COMPRESSORS  # noqa: PLC0415 - as above

    found = []
    for name, missing in compress.known().items():
        kind = COMPRESSORS.get(name)
        options = [
            {key: value for key, value in msgspec.to_builtins(option).items() if key not in {"low", "high", "words"}}
            | {"allowed": option.allowed}
            for option in kind.options
        ]
        about = {"description": kind.description, "needs": kind.needs, "example": compression.example(name, kind.options)}
        found.append({"name": name, **about, "options": options, "missing": missing or ""})
    return found


def table() -> str:
    """The same for people: a row for each, and below it a line for each of its options."""
    found = entries()
    rows = [(one["name"], one["example"], one["needs"] or units.MISSING, one["missing"] or one["description"]) for one in found]
    lines = [tables.aligned(("name", "for example", "needs", "what it does"), rows)]
    options: dict[tuple[str, str, str], list[str]] = {}
    for one in found:
        for option in one["options"]:
            default = "" if option["default"] in {None, ""} else f"; {option['default']} if left out"
            said = (option["name"], option["description"], f"{option['allowed']}{default}")
            options.setdefault(said, []).append(one["name"])
    told = [(name, about, allowed, ", ".join(names)) for (name, about, allowed), names in options.items()]
    return "\n\n".join([*lines, tables.aligned(("option", "what it says", "allowed", "of"), told)])
