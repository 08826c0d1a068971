"""What a developer runs: `nox` for all that a change must pass, `nox -s benchmarks` for the harness's own speed."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests", "docs"]

ROOT = Path(__file__).parent
CONSTRAINTS = ("-c", str(ROOT / "constraints.txt"))


def _wheel(session: nox.Session, extra: str) -> None:
    """Build the wheel and install it with an extra, so that the session sees what a user gets, and not the folders."""
    # setuptools packs what an earlier build left in build/, so a module that was deleted since would still be there.
    session.run("python", "-c", "import shutil; shutil.rmtree('build', ignore_errors=True)", silent=True)
    session.install(*CONSTRAINTS, f"{ROOT}[{extra}]")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests against the installed wheel; arguments after `--` go to pytest."""
    _wheel(session, "test")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Every rule of ruff, and its format."""
    session.install(*CONSTRAINTS, "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, on the installed wheel: in the folders the package has another name."""
    _wheel(session, "dev")
    with session.chdir(session.create_tmp()):
        session.run("mypy", "--config-file", str(ROOT / "pyproject.toml"), "-p", "vbench")


@nox.session
def docs(session: nox.Session) -> None:
    """Make every output that the docs show again, and compare."""
    _wheel(session, "test")
    session.run("pytest", "tests/test_docs.py", *session.posargs)


@nox.session
def exports(session: nox.Session) -> None:
    """The foreign formats, read by their own tools: the tests of `vbench export` with those too that `test` leaves out."""
    _wheel(session, "test,parquet")
    session.install(*CONSTRAINTS, "asv")
    session.run("pytest", "tests/bench/exports", *session.posargs)


@nox.session
def engines(session: nox.Session) -> None:
    """The runtimes of the extra `engines`, each on small networks; without the extra their tests are skipped."""
    _wheel(session, "test,engines")
    session.run("pytest", "tests/bench/engines", *session.posargs)


@nox.session
def store(session: nox.Session) -> None:
    """Results in an object store: the tests of `vbench compact` and of URLs, with a local S3 server."""
    _wheel(session, "test,s3")
    session.install(*CONSTRAINTS, "moto[server]")
    session.run("pytest", "tests/bench/store", *session.posargs)


@nox.session
def scale(session: nox.Session) -> None:
    """An hour and 15 GB: a million rows in ten thousand files; arguments after `--` go to the script."""
    _wheel(session, "test,scale")
    session.run("python", "tests/campaigns/scale.py", *session.posargs)


@nox.session
def cluster(session: nox.Session) -> None:
    """Minutes: runs on Ray clusters of several nodes on this machine, one of which is killed on the way."""
    _wheel(session, "test,ray")
    session.run("pytest", "tests/cluster", "-n", "0", *session.posargs)


@nox.session
def reference(session: nox.Session) -> None:
    """Half an hour: networks of the catalogue against torchvision, timm and pytorchcv; arguments after `--` go to the script.

    In an environment of its own, since those want another torch than the other sessions have (several gigabytes).
    """
    session.install("torch==2.14.1", "torchvision==0.29.1", "timm==1.0.31", "pytorchcv==0.0.74", str(ROOT))
    session.run("python", "tests/campaigns/reference.py", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Time the harness itself: what it adds to a sample, to a start, to a count."""
    _wheel(session, "test")
    session.run("pytest", "tests/benchmarks", "-n", "0", "--benchmark-enable", "--benchmark-only", *session.posargs)


def _campaign(session: nox.Session, name: str) -> None:
    """Run a campaign of tests/campaigns against the installed wheel; what stands after `--` goes to it."""
    _wheel(session, "test")
    session.run("python", f"tests/campaigns/{name}.py", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Hours, on an idle machine: how often a 95 % interval holds the long-run value, ours and that of two other tools."""
    _campaign(session, "coverage")


@nox.session
def loop(session: nox.Session) -> None:
    """Minutes, on an idle machine: our loop against that of torch.utils.benchmark, by turns in the same processes."""
    _campaign(session, "loop")


@nox.session
def bare(session: nox.Session) -> None:
    """Minutes, on an idle machine: what a step adds to the runtime's own call, by turns in the same process."""
    _wheel(session, "test,engines")
    session.run("python", "tests/campaigns/bare.py", *session.posargs)


@nox.session
def bias(session: nox.Session) -> None:
    """Hours, on an idle machine: our medians against torch.utils.benchmark in fresh processes."""
    _campaign(session, "bias")


@nox.session
def cost(session: nox.Session) -> None:
    """Hours, on an idle machine: seconds to an interval of 2 %, ours against fresh processes."""
    _campaign(session, "cost")


@nox.session
def repeatability(session: nox.Session) -> None:
    """Minutes, on an idle machine: the default suite twice, and whether the runs agree."""
    _campaign(session, "repeatability")


@nox.session
def benchmark_app(session: nox.Session) -> None:
    """Minutes, on an idle machine: the openvino engine against the tool that comes with OpenVINO, by turns."""
    _wheel(session, "test,engines")
    session.run("python", "tests/campaigns/against_benchmark_app.py", *session.posargs)


@nox.session
def changes(session: nox.Session) -> None:
    """A quarter of an hour: how often the history names a change where there is none, and what it finds; simulated, resumable."""
    _wheel(session, "test")
    session.run("python", "tests/campaigns/changes.py", "-o", "tests/campaigns/changes.json", *session.posargs)


@nox.session
def table(session: nox.Session) -> None:
    """Hours, resumable: every network on every engine and precision, for docs/engines.md; what stands after `--` goes to it."""
    _wheel(session, "test,engines")
    session.run("python", "tests/campaigns/engines.py", *session.posargs)


@nox.session
def pruning(session: nox.Session) -> None:
    """Hours, resumable: every network pruned by every criterion, for docs/compression.md; what stands after `--` goes to it."""
    _wheel(session, "test,engines")
    session.run("python", "tests/campaigns/pruning.py", *session.posargs)


@nox.session
def load(session: nox.Session) -> None:
    """Minutes, on an idle machine with stress-ng: whether every row that a neighbour spoils is flagged."""
    _campaign(session, "load")
