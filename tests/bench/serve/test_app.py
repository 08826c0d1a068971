"""What is shown at which address, that it is what the verbs say, and that nothing is made twice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from vbench import results
from vbench.compare import look as comparisons
from vbench.compare import plain
from vbench.history import look as histories
from vbench.scan import Rule

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")

if TYPE_CHECKING:
    from collections.abc import Callable


PAGES = ("/", "/report", "/history", "/compare", "/runs.json", "/report.json", "/history.json", "/compare.json", "/state.json")
ELSEWHERE = {"slug": "other-cpu-8c-0000bb", "fingerprint": "0000bb", "processor": "Other CPU"}


@pytest.mark.parametrize("path", PAGES)
def test_what_has_not_changed_is_told_so(ask: Any, folder: Any, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    folder.add()
    folder.add()
    first = ask(path)
    tag = first.headers["etag"]
    assert ask(path).headers["etag"] == tag
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = ask(path, if_none_match=header)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert ask(path, if_none_match='"other"').status_code == 200
    folder.add()
    later = ask(path, if_none_match=tag)
    assert later.status_code == 200
    assert later.headers["etag"] != tag
    assert ask(f"{path}?page=2" if path in {"/", "/runs.json"} else path).headers["etag"] != tag


def test_a_page_is_made_once_for_all_who_ask(ask: Any, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vbench.serve import report  # noqa: PLC0415 - only where the extra is installed

    folder.add()
    made = []
    html = report.html
    monkeypatch.setattr(report, "html", lambda *given: made.append(1) or html(*given))
    assert ask("/report").text == ask("/report").text
    assert len(made) == 1


@pytest.mark.parametrize("path", PAGES)
def test_head_is_get_without_the_content(ask: Any, folder: Any, path: str) -> None:
    folder.add()
    folder.add()
    got, head = ask(path), ask(path, "HEAD")
    assert head.status_code == got.status_code == 200
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-type"] == got.headers["content-type"]


def test_the_rows_are_those_of_load(ask: Any, folder: Any) -> None:
    folder.add("net/one", "net/two")
    folder.add("net/three", ended="interrupted")
    told = ask("/report.json").json()
    frame = results.load(folder.root)
    rows = {(row["run_id"], row["case_id"]): row for row in told["rows"]}
    assert len(rows) == len(frame) == 3
    for _, row in frame.iterrows():
        own = rows[row["run_id"], row["case_id"]]
        assert own["latency_s"] == pytest.approx(row["latency_s"])
        assert own["params"] == row["params"]
        assert own["status"] == row["status"]
    assert [run["ended"] for run in told["runs"]] == ["interrupted", "complete"]
    assert [run["file"] for run in told["runs"]] == [f"{run['run_id']}.jsonl" for run in told["runs"]]


def test_the_history_is_that_of_the_verb(ask: Any, folder: Any) -> None:
    for day in range(4):
        folder.add(ms=10.0 + day)
    asked = histories.Asked(metrics=("latency",), only=("net/one",))
    wanted = json.loads(msgspec.json.encode(histories.plain(histories.look([folder.root], asked, Rule()))))
    told = ask("/history.json?metric=latency&only=net/one").json()
    for run in wanted["runs"].values():
        run["file"] = run["file"].rpartition("/")[2]
    assert told == wanted
    page = ask("/history?metric=latency&only=net/one").text
    assert "net/one latency" in page
    assert "net/two latency" not in page


def test_a_change_is_on_the_page_with_what_confirms_it(ask: Any, folder: Any) -> None:
    for day in range(24):
        folder.add("net/one", ms=(10.0 if day < 14 else 14.0) * (1 + 0.001 * ((day * 0.618) % 1)))
    page = ask("/history?metric=latency").text
    assert "Series that changed" in page
    assert '<td class="wide worse">worse</td>' in page
    assert "vbench gate" in page or "no command confirms it" in page


def test_the_comparison_is_that_of_the_verb(ask: Any, folder: Any) -> None:
    a, b = folder.add(), folder.add(ms=12.0)
    wanted = json.loads(msgspec.json.encode(plain.plain(comparisons.look(a, b, comparisons.Asked()))))
    told = ask(f"/compare.json?a={a.name}&b={b.name}").json()
    for side, path in (("a", a), ("b", b)):
        wanted[side]["given"] = path.name
        for run in wanted[side]["runs"]:
            run["file"] = path.name
    assert told == wanted
    assert ask("/compare.json").json() == told
    page = ask(f"/compare?a={a.name}&b={b.name}").text
    assert "Latency, lower is better" in page
    assert f'<option value="{a.name}" selected>' in page
    other = ask(f"/compare?a={b.name}&b={a.name}&only=net/one").text
    assert '<th scope="row" class="wide">net/one</th>' in other
    assert '<th scope="row" class="wide">net/two</th>' not in other


def test_without_two_runs_the_page_of_comparisons_says_so(ask: Any, folder: Any) -> None:
    assert "There is no run yet" in ask("/compare").text
    folder.add()
    answer = ask("/compare")
    assert answer.status_code == 200
    assert "It takes two runs" in answer.text
    assert ask("/compare.json").status_code == 400


def test_two_machines_are_apart_and_each_has_its_report(ask: Any, folder: Any) -> None:
    machine = msgspec.convert(ELSEWHERE, type(folder.record().run.machine))
    folder.add("net/one")
    folder.add("net/two", machine=machine)
    assert {row["architecture"] for row in ask("/report.json?machine=0000bb").json()["rows"]} == {"net/two"}
    assert {one["fingerprint"] for one in ask("/history.json?machine=0000aa").json()["series"]} == {"0000aa"}
    page = ask("/report").text
    assert "2 machines, whose times do not compare" in page
    assert "mixed as asked" not in page.partition("<main")[0]
    assert "mixed as asked" in ask("/report?mix=1").text
    assert 'href="report?machine=0000bb"' in ask("/").text


def test_the_report_is_of_the_newest_unless_asked(ask: Any, folder: Any) -> None:
    names = [folder.add(f"net/{day}").name for day in range(4)]
    told = ask("/report.json?last=2").json()
    assert [run["file"] for run in told["runs"]] == names[:1:-1]
    assert "Of the 2 newest of 4 files." in ask("/report?last=2").text
    assert [run["file"] for run in ask(f"/report.json?file={names[1]}&file={names[0]}").json()["runs"]] == names[1::-1]


def test_runs_come_in_pages(ask: Any, folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from vbench.serve import runs  # noqa: PLC0415 - only where the extra is installed

    monkeypatch.setattr(runs, "PAGE", 2)
    names = [folder.add().name for _ in range(5)]
    assert [run["file"] for run in ask("/runs.json?page=2").json()["runs"]] == names[2:0:-1]
    assert "page 2 of 3" in ask("/?page=2").text
    assert ask("/?page=9").status_code == 200
    assert ask("/?page=0").status_code == 400


def test_each_run_leads_to_the_one_before_it_on_its_machine(ask: Any, folder: Any) -> None:
    machine = msgspec.convert(ELSEWHERE, type(folder.record().run.machine))
    first = folder.add("net/one").name
    folder.add("net/one", machine=machine)
    folder.add("net/two")
    last = folder.add("net/one").name
    page = ask("/").text
    assert f'href="compare?a={first}&amp;b={last}"' in page
    assert page.count('href="compare?') == 1


@pytest.mark.parametrize("path", ["/", "/report", "/history", "/compare"])
def test_pages_hold_no_script_and_name_theirs_by_content(ask: Any, folder: Any, path: str) -> None:
    folder.add()
    folder.add()
    text = ask(path).text
    assert "<script>" not in text
    assert "onclick" not in text
    addresses = [part.partition('"')[0] for part in text.split('<script src="')[1:]]
    assert addresses
    for address in addresses:
        script = ask(f"/{address}")
        assert script.status_code == 200
        assert script.headers["content-type"].startswith("text/javascript")
        assert "immutable" in script.headers["cache-control"]
    assert ask("/asset/vega.js").status_code == 404


@pytest.mark.parametrize(
    ("path", "code"), [("/", 200), ("/report", 404), ("/history", 404), ("/compare", 200), ("/runs.json", 200)]
)
def test_an_empty_folder_is_a_page_that_waits(ask: Any, folder: Any, path: str, code: int) -> None:
    answer = ask(path)
    assert answer.status_code == code
    if not path.endswith(".json"):
        assert "data-state=" in answer.text
        assert "asset/plain." in answer.text
    folder.add()
    assert ask(path).status_code == 200


def test_the_state_changes_with_the_files(ask: Any, folder: Any) -> None:
    before = ask("/state.json").json()["state"]
    path = folder.add()
    after = ask("/state.json").json()["state"]
    assert before != after
    assert f'data-state="{after}"' in ask("/").text
    with path.open("ab") as file:
        file.write(b"\n")
    assert ask("/state.json").json()["state"] != after


def test_names_of_files_may_be_any(ask: Any, folder: Any) -> None:
    record: Callable[..., Any] = folder.record
    for name in ("a b&c=d.jsonl", "ü+ä%20.jsonl", "sub/deep.jsonl", "'\"<b>.jsonl"):
        folder.written(record("net/one"), folder.root / name)
    page = ask("/").text
    links = [part.partition('"')[0].replace("&amp;", "&") for part in page.split('href="report?file=')[1:]]
    assert len(links) == 4
    for link in links:
        answer = ask(f"/report.json?file={link}")
        assert answer.status_code == 200, link
        assert len(answer.json()["runs"]) == 1
