"""A Parquet folder of a few random images, as the tests of images read it."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

RANDOM = np.random.default_rng(1)
PIXELS = {
    "train": RANDOM.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8),
    "test": RANDOM.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8),
}
LABELS = {"train": [0, 9, 3, 3, 1, 5], "test": [7, 2, 0, 9]}


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write(path, encoded, labels, image="img", label="label"):
    cells = [{"bytes": data, "path": None} for data in encoded]
    pq.write_table(pa.table({image: cells, label: labels}), path)


def write_splits(folder):
    """The two splits as Parquet files of PNG images; the training images in two files."""
    names = {"train": "train-0000{}-of-00002.parquet", "test": "test-0000{}-of-00001.parquet"}
    for split, pixels in PIXELS.items():
        encoded, half = [png(image) for image in pixels], 4
        for number, part in enumerate((slice(half), slice(half, None))):
            if encoded[part]:
                path = folder / names[split].format(number)
                write(path, encoded[part], LABELS[split][part])
    return folder
