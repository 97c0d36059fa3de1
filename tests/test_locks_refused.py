"""Locks where the file system has none, or NFS, or another user's file is in the way."""

import errno
import os
import stat
from pathlib import Path

import pytest

from lrbook import locks
from lrbook.errors import RecordError
from lrbook.locks import claim

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no lock on Windows")


@pytest.fixture
def refused(monkeypatch):
    """Lets the next calls of flock fail with the error numbers in the list, one each."""
    numbers, flock = [], locks.fcntl.flock

    def fail_first(file, how):
        if numbers:
            number = numbers.pop(0)
            raise OSError(number, os.strerror(number))
        flock(file, how)

    monkeypatch.setattr(locks.fcntl, "flock", fail_first)
    locks._say_unlocked.cache_clear()
    return numbers


def open_files():
    return {path.name for path in Path("/dev/fd").iterdir()}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_file_system_without_locks_is_told_once_and_work_goes_on(
    tmp_path, refused, capsys, number
):
    path = tmp_path / ".x.lock"
    refused += [number, number]
    with claim(path, "run x"), claim(path, "run x"):  # nothing keeps them apart
        pass
    [told] = capsys.readouterr().err.splitlines()
    assert told.startswith(f"lrbook: {tmp_path} is on a file system without locks (")
    assert told.endswith("so start each run once only.")
    assert path.exists()  # it may be the other's


def test_a_file_that_its_holder_elsewhere_has_removed_is_opened_anew(tmp_path, refused, capsys):
    path, files = tmp_path / ".x.lock", open_files()
    refused += [errno.ESTALE, errno.ESTALE]
    with claim(path, "run x"):
        held = path.stat().st_ino
        other = os.open(path, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            locks.fcntl.flock(other, locks.fcntl.LOCK_EX | locks.fcntl.LOCK_NB)
        os.close(other)
        assert path.stat().st_ino == held
    assert not path.exists()
    assert open_files() == files
    assert not capsys.readouterr().err


def test_a_lock_that_fails_is_no_lock_to_work_under(tmp_path, refused):
    path, files = tmp_path / ".x.lock", open_files()
    refused.append(errno.EIO)
    said = r"x\.lock cannot be locked \(Input/output error\)"
    with pytest.raises(RecordError, match=said), claim(path, "run x"):
        pytest.fail("entered")
    assert open_files() == files


@pytest.fixture
def group_mask():
    before = os.umask(0o002)
    yield
    os.umask(before)


@pytest.mark.usefixtures("group_mask")
def test_a_group_that_shares_the_folder_can_lock_in_it(tmp_path):
    path = tmp_path / ".x.lock"
    with claim(path, "run x"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o664


def test_a_file_that_can_only_be_read_is_locked_all_the_same(tmp_path, monkeypatch):
    """As one that another user's killed process has left."""
    path, opened = tmp_path / ".x.lock", os.open
    path.write_text("process 7 on node7\n")

    def only_read(name, flags, mode=0o777):
        if flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(name, flags, mode)

    monkeypatch.setattr(locks.os, "open", only_read)
    with claim(path, "run x"):
        other = opened(path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            locks.fcntl.flock(other, locks.fcntl.LOCK_EX | locks.fcntl.LOCK_NB)
        os.close(other)
    assert not path.exists()
    path.unlink(missing_ok=True)
    with pytest.raises(RecordError, match=r"cannot be written"), claim(path, "run x"):
        pytest.fail("there is nothing to read")
