"""What a notebook or an interpreter shows of what holds much: one line, without addresses."""

import made_up
import torch

from lrbook.records import Store
from lrbook.sweeps import SweepStore, expand
from lrbook.toy.config import ToyConfig
from lrbook.vision.images import Images


def test_a_store_names_its_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repr(Store("runs")) == "Store('runs')"
    assert not (tmp_path / "runs").exists()


def test_a_record_is_one_line(tmp_path):
    config = ToyConfig.for_profile("smoke", arm="S", seed=3)
    record = made_up.finished(Store(tmp_path), config)
    shown = f"Record {config.run_id}: finished, arm S, seed 3; .config, .result, .history"
    assert repr(record) == shown
    assert all(hasattr(record, name) for name in ("config", "result", "history"))


def test_images_are_counted_and_not_printed():
    def drawn(count):
        images = torch.zeros(count, 3, 32, 32, dtype=torch.uint8)
        return images, torch.zeros(count, dtype=torch.int64)

    found = Images("my images", *drawn(30), *drawn(20), (1.0,) * 3, (1.0,) * 3)
    assert repr(found) == "Images 'my images': 30 to train on, 20 to test on"


def test_the_store_of_a_sweep_says_for_how_many_runs_it_is():
    configs = expand("toy", "smoke", seeds=range(3), arms=["S"])
    assert repr(SweepStore("mine", configs)) == "SweepStore of 3 runs in mine"
