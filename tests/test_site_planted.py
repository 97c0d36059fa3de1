"""A page whose cell fails is never published: the build of a book that has one is red."""

import nbformat
import pytest
import site_build
import yaml
from conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("cell", "exit_code"), [("1 + 1", 0), ("1 / 0", 1)], ids=["sound", "planted failure"]
)
def test_a_failing_cell_turns_the_build_red(cell, exit_code, tmp_path):
    site_build.copy_book(ROOT, tmp_path, keep=[])
    config = yaml.safe_load((tmp_path / "_config.yml").read_text(encoding="utf-8"))
    del config["sphinx"]["local_extensions"]  # they expect the pages of the whole book
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for path in (tmp_path / "book").glob("*.ipynb"):
        path.unlink()
    cells = [nbformat.v4.new_markdown_cell("# Planted"), nbformat.v4.new_code_cell(cell)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(notebook, tmp_path / "book" / "planted.ipynb")
    contents = {"format": "jb-book", "root": "book/planted"}
    (tmp_path / "_toc.yml").write_text(yaml.safe_dump(contents), encoding="utf-8")
    done = site_build.jupyter_book(tmp_path)
    assert done.returncode == exit_code, done.stdout + done.stderr
    assert ("ZeroDivisionError" in done.stdout + done.stderr) == bool(exit_code)
