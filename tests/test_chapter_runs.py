"""``lrbook chapter``: what it leaves when a chapter has run, or has failed."""

import json
import os
import shutil
import subprocess
import sys
import time

import nbformat
import pytest
from conftest import ROOT

from lrbook import chapters
from lrbook.errors import RunError


def test_executed_chapter_has_page_and_provenance(tmp_path):
    out = tmp_path / "new" / "folder" / "x.ipynb"
    command = ["chapter", "rate_or_noise", "-p", "profile", "smoke", "-p", "seeds", "3,4"]
    done = lrbook([*command, "-p", "results_dir", "kept", "-o", str(out)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(out), str(out.with_suffix(".html"))]
    assert "26/26" in done.stderr or "100%" in done.stderr  # progress, by cell
    about = nbformat.read(out, 4).metadata["lrbook"]
    chosen = {"profile": "smoke", "seeds": [3, 4], "results_dir": "kept"}
    assert about["parameters"] == chosen
    assert about["status"] == "finished"
    assert about["versions"]["jax"]
    assert all(name.startswith("toy-") for name in about["live"])
    assert len(about["live"]) == 4
    listed = lrbook(["records", "list", "--results", "kept"], tmp_path).stdout
    assert all(run_id in listed for run_id in about["live"])
    assert about["shown"]
    page = out.with_suffix(".html").read_text()
    assert "data:image/png;base64" in page
    assert "Rate or noise?" in page


def test_results_of_the_readers_own_are_shown(tmp_path):
    """An empty folder has no recordings: the chapter that shows them must say so."""
    (tmp_path / "mine").mkdir()
    command = ["chapter", "rate_or_noise", "-p", "profile", "smoke", "--quiet"]
    done = lrbook([*command, "--results", "mine"], tmp_path)
    assert done.returncode == 1
    assert "LookupError" in done.stderr
    assert str(chapters.DEFAULT_FOLDER / "rate_or_noise.ipynb") in done.stderr
    listed = lrbook(["chapter", "--list"], tmp_path)
    [line] = [line for line in listed.stdout.splitlines() if line.startswith("rate_or_noise")]
    assert "failed 20" in line


def planted(folder, code):
    shutil.copy(ROOT / "_config.yml", folder.parent)
    shutil.copy(ROOT / "book" / "references.bib", folder)
    cells = [
        nbformat.v4.new_code_cell(
            'profile: str = "demo"  # scale', metadata={"tags": ["parameters"]}
        ),
        nbformat.v4.new_code_cell(code),
    ]
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "odd.ipynb")


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("raise ValueError('so it goes')", "ValueError: so it goes"),
        ("assert False", "AssertionError"),
        ("import time; time.sleep(300)", "took more than 3 seconds"),
        ("import os; os._exit(1)", "the kernel died"),
    ],
)
def test_failed_chapter_is_kept_and_told(code, answer, tmp_path, monkeypatch):
    (tmp_path / "book").mkdir()
    planted(tmp_path / "book", code)
    monkeypatch.setattr(chapters, "folder", lambda: tmp_path / "book")
    out = tmp_path / "out.ipynb"
    out.with_suffix(".html").write_text("the page of an earlier run")
    before, variables = time.monotonic(), dict(os.environ)
    with pytest.raises(RunError, match=answer):
        chapters.run("odd", {}, out=out, timeout=3, progress=False)
    assert time.monotonic() - before < 60
    assert dict(os.environ) == variables
    about = json.loads(out.read_text())["metadata"]["lrbook"]
    assert about["status"] == "failed"
    assert answer in about["message"]
    assert not out.with_suffix(".html").exists()


def lrbook(arguments, folder):
    command = [sys.executable, "-m", "lrbook", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)
