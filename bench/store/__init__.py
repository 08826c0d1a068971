"""Results at scale: thousands of files in a folder or an object store, read for what is asked of them and no more.

A run file is written once and stays as it is. `vbench compact` puts beside them what reading rows needs, as Parquet; what it has
not seen yet is read from the files themselves, so nothing has to be coordinated, and nothing that was measured can be lost.
"""

from __future__ import annotations

from .fetching import local
from .loading import load, records, scan
from .places import address, scaled

__all__ = ["address", "load", "local", "records", "scaled", "scan"]
