"""The gates: what must not change, or must not get slower, compared with what is locked or with the base."""
