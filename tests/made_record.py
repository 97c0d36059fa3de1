"""A finished run of the patch experiment, made by hand."""

import pandas as pd

from lrbook.vision.config import PatchConfig

CONFIG = PatchConfig.for_profile("smoke", arm="small", seed=3)

HISTORY = pd.DataFrame(
    {"epoch": [1, 2], "train_loss": [2.302585093, 1.1], "clean": [10.0, 1 / 3 * 100]}
)

ORIGIN = {"commit": None, "device": "none", "argv": ["lrbook", "run"]}


def finish(store, config=CONFIG, **options):
    store.start(config, ORIGIN)
    options = {"provenance": ORIGIN, "wall_s": 1.234} | options
    return store.finish(config, HISTORY, {"clean": 33.3}, **options)
