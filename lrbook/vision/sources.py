"""Images from three sources behind one type: digits (embedded), CIFAR-10, a Parquet folder."""

import importlib.util
import io
import os
import textwrap
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lrbook.errors import DataError
from lrbook.vision.identity import (
    COUNTS,
    FILES,
    NAMES,
    columns_of,
    display_name,
    identify,
    needed_words,
    of_files,
    parquet_files,
)
from lrbook.vision.images import Images, channel_statistics, first

# Channel statistics of CIFAR-10 used by the authors (0..255).
CIFAR_MEAN = (125.3, 123.0, 113.9)
CIFAR_STD = (63.0, 62.1, 66.7)

DIGITS = "datasets/data/digits.csv.gz"  # within scikit-learn


def load(data: str, train_size: int = 0, test_size: int = 0, folder: str | None = None) -> Images:
    """Load a source.

    The images of a folder of one's own, which is none of ``identity.NAMES``, are normalised by the
    statistics of all its training images, whatever ``train_size`` is.

    Args:
        data: ``digits``, ``cifar10`` or ``parquet:HASH``.
        train_size: keep this many training images, the first ones; 0 keeps all.
        test_size: the same for test images.
        folder: where the Parquet files of ``parquet:HASH`` are; None for what the environment
            variable LRBOOK_DATA names.

    Raises:
        DataError: the files are missing or damaged, images are not 32x32x3 or labels not 0..9, a
            channel of a folder of one's own does not vary, or more images are asked for than
            there are.
    """
    known = data in NAMES
    if data == "digits":
        splits, mean, std = _digits()
    elif data == "cifar10":
        splits = _cifar10()
        mean, std = CIFAR_MEAN, CIFAR_STD
    elif data.startswith("memory:"):
        raise DataError(
            f"the images {data} were in memory; hand them over with images=, which "
            "lrbook.vision.experiment.run, lrbook.sweeps.run and lrbook.book.live take. From a "
            "command line, give a folder of Parquet files."
        )
    else:
        folder = folder or os.environ.get("LRBOOK_DATA")
        if not folder or identify(folder) != data:
            raise DataError(_not_there(data, folder))
        sizes = {"train": train_size if known else 0, "test": test_size}
        splits = {split: read_parquet(Path(folder), split, sizes[split]) for split in FILES}
        # The known copy goes by the authors' constants, as the recordings of it do
        mean, std = (CIFAR_MEAN, CIFAR_STD) if known else channel_statistics(splits["train"][0])
    standard = (mean, std) if known else None
    whole = Images(display_name(data), *splits["train"], *splits["test"], mean, std, standard)
    return first(whole, train_size, test_size)


def _not_there(data: str, folder: str | None) -> str:
    """Why the images ``data`` cannot be had from ``folder``, in a sentence."""
    needed = needed_words(data)
    if not folder:
        return f"{needed}."
    found = identify(folder)
    if of_files(Path(folder)) == data:
        return (
            f"data = {data!r} is the old name of {folder}, from when its images were normalised by "
            f"CIFAR-10's statistics; by their own they are data = {found!r}: give that, or the "
            "folder with --data DIR."
        )
    return f"{needed}; {folder} holds others ({found})."


def _digits() -> tuple[dict[str, tuple[Tensor, Tensor]], tuple[float, ...], tuple[float, ...]]:
    """scikit-learn's 1797 handwritten digits, 8x8, enlarged to 3x32x32; 1400 train, 397 test."""
    pixels, target = _digits_as_stored()
    small = torch.from_numpy(pixels).float()[:, None] * (255 / 16)
    large = torch.nn.functional.interpolate(small, size=(32, 32), mode="bilinear")
    images = large.round().to(torch.uint8).expand(-1, 3, -1, -1).contiguous()
    labels = torch.from_numpy(target).long()
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(images)))
    images, labels = images[order], labels[order]
    first = COUNTS["digits"]["train"]
    train = images[:first].float()
    mean = tuple(train.mean((0, 2, 3)).tolist())
    std = tuple(train.std((0, 2, 3)).tolist())
    splits = {
        "train": (images[:first], labels[:first]),
        "test": (images[first:], labels[first:]),
    }
    return splits, mean, std


def _digits_as_stored() -> tuple[np.ndarray, np.ndarray]:
    """Pixels (1797, 8, 8), from 0 to 16, and classes (1797,)."""
    # Its file, where it is found, without scikit-learn: to load that takes longer than an epoch
    found = importlib.util.find_spec("sklearn")
    table = Path(found.origin).parent / DIGITS if found and found.origin else None
    if table is not None and table.is_file():
        rows = np.loadtxt(table, delimiter=",")
        return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images, bunch.target


def _cifar10() -> dict[str, tuple[Tensor, Tensor]]:
    from torchvision.datasets import CIFAR10

    from lrbook.vision.download import ensure_cifar10

    root = ensure_cifar10()
    splits = {}
    for split in FILES:
        dataset = CIFAR10(root, train=split == "train")
        images = torch.from_numpy(dataset.data).permute(0, 3, 1, 2).contiguous()
        splits[split] = images, torch.tensor(dataset.targets)
    return splits


def read_parquet(folder: Path, split: str, size: int = 0) -> tuple[Tensor, Tensor]:
    """Images and labels of one split in the Hugging Face layout (img.bytes or image.bytes, label).

    Args:
        folder: holds ``train*.parquet`` and ``test*.parquet``.
        split: ``train`` or ``test``.
        size: decode only the first so many rows; 0 decodes all.

    Returns:
        uint8 (count, 3, 32, 32) and int64 (count,).

    Raises:
        DataError: names the file and what is wrong with it.
    """
    images: list[np.ndarray] = []
    labels: list[int] = []
    for path in parquet_files(folder, split):
        rows = size - len(labels) if size else None
        if rows == 0:
            break
        encoded, found = _read_file(path, rows)
        bad = [label for label in found if type(label) is not int or not 0 <= label <= 9]
        if bad:
            raise DataError(f"{path} holds the label {bad[0]!r}; allowed are 0 to 9.")
        images += [_decode(data, path, row) for row, data in enumerate(encoded)]
        labels += found
    if not labels:
        raise DataError(f"{folder} holds no {split} images.")
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
    return pixels, torch.tensor(labels)


def _read_file(path: Path, rows: int | None) -> tuple[list[bytes], list[int]]:
    import pyarrow
    import pyarrow.parquet

    columns: list[str] = []
    try:
        # Without threads, as in lrbook.records: Arrow's can abort the process at exit.
        table = pyarrow.parquet.read_table(path, use_threads=False, pre_buffer=False)
        if rows is not None:
            table = table.slice(0, rows)
        columns = [f"{field.name} ({field.type})" for field in table.schema]
        return columns_of(table)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).split("\n")[0][:120]
        raise DataError(f"{path} is not a whole Parquet file ({reason}).") from None
    except (KeyError, TypeError):
        there = textwrap.shorten(", ".join(columns), 200, placeholder=" …") or "none"
        raise DataError(
            f"{path} lacks the columns that are needed: img or image, with an encoded image "
            "(PNG, JPEG) under bytes in each row, and label, 0 to 9; its columns are "
            f"{there}. Write it as Images of your own in book/reproduce.md shows."
        ) from None


def _decode(data: bytes, path: Path, row: int) -> np.ndarray:
    from PIL import Image

    try:
        image = Image.open(io.BytesIO(data))  # reads the size, and no pixel
        bands = len(image.getbands())
        shape = (image.height, image.width, *([bands] if bands > 1 else []))
        pixels = np.asarray(image) if shape == (32, 32, 3) else None
    except (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}, row {row}: not an image ({error}).") from None
    if pixels is None:
        size = "x".join(map(str, shape))
        raise DataError(f"{path}, row {row}: the image is {size}; allowed is 32x32x3.")
    return pixels
