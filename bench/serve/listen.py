"""Where the server listens, who may call it there, and how it ends."""

from __future__ import annotations

import errno
import ipaddress
import signal
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn

from ..errors import UsageError
from .guard import LEAST_TOKEN, Rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp

# Requests that wait at the same time; one is worked on.
_MOST = 64
_GRACE_SECONDS = 2
_HOW = "python -c 'import secrets; print(secrets.token_urlsafe(24))' makes one, and VBENCH_TOKEN or --token takes it"


class Place(NamedTuple):
    """A socket that listens, who is answered there, and how a browser gets there."""

    socket: socket.socket
    rules: Rules
    address: str


def listen(host: str, port: int, token: str, names: Iterable[str] = ()) -> Place:
    """Take the port. Raises UsageError where it cannot be had, and where others could ask without a token."""
    family, where = _resolved(host, port)
    loopback = ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback
    if not loopback and not token:
        message = f"--host {host} can be reached from other machines, which takes a token: {_HOW}"
        raise UsageError(message)
    if token and (len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        message = f"the token is to be {LEAST_TOKEN} or more printable ASCII characters without a space: {_HOW}"
        raise UsageError(message)
    taken = _taken(family, where, host, port)
    own = int(taken.getsockname()[1])
    called = {"localhost", host.lower(), *(name.lower() for name in names)}
    wild = ipaddress.ip_address(str(where[0]).partition("%")[0]).is_unspecified
    if not loopback:
        called.add(socket.gethostname().lower())
    shown = socket.gethostname() if wild else f"[{host}]" if ":" in host else host
    rules = Rules(frozenset(called), numbers=not loopback, token=token, port=own)
    return Place(taken, rules, f"http://{shown}:{own}/")


def _resolved(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """The address that a host's name stands for; what is checked is what is listened on."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        told = error.strerror if isinstance(error, OSError) else str(error)
        message = f"--host {host}: {told}; write an address of this machine, for example 127.0.0.1 or 0.0.0.0"
        raise UsageError(message) from None
    family, _, _, _, where = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, where


def _taken(family: socket.AddressFamily, where: Any, host: str, port: int) -> socket.socket:
    try:
        return socket.create_server(where, family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} of {host} is in use: name another with --port, or take any free one with --port 0"
        else:
            message = f"cannot listen on port {port} of {host}: {error.strerror}; name others with --host and --port"
        raise UsageError(message) from None


def server(app: ASGIApp) -> uvicorn.Server:
    """What answers: it logs no request, since the first link has the token in it, and believes no header about who asks."""
    return uvicorn.Server(
        uvicorn.Config(
            app, lifespan="off", ws="none", http="h11", loop="asyncio", log_config=None, log_level="critical", access_log=False,
            server_header=False, proxy_headers=False, limit_concurrency=_MOST, timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )  # fmt: skip


def run(app: ASGIApp, place: Place) -> bool:
    """Answer until somebody ends it; whether that was Ctrl-C. SIGTERM, by which a service manager ends it, is no failure."""
    # A shell that starts this in the background has SIGINT ignored, which who sends one does not mean.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        server(app).run(sockets=[place.socket])
    except KeyboardInterrupt:
        return True
    finally:
        place.socket.close()
    return False
