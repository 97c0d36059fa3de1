"""The site built from a copy of the book whose chapters have been run already."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copy, copytree

import nbformat
import pytest
import yaml
from smoke_chapters import Executed

from lrbook.locks import claim

NOT_COPIED = {"book", "_config.yml", "_build", "runs"}


def build(root: Path, chapters: Callable[[Path], Executed], paths: list[Path]) -> Path:
    """Build the book of ``root`` with the outputs of ``chapters``; return the folder of pages.

    Fails the test where a chapter failed, or where the build has a warning.
    """
    folder = chapters.folder.parent / "site"
    html = folder / "_build" / "html"
    chapters.start(paths)
    with claim(folder.with_name(".site.lock"), "the site"):
        if not (html / "index.html").exists():
            copy_book(root, folder, keep=["*.ipynb"])
            for path in paths:
                executed = chapters(path)
                if executed.failure:
                    pytest.fail(executed.failure, pytrace=False)
                _without_injected(executed.notebook, folder / "book" / path.name)
            done = jupyter_book(folder)
            if done.returncode != 0:
                pytest.fail(done.stdout + done.stderr, pytrace=False)
    return html


def jupyter_book(folder: Path) -> subprocess.CompletedProcess:
    """Build the book in ``folder`` as ``make book`` does."""
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", ".", "--all"]
    env = os.environ | {"JUPYTER_PREFER_ENV_PATH": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [*command, "-W", "-n", "--keep-going"], cwd=folder, env=env, capture_output=True, text=True
    )


def copy_book(root: Path, folder: Path, *, keep: list[str]) -> None:
    """Copy the book of ``root``; of pages that match ``keep`` the build shows outputs they have."""
    folder.mkdir(parents=True, exist_ok=True)
    copytree(root / "book", folder / "book", dirs_exist_ok=True)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    assert config["execute"]["execute_notebooks"] == "force"
    config["execute"]["exclude_patterns"] = keep
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for path in root.iterdir():  # what pages are generated from
        if path.name not in NOT_COPIED and not path.name.startswith("."):
            here = folder / path.name
            if not here.exists():
                here.symlink_to(path) if path.is_dir() else copy(path, here)


def _without_injected(source: Path, target: Path) -> None:
    """Copy an executed chapter, less the cell with which papermill set the parameter."""
    notebook = nbformat.read(source, 4)
    tags = [cell.metadata.get("tags", []) for cell in notebook.cells]
    notebook.cells = [
        cell
        for cell, tagged in zip(notebook.cells, tags, strict=True)
        if "injected-parameters" not in tagged
    ]
    nbformat.write(notebook, target)
