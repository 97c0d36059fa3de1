"""The download of CIFAR-10, against servers of every temper on the loopback address."""

import errno
import hashlib
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mirrors import (
    ARCHIVE,
    CONTENT,
    FILES,
    GOOD,
    MD5,
    SUMS,
    Handler,
    assert_complete,
    packed,
    sums,
)

from lrbook.errors import DataError
from lrbook.vision import download
from lrbook.vision.download import ensure_cifar10


def test_bad_mirrors_are_passed_over(fetch, tmp_path, capsys):
    began = time.monotonic()
    assert fetch("busy", "hang", "wrong", "good") == tmp_path
    assert time.monotonic() - began < 15
    assert_complete(tmp_path)
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lrbook: ")]
    assert "/busy: 503" in told[0]
    assert "/hang: no answer" in told[1]
    assert "/wrong: sent a file with the MD5 " in told[2]
    assert len(told) == 3


@pytest.mark.parametrize("temper", ["hang_midway", "cut"])
def test_what_a_mirror_began_another_completes(fetch, server, tmp_path, temper):
    fetch(temper, "good")
    assert_complete(tmp_path)
    [(_, first), (_, second)] = server.ranges
    assert first is None
    assert second == f"bytes={1000 if temper == 'hang_midway' else len(GOOD) // 2}-"


def test_a_trickle_ends_at_the_mirrors_limit(fetch, tmp_path, capsys):
    fetch("trickle", "good", mirror_limit_s=1.0)
    assert_complete(tmp_path)
    assert "/trickle: too slow" in capsys.readouterr().err


def test_limit_over_all_mirrors(fetch, tmp_path):
    with pytest.raises(DataError, match="no time left"):
        fetch("trickle", "good", limit_s=0.5)
    assert not (tmp_path / ARCHIVE).exists()


def test_partial_file_is_resumed(fetch, server, tmp_path):
    (tmp_path / f"{ARCHIVE}.part").write_bytes(GOOD[:1234])
    fetch("good")
    assert server.ranges == [("/good", "bytes=1234-")]
    assert_complete(tmp_path)


def test_server_without_ranges_starts_over(fetch, server, tmp_path):
    (tmp_path / f"{ARCHIVE}.part").write_bytes(GOOD[:1234])
    fetch("without_range")
    assert server.ranges == [("/without_range", "bytes=1234-")]
    assert_complete(tmp_path)


@pytest.mark.parametrize("extra", [0, 7])
def test_partial_file_that_is_already_whole_or_longer(fetch, tmp_path, extra):
    (tmp_path / f"{ARCHIVE}.part").write_bytes(GOOD + b"x" * extra)
    fetch("good")
    assert_complete(tmp_path)


def test_foreign_partial_file_costs_a_second_request_not_the_mirror(fetch, server, tmp_path):
    (tmp_path / f"{ARCHIVE}.part").write_bytes(b"x" * 1234)
    fetch("good")
    assert server.ranges == [("/good", "bytes=1234-"), ("/good", None)]
    assert_complete(tmp_path)


def test_a_range_from_elsewhere_is_not_appended(fetch, tmp_path, capsys):
    (tmp_path / f"{ARCHIVE}.part").write_bytes(GOOD[:1234])
    fetch("wrong_range", "good")
    assert_complete(tmp_path)
    assert "sent the bytes from 1244, not from 1234" in capsys.readouterr().err


def test_no_mirror_left(fetch, tmp_path):
    with pytest.raises(DataError) as error:
        fetch("busy", "wrong", "cut")
    sentence = str(error.value)
    for words in ("/busy: 503", "/wrong: sent", "/cut: broke off", MD5, str(tmp_path), "by hand"):
        assert words in sentence
    assert "\n" not in sentence
    assert not (tmp_path / ARCHIVE).exists()
    assert not (tmp_path / "cifar-10-batches-py").exists()


def test_nobody_listens(tmp_path, server):
    port = server.server_port
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match="refused"):
        ensure_cifar10(tmp_path, [f"http://127.0.0.1:{port}/good"], **SUMS, files=FILES)


@pytest.mark.parametrize("step", ["begin", "read1"])  # before the answer, and in its middle
@pytest.mark.parametrize("code", [errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH])
def test_a_network_that_fails_is_held_against_the_mirror(
    fetch, server, tmp_path, monkeypatch, capsys, step, code
):
    left, plain = [OSError(code, os.strerror(code))], getattr(http.client.HTTPResponse, step)

    def once(answer, *rest):
        if left:
            until = time.monotonic() + 10  # the server notes it in its own thread
            while not server.ranges and time.monotonic() < until:
                time.sleep(0.01)
            raise left.pop()
        return plain(answer, *rest)

    monkeypatch.setattr(http.client.HTTPResponse, step, once)
    fetch("good", "without_range")
    assert_complete(tmp_path)
    assert [path for path, _ in server.ranges] == ["/good", "/without_range"]
    assert f"/good: [Errno {code}] {os.strerror(code)}" in capsys.readouterr().err


def test_a_length_that_is_no_number_is_held_against_the_mirror(
    fetch, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(Handler, "wrong", lambda self, start: self.reply(GOOD, length="many"))
    fetch("wrong", "good")
    assert_complete(tmp_path)
    assert "/wrong: " in capsys.readouterr().err


def test_what_is_no_address_is_told(tmp_path):
    with pytest.raises(DataError, match="nowhere: unknown url type"):
        ensure_cifar10(tmp_path, ["nowhere"], **SUMS, files=FILES)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_not_held_against_the_mirror(fetch, server, tmp_path):
    (tmp_path / f"{ARCHIVE}.part").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"cannot be kept in .*No space left.*LRBOOK_CIFAR10"):
        fetch("good", "without_range")
    assert [path for path, _ in server.ranges] == ["/good"]


def test_unpacked_files_are_used_without_network(fetch, server, tmp_path):
    fetch("good")
    (tmp_path / ARCHIVE).unlink()
    server.ranges.clear()
    assert fetch("good") == tmp_path
    assert server.ranges == []


def test_archive_there_is_unpacked_without_network(fetch, server, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(GOOD)
    fetch("good")
    assert server.ranges == []
    assert_complete(tmp_path)


def test_damaged_unpacked_file_is_written_anew(fetch, tmp_path):
    fetch("good")
    (tmp_path / "cifar-10-batches-py" / "data_batch_3").write_bytes(b"half")
    fetch()
    assert_complete(tmp_path)


def test_archive_with_a_wrong_checksum_is_refused_and_left_alone(fetch, server, tmp_path):
    (tmp_path / ARCHIVE).write_bytes(GOOD[:-1])
    with pytest.raises(DataError) as error:
        fetch("good")
    sentence = str(error.value)
    for words in (str(tmp_path / ARCHIVE), hashlib.md5(GOOD[:-1]).hexdigest(), MD5, "delete"):
        assert words in sentence
    assert (tmp_path / ARCHIVE).read_bytes() == GOOD[:-1]
    assert server.ranges == []


def test_paths_in_the_archive_are_not_followed(tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    data = packed(CONTENT | {"../../../escaped": b"!"})
    (folder / ARCHIVE).write_bytes(data)
    ensure_cifar10(folder, [], **sums(data), files=FILES)
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("data", [b"no archive", packed(CONTENT, prefix="elsewhere/")])
def test_archive_that_cannot_be_unpacked(tmp_path, data):
    (tmp_path / ARCHIVE).write_bytes(data)
    with pytest.raises(DataError, match=f"{ARCHIVE} cannot be unpacked"):
        ensure_cifar10(tmp_path, [], **sums(data), files=FILES)


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="LRBOOK_CIFAR10"):
        ensure_cifar10(tmp_path / "file", [], **SUMS, files=FILES)
    with pytest.raises(DataError, match="LRBOOK_CIFAR10"):
        ensure_cifar10(tmp_path / "file" / "below", [], **SUMS, files=FILES)


def test_folder_named_in_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LRBOOK_CIFAR10", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / ARCHIVE).write_bytes(GOOD)
    assert ensure_cifar10(mirrors=[], **SUMS, files=FILES) == tmp_path / "mine"


def test_without_a_home_folder_the_variable_is_named(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("LRBOOK_CIFAR10", raising=False)
    monkeypatch.setattr(download.Path, "home", no_home)
    with pytest.raises(DataError, match=r"no home folder .* set LRBOOK_CIFAR10 to a folder"):
        download.default_folder()


def test_default_folder_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("LRBOOK_CIFAR10", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # Windows
    (tmp_path / ".cache" / "lrbook").mkdir(parents=True)
    (tmp_path / ".cache" / "lrbook" / ARCHIVE).write_bytes(GOOD)
    found = ensure_cifar10(mirrors=[], **SUMS, files=FILES)
    assert found == tmp_path / ".cache" / "lrbook"


@pytest.mark.skipif(os.name == "nt", reason="no lock on Windows")
def test_a_second_process_waits_and_finds_the_files(server, tmp_path):
    script = (
        "import sys; from pathlib import Path; from lrbook.vision.download import ensure_cifar10;"
        f"ensure_cifar10(Path(sys.argv[1]), sys.argv[2:], **{SUMS!r}, files={FILES!r},"
        "silence_s=1.5)"
    )
    mirrors = [f"http://127.0.0.1:{server.server_port}/{temper}" for temper in ("hang", "good")]
    command = [sys.executable, "-c", script, str(tmp_path), *mirrors]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert [path for path, _ in server.ranges] == ["/hang", "/good"]
    pids = [process.pid for process in both]
    waited = [
        f"lrbook: another process (process {pid} on " in text
        for pid, text in zip(pids[::-1], told, strict=True)
    ]
    assert sorted(waited) == [False, True]
    assert_complete(tmp_path)


def test_real_checksums_are_torchvisions():
    from torchvision.datasets import CIFAR10

    from lrbook.vision import download

    assert CIFAR10.tgz_md5 == download.ARCHIVE_MD5
    assert CIFAR10.filename == download.ARCHIVE
    assert CIFAR10.base_folder == download.UNPACKED
    assert len(download._torchvision_files()) == 7
