"""What a record says of the code: the commit, and whether the code was changed since."""

import shutil
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT

from lrbook import provenance

UNKNOWN = {"commit": None, "dirty": None}
OF_A_CHECKOUT = "$Format:%H$\n"


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository with a commit, in which ``provenance`` believes to lie."""
    (tmp_path / "lrbook").mkdir()
    for name in (".gitattributes", "lrbook/provenance.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "lrbook" / "commit.txt").write_text(OF_A_CHECKOUT)
    (tmp_path / "lrbook" / "code.py").write_text("one = 1\n")
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "lrbook" / "provenance.py"))
    for variable in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(variable, raising=False)

    def git(*words):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        done = subprocess.run(
            ["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    git("init", "-q")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    provenance._git.cache_clear()
    yield tmp_path, git
    provenance._git.cache_clear()


def test_the_commit_is_named_and_output_is_no_change_of_the_code(clone):
    folder, git = clone
    for name in ("my-sweep", "results", "runs"):
        (folder / name).mkdir()
        (folder / name / "sweep.json").write_text("{}")
    assert provenance._git() == {"commit": git("rev-parse", "HEAD"), "dirty": False}


@pytest.mark.parametrize("changed", ["lrbook/code.py", "lrbook/new.py", "benchmarks/run.py"])
def test_changed_or_new_code_is_told(clone, changed):
    folder, _ = clone
    (folder / changed).parent.mkdir(exist_ok=True)
    (folder / changed).write_text("two = 2\n")
    assert provenance._git()["dirty"] is True


def test_a_process_names_the_code_that_it_began_with(clone):
    folder, git = clone
    begun = provenance.collect("none")["commit"]
    (folder / "lrbook" / "code.py").write_text("two = 2\n")
    git("commit", "-q", "-a", "-m", "two")
    again = provenance.collect("none")
    assert (again["commit"], again["dirty"]) == (begun, False)
    assert begun != git("rev-parse", "HEAD")


def test_it_can_be_asked_while_the_user_commits(clone):
    """Without git's own lock, and leaving the index as it is."""
    folder, git = clone
    index = folder / ".git" / "index"
    (folder / "lrbook" / "code.py").touch()  # which git would note in its index
    before = index.read_bytes()
    (folder / ".git" / "index.lock").touch()
    assert provenance._git() == {"commit": git("rev-parse", "HEAD"), "dirty": False}
    assert index.read_bytes() == before


def test_a_git_that_does_not_answer_holds_no_run_up(clone, monkeypatch):
    def silent(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(provenance.subprocess, "run", silent)
    assert provenance._git() == UNKNOWN


@pytest.fixture
def unpacked(clone, tmp_path_factory, monkeypatch):
    """A source archive of the clone, unpacked, in which ``provenance`` believes to lie."""
    _, git = clone
    above = tmp_path_factory.mktemp("unpacked")
    git("archive", "--prefix=lrbook-1/", "-o", str(above / "lrbook-1.zip"), "HEAD")
    with zipfile.ZipFile(above / "lrbook-1.zip") as archive:
        archive.extractall(above)
    place = above / "lrbook-1"
    monkeypatch.setattr(provenance, "__file__", str(place / "lrbook" / "provenance.py"))
    return place, git("rev-parse", "HEAD")


def a_repository(folder, *tracked):
    """Somebody's own, with a commit of ``tracked``."""
    who = ["-c", "user.name=y", "-c", "user.email=y@example.org"]
    (folder / "theirs.txt").write_text("theirs\n")
    for words in (["init", "-q"], ["add", "theirs.txt", *tracked], ["commit", "-q", "-m", "mine"]):
        subprocess.run(["git", *who, *words], cwd=folder, check=True)
    words = ["git", "rev-parse", "HEAD"]
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout


def test_a_source_archive_says_its_commit_and_not_whether_it_was_changed(unpacked):
    place, commit = unpacked
    assert not (place / ".git").exists()
    (place / "lrbook" / "code.py").write_text("two = 2\n")
    assert provenance._git() == {"commit": commit, "dirty": None}


def test_a_file_of_a_checkout_says_no_commit(clone):
    """As in a package that was installed from one."""
    folder, _ = clone
    shutil.rmtree(folder / ".git")
    assert "Format" in (folder / "lrbook" / "commit.txt").read_text()
    assert provenance._git() == UNKNOWN


@pytest.mark.parametrize("content", [None, b"", b"HEAD\n", b"0123abc\n", b"\xff" * 40])
def test_what_is_no_commit_is_not_known(unpacked, content):
    place, _ = unpacked
    (place / "lrbook" / "commit.txt").unlink()
    if content is not None:
        (place / "lrbook" / "commit.txt").write_bytes(content)
    assert provenance._git() == UNKNOWN


@pytest.mark.parametrize("above", [False, True])
def test_a_repository_that_lies_around_an_archive_is_not_taken_for_its_own(unpacked, above):
    """In a folder above it, or in the same one without holding the code."""
    place, commit = unpacked
    a_repository(place.parent if above else place)
    assert provenance._git() == {"commit": commit, "dirty": None}


def test_a_repository_that_lies_around_a_package_is_not_taken_for_its_own(clone):
    """As where pip has installed it into somebody's folder."""
    folder, _ = clone
    shutil.rmtree(folder / ".git")
    a_repository(folder)
    assert provenance._git() == UNKNOWN


def test_an_archive_that_somebody_goes_on_with_is_known_by_their_commits(unpacked):
    place, commit = unpacked
    theirs = a_repository(place, "lrbook").strip()
    assert theirs != commit
    assert provenance._git() == {"commit": theirs, "dirty": False}


def test_a_shallow_clone_is_known_by_its_commit(clone, tmp_path_factory, monkeypatch):
    folder, git = clone
    shallow = tmp_path_factory.mktemp("shallow") / "clone"
    git("clone", "-q", "--depth", "1", f"file://{folder}", str(shallow))
    monkeypatch.setattr(provenance, "__file__", str(shallow / "lrbook" / "provenance.py"))
    assert provenance._git() == {"commit": git("rev-parse", "HEAD"), "dirty": False}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="in an archive it is filled in")
def test_the_file_of_this_repository_is_not_filled_in():
    """Else every clone and archive to come would name the one commit."""
    assert (ROOT / "lrbook" / "commit.txt").read_text(encoding="ascii") == OF_A_CHECKOUT


def test_an_installed_package_has_the_file(tmp_path):
    """Built as by pip, of a copy with no more in it than a package needs."""
    source = tmp_path / "source"
    shutil.copytree(ROOT / "lrbook", source / "lrbook", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    script = "from setuptools import setup; setup()"
    command = [sys.executable, "-W", "ignore", "-c", script, "-q", "build", "-b", str(tmp_path)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    built = tmp_path / "lib" / "lrbook"
    for name in ("commit.txt", "py.typed", "paper_reported.toml", "figures/chart.js"):
        assert (built / name).read_bytes() == (ROOT / "lrbook" / name).read_bytes()
