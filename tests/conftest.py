"""Fixtures that several test modules share."""

from pathlib import Path
from typing import NamedTuple

import pytest

from lrbook.cli import main

ROOT = Path(__file__).resolve().parent.parent


class Answer(NamedTuple):
    """What a command gave back: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


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
