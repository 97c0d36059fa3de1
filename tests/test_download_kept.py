"""What a download of CIFAR-10 keeps on its way, and that files come whole or stay as they were."""

import os
import time

import pytest
from mirrors import ARCHIVE, FILES, GOOD, SUMS, assert_complete

from lrbook.errors import DataError


def begin(folder, count):
    """A download under way: the first bytes of the archive."""
    part = folder / f"{ARCHIVE}.part"
    part.write_bytes(GOOD[:count])
    return part


def test_a_mirror_that_is_busy_leaves_what_there_is_to_the_next(fetch, server, tmp_path):
    begin(tmp_path, 1234)
    fetch("busy", "good")
    assert server.ranges == [("/busy", "bytes=1234-"), ("/good", "bytes=1234-")]


def test_a_mirror_that_breaks_off_leaves_what_it_added(fetch, server, tmp_path):
    """The answer's length is that of the rest, and not of the file."""
    begin(tmp_path, 30_000)
    fetch("a_little", "good")
    assert server.ranges == [("/a_little", "bytes=30000-"), ("/good", "bytes=31000-")]
    assert_complete(tmp_path)


@pytest.mark.parametrize("limits", [(0.3, 60.0), (60.0, 0.5)])
def test_a_mirror_is_waited_for_until_the_earlier_of_both_limits(fetch, limits):
    silence_s, mirror_limit_s = limits
    began = time.monotonic()
    fetch("hang", "good", silence_s=silence_s, mirror_limit_s=mirror_limit_s, limit_s=120.0)
    assert time.monotonic() - began < 20  # the mirror is silent for 30


def test_the_archive_appears_all_at_once(fetch, tmp_path):
    """It is the file of the download under a new name, and not a copy that grows."""
    begun = begin(tmp_path, 1234).stat()
    fetch("good")
    assert os.path.samestat((tmp_path / ARCHIVE).stat(), begun)


@pytest.mark.skipif(os.name == "nt", reason="no renaming over an open file on Windows")
def test_a_damaged_file_is_replaced_and_not_written_into(fetch, tmp_path):
    """Who reads it meanwhile reads on in the old one."""
    fetch("good")
    damaged = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    damaged.write_bytes(b"half")
    with damaged.open("rb") as reader:
        fetch()
        assert reader.read() == b"half"
    assert_complete(tmp_path)


def test_an_archive_that_holds_other_files_is_refused(fetch, tmp_path):
    with pytest.raises(DataError, match=r"holds a test_batch other than the one wanted\."):
        fetch("good", files=FILES | {"test_batch": "0" * 32})
    assert not (tmp_path / "cifar-10-batches-py" / "test_batch").exists()


def test_the_right_md5_is_not_enough(fetch, tmp_path):
    """Another archive can be made to have it: such a one is neither kept nor unpacked."""
    wrong = f"the SHA256 {SUMS['sha256']}, not {'0' * 64}"
    with pytest.raises(DataError, match=f"/good: sent a file with {wrong}"):
        fetch("good", sha256="0" * 64)
    assert not list(tmp_path.glob("cifar*"))
    (tmp_path / ARCHIVE).write_bytes(GOOD)
    with pytest.raises(DataError, match=f"{ARCHIVE} has {wrong}; delete"):
        fetch("good", sha256="0" * 64)
    assert not (tmp_path / "cifar-10-batches-py").exists()
