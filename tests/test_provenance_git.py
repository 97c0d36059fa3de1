"""What a record says of the code: the commit, and whether the code was changed since."""

import subprocess

import pytest

from lrbook import provenance


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A repository with a commit, in which ``provenance`` believes to lie."""
    (tmp_path / "lrbook").mkdir()
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
    assert provenance._git() == {"commit": None, "dirty": None}
