"""Which images a configuration means: names that hold on every machine. Imports no torch."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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
# SHA-256 of encoded images and labels -> the folder that they are known as. Another version of the
# library that writes Parquet files makes other files of the same images.
SAME_IMAGES = {
    "e66f4ec9109a1e773e989506988d18ae6aa53eb98afcb471e2b0096780afd5c0": "parquet:ad293141ee8007bc"
}
# How images of one's own are normalised, which goes into their name: under the hash of the files
# alone are records from when CIFAR-10's statistics served for them too, and these are other runs.
OWN_STATISTICS = "normalised by the statistics of its training images"


def identify(data: str) -> str:
    """The ``data`` field of a configuration for what the user typed.

    ``digits``, ``cifar10``, ``parquet:HASH`` and ``memory:HASH`` stand for themselves, a known
    display name for its data; a folder is named by its files' hash, so a record does not depend on
    where it lies. The images of ``SAME_IMAGES`` are recognised in any Parquet files. Into the hash
    of a folder that is not in ``NAMES`` goes ``OWN_STATISTICS``.

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
    if known := _known_by_its_images(Path(data)):
        return known
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


def of_images(splits: Mapping[str, Iterable[tuple[bytes, int]]]) -> str:
    """SHA-256 of encoded images and their labels, in their order.

    Args:
        splits: ``train`` and ``test``, each an encoded image (PNG, JPEG) and its label after the
            other.
    """
    digest = hashlib.sha256()
    for split in FILES:
        digest.update(split.encode())
        for encoded, label in splits[split]:
            digest.update(b"%d %d " % (label, len(encoded)))
            digest.update(encoded)
    return digest.hexdigest()


def columns_of(table: Any) -> tuple[list[bytes], list[int]]:
    """Encoded images and labels of a pyarrow.Table in the Hugging Face layout.

    Raises:
        KeyError, TypeError: it has another layout.
    """
    image = "img" if "img" in table.column_names else "image"
    return [cell["bytes"] for cell in table[image].to_pylist()], table["label"].to_pylist()


def _known_by_its_images(folder: Path) -> str | None:
    """The name of ``SAME_IMAGES`` that the folder's images have, whatever its files are like."""
    import pyarrow
    import pyarrow.parquet

    splits: dict[str, list[tuple[bytes, int]]] = {}
    try:
        # Only as many images as CIFAR-10 has are read at all, which takes a while
        if any(count(str(folder), split) != COUNTS["cifar10"][split] for split in FILES):
            return None
        for split in FILES:
            rows: list[tuple[bytes, int]] = []
            for path in parquet_files(folder, split):
                table = pyarrow.parquet.read_table(path, use_threads=False, pre_buffer=False)
                rows += zip(*columns_of(table), strict=True)
            splits[split] = rows
        return SAME_IMAGES.get(of_images(splits))
    except (DataError, pyarrow.ArrowException, OSError, KeyError, TypeError):
        return None  # who reads the images says what is wrong with them


def display_name(data: str) -> str:
    """What figures and tables call a configuration's ``data``."""
    return NAMES.get(data, data)


def needed_words(data: str) -> str:
    """That the images of a Parquet folder are needed, and how to come by them.

    Args:
        data: ``parquet:HASH``, or the name that it is known by.
    """
    words = f"the images {display_name(data)} are needed; give their folder with --data DIR"
    if identify(data) in SAME_IMAGES.values():
        words += " (in a clone of this repository, make data makes data/cifar10-jpeg)"
    return words


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
