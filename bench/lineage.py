"""What a file of weights says of how it came to be: which network it is of, what was done to that, and from which weights on.

It stands in the metadata of a safetensors file under the key `vbench`, as JSON, so that who loads the file builds the network
that fits it: with channels that are gone, and with weights that must stay zero or shared. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "vbench"


class Written(msgspec.Struct, frozen=True, array_like=True):
    """How a tensor is written to disk, as a compressor said: see `interfaces.Work.written`."""

    kind: str
    bits: int = 0
    index_bits: int = 8


class Lineage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`architecture` without wrappers, `compression` in its canonical spelling, training included.

    `of` is the value of the axis `weights` that it began with, `data` what it was trained on. `written` says how tensors are
    encoded, `values` what the compressors did in numbers, and `notes` in words.
    """

    architecture: str
    compression: str = "none"
    of: str = ""
    data: str = ""
    written: dict[str, Written] = {}
    values: dict[str, float] = {}
    notes: dict[str, str] = {}


def read(metadata: Mapping[str, str]) -> Lineage | None:
    """What the metadata of a file says; None where it is of another origin, or of a form that is not known here."""
    try:
        return msgspec.json.decode(metadata[KEY], type=Lineage)
    except (KeyError, msgspec.MsgspecError):
        return None


def metadata(lineage: Lineage) -> dict[str, str]:
    """The metadata that says it."""
    return {KEY: msgspec.json.encode(lineage).decode()}
