"""Images from digits, a Parquet folder and CIFAR-10: exact pixels, or one clear sentence."""

import hashlib
import pickle
import subprocess
import sys

import jpeg_folder
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from made_parquet import LABELS, PIXELS, png, write, write_splits
from sklearn.datasets import load_digits

from lrbook.errors import DataError
from lrbook.vision import download, sources
from lrbook.vision.identity import OWN_STATISTICS, count, display_name, identify, of_files


@pytest.fixture
def folder(tmp_path):
    return write_splits(tmp_path)


def test_digits_are_scikit_learns():
    images = sources.load("digits")
    bunch = load_digits()
    order = np.random.default_rng(0).permutation(1797)
    labels = torch.cat([images.train_labels, images.test_labels]).numpy()
    np.testing.assert_array_equal(labels, bunch.target[order])
    assert images.train.shape == (1400, 3, 32, 32)
    assert images.test.shape == (397, 3, 32, 32)
    assert [count("digits", split) for split in ("train", "test")] == [1400, 397]
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


def test_sizes_take_the_first_images(folder):
    images = sources.load(identify(str(folder)), 5, 3, folder=str(folder))
    np.testing.assert_array_equal(images.train.permute(0, 2, 3, 1).numpy(), PIXELS["train"][:5])
    assert images.train_labels.tolist() == LABELS["train"][:5]
    assert len(images.test) == 3


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
    files = f"parquet:{digest.hexdigest()[:16]}"
    assert of_files(folder) == files
    own = hashlib.sha256(f"{files}, {OWN_STATISTICS}".encode()).hexdigest()
    assert identity == f"parquet:{own[:16]}"
    moved = folder.rename(tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert identify(str(moved)) == identity
    write(moved / "test-00000-of-00001.parquet", [png(PIXELS["test"][0])], [4])
    assert identify(str(moved)) != identity


def test_names_stand_for_themselves():
    assert identify("digits") == "digits"
    assert identify("cifar10") == identify("CIFAR-10") == "cifar10"
    assert identify("CIFAR-10 (JPEG copy)") == "parquet:ad293141ee8007bc"
    assert display_name("parquet:ad293141ee8007bc") == "CIFAR-10 (JPEG copy)"


def test_images_of_a_known_identity_need_their_folder(folder, monkeypatch):
    monkeypatch.delenv("LRBOOK_DATA", raising=False)
    with pytest.raises(DataError, match=r"CIFAR-10 \(JPEG copy\) are needed; .* --data DIR"):
        sources.load("parquet:ad293141ee8007bc")
    with pytest.raises(DataError, match="are needed"):
        sources.load("parquet:ad293141ee8007bc", folder=str(folder))
    monkeypatch.setenv("LRBOOK_DATA", str(folder))
    assert len(sources.load(identify(str(folder))).train) == 6


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
    folder = jpeg_folder.folder()
    identity = identify(str(folder))
    images = sources.load(identity, 2000, 1000, str(folder))
    assert images.train.shape == (2000, 3, 32, 32)
    assert images.test.shape == (1000, 3, 32, 32)
    for labels, low in ((images.train_labels, 160), (images.test_labels, 75)):
        assert labels.bincount(minlength=10).min() > low
    mean = images.train.float().mean((0, 2, 3))
    assert torch.allclose(mean, torch.tensor(sources.CIFAR_MEAN), atol=2)
    for split, per_class in (("train", 5000), ("test", 1000)):
        [path] = sources.parquet_files(folder, split)
        labels = pq.read_table(path, columns=["label"])["label"].to_numpy()
        assert np.bincount(labels).tolist() == [per_class] * 10
