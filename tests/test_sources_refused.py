"""Images that are not as they should be are refused, by file and row."""

import contextlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_parquet import PIXELS, png, write, write_splits

from lrbook.errors import DataError
from lrbook.vision import sources
from lrbook.vision.identity import count, identify


@pytest.fixture
def folder(tmp_path):
    return write_splits(tmp_path)


def refusal(folder, split="train"):
    with pytest.raises(DataError) as error:
        sources.read_parquet(folder, split)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("sizes", "words"), [((7, 0), "train_size = 7 .* 6 images"),
                                              ((0, 5), "test_size = 5 .* 4 images")])  # fmt: skip
def test_more_images_than_there_are(folder, sizes, words):
    with pytest.raises(DataError, match=words):
        sources.load(identify(str(folder)), *sizes, folder=str(folder))


def test_more_digits_than_there_are():
    with pytest.raises(DataError, match="train_size = 1401 is more than the 1400"):
        sources.load("digits", 1401)


def test_folder_without_the_files(tmp_path):
    with pytest.raises(DataError, match=r"data = '.*' does not exist; allowed are digits, cifar10"):
        identify(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"holds no train\*\.parquet; allowed"):
        identify(str(tmp_path))
    (tmp_path / "one.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=f"is a file; give its folder, '{tmp_path}'"):
        identify(str(tmp_path / "one.parquet"))
    write(tmp_path / "train.parquet", [png(PIXELS["train"][0])], [1])
    with pytest.raises(DataError, match=r"holds no test\*\.parquet; allowed"):
        identify(str(tmp_path))
    (tmp_path / "test.parquet").mkdir()
    with pytest.raises(DataError, match=r"test\.parquet cannot be read"):
        identify(str(tmp_path))


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
def test_truncated_file(folder, keep):
    path = folder / "train-00001-of-00002.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep < 1 else keep])
    assert refusal(folder).startswith(f"{path} is not a whole Parquet file")
    with pytest.raises(DataError, match=f"{path} is not a whole Parquet file"):
        count(str(folder), "train")


def test_every_damaged_byte_range_is_noticed_or_harmless(folder):
    path = folder / "train-00000-of-00002.parquet"
    data = path.read_bytes()
    for start in range(4, len(data) - 40, 997):
        path.write_bytes(data[:start] + bytes(40) + data[start + 40 :])
        with contextlib.suppress(DataError):
            pixels, labels = sources.read_parquet(folder, "train")
            assert pixels.shape == (6, 3, 32, 32)
            assert set(labels.tolist()) <= set(range(10))


@pytest.mark.parametrize("label", [11, 10, -1, None, "cat", 2.5])
def test_labels_outside_0_to_9(folder, label):
    path = folder / "train-00001-of-00002.parquet"
    write(path, [png(PIXELS["train"][0])], [label])
    assert refusal(folder) == f"{path} holds the label {label!r}; allowed are 0 to 9."


@pytest.mark.parametrize(
    ("shape", "words"), [((31, 32, 3), "31x32x3"), ((32, 32), "32x32"), ((32, 32, 4), "32x32x4")]
)
def test_images_of_another_shape(folder, shape, words):
    path = folder / "test-00000-of-00001.parquet"
    write(path, [png(PIXELS["test"][0]), png(np.zeros(shape, np.uint8))], [1, 2])
    sentence = refusal(folder, "test")
    assert sentence == f"{path}, row 1: the image is {words}; allowed is 32x32x3."


GOOD = png(PIXELS["test"][0])


@pytest.mark.parametrize(
    "data", [b"no image", b"", None, GOOD[:500], GOOD[:100] + b"?" * 50 + GOOD[150:]]
)
def test_images_that_are_none(folder, data):
    path = folder / "test-00000-of-00001.parquet"
    write(path, [data], [1])
    assert refusal(folder, "test").startswith(f"{path}, row 0: not an image")


@pytest.mark.parametrize("columns", [{"image": "pixels"}, {"label": "class"}])
def test_missing_columns(folder, columns):
    path = folder / "train-00000-of-00002.parquet"
    write(path, [GOOD], [1], **columns)
    assert refusal(folder).startswith(f"{path} lacks the columns that are needed: img or image")


def test_column_of_another_kind(folder):
    path = folder / "train-00000-of-00002.parquet"
    pq.write_table(pa.table({"img": [1, 2], "label": [1, 2]}), path)
    assert refusal(folder).startswith(f"{path} lacks the columns that are needed: img or image")


def test_no_rows(folder):
    write(folder / "test-00000-of-00001.parquet", [GOOD][:0], pa.array([], pa.int64()))
    assert "test" in refusal(folder, "test")
