"""Images from digits, a Parquet folder and CIFAR-10: exact pixels, or one clear sentence."""

import contextlib
import hashlib
import io
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from conftest import ROOT
from PIL import Image
from sklearn.datasets import load_digits

from lrbook.errors import DataError
from lrbook.vision import download, sources
from lrbook.vision.identity import display_name, identify

JPEG = ROOT / ".." / "shared" / "data" / "cifar10-jpeg"
RANDOM = np.random.default_rng(1)
PIXELS = {"train": RANDOM.integers(0, 256, (6, 32, 32, 3), dtype=np.uint8),
          "test": RANDOM.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)}  # fmt: skip
LABELS = {"train": [0, 9, 3, 3, 1, 5], "test": [7, 2, 0, 9]}


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write(path, encoded, labels, image="img", label="label"):
    cells = [{"bytes": data, "path": None} for data in encoded]
    pq.write_table(pa.table({image: cells, label: labels}), path)


@pytest.fixture
def folder(tmp_path):
    """The two splits as Parquet files of PNG images; the training images in two files."""
    names = {"train": "train-0000{}-of-00002.parquet", "test": "test-0000{}-of-00001.parquet"}
    for split, pixels in PIXELS.items():
        encoded, half = [png(image) for image in pixels], 4
        for number, part in enumerate((slice(half), slice(half, None))):
            if encoded[part]:
                path = tmp_path / names[split].format(number)
                write(path, encoded[part], LABELS[split][part])
    return tmp_path


def refusal(folder, split="train"):
    with pytest.raises(DataError) as error:
        sources.read_parquet(folder, split)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_digits_are_scikit_learns():
    images = sources.load("digits")
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(1797)
    labels = torch.cat([images.train_labels, images.test_labels]).numpy()
    np.testing.assert_array_equal(labels, bunch.target[order])
    assert images.train.shape == (1400, 3, 32, 32)
    assert images.test.shape == (397, 3, 32, 32)
    assert images.train.dtype == images.test.dtype == torch.uint8

    # Bilinear enlargement by 4, pixel centres on pixel centres, as a matrix on rows and columns.
    centres = (np.arange(32) + 0.5) / 4 - 0.5
    enlarge = np.stack([np.interp(centres, np.arange(8), row) for row in np.eye(8)], axis=1)
    want = enlarge @ bunch.images[order] @ enlarge.T * 255 / 16
    both = torch.cat([images.train, images.test]).numpy()
    assert np.abs(both - want[:, None]).max() < 0.5 + 1e-3


@pytest.mark.parametrize("place", ["elsewhere", "none"])
def test_digits_are_the_same_where_scikit_learn_keeps_them_elsewhere(place, monkeypatch):
    known = sources.load("digits").fingerprint
    if place == "elsewhere":
        monkeypatch.setattr(sources, "DIGITS", "no/such.csv.gz")
    else:
        monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    assert sources.load("digits").fingerprint == known


def test_digits_do_not_wait_for_scikit_learn():
    code = "import sys; from lrbook.vision import sources; sources.load('digits')"
    subprocess.run(
        [sys.executable, "-c", f"{code}; assert 'sklearn' not in sys.modules"], check=True
    )


def test_digits_are_standardised_by_the_training_images():
    images = sources.load("digits")
    mean, std = (np.array(x).reshape(1, 3, 1, 1) for x in (images.mean, images.std))
    x = (images.train.numpy() - mean) / std
    np.testing.assert_allclose(x.mean((0, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(x.std((0, 2, 3)), 1, atol=1e-4)


def test_parquet_gives_the_exact_pixels(folder):
    identity = identify(str(folder))
    images = sources.load(identity, folder=str(folder))
    np.testing.assert_array_equal(images.train.permute(0, 2, 3, 1).numpy(), PIXELS["train"])
    np.testing.assert_array_equal(images.test.permute(0, 2, 3, 1).numpy(), PIXELS["test"])
    assert images.train_labels.tolist() == LABELS["train"]
    assert images.test_labels.tolist() == LABELS["test"]
    assert images.train.dtype == torch.uint8
    assert images.train_labels.dtype == torch.int64
    assert images.mean == (125.3, 123.0, 113.9)
    assert images.std == (63.0, 62.1, 66.7)


def test_sizes_take_the_first_images(folder):
    images = sources.load(identify(str(folder)), 5, 3, folder=str(folder))
    np.testing.assert_array_equal(images.train.permute(0, 2, 3, 1).numpy(), PIXELS["train"][:5])
    assert images.train_labels.tolist() == LABELS["train"][:5]
    assert len(images.test) == 3


@pytest.mark.parametrize(("sizes", "words"), [((7, 0), "train_size = 7 .* 6 images"),
                                              ((0, 5), "test_size = 5 .* 4 images")])  # fmt: skip
def test_more_images_than_there_are(folder, sizes, words):
    with pytest.raises(DataError, match=words):
        sources.load(identify(str(folder)), *sizes, folder=str(folder))


def test_more_digits_than_there_are():
    with pytest.raises(DataError, match="train_size = 1401 is more than the 1400"):
        sources.load("digits", 1401)


def test_column_may_be_called_image(folder):
    write(folder / "test-00000-of-00001.parquet", [png(PIXELS["test"][0])], [4], image="image")
    assert sources.read_parquet(folder, "test")[1].tolist() == [4]


def test_fingerprint_sees_pixels_labels_and_order():
    images = sources.load("digits", 20, 10)
    assert sources.load("digits", 20, 10).fingerprint == images.fingerprint
    seen = {images.fingerprint}
    for name in ("train", "train_labels", "test", "test_labels"):
        tensor = getattr(images, name)
        for change in (lambda x: x.view(-1)[-1].add_(1), lambda x: x.copy_(x.flip(0))):
            kept = tensor.clone()
            change(tensor)
            seen.add(images.fingerprint)
            tensor.copy_(kept)
    assert len(seen) == 9


def test_identity_is_that_of_the_bytes_not_of_the_place(folder, tmp_path):
    identity = identify(str(folder))
    digest = hashlib.sha256()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        data = (folder / f"{name}.parquet").read_bytes()
        digest.update(hashlib.sha256(data).digest())
    assert identity == f"parquet:{digest.hexdigest()[:16]}"
    moved = folder.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert identify(str(moved)) == identity
    write(moved / "test-00000-of-00001.parquet", [png(PIXELS["test"][0])], [4])
    assert identify(str(moved)) != identity


def test_names_stand_for_themselves():
    assert identify("digits") == "digits"
    assert identify("cifar10") == identify("CIFAR-10") == "cifar10"
    assert identify("CIFAR-10 (JPEG copy)") == "parquet:ad293141ee8007bc"
    assert display_name("parquet:ad293141ee8007bc") == "CIFAR-10 (JPEG copy)"


def test_folder_without_the_files(tmp_path):
    with pytest.raises(DataError, match=r"data = '.*' does not exist; allowed are digits, cifar10"):
        identify(str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"holds no train\*\.parquet; allowed"):
        identify(str(tmp_path))
    write(tmp_path / "train.parquet", [png(PIXELS["train"][0])], [1])
    with pytest.raises(DataError, match=r"holds no test\*\.parquet; allowed"):
        identify(str(tmp_path))
    (tmp_path / "test.parquet").mkdir()
    with pytest.raises(DataError, match=r"test\.parquet cannot be read"):
        identify(str(tmp_path))


def test_images_of_a_known_identity_need_their_folder(folder, monkeypatch):
    monkeypatch.delenv("LRBOOK_DATA", raising=False)
    with pytest.raises(DataError, match=r"CIFAR-10 \(JPEG copy\) are needed; .* --data DIR"):
        sources.load("parquet:ad293141ee8007bc")
    with pytest.raises(DataError, match="are needed"):
        sources.load("parquet:ad293141ee8007bc", folder=str(folder))
    monkeypatch.setenv("LRBOOK_DATA", str(folder))
    assert len(sources.load(identify(str(folder))).train) == 6


@pytest.mark.parametrize("keep", [0, 3, 0.5, 0.99])
def test_truncated_file(folder, keep):
    path = folder / "train-00001-of-00002.parquet"
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep < 1 else keep])
    assert refusal(folder).startswith(f"{path} is not a whole Parquet file")


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
    assert refusal(folder) == f"{path} lacks the columns img (with bytes) and label."


def test_column_of_another_kind(folder):
    path = folder / "train-00000-of-00002.parquet"
    pq.write_table(pa.table({"img": [1, 2], "label": [1, 2]}), path)
    assert refusal(folder) == f"{path} lacks the columns img (with bytes) and label."


def test_no_rows(folder):
    write(folder / "test-00000-of-00001.parquet", [GOOD][:0], pa.array([], pa.int64()))
    assert "test" in refusal(folder, "test")


def test_cifar10_as_torchvision_reads_it(tmp_path, monkeypatch):
    """A miniature in torchvision's own file format, its checksums put in place of the real ones."""
    from torchvision.datasets import CIFAR10

    base = tmp_path / "cifar-10-batches-py"
    base.mkdir()
    checksums = {}
    contents = {f"data_batch_{i}": {"data": PIXELS["train"][i - 1], "labels": [i]}
                for i in range(1, 6)}  # fmt: skip
    contents["test_batch"] = {"data": PIXELS["test"][0], "labels": [8]}
    for name, entry in contents.items():
        rows = {"data": entry["data"].transpose(2, 0, 1).reshape(1, -1), "labels": entry["labels"]}
        (base / name).write_bytes(pickle.dumps(rows))
    (base / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    for path in base.iterdir():
        checksums[path.name] = hashlib.md5(path.read_bytes()).hexdigest()
    train = [[name, checksums[name]] for name in sorted(contents) if name != "test_batch"]
    monkeypatch.setattr(CIFAR10, "train_list", train)
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", checksums["test_batch"]]])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": checksums["batches.meta"]})
    monkeypatch.setattr(download, "MIRRORS", ())
    monkeypatch.setenv("LRBOOK_CIFAR10", str(tmp_path))

    images = sources.load("cifar10")
    np.testing.assert_array_equal(images.train.permute(0, 2, 3, 1).numpy(), PIXELS["train"][:5])
    np.testing.assert_array_equal(images.test.permute(0, 2, 3, 1).numpy(), PIXELS["test"][:1])
    assert images.train_labels.tolist() == [1, 2, 3, 4, 5]
    assert images.test_labels.tolist() == [8]
    assert images.name == "CIFAR-10"


def test_the_jpeg_copy():
    folder = os.environ.get("LRBOOK_DATA") or str(JPEG)
    try:
        identity = identify(folder)
    except DataError:
        pytest.skip("no JPEG copy of CIFAR-10: neither LRBOOK_DATA nor ../shared/data has it")
    assert display_name(identity) == "CIFAR-10 (JPEG copy)"
    images = sources.load(identity, 2000, 1000, folder)
    assert images.train.shape == (2000, 3, 32, 32)
    assert images.test.shape == (1000, 3, 32, 32)
    for labels, low in ((images.train_labels, 160), (images.test_labels, 75)):
        assert labels.bincount(minlength=10).min() > low
    mean = images.train.float().mean((0, 2, 3))
    assert torch.allclose(mean, torch.tensor(sources.CIFAR_MEAN), atol=2)
    for split, per_class in (("train", 5000), ("test", 1000)):
        [path] = sources.parquet_files(Path(folder), split)
        labels = pq.read_table(path, columns=["label"])["label"].to_numpy()
        assert np.bincount(labels).tolist() == [per_class] * 10
