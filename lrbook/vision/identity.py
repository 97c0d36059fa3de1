"""Which images a configuration means: names that hold on every machine. Imports no torch."""

import hashlib
from pathlib import Path

from lrbook.errors import DataError

FILES = {"train": "train*.parquet", "test": "test*.parquet"}
COUNTS = {
    "digits": {"train": 1400, "test": 397},
    "cifar10": {"train": 50_000, "test": 10_000},
}
# What figures call a configuration's data. A Parquet folder is known by the hash of its files.
NAMES = {
    "digits": "digits (scikit-learn)",
    "cifar10": "CIFAR-10",
    "parquet:ad293141ee8007bc": "CIFAR-10 (JPEG copy)",
}
# How images of one's own are normalised, which goes into their name: under the hash of the files
# alone are records from when CIFAR-10's statistics served for them too, and these are other runs.
OWN_STATISTICS = "normalised by the statistics of its training images"


def identify(data: str) -> str:
    """The ``data`` field of a configuration for what the user typed.

    ``digits``, ``cifar10``, ``parquet:HASH`` and ``memory:HASH`` stand for themselves, a known
    display name for its data; a folder is named by its files' hash, so a record does not depend on
    where it lies. Into the hash of a folder that is not in ``NAMES`` goes ``OWN_STATISTICS``.

    Raises:
        DataError: neither a known name nor a folder with train and test Parquet files.
    """
    if not isinstance(data, str):
        raise DataError(f"data = {data!r} is not allowed: give digits, cifar10, or a folder.")
    by_name = {name: identity for identity, name in NAMES.items()}
    if data in by_name:
        return by_name[data]
    if data in NAMES or data.startswith(("parquet:", "memory:")):
        return data
    files = of_files(Path(data))
    if files in NAMES:
        return files
    own = hashlib.sha256(f"{files}, {OWN_STATISTICS}".encode())
    return f"parquet:{own.hexdigest()[:16]}"


def of_files(folder: Path) -> str:
    """``parquet:HASH`` of the folder's files alone, whatever is made of them.

    Raises:
        DataError: no such folder, no train and test Parquet files in it, or one cannot be read.
    """
    digest = hashlib.sha256()
    for split in FILES:
        for path in parquet_files(folder, split):
            try:
                digest.update(hashlib.sha256(path.read_bytes()).digest())
            except OSError as error:
                raise DataError(f"{path} cannot be read ({error.strerror}).") from None
    return f"parquet:{digest.hexdigest()[:16]}"


def display_name(data: str) -> str:
    """What figures and tables call a configuration's ``data``."""
    return NAMES.get(data, data)


def parquet_files(folder: Path, split: str) -> list[Path]:
    """The folder's Parquet files of ``train`` or ``test``, sorted.

    Raises:
        DataError: no such folder, or no such files in it.
    """
    found: list[Path] = []
    try:
        what = f"holds no {FILES[split]}" if folder.is_dir() else "does not exist"
        if folder.is_file():
            what = f"is a file; give its folder, {str(folder.parent)!r}"
        found = sorted(folder.glob(FILES[split]))
    except OSError as error:  # a folder within one that may not be looked into, or a long name
        what = f"cannot be read ({error.strerror})"
    if not found:
        raise DataError(
            f"data = {str(folder)!r} {what}; allowed are digits, cifar10, or a folder "
            "with train*.parquet and test*.parquet."
        )
    return found


def count(data: str, split: str) -> int:
    """How many images of ``train`` or ``test`` there are.

    Args:
        data: ``digits``, ``cifar10``, or a folder of Parquet files.
        split: ``train`` or ``test``.

    Raises:
        DataError: no such folder, no such files in it, or one that is damaged.
    """
    if data in COUNTS:
        return COUNTS[data][split]
    import pyarrow
    import pyarrow.parquet

    rows = 0
    for path in parquet_files(Path(data), split):
        try:
            rows += pyarrow.parquet.read_metadata(path).num_rows
        except (pyarrow.ArrowException, OSError) as error:
            reason = str(error).split("\n")[0][:120]
            raise DataError(f"{path} is not a whole Parquet file ({reason}).") from None
    return rows
