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

from vbench import errors

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
        ((".", "--host", "0.0.0.0"), 2, "--host 0.0.0.0 can be reached from other machines, which takes a token"),  # noqa: S104 - refused
        ((".", "--port", "70000"), 2, "--port"),
    ],
)
def test_what_cannot_be_served_is_one_line(cli: Any, words: tuple[str, ...], code: int, said: str) -> None:
    done = cli(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("host", "token", "said"),
    [
        ("0.0.0.0", "", "which takes a token"),  # noqa: S104 - refused
        ("::", "", "which takes a token"),
        ("0.0.0.0", "short", "16 or more printable ASCII characters"),  # noqa: S104 - as above
        ("127.0.0.1", "short", "16 or more"),
        ("127.0.0.1", "with a space in the middle", "without a space"),
        ("127.0.0.1", "ä" * 20, "ASCII"),
        ("x" * 70, TOKEN, "write an address of this machine"),
        ("", TOKEN, "write an address of this machine"),
        ("192.0.2.1", TOKEN, "cannot listen on port 0 of 192.0.2.1"),
    ],
)
def test_where_it_cannot_listen_it_says_so(host: str, token: str, said: str) -> None:
    with pytest.raises(errors.UsageError, match=said) as caught:
        listen.listen(host, 0, token)
    assert "\n" not in str(caught.value)
    assert not token or token not in str(caught.value).split()


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(errors.UsageError, match=f"port {port} of 127.0.0.1 is in use: name another with --port"):
            listen.listen("127.0.0.1", port, "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_serves_until_it_is_ended(commands: Any, folder: Any, tmp_path: Path, number: int, code: int) -> None:
    folder.add("net/one")
    pid, told = commands.start(tmp_path, "serve", "results", "--port", "0", VBENCH_TOKEN=TOKEN)
    try:
        address = _address(told.with_suffix(".out"))
        _visited(address)
        os.kill(pid, number)
        assert commands.wait(pid) == code
    except BaseException:
        os.kill(pid, signal.SIGKILL)  # or whoever waits for the commands to end waits for it
        raise
    assert told.read_text() == "vbench: serving results to those who know the token; Ctrl-C ends it\n"
    assert told.with_suffix(".out").read_text() == f"{address}\n"


def _address(out: Path) -> str:
    """The line that it prints when it listens."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if out.exists() and out.read_text().endswith("\n"):
            return out.read_text().strip()
        time.sleep(0.05)
    message = "it did not begin to listen"
    raise AssertionError(message)


def _visited(address: str) -> None:
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
