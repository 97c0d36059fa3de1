"""The command line on images that are damaged, or not there: refused, and nothing touched."""

import made_up
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import assert_refused


@pytest.fixture
def runs(tmp_path):
    return made_up.one_finished_one_broken_off(tmp_path / "runs")


def images(folder, side=32, label=3, cut=None):
    """A Parquet folder with a single training and test image, in some respect bad."""
    from PIL import Image

    folder.mkdir()
    Image.fromarray(np.zeros((side, 32, 3), np.uint8)).save(folder / "image.png")
    cell = {"bytes": (folder / "image.png").read_bytes(), "path": None}
    for split in ("train", "test"):
        path = folder / f"{split}-00000-of-00001.parquet"
        pq.write_table(pa.table({"img": [cell], "label": [label]}), path)
        path.write_bytes(path.read_bytes()[:cut])
    return folder


BAD_FOLDERS = {
    "truncated": ({"cut": 200}, "is not a whole Parquet file"),
    "label 11": ({"label": 11}, "holds the label 11; allowed are 0 to 9"),
    "image 31x32": ({"side": 31}, "the image is 31x32x3; allowed is 32x32x3"),
}


@pytest.mark.parametrize("options", [[], ["--force"]])
@pytest.mark.parametrize(("fault", "words"), BAD_FOLDERS.values(), ids=BAD_FOLDERS)
def test_bad_parquet_folder(lrbook, runs, tree, tmp_path, fault, words, options):
    folder, before = images(tmp_path / "data", **fault), tree(runs)
    answer = lrbook("run", "patch", "--profile", "laptop", "--data", folder, *options)
    assert_refused(answer, str(folder / "train-00000-of-00001.parquet"), words)
    assert tree(runs) == before


def test_folder_without_the_files(lrbook, runs, tree, tmp_path):
    (tmp_path / "empty").mkdir()
    before = tree(runs)
    answer = lrbook("run", "patch", "--data", "empty")
    assert_refused(answer, "data = 'empty'", "train*.parquet", "digits, cifar10")
    assert tree(runs) == before


def test_archive_with_a_wrong_checksum(lrbook, runs, tree, tmp_path, monkeypatch):
    archive = tmp_path / "cache" / "cifar-10-python.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(b"<html>")
    monkeypatch.setenv("LRBOOK_CIFAR10", str(archive.parent))
    before = tree(runs)
    answer = lrbook("run", "patch", "--profile", "laptop")
    assert_refused(answer, str(archive), "c58f30108f718f92721af3b95e74349a", "delete")
    assert tree(runs) == before
    assert archive.read_bytes() == b"<html>"
