"""`vbench serve` as it is typed: what it refuses, how it ends, and that torch stays out of it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

httpx = pytest.importorskip("httpx", reason="the extra `test` is not installed")
listen = pytest.importorskip("vbench.serve.listen", reason="the extra `serve` is not installed")

if TYPE_CHECKING:
    from pathlib import Path

TOKEN = "a-token-of-some-length"  # noqa: S105 - it guards a folder that the test made


@pytest.fixture
def cli(commands: Any, tmp_path: Path) -> Any:
    (tmp_path / "bench.toml").write_text("")
    return lambda *words: commands(tmp_path, "serve", *words)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nothing",), 2, "cannot serve nothing: there is no such folder or file"),
        ((), 3, "nothing to serve: there is no"),
        (("--host", "0.0.0.0"), 2, "--host 0.0.0.0 can be reached from other machines, which takes a token"),  # noqa: S104 - refused
        (("--host", "::"), 2, "can be reached from other machines, which takes a token"),
        (("--host", "0.0.0.0", "--token", "short"), 2, "the token is to be 16 or more printable ASCII characters"),  # noqa: S104 - as above
        (("--token", "short"), 2, "the token is to be 16 or more"),
        (("--token", "with a space in the middle"), 2, "without a space"),
        (("--host", "x" * 70), 2, "write an address of this machine"),
        (("--host", ""), 2, "which takes a token"),
        (("--port", "70000"), 2, "--port"),
        (("--port", "x"), 2, "--port"),
    ],
)
def test_what_cannot_be_served_is_one_line(cli: Any, tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    given = words
    if words and words != ("nothing",):
        (tmp_path / "results").mkdir()
        given = ("results", *words)
    done = cli(*given)
    assert done.returncode == code
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert TOKEN not in done.stderr


def test_a_port_in_use_is_one_line(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = cli("results", "--port", str(port))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"port {port} of 127.0.0.1 is in use: name another with --port" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_serves_until_it_is_ended(commands: Any, folder: Any, tmp_path: Path, number: int, code: int) -> None:
    folder.add("net/one")
    pid, errors = commands.start(tmp_path, "serve", "results", "--port", "0", VBENCH_TOKEN=TOKEN)
    out, until = errors.with_suffix(".out"), time.monotonic() + 60
    while not out.read_text().endswith("\n") and time.monotonic() < until:
        time.sleep(0.05)
    address = out.read_text().strip()
    assert address.startswith("http://127.0.0.1:")
    with httpx.Client(base_url=address) as client:
        assert client.get("/report").status_code == 401
        first = client.get(f"/report?token={TOKEN}", follow_redirects=True)
        assert first.status_code == 200
        assert TOKEN not in str(first.url)
        assert "net/one" in first.text
        assert "server" not in first.headers
        assert client.get("/runs.json").json()["files"] == 1
        client.get("/nothing")
        os.kill(pid, number)
        assert commands.wait(pid) == code
    said = errors.read_text()
    assert said == "vbench: serving results to those who know the token; Ctrl-C ends it\n"
    assert out.read_text() == f"{address}\n"


@pytest.mark.parametrize(
    ("host", "called", "numbers"),
    [("127.0.0.1", "127.0.0.1", False), ("localhost", "localhost", False), ("0.0.0.0", socket.gethostname().lower(), True)],  # noqa: S104 - with a token
)
def test_it_is_called_by_its_names(host: str, called: str, *, numbers: bool) -> None:
    place = listen.listen(host, 0, TOKEN, ["proxy.example"])
    place.socket.close()
    assert {called, "localhost", "proxy.example"} <= place.rules.names
    assert place.rules.numbers is numbers
    assert place.address.endswith(f":{place.rules.port}/")


def test_it_needs_no_torch_and_says_what_it_needs() -> None:
    code = (
        "import sys; from vbench.serve import app, listen, shelf, guard; from vbench import results; results.load_metrics();"
        "print(sorted({'torch', 'fvcore', 'altair'} & set(sys.modules)));"
        "sys.modules['fastapi'] = None; sys.argv = ['vbench', 'serve', '.']; from vbench.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]"
    assert done.returncode == 2
    assert done.stderr == "vbench: vbench serve needs fastapi, which is not installed: pip install 'vbench[serve]'\n"
