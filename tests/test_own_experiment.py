"""An experiment of one's own from Python: images in memory, and a schedule in a subclass."""

import re
from typing import ClassVar

import pytest
import torch
from conftest import ROOT

from lrbook.errors import ConfigError, DataError
from lrbook.records import Store
from lrbook.vision import experiment
from lrbook.vision.config import PatchConfig
from lrbook.vision.images import Images, first

STATISTICS = ((120.0,) * 3, (60.0,) * 3)
SMALL = {"epochs": 2, "drop": 2, "batch": 16, "patch_test_size": 20, "test_size": 0}


def drawn(count=48, tested=20):
    draw = torch.Generator().manual_seed(0)
    sets = []
    for size in (count, tested):
        sets.append(torch.randint(256, (size, 3, 32, 32), generator=draw, dtype=torch.uint8))
        sets.append(torch.randint(10, (size,), generator=draw))
    return sets


@pytest.fixture
def mine():
    return Images("my images", *drawn(), *STATISTICS)


def test_the_example_of_the_reference_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "book/api_vision.md").read_text(), re.S)
    short = example.replace("test_size=0\n", "test_size=0, epochs=11, drop=2, batch=16\n")
    assert short != example
    train, train_labels, test, test_labels = drawn()
    mean, std = STATISTICS
    names = dict(locals())
    exec(short, names)
    assert [run.status for run in names["records"]] == ["finished"] * 2
    [first, _] = names["records"]
    eta1 = first.config["eta1"]
    assert first.history.rate.tolist() == [eta1] * 9 + [eta1 / 2] * 2
    assert first.run_id.startswith("halving-")
    assert first.provenance["data"] == "my images"
    again = experiment.run(names["configs"], Store("runs"), images=names["mine"])
    assert [run.provenance for run in again] == [run.provenance for run in names["records"]]


def test_images_in_memory_are_these_very_images(mine, tmp_path):
    config = PatchConfig.for_profile(
        "smoke", arm="large", seed=0, **SMALL, data=mine.data, train_size=32
    )
    [run] = experiment.run([config], Store(tmp_path), device="cpu", images=mine, progress=False)
    cut = first(mine, 32)
    assert len(cut.train) == len(cut.train_labels) == 32
    assert torch.equal(cut.train, mine.train[:32])
    assert run.provenance["data_fingerprint"] == cut.fingerprint
    fresh = config.model_copy(update={"seed": 1})
    with pytest.raises(DataError, match="were in memory; hand them over with images="):
        experiment.run([fresh], device="cpu", progress=False)
    other = Images("others", *drawn(49), *STATISTICS)  # as where data= is forgotten
    with pytest.raises(ConfigError, match=f"no run is on the images given.*{other.data}"):
        experiment.run([fresh], device="cpu", images=other, progress=False)
    with pytest.raises(DataError, match="train_size = 50 is more than the 48 images"):
        first(mine, 50)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"train": lambda x: x.float() / 255}, "train images are torch.float32"),
        ({"test": lambda x: x[:, :, :28, :28]}, r"test images are .* of shape \(20, 3, 28, 28\)"),
        ({"train_labels": lambda x: x[:-1]}, "one for each of the 48 images"),
        ({"train_labels": lambda x: x.int()}, "train_labels are torch.int32"),
        ({"test_labels": lambda x: x + 1}, "test_labels go from 1 to 10; allowed are 0 to 9"),
        ({"train": lambda x: x[:0], "train_labels": lambda x: x[:0]}, r"shape \(0, 3, 32, 32\)"),
    ],
)
def test_images_of_another_kind_are_refused(change, words):
    names = ("train", "train_labels", "test", "test_labels")
    parts = dict(zip(names, drawn(), strict=True))
    parts |= {name: how(parts[name]) for name, how in change.items()}
    with pytest.raises(DataError, match=words):
        Images("mine", *parts.values(), *STATISTICS)


class Unnamed(PatchConfig):
    def rate(self, epoch):
        return self.eta1 / epoch


class Named(Unnamed):
    experiment: ClassVar[str] = "mine"


def test_a_subclass_does_not_write_into_its_parents_records(mine, tmp_path):
    sizes = SMALL | {"data": mine.data, "train_size": 0}
    plain, unnamed, named = (
        cls.for_profile("smoke", arm="large", seed=0, **sizes)
        for cls in (PatchConfig, Unnamed, Named)
    )
    assert plain.run_id == unnamed.run_id != named.run_id
    how = {"device": "cpu", "images": mine, "progress": False}
    with pytest.raises(ConfigError, match=r"Unnamed would .* run ids of PatchConfig.* = 'mine'"):
        experiment.run([unnamed], Store(tmp_path), **how)
    assert list(tmp_path.glob("*-*")) == []
    [alone] = experiment.run([unnamed], None, **how)  # nothing is kept
    [kept] = experiment.run([named], Store(tmp_path), **how)
    assert alone.history.rate.tolist() == kept.history.rate.tolist() == [0.1, 0.05]
