"""Fixtures that several test modules share."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import mirrors
import pytest
import site_build
from smoke_chapters import SmokeChapters

from lrbook.browser import chromium
from lrbook.browser.serve import serve
from lrbook.cli import main

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))


def pytest_configure(config):
    """One folder of compiled JAX programs for all test processes and whatever they start.

    Much of what a short run of the toy costs is compiling, and many tests start one as a process.
    Where test processes run side by side, each computes on one thread: several wait for one another
    in a loop, and for long while their cores are another process's.
    """
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist: the folder is its parent's
        return
    folder = tempfile.mkdtemp(prefix="lrbook-jax-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_COMPILATION_CACHE_MAX_SIZE"] = str(10**9)  # with a limit the folder is locked
    if (config.getoption("numprocesses", None) or 0) > 1:
        os.environ.setdefault("OMP_NUM_THREADS", "1")


class Answer(NamedTuple):
    """What a command gave back: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def assert_refused(answer: Answer, *words: str) -> None:
    """Exit 2, nothing on stdout, one line on stderr with the words."""
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert answer.err.endswith("\n")
    assert answer.err.startswith("lrbook: ")
    assert "Traceback" not in answer.err
    assert "\r" not in answer.err
    for word in words:
        assert word in answer.err


@pytest.fixture(scope="module")
def own_compilations(tmp_path_factory):
    """A folder of compiled programs for the tests of one module, apart from the others'.

    For tests that kill processes: half a file would stay in the folder.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("jax")))
        yield


@pytest.fixture
def lrbook(capsys, monkeypatch, tmp_path):
    """Run the command line in this process, from an empty folder: lrbook("run", "patch", ...)."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # argparse leaves this way
            code = stop.code
        return Answer(code, *capsys.readouterr())

    return run


@pytest.fixture
def tree():
    """Every file below a folder with its bytes and modification time: tree(folder)."""

    def read(folder: Path) -> dict[str, tuple[bytes, int]]:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return {
            str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in files
        }

    return read


@pytest.fixture
def server(monkeypatch):
    """Mirrors of CIFAR-10 on the loopback address (mirrors.py); no proxy stands between."""
    monkeypatch.setenv("no_proxy", "*")
    with mirrors.serving() as server:
        yield server


@pytest.fixture
def fetch(server, tmp_path):
    """fetch("busy", "good"): a download from mirrors of these tempers into the test's folder."""
    return mirrors.fetcher(server, tmp_path)


@pytest.fixture(scope="session")
def smoke_chapters(request, tmp_path_factory):
    """What a chapter gives with its smallest settings: smoke_chapters(path) waits for it."""
    folder = tmp_path_factory.getbasetemp()
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    chapters = SmokeChapters((folder if alone else folder.parent) / "smoke-chapters")
    if alone:  # else the workers run side by side already
        each = [item for item in request.session.items if "smoke_chapters" in item.fixturenames]
        chapters.start([item.callspec.params["path"] for item in each if hasattr(item, "callspec")])
    yield chapters
    chapters.close()


@pytest.fixture(scope="session")
def built_site(request):
    """The folder of the built site: the one that LRBOOK_SITE names, else one with smoke outputs."""
    if "LRBOOK_SITE" in os.environ:
        return Path(os.environ["LRBOOK_SITE"]).resolve()
    return site_build.build(ROOT, request.getfixturevalue("smoke_chapters"), CHAPTERS)


@pytest.fixture(scope="session")
def soups(built_site):
    """Path below the site -> the parsed page, for every page there is."""
    from bs4 import BeautifulSoup

    files = sorted(path for path in built_site.rglob("*.html") if "_static" not in path.parts)
    return {
        path.relative_to(built_site).as_posix(): BeautifulSoup(
            path.read_text(encoding="utf-8"), "html.parser"
        )
        for path in files
    }


@pytest.fixture(scope="module")
def browser():
    """Chromium, for one module: while it runs, no other event loop can run in this thread."""
    if chromium.find() is None:
        pytest.skip(chromium.MISSING)
    with chromium.launch() as browser:
        yield browser


@pytest.fixture(scope="session")
def site(built_site):
    """The address of the built site, served from this machine below a sub-path."""
    with serve(built_site) as address:
        yield address
