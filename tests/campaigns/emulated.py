"""Emulated: what `vbench` does on an x86 processor without AVX-512, AMX or VNNI, on a machine that has them.

python tests/campaigns/emulated.py run --engine all --precision all --quick --input 3x64x64 --time-limit 0 --timeout 900 NAME

Every process of Python runs under `qemu-x86_64 -cpu Haswell` (Debian's qemu-user), /proc/cpuinfo names no instructions that such
a processor lacks, and the C++ compiler makes code for it. An illegal instruction ends a worker, as it would there. What ran, what
was skipped and what was answered is as on such a processor; times are the emulator's, and mean nothing. Needs Linux and root.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

CPU, ARCH = "Haswell", "haswell"
NEWER = re.compile(r" (avx512\w*|amx\w*|avx_vnni\w*|avx_ifma|gfni|vaes|vpclmulqdq)\b")
# The child's own interpreter is the wrapper, so that its workers are emulated too.
CHILD = "import sys; sys.executable = sys.argv[1]; sys.argv[:2] = ['vbench']; from vbench.cli import script; script()"


def main() -> int:
    """Run `vbench` with the arguments given, emulated; its exit code."""
    with tempfile.TemporaryDirectory(prefix="vbench-emulated-") as name:
        folder = Path(name)
        own = shlex.quote(sys.executable)
        python = _script(folder / "python", f'exec qemu-x86_64 -cpu {CPU} -0 {own} {own} "$@" 2> >(grep -v "TCG doesn" >&2)')
        compiler = _script(
            folder / "c++", f'args=("${{@/#-march=native/-march={ARCH}}}"); exec {os.environ.get("CXX", "g++")} "${{args[@]}}"'
        )
        cpuinfo = folder / "cpuinfo"
        cpuinfo.write_text(NEWER.sub("", Path("/proc/cpuinfo").read_text("utf-8")), "utf-8")
        inside = f"mount --bind {shlex.quote(str(cpuinfo))} /proc/cpuinfo && exec " + shlex.join(
            [str(python), "-c", CHILD, str(python), *sys.argv[1:]]
        )
        # What this processor's kernels were made for must not be taken from its cache.
        env = os.environ | {"VBENCH_CACHE": str(folder / "cache"), "CXX": str(compiler)}
        return subprocess.run(["unshare", "--mount", "bash", "-c", inside], env=env, check=False).returncode


def _script(path: Path, line: str) -> Path:
    path.write_text(f"#!/bin/bash\n{line}\n", "utf-8")
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    sys.exit(main())
