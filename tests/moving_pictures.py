"""The explorer of the recorded maps and a replay of made-up runs, as tests look at them."""

import numpy as np
import pandas as pd

from lrbook import phase
from lrbook.figures.replay import html as replay

START = (0.35, 0.15, 1.0)
PANELS = {"clean": "Images <1>", "patch_only": "Patch"}
CHANCE = {"patch_only": {"chance": 10}}


def settings():
    """The histories of all settings that the explorer goes through."""
    return phase.histories(phase.cube())


def outcomes():
    """Who wins in each of them."""
    return phase.outcomes(phase.errors(phase.cube()), "eta1", "r", "noise")


def histories(epochs=12, seeds=3):
    rng = np.random.default_rng(3)
    epoch = np.arange(1, epochs + 1)

    def seed():
        return pd.DataFrame({"epoch": epoch} | {c: rng.uniform(20, 90, epochs) for c in PANELS})

    return {arm: [seed() for _ in range(seeds)] for arm in ("large", "small")}


def accuracy():
    """The replay of these histories."""
    return replay(histories(), PANELS, [5, 99], levels=CHANCE)
