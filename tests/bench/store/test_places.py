"""What was named: folders, files, globs and URLs; what climbs out of them, and what is not served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vbench import results
from vbench.errors import NothingSelectedError, UsageError
from vbench.store import local, places


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("s3://bucket/results", "s3://bucket/results"),
        ("s3://bucket/results/", "s3://bucket/results"),
        (Path("s3://bucket/results/**"), "s3://bucket/results/**"),
        (Path("memory://b/x.jsonl"), "memory://b/x.jsonl"),
        ("gs://b/r", "gs://b/r"),
        ("az://c/r", "az://c/r"),
        ("results", None),
        ("./s3/results", None),
        (Path("/a/s3:/b"), None),
        ("C:/results", None),
    ],
)
def test_a_url_is_told_from_a_path_even_where_pathlib_took_a_slash(given: Any, url: str | None) -> None:
    assert places.address(given) == url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("ftp://host/results", "ftp:// is not served"),
        ("file:///etc", "without file://"),
        ("s3://bucket/results/../secrets", "climbs out"),
        (Path("s3://bucket/../other"), "climbs out"),
    ],
)
def test_what_is_not_served_is_one_line(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        places.address(given)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_path_a_url_or_refused(text: str) -> None:
    try:
        found = places.address(text)
    except UsageError:
        return
    assert found is None or "://" in found


def test_a_folder_is_listed_as_the_results_of_this_machine_always_were(runs: Any, tmp_path: Path) -> None:
    for _ in range(3):
        runs.add()
    folder = runs.folder
    for name in ("campaigns/bias.jsonl", "x.pairs.jsonl", "study.jsonl", "sub-dir/a.jsonl", "sub/z.jsonl", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}\n")
    listed = places.listing(folder)
    assert [Path(entry.address) for entry in listed.entries] == results.files([folder])
    assert [entry.size for entry in listed.entries] == [path.stat().st_size for path in results.files([folder])]
    pattern = folder / "*" / "2026*.jsonl"
    assert [Path(entry.address) for entry in places.listing(pattern).entries] == results.files([pattern])


def test_a_link_to_a_folder_is_not_followed_out_of_the_results(runs: Any, tmp_path: Path) -> None:
    runs.add()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "secret.jsonl").write_text("{}\n")
    (runs.folder / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert len(places.listing(runs.folder).entries) == 1


def test_objects_are_listed_like_files(runs: Any, bucket: Any) -> None:
    path = runs.add()
    for name in (
        "r/m/20260301T000000Z-aaaaaa.jsonl",
        "r/n/20260302T000000Z-aaaaaa.jsonl",
        "r/campaigns/x.jsonl",
        "r/report.html",
    ):
        bucket.pipe_file(f"/bucket/{name}", path.read_bytes())
    every = ["m/20260301T000000Z-aaaaaa.jsonl", "n/20260302T000000Z-aaaaaa.jsonl"]
    assert [entry.path for entry in places.listing("memory://bucket/r").entries] == every
    assert [entry.path for entry in places.listing("memory://bucket/r/**").entries] == every
    assert [entry.path for entry in places.listing("memory://bucket/r/m/*.jsonl").entries] == ["20260301T000000Z-aaaaaa.jsonl"]
    one = places.listing("memory://bucket/r/m/20260301T000000Z-aaaaaa.jsonl")
    assert one.file
    assert one.entries[0].read(0, 10) == path.read_bytes()[:10]
    assert one.entries[0].address == "memory://bucket/r/m/20260301T000000Z-aaaaaa.jsonl"


def test_an_object_whose_name_climbs_is_not_there(runs: Any, bucket: Any, cached: Path) -> None:
    data = runs.add().read_bytes()
    bucket.store["/bucket/r/../../../evil.jsonl"] = type(bucket.open("/bucket/x", "wb"))(bucket, "/bucket/x", data)
    bucket.pipe_file("/bucket/r/good.jsonl", data)
    assert [entry.path for entry in places.listing("memory://bucket/r").entries] == ["good.jsonl"]
    (path,) = local(["memory://bucket/r"])
    assert path.resolve().is_relative_to(cached.resolve())


def test_a_missing_bucket_is_one_line(bucket: Any) -> None:
    with pytest.raises(UsageError, match=r"holds nothing|no such bucket"):
        places.listing("memory://nowhere/results")


def test_a_missing_package_is_one_line_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec  # noqa: PLC0415 - may not be here

    def absent(*_: Any, **__: Any) -> None:
        msg = "Install s3fs to access S3"
        raise ImportError(msg)

    places.filesystem.cache_clear()
    monkeypatch.setattr(fsspec, "filesystem", absent)
    with pytest.raises(UsageError, match=r"pip install 'vbench\[s3\]'"):
        places.listing("s3://bucket/results")
    places.filesystem.cache_clear()


def test_what_is_fetched_is_fetched_once_and_anew_when_it_changed(runs: Any, bucket: Any, cached: Path) -> None:
    bucket.pipe_file("/bucket/r/a.jsonl", runs.add().read_bytes())
    told: list[str] = []
    (path,) = local(["memory://bucket/r"], warn=told.append)
    local(["memory://bucket/r"], warn=told.append)
    assert len(told) == 1
    assert "fetching 1 file" in told[0]
    other = runs.add(ms=20.0).read_bytes()
    bucket.pipe_file("/bucket/r/a.jsonl", other)
    assert local(["memory://bucket/r"], warn=told.append) == [path]
    assert path.read_bytes() == other


def test_the_newest_runs_go_by_their_names_and_those_of_another_name_by_their_start(runs: Any, tmp_path: Path) -> None:
    paths = [runs.add() for _ in range(4)]
    renamed = paths[3].rename(paths[3].with_name("a-name-of-my-own.jsonl"))
    (runs.folder / "gate.jsonl").write_text('{"type":"gate","started":"2030-01-01"}\n')
    (runs.folder / "torn.jsonl").write_text('{"type":"run","sta')
    assert local([runs.folder], newest=1) == [renamed]
    assert local([runs.folder], newest=2) == [paths[2], renamed]
    assert len(local([runs.folder], newest=99)) == 4
    with pytest.raises(UsageError, match="--newest 0"):
        local([runs.folder], newest=0)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingSelectedError, match="holds no result file"):
        local([tmp_path / "empty"], newest=1)
