"""A finished run of the patch experiment, made by hand."""

import pandas as pd

from lrbook.vision.config import PatchConfig

CONFIG = PatchConfig.for_profile("smoke", arm="small", seed=3)

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 4],
        "train_loss": [2.302585093, 1.1, 0.9, 0.7],
        "clean": [10.0, 1 / 3 * 100, 34.0, 36.0],
        "mixed": [20.0, 30.0, 40.0, 50.0],
        "patch_only": [10.0, 49.0, 50.0, 52.5],
    }
)

# By hand: means of the last three epochs, the epoch before the drop at 3, the first above half
RESULT = {
    "clean": 34.4444,
    "mixed": 40.0,
    "patch_only": 50.5,
    "patch_only_before_drop": 49.0,
    "patch_learned_epoch": 4,
}

ORIGIN = {"commit": None, "device": "none", "argv": ["lrbook", "run"]}


def finish(store, config=CONFIG, **options):
    store.start(config, ORIGIN)
    options = {"provenance": ORIGIN, "wall_s": 1.234} | options
    return store.finish(config, HISTORY, RESULT, **options)
