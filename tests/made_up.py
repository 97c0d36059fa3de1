"""Records and plans for tests in which nothing is trained."""

from pathlib import Path

import pandas as pd

from lrbook import recordings
from lrbook.record import Record
from lrbook.records import Store
from lrbook.toy.config import ToyConfig
from lrbook.vision.config import PatchConfig

TWO = """
[[recording]]
name = "first"
what = "large and small"
experiment = "patch"
profile = "smoke"
arms = ["large", "small"]
seeds = [1, 2]
settings = { eta1 = 0.2, stem_stride = 1 }

[[recording]]
name = "second"
what = "on a device that is not there"
experiment = "patch"
profile = "smoke"
arms = ["noise"]
seeds = [0]
device = "abacus"
"""


def two_recordings(folder: Path) -> list[recordings.Recording]:
    path = folder / "plan.toml"
    path.write_text(TWO)
    return recordings.read(path)


def finished(store: Store, config: ToyConfig, accuracy: float = 0.5) -> Record:
    store.start(config, {})
    last = getattr(config, "total_steps", 1)
    history = pd.DataFrame({"step": [0, last], "p_only_accuracy": [0.5, accuracy]})
    result = {"p_only_accuracy": accuracy}
    return store.finish(config, history, result, provenance={}, wall_s=1.0)


def one_finished_one_broken_off(folder: Path) -> Path:
    """Results as they may lie about."""
    store = Store(folder)
    done = PatchConfig.for_profile("smoke", arm="large", seed=0)
    store.start(done, {})
    measured = dict.fromkeys(("clean", "mixed", "patch_only", "patch_only_before_drop"), 50.0)
    history = pd.DataFrame({"epoch": range(1, done.epochs + 1), **measured})
    result = measured | {"patch_learned_epoch": None}
    store.finish(done, history, result, provenance={}, wall_s=1.0)
    broken = PatchConfig.for_profile("smoke", arm="large", seed=1)
    store.start(broken, {})
    store.save_checkpoint(broken, b"state")
    return store.root
