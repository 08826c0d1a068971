"""Who is answered: names, methods, tokens, and what every answer tells a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

guard = pytest.importorskip("vbench.serve.guard", reason="the extra `serve` is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "a-token-of-some-length"  # noqa: S105 - it guards a folder that the test made


@pytest.mark.parametrize(
    ("host", "here", "everywhere"),
    [
        ("localhost", True, True),
        ("localhost:9000", True, True),
        ("LOCALHOST.", True, True),
        ("127.0.0.1:8137", True, True),
        ("127.3.2.1", True, True),
        ("[::1]:8137", True, True),
        ("[::1]", True, True),
        ("192.168.1.5:8137", False, True),
        ("[fe80::1]:80", False, True),
        ("example.org", False, False),
        ("localhost.example.org:8137", False, False),
        ("127.0.0.1.nip.io", False, False),
        ("0x7f000001", False, False),
        ("2130706433", False, False),
        ("localhost@example.org", False, False),
        ("", False, False),
        (":8137", False, False),
    ],
)
def test_a_server_is_called_by_its_names_and_by_numbers(host: str, *, here: bool, everywhere: bool) -> None:
    assert guard.called(guard.Rules(), host) is here
    assert guard.called(guard.Rules(numbers=True), host) is everywhere


@given(st.text())
def test_no_name_breaks_the_check_and_none_of_a_stranger_passes(host: str) -> None:
    name = host.rpartition(":")[0] or host
    if guard.called(guard.Rules(), host):
        assert "localhost" in name.lower() or name.strip("[]").startswith(("127.", "::", "0"))


@given(st.text(), st.text())
def test_secrets_are_compared_as_text(first: str, second: str) -> None:
    assert guard.same(first, first)
    assert guard.same(first, second) == (first.encode("utf-8", "replace") == second.encode("utf-8", "replace"))


@pytest.mark.parametrize("path", ["/", "/report", "/runs.json", "/nothing", "/asset/x.js"])
def test_another_name_is_refused_whatever_is_asked_for(ask: Any, folder: Any, path: str) -> None:
    folder.add()
    answer = ask(path, host="evil.example")
    assert answer.status_code == 421
    assert "net/one" not in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FROB"])
@pytest.mark.parametrize("path", ["/", "/report", "/nothing"])
def test_only_get_and_head(ask: Any, method: str, path: str) -> None:
    answer = ask(path, method)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_what_another_site_embeds_is_refused_and_its_links_are_followed(ask: Any, folder: Any) -> None:
    folder.add()
    assert ask("/report.json", sec_fetch_site="cross-site", sec_fetch_mode="no-cors").status_code == 403
    assert ask("/report", sec_fetch_site="cross-site", sec_fetch_mode="navigate").status_code == 200
    assert ask("/report.json", sec_fetch_site="same-origin", sec_fetch_mode="cors").status_code == 200


@pytest.mark.parametrize("path", ["/", "/report", "/history", "/compare", "/runs.json", "/nothing", "/report?last=0"])
def test_every_answer_tells_the_browser_what_it_may_do(ask: Any, folder: Any, path: str) -> None:
    folder.add()
    for answer in (ask(path), ask(path, host="evil.example"), ask(path, "POST")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'; script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-eval" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "access-control-allow-origin" not in answer.headers


@pytest.fixture
def closed(asker: Callable[..., Any], folder: Any) -> Any:
    folder.add()
    return asker(folder.root, token=TOKEN)


@pytest.mark.parametrize("path", ["/", "/report", "/history.json", "/state.json", "/nothing", "/asset/vega.js"])
def test_without_the_token_nothing_is_told(closed: Any, path: str) -> None:
    answer = closed(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not any(told in answer.text for told in ("net/one", "Some CPU", TOKEN))


def test_a_script_sends_the_token_in_a_header(closed: Any) -> None:
    assert closed("/runs.json", authorization=f"Bearer {TOKEN}").status_code == 200
    for wrong in (f"Bearer {TOKEN}x", "Bearer ", TOKEN, f"Basic {TOKEN}"):
        assert closed("/runs.json", authorization=wrong).status_code == 401


def test_the_first_link_becomes_a_cookie_and_an_address_without_the_token(closed: Any) -> None:
    answer = closed(f"/report?last=5&token={TOKEN}&mix=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "./report?last=5&mix=1"
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/"))
    name = cookie.partition(";")[0]
    assert closed("/report", cookie=f"other=1; {name}").status_code == 200
    assert closed("/report", cookie=name[:-1]).status_code == 401
    assert closed("/report", cookie=name.replace("8137", "8138")).status_code == 401


def test_a_wrong_token_in_the_address_gets_no_cookie(closed: Any) -> None:
    for query in ("token=wrong", f"token={TOKEN}&token=wrong", "token="):
        answer = closed(f"/report?{query}")
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example", "/\\evil.example", "/https:/evil.example/"])
def test_the_link_without_the_token_leads_nowhere_else(closed: Any, path: str) -> None:
    answer = closed(f"http://localhost:8137{path}?token={TOKEN}")
    assert answer.headers["location"].startswith("./")
    assert "//" not in answer.headers["location"]


def test_who_has_no_token_is_asked_for_one(closed: Any) -> None:
    text = closed("/").text
    assert '<form class="ask" method="get" action="./">' in text
    assert 'type="password"' in text
    assert "<script" not in text


def test_a_fault_of_ours_is_one_line_for_the_operator_and_none_for_who_asked(
    closed: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closed.shelf, "listing", lambda: 1 / 0)
    answer = closed("/report?last=3", authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 500
    assert "division" not in answer.text
    said = capsys.readouterr().err
    assert said == "vbench: /report: ZeroDivisionError: division by zero\n"
