"""The application: which address shows what. A page and its data stand at one address, the latter with `.json` behind it.

An answer carries an ETag made from the question and from what is listed, so who asks again what has not changed is told so, and
nothing is read. What is made is made by one thread at a time, and the last few pages are kept.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from .. import results
from ..errors import NothingSelectedError, VbenchError
from . import compare, frame, history, report, runs
from .files import line
from .guard import METHODS, Guard, Rules, phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from .files import Listing
    from .shelf import Shelf

_HTML, _JSON, _SCRIPT = "text/html; charset=utf-8", "application/json", "text/javascript; charset=utf-8"
_KEPT_PAGES = 12
_FOREVER = "private, max-age=31536000, immutable"
_MOST = 500
_Names = Annotated[list[str], Field(max_length=_MOST)]


class _Asked(BaseModel):
    """What stands behind the ? of an address; anything else there is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OfRuns(_Asked):
    """Which page of the list."""

    page: int = Field(1, ge=1, le=10**6)


class OfReport(_Asked):
    """Which files, as `report.Asked` says."""

    file: _Names = []
    machine: str = ""
    last: int = Field(20, ge=1, le=10**5)
    mix: bool = False

    def told(self) -> report.Asked:
        """The same for those who know nothing of addresses."""
        return report.Asked(tuple(self.file), self.machine, self.last, self.mix)


class OfHistory(_Asked):
    """Which series; names may be separated by commas."""

    metric: _Names = []
    only: _Names = []
    machine: str = ""

    def told(self) -> history.Asked:
        """As above."""
        return history.Asked(words(self.metric), words(self.only), self.machine)


class OfCompare(_Asked):
    """Which two runs; names may be separated by commas."""

    a: str = ""
    b: str = ""
    metric: _Names = []
    only: _Names = []
    mix: bool = False

    def told(self) -> compare.Asked:
        """As above."""
        return compare.Asked(self.a, self.b, words(self.metric), words(self.only), self.mix)


def words(given: list[str]) -> tuple[str, ...]:
    """`a=1,2&a=3` as 1, 2, 3."""
    return tuple(word.strip() for one in given for word in one.split(",") if word.strip())


class Desk:
    """Answers: not made again while nothing has changed, and never with a traceback."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self._salt = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def answer(self, request: Request, kind: str, make: Callable[[Listing], str | bytes]) -> Response:
        """What `make` makes of what is listed now; or that it has not changed; or, in one line, what is wrong."""
        listing = self.shelf.listing()
        asked = [self._salt, request.url.path, request.url.query, frame.state(listing)]
        tag = f'"{hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:32]}"'
        headers = {"etag": tag}
        if _has(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        try:
            return Response(self._made(tag, listing, make), headers=headers, media_type=kind)
        except VbenchError as error:
            code = HTTPStatus.NOT_FOUND if isinstance(error, NothingSelectedError) else HTTPStatus.BAD_REQUEST
            return self.wrong(request, code, self.shelf.said(error))
        except Exception as error:  # noqa: BLE001 - two files may be sound alone and break together: that is one line, too
            text = f"this cannot be shown: {type(error).__name__}: {self.shelf.said(error)}"
            return self.wrong(request, HTTPStatus.INTERNAL_SERVER_ERROR, text)

    def _made(self, tag: str, listing: Listing, make: Callable[[Listing], str | bytes]) -> bytes:
        with self._lock:
            if tag not in self._kept:
                found = make(listing)
                # Half a character, which a file may hold, becomes a question mark.
                self._kept[tag] = found if isinstance(found, bytes) else found.encode("utf-8", "replace")
            self._kept.move_to_end(tag)
            while len(self._kept) > _KEPT_PAGES:
                self._kept.popitem(last=False)
            return self._kept[tag]

    def wrong(self, request: Request, code: int, text: str) -> Response:
        """A page, or JSON, that says in one line what is wrong."""
        path, listing = request.url.path, self.shelf.listing()
        if path.endswith(".json"):
            return Response(msgspec.json.encode({"error": text}), code, media_type=_JSON)
        here = next((name for name, address in frame.PLACES if address == path.removeprefix("/")), "")
        above = frame.top(here, listing, self.shelf.refused(listing))
        return Response(frame.message(phrase(code), text, above), code, media_type=_HTML)


def _has(header: str, tag: str) -> bool:
    return any(one.strip().removeprefix("W/") in {tag, "*"} for one in header.split(",")) if header else False


def make(shelf: Shelf, rules: Rules) -> Guard:
    """The application behind its guard."""
    results.load_metrics()
    desk = Desk(shelf)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    _pages(app, desk)
    _data(app, desk)
    _assets(app)

    @app.exception_handler(RequestValidationError)
    def wrong_question(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"][1:]))
        return desk.wrong(request, HTTPStatus.BAD_REQUEST, line(f"{name}: {first['msg']}"))

    @app.exception_handler(HTTPException)
    def nothing_there(request: Request, error: HTTPException) -> Response:
        return desk.wrong(request, error.status_code, "there is no such page here")

    return Guard(app, rules, _refusal)


def _show(app: FastAPI, path: str) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    shown: Callable[[Callable[..., Response]], Callable[..., Response]] = app.api_route(
        path, methods=list(METHODS), response_model=None
    )
    return shown


def _pages(app: FastAPI, desk: Desk) -> None:
    """What people look at."""
    shelf = desk.shelf

    @_show(app, "/")
    def runs_page(request: Request, asked: Annotated[OfRuns, Query()]) -> Response:
        return desk.answer(request, _HTML, lambda listing: runs.html(shelf, listing, asked.page))

    @_show(app, "/report")
    def report_page(request: Request, asked: Annotated[OfReport, Query()]) -> Response:
        return desk.answer(request, _HTML, lambda listing: report.html(shelf, listing, asked.told(), _query(request)))

    @_show(app, "/history")
    def history_page(request: Request, asked: Annotated[OfHistory, Query()]) -> Response:
        return desk.answer(request, _HTML, lambda listing: history.html(shelf, listing, asked.told(), _query(request)))

    @_show(app, "/compare")
    def compare_page(request: Request, asked: Annotated[OfCompare, Query()]) -> Response:
        return desk.answer(request, _HTML, lambda listing: compare.html(shelf, listing, asked.told(), _query(request)))


def _data(app: FastAPI, desk: Desk) -> None:
    """What scripts read."""
    shelf = desk.shelf

    @_show(app, "/runs.json")
    def runs_data(request: Request, asked: Annotated[OfRuns, Query()]) -> Response:
        return desk.answer(request, _JSON, lambda listing: runs.data(shelf, listing, asked.page))

    @_show(app, "/report.json")
    def report_data(request: Request, asked: Annotated[OfReport, Query()]) -> Response:
        return desk.answer(request, _JSON, lambda listing: report.data(shelf, listing, asked.told()))

    @_show(app, "/history.json")
    def history_data(request: Request, asked: Annotated[OfHistory, Query()]) -> Response:
        return desk.answer(request, _JSON, lambda listing: history.data(shelf, listing, asked.told()))

    @_show(app, "/compare.json")
    def compare_data(request: Request, asked: Annotated[OfCompare, Query()]) -> Response:
        return desk.answer(request, _JSON, lambda listing: compare.data(shelf, listing, asked.told()))

    @_show(app, "/state.json")
    def state_data(request: Request) -> Response:
        return desk.answer(request, _JSON, lambda listing: msgspec.json.encode({"state": frame.state(listing)}))


def _assets(app: FastAPI) -> None:
    """The scripts of the pages."""
    scripts = {asset.address.rpartition("/")[2]: asset.content.encode() for asset in frame.assets().values()}

    @_show(app, "/asset/{name}")
    def asset(name: str) -> Response:
        if name not in scripts:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return Response(scripts[name], media_type=_SCRIPT, headers={"cache-control": _FOREVER})


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def _refusal(code: int, reason: str) -> str:
    return frame.message(phrase(code), reason, asks=code == HTTPStatus.UNAUTHORIZED)
