"""CIFAR-10 (JPEG copy) made again of the pictures that it was made of, and recognised as such."""

import hashlib

import jpeg_folder
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lrbook.vision import identity, jpeg_copy, sources

KNOWN = "parquet:ad293141ee8007bc"


@pytest.fixture
def pictures(tmp_path):
    """Three pictures of training and one of test, of each of three classes."""
    for split, count in (("train", 3), ("test", 1)):
        for kind in ("dog", "airplane", "truck"):
            folder = tmp_path / "clone" / split / kind
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number:04}.jpg").write_bytes(f"{split} {kind} {number}".encode())
    return tmp_path / "clone"


def by_hand(pictures):
    """What the copy of the fixture's pictures holds, without the module."""
    splits = {}
    for split, count in (("train", 3), ("test", 1)):
        plain = [
            (f"{split}/{kind}/{number:04}.jpg", f"{split} {kind} {number}".encode(), label)
            for kind, label in (("airplane", 0), ("dog", 5), ("truck", 9))
            for number in range(count)
        ]
        splits[split] = [plain[at] for at in np.random.default_rng(0).permutation(3 * count)]
    return splits


def hash_of(splits):
    whole = b""
    for split in ("train", "test"):
        whole += split.encode()
        for _, encoded, label in splits[split]:
            whole += f"{label} {len(encoded)} ".encode() + encoded
    return hashlib.sha256(whole).hexdigest()


@pytest.fixture
def known(monkeypatch, pictures):
    """The fixture's pictures are those that the copy is known by."""
    for module in (identity, jpeg_copy):
        monkeypatch.setattr(module, "SAME_IMAGES", {hash_of(by_hand(pictures)): KNOWN})
    monkeypatch.setitem(identity.COUNTS, "cifar10", {"train": 9, "test": 3})


def rows_of(folder, split):
    rows = pq.read_table(folder / f"{split}-00000-of-00001.parquet").to_pylist()
    return [(row["img"]["path"], row["img"]["bytes"], row["label"]) for row in rows]


@pytest.mark.usefixtures("known")
def test_the_copy_is_made_and_recognised(pictures, tmp_path, capsys):
    folder = tmp_path / "new" / "copy"
    assert jpeg_copy.main([str(pictures), str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder} holds CIFAR-10 (JPEG copy).\n"
    assert {split: rows_of(folder, split) for split in ("train", "test")} == by_hand(pictures)
    assert identity.identify(str(folder)) == KNOWN
    assert sorted(path.name for path in folder.iterdir()) == [
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize("change", ["one picture", "one is missing", "a class", "nothing there"])
def test_other_pictures_are_refused_and_nothing_is_written(pictures, tmp_path, capsys, change):
    one = pictures / "train" / "dog" / "0001.jpg"
    if change == "one picture":
        one.write_bytes(b"another")
    elif change == "one is missing":
        one.unlink()
    elif change == "a class":
        one.parent.rename(pictures / "train" / "wolf")
    else:
        pictures = tmp_path / "nowhere"
    assert jpeg_copy.main([str(pictures), str(tmp_path / "copy")]) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert answer.err.startswith(f"lrbook: {pictures} ")
    assert ("cannot be read" if change == "a class" else "holds other pictures") in answer.err
    assert not (tmp_path / "copy").exists()


@pytest.mark.usefixtures("known")
def test_a_folder_that_cannot_be_written_is_named(pictures, tmp_path, capsys):
    (tmp_path / "copy").write_text("a file")
    assert jpeg_copy.main([str(pictures), str(tmp_path / "copy")]) == 2
    assert f"{tmp_path / 'copy'}" in capsys.readouterr().err


@pytest.fixture(scope="module")
def real():
    return jpeg_folder.folder()


def test_the_real_copy_is_in_the_order_that_it_would_be_made_in(real):
    for split, count in (("train", 50_000), ("test", 10_000)):
        rows = rows_of(real, split)
        names = [name for name, _, _ in rows]
        assert len(set(names)) == count
        assert names == jpeg_copy.in_order(names[::-1])
        assert [jpeg_copy.CLASSES[label] for _, _, label in rows] == [
            name.split("/")[1] for name in names
        ]


def test_the_real_copy_is_recognised_in_other_files_and_its_images_only(real, tmp_path):
    for split in ("train", "test"):
        table = pq.read_table(real / f"{split}-00000-of-00001.parquet")
        pq.write_table(table, tmp_path / f"{split}.parquet", compression="none")
    assert identity.of_files(tmp_path) != KNOWN
    assert identity.identify(str(tmp_path)) == KNOWN
    assert sources.load(KNOWN, 5, 5, str(tmp_path)).name == "CIFAR-10 (JPEG copy)"
    labels = table["label"].to_pylist()
    labels[-1] = (labels[-1] + 1) % 10
    pq.write_table(table.set_column(1, "label", pa.array(labels)), tmp_path / "test.parquet")
    assert identity.identify(str(tmp_path)) not in (KNOWN, identity.of_files(tmp_path))
