"""What compressors share that look at nothing but the weights, and leave every tensor its shape."""

from __future__ import annotations


class Unstructured:
    """Needs numpy alone, which vbench needs anyway."""

    needs = ""
    kept = True

    def version(self) -> str:
        """The receipt that it can work here."""
        import numpy as np  # noqa: PLC0415 - what can be written is known without it

        return f"numpy {np.__version__}"
