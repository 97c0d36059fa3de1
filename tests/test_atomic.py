"""Files that are whole, or as they were."""

import errno
import io
import os
from pathlib import Path

import pytest

from lrbook.atomic import write_atomically
from lrbook.errors import RecordError


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


class FullDisk(io.FileIO):
    """A file that is made, and then takes no bytes."""

    write = no_space


@pytest.mark.parametrize("step", ["write", "flush to disk", "rename"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, step):
    path = tmp_path / "record.json"
    write_atomically(path, b"old")
    if step == "write":
        monkeypatch.setattr(Path, "open", lambda path, mode: FullDisk(path, mode))
    elif step == "flush to disk":
        monkeypatch.setattr(os, "fsync", no_space)
    else:
        monkeypatch.setattr(Path, "replace", no_space)
    with pytest.raises(RecordError, match=r"record\.json cannot be written \(No space left"):
        write_atomically(path, b"new and longer")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]


def test_all_bytes_have_left_the_program_when_the_file_is_flushed_to_disk(tmp_path, monkeypatch):
    """Else the name could outlast a power cut, and what is in the file not."""
    sizes, fsync = [], os.fsync

    def measured(file):
        sizes.append(os.fstat(file).st_size)
        fsync(file)

    monkeypatch.setattr(os, "fsync", measured)
    write_atomically(tmp_path / "record.json", b"nine byte")
    assert sizes == [9]
