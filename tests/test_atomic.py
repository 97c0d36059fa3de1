"""Files that are whole, or as they were."""

import errno
import io
import os
from pathlib import Path

import pytest

from lrbook.atomic import write_atomically
from lrbook.errors import RecordError
from lrbook.records import Store
from lrbook.sweeps import SweepStore


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


@pytest.mark.parametrize(
    ("make", "written", "told"),
    [
        (Store, "", r"the results folder \S*/runs cannot be written \(.+\); name another with"),
        (lambda folder: SweepStore(folder, []), "parts",
         r"the sweep folder \S*/runs cannot be written \(.+\); name another one\."),
    ],
)  # fmt: skip
def test_a_folder_that_is_there_and_takes_no_file_is_found_out_first(tmp_path, make, written, told):
    """``/proc/self`` takes none, not even of the superuser, whom no permissions keep off."""
    if not Path("/proc/self").is_dir():
        pytest.skip("no such folder on this system")
    store, folder = make(tmp_path / "runs"), tmp_path / "runs" / written
    store.check_writable()
    assert list(folder.iterdir()) == []
    folder.rmdir()
    folder.symlink_to("/proc/self")
    with pytest.raises(RecordError, match=told):
        store.check_writable()
