"""The served view: result files as pages, read anew as they change. It reads and never writes, and torch is not imported."""
