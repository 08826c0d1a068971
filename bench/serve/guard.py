"""What stands before every request: who asks, by which name, with what method; and what a browser is told beside each answer.

Nothing here knows what is served. The checks that a request passes, in order:

- **Host**: a page on the internet may let its own name point to 127.0.0.1 (DNS rebinding), and then ask us as if it were one of
  ours. The name that a browser puts into `Host` is still that page's, and is refused.
- **method**: GET and HEAD. There is nothing to write.
- **another site**: what a foreign page embeds or fetches costs this machine time, though it cannot read the answer.
- **token**: where there is one. It comes in a header, in a cookie, or once in the address, which then is replaced by one without.
"""

from __future__ import annotations

import hashlib
import hmac
import http
import ipaddress
import sys
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from .files import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = ("GET", "HEAD")
LEAST_TOKEN = 16
_COOKIE_DAYS = 30
# Styles stand in the pages, and Vega sets more of them as it draws. Everything else comes from here or is not there.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Rules(NamedTuple):
    """Who is answered: by which names this server may be called, whether by any number too, and with which token (or none).

    `port` tells the cookies of two servers on one machine apart, which browsers do not.
    """

    names: frozenset[str] = frozenset({"localhost"})
    numbers: bool = False
    token: str = ""
    port: int = 0

    @property
    def cookie(self) -> str:
        """What the cookie is called."""
        return f"vbench-{self.port}"

    @property
    def pass_(self) -> str:
        """What stands in the cookie: it proves that the token was known, and does not tell it."""
        return hmac.new(self.token.encode(), b"vbench serve", hashlib.sha256).hexdigest()


def called(rules: Rules, host: str) -> bool:
    """Whether this server may be called so. A number is no name that somebody else could let point here."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
    name = name.lower().rstrip(".")
    if name in rules.names:
        return True
    try:
        number = ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return rules.numbers or number.is_loopback


def same(first: str, second: str) -> bool:
    """Whether two secrets are equal, in a time that does not say where they differ."""
    return hmac.compare_digest(first.encode("utf-8", "replace"), second.encode("utf-8", "replace"))


class Guard:
    """The application behind its checks."""

    def __init__(self, app: ASGIApp, rules: Rules, refusal: Callable[[int, str], str]) -> None:
        """`refusal` makes the page that says no, from the code and the reason."""
        self.app, self.rules, self.refusal = app, rules, refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return
        started = False

        async def told(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "private, no-cache")
            await send(message)

        try:
            answer = self._refused(scope) or self.app
            await answer(scope, receive, told)
        except Exception as error:  # noqa: BLE001 - a fault of ours is one line for the operator, and none of it for who asked
            print(f"vbench: {line(scope['path'])}: {type(error).__name__}: {line(error)}", file=sys.stderr)  # noqa: T201 - as above
            if not started:
                await self._no(scope, 500, "this cannot be shown")(scope, receive, told)

    def _refused(self, scope: Scope) -> Response | None:
        """The answer to a request that is not passed on."""
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not called(self.rules, hosts[0]):
            name = line(hosts[0]) if hosts else "no name"
            return self._no(scope, 421, f"this server is not called {name}; --allow-host gives it that name")
        if scope["method"] not in METHODS:
            return self._no(scope, 405, "only GET and HEAD: there is nothing to change here", {"allow": ", ".join(METHODS)})
        if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode", "navigate") != "navigate":
            return self._no(scope, 403, "not from within another site's page")
        return self._stranger(scope, headers) if self.rules.token else None

    def _stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to somebody without the token; to somebody who brings it in the address, the same address without it."""
        given = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        brought = [value for name, value in given if name == "token"]
        if brought:
            if not same(brought[-1], self.rules.token):
                return self._no(scope, 401, "this is not the token")
            rest = urlencode([(name, value) for name, value in given if name != "token"])
            # Relative, so that a path like //elsewhere leads nowhere else.
            target = f"./{quote(scope['path'].rpartition('/')[2])}" + (f"?{rest}" if rest else "")
            response = Response(status_code=303, headers={"location": target})
            # Lax: the first link comes from a mail or a chat, and a stricter cookie would not be sent after it.
            response.set_cookie(
                self.rules.cookie, self.rules.pass_, max_age=_COOKIE_DAYS * 86400, httponly=True, samesite="lax", path="/"
            )
            return response
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and same(bearer.strip(), self.rules.token):
            return None
        if same(_cookie(headers, self.rules.cookie), self.rules.pass_):
            return None
        return self._no(scope, 401, "this needs the token", {"www-authenticate": "Bearer"})

    def _no(self, scope: Scope, code: int, reason: str, headers: dict[str, str] | None = None) -> Response:
        plain = scope["path"].endswith((".json", ".js"))
        text = reason if plain else self.refusal(code, reason)
        return Response(
            text + "\n" if plain else text, code, headers, "text/plain; charset=utf-8" if plain else "text/html; charset=utf-8"
        )


def _cookie(headers: Headers, name: str) -> str:
    parts = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    return next((value for own, _, value in parts if own == name), "")


def phrase(code: int) -> str:
    """What a code is called."""
    return http.HTTPStatus(code).phrase
