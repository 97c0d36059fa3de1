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
