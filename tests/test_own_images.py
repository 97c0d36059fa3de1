"""Images of one's own: how they are normalised, told apart, handed over, and refused."""

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT
from made_parquet import PIXELS, png, write, write_splits
from PIL import Image
from torch import Tensor

from lrbook import book, sweeps
from lrbook.errors import ConfigError, DataError
from lrbook.records import Store
from lrbook.vision import experiment, identity, sources
from lrbook.vision.config import PatchConfig
from lrbook.vision.identity import identify
from lrbook.vision.images import Images, channel_statistics, first

STATISTICS = ((120.0,) * 3, (60.0,) * 3)
SMALL = {"epochs": 1, "drop": 1, "batch": 16, "patch_test_size": 20, "train_size": 0,
         "test_size": 0}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    return write_splits(tmp_path / "images")


def drawn():
    draw = torch.Generator().manual_seed(0)
    sets = []
    for size in (48, 20):
        sets.append(torch.randint(256, (size, 3, 32, 32), generator=draw, dtype=torch.uint8))
        sets.append(torch.randint(10, (size,), generator=draw))
    return sets


def mine(mean=STATISTICS[0], std=STATISTICS[1]):
    return Images("my images", *drawn(), mean, std)


def test_a_folder_of_ones_own_is_normalised_by_its_training_images(folder):
    pixels = PIXELS["train"].astype(np.float64)
    for size in (0, 2):
        images = sources.load(identify(str(folder)), size, folder=str(folder))
        assert len(images.train) == (size or 6)
        np.testing.assert_allclose(images.mean, pixels.mean((0, 1, 2)), rtol=1e-12)
        np.testing.assert_allclose(images.std, pixels.std((0, 1, 2)), rtol=1e-12)


def test_a_known_folder_keeps_the_constants_and_its_name(folder, monkeypatch):
    files = identity.of_files(folder)
    own = identify(str(folder))
    assert own != files
    before = sources.load(own, folder=str(folder))
    monkeypatch.setitem(identity.NAMES, files, "a known copy")
    assert identify(str(folder)) == files
    images = sources.load(files, 5, folder=str(folder))
    assert (images.mean, images.std) == ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7))
    assert images.name == "a known copy"
    assert sources.load(files, folder=str(folder)).fingerprint != before.fingerprint


def test_a_record_from_when_the_constants_were_cifars_is_another_runs(folder):
    old = identity.of_files(folder)
    settings = {"arm": "large", "seed": 0, **SMALL}
    now = PatchConfig.for_profile("smoke", data=identify(str(folder)), **settings)
    assert PatchConfig.for_profile("smoke", data=old, **settings).run_id != now.run_id
    with pytest.raises(
        DataError, match=f"{old}' is the old name of .* they are data = '{now.data}"
    ):
        sources.load(old, folder=str(folder))


def test_a_folder_with_a_channel_that_does_not_vary_is_refused(tmp_path):
    pixels = PIXELS["train"].copy()
    pixels[..., 1] = 17
    for split in ("train", "test"):
        write(tmp_path / f"{split}.parquet", [png(image) for image in pixels], [1] * len(pixels))
    with pytest.raises(DataError, match=r"channel 1 of the training images is 17 everywhere"):
        sources.load(identify(str(tmp_path)), folder=str(tmp_path))


def test_statistics_are_those_of_all_pixels():
    images = drawn()[0]
    mean, std = channel_statistics(images)
    plain = images.numpy().astype(np.float64)
    np.testing.assert_allclose(mean, plain.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, plain.std((0, 2, 3)), rtol=1e-12)
    assert channel_statistics(images.flip(0)) == (mean, std)


def test_fingerprints_of_images_in_memory_see_mean_and_std():
    prints = {
        mine().fingerprint,
        mine(mean=(121.0, 120.0, 120.0)).fingerprint,
        mine(mean=(120.0, 121.0, 120.0)).fingerprint,
        mine(std=(60.0, 60.0, 60.000001)).fingerprint,
    }
    assert len(prints) == 4
    same = [(120, 120, 120), [120.0] * 3, np.full(3, 120.0), torch.full((3,), 120.0)]
    assert {mine(mean=mean).fingerprint for mean in same} == {mine().fingerprint}
    assert mine().data == f"memory:{mine().fingerprint}"


def test_a_known_set_with_other_statistics_is_not_the_known_set():
    digits = sources.load("digits", 20, 10)
    other = dataclasses.replace(digits, std=(60.0,) * 3)
    assert other.fingerprint != digits.fingerprint
    assert first(other, 20, 10).fingerprint == other.fingerprint


def test_known_sets_have_the_fingerprints_that_records_of_them_name():
    assert sources.load("digits", 1200, 300).fingerprint == "17a9d19299f70e69"
    assert sources.load("digits", 320, 100).fingerprint == "71737e0038570af7"
    fixed = (sources.CIFAR_MEAN, sources.CIFAR_STD)
    plain = Images("CIFAR-10", *drawn(), *fixed, standard=fixed).fingerprint
    assert plain == "01d215cfb03f76ae"
    assert plain != mine(*fixed).fingerprint


def test_a_stored_run_is_not_taken_for_one_with_another_std(tmp_path):
    found = []
    for images in (mine(), mine(std=(30.0,) * 3)):
        config = PatchConfig.for_profile("smoke", arm="large", seed=0, **SMALL, data=images.data)
        how = {"device": "cpu", "images": images, "progress": False}
        found += experiment.run([config], Store(tmp_path), **how)
    one, two = found
    assert one.run_id != two.run_id
    assert one.history.train_loss.tolist() != two.history.train_loss.tolist()


@pytest.mark.parametrize(
    ("statistics", "words"),
    [
        ({"mean": (1.0, 2.0)}, r"mean = \(1.0, 2.0\) is not allowed: give three numbers"),
        ({"mean": 120.0}, "mean = 120.0 is not allowed"),
        ({"mean": (1.0, 2.0, float("nan"))}, "mean = .*nan.* is not allowed"),
        ({"std": (60.0, 0.0, 60.0)}, "std = .* each above 0; .*channel_statistics"),
        ({"std": None}, "std = None is not allowed"),
    ],
)
def test_statistics_that_cannot_normalise_are_refused(statistics, words):
    with pytest.raises(DataError, match=words):
        mine(**statistics)


def changed(name, how):
    parts = dict(zip(("train", "train_labels", "test", "test_labels"), drawn(), strict=True))
    parts[name] = how(parts[name])
    return Images("mine", *parts.values(), *STATISTICS)


@pytest.mark.parametrize(
    ("name", "how", "words"),
    [
        ("train", Tensor.numpy, "train is of type ndarray; it has to be a torch.Tensor, torch"),
        ("test", Tensor.tolist, r"test is of type list; .* torch.as_tensor\(test\) makes one"),
        ("train_labels", Tensor.numpy, "train_labels is of type ndarray; .* torch.int64"),
        ("train", Tensor.float, "train images are torch.float32 .* have to be torch.uint8"),
        ("test", lambda x: x.permute(0, 2, 3, 1), r"test\.permute\(0, 3, 1, 2\) puts the channels"),
        ("test_labels", Tensor.int, "test_labels are torch.int32 .* have to be torch.int64"),
    ],
)  # fmt: skip
def test_arrays_and_other_kinds_are_refused_by_what_they_are(name, how, words):
    with pytest.raises(DataError, match=words):
        changed(name, how)


def test_a_file_without_the_columns_is_refused_by_those_it_has(tmp_path):
    cell = {"bytes": png(PIXELS["train"][0])}
    for columns, there in (
        ({"img": [cell], "fine_label": [1]}, "fine_label (int64)"),
        ({"image": [3], "label": [1]}, "image (int64), label (int64)"),
        ({f"column_{i}": [1] for i in range(999)}, "…"),
    ):
        pd.DataFrame(columns).to_parquet(tmp_path / "train.parquet", index=False)
        with pytest.raises(DataError) as error:
            sources.read_parquet(tmp_path, "train")
        said = str(error.value)
        assert "img or image, with an encoded image (PNG, JPEG) under bytes" in said
        assert "label, 0 to 9" in said
        assert there in said
        assert "Images of your own" in said
        assert len(said) < 600


def test_sweeps_and_chapters_take_images_in_memory(tmp_path):
    images, how = mine(), {"seeds": [0], "arms": ["large"], "device": "cpu", **SMALL}
    named = sweeps.run(
        "patch", "smoke", data=images.data, images=images, progress=False, **how
    ).records
    kept = sweeps.run(
        "patch", "smoke", images=images, folder=tmp_path / "s", progress=False, **how
    ).records
    live = book.live("patch", "smoke", images=images, **how)
    assert len({run.run_id for run in (*named, *kept, *live)}) == 1
    assert book.data_of([*named, *kept, *live]) == "my images"
    assert named[0].config["data"] == images.data


def test_images_that_the_runs_are_not_on_are_refused():
    how = {"seeds": [0], "arms": ["large"], "device": "cpu", "progress": False, **SMALL}
    with pytest.raises(ConfigError, match="no run is on the images given: they are data = 'memory"):
        sweeps.run("patch", "smoke", data="digits", images=mine(), **how)
    with pytest.raises(ConfigError, match="images are given, and toy is no experiment on images"):
        book.live("toy", "smoke", images=mine())
    with pytest.raises(ConfigError, match="images is of type ndarray; give an lrbook"):
        sweeps.run("patch", "smoke", images=PIXELS["train"], **how)
    for words in ("lrbook.vision.experiment.run", "lrbook.sweeps.run and lrbook.book.live take"):
        with pytest.raises(DataError, match=f"were in memory; hand them over with .*{words}"):
            sweeps.run("patch", "smoke", data=mine().data, **how)


def test_the_conversion_on_the_page_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split, images in PIXELS.items():
        for number, pixels in enumerate(images):
            place = tmp_path / "pictures" / split / str(number)
            place.mkdir(parents=True)
            Image.fromarray(pixels).save(place / "one.png")
            Image.fromarray(pixels[:20, :, 0]).save(place / "small and grey.png")
    text = (ROOT / "book/reproduce.md").read_text()
    [example] = re.findall(r"```python\n(.*?)```", text, re.S)
    exec(example, {})
    images = sources.load(identify("mine"), folder="mine")
    assert (len(images.train), len(images.test)) == (12, 8)
    assert sorted(images.train_labels.tolist()) == [n for n in range(6) for _ in range(2)]
    for number, pixels in enumerate(PIXELS["train"]):
        of_class = images.train[images.train_labels == number].permute(0, 2, 3, 1).numpy()
        assert any(np.array_equal(image, pixels) for image in of_class)
    assert images.train_labels.tolist() != sorted(images.train_labels.tolist())
