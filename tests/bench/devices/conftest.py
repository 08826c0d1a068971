"""A stand-in for NVIDIA's NVML, built here, and processes that find it as the real `pynvml` and PyTorch find theirs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# Imports torch once, and forks for each request: lines of Python, and variables of the environment that they see.
SERVER = """
import json, os, sys, traceback
import torch
for line in sys.stdin:
    code, environment = json.loads(line)
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.environ.update(environment)
        room = {}
        try:
            exec(f"import json, os\\n{code}", room)
            text = json.dumps([room["answer"], ""])
        except BaseException:
            text = json.dumps([None, traceback.format_exc()])
        with os.fdopen(writing, "w") as pipe:
            pipe.write(text)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        print(pipe.read(), flush=True)
    os.wait()
"""


class Ask:
    """Runs lines of Python where the stand-in is what `libnvidia-ml.so.1` means; gives what they leave in `answer`."""

    def __init__(self, folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CUDA_", "NVIDIA_", "STANDIN_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            env=kept | {"LD_LIBRARY_PATH": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, code: str, **environment: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps([code, environment]), file=self.process.stdin, flush=True)
        answer, trouble = json.loads(self.process.stdout.readline())
        assert not trouble, trouble
        return answer

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A process that finds the stand-in, built now."""
    if not sys.platform.startswith("linux"):
        pytest.skip("libraries are found by LD_LIBRARY_PATH on Linux only")
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler (cc or gcc) to build the stand-in for NVML with")
    folder = tmp_path_factory.mktemp("nvml")
    source, made = Path(__file__).with_name("standin.c"), folder / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(made), str(source)], check=True)
    found = Ask(folder)
    yield found
    found.close()


@pytest.fixture
def ask_without(tmp_path: Path) -> Iterator[Ask]:
    """A process that finds a file of that name which is no library, before any real one."""
    if not sys.platform.startswith("linux"):
        pytest.skip("libraries are found by LD_LIBRARY_PATH on Linux only")
    (tmp_path / "libnvidia-ml.so.1").write_text("not a library, and long enough to be looked at twice\n" * 20)
    found = Ask(tmp_path)
    yield found
    found.close()
