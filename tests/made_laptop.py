"""Runs of the patch experiment at laptop scale made by hand, for tests of what compares them."""

import pandas as pd

from lrbook.record import Record
from lrbook.vision.config import PatchConfig


def laptop_run(arm, seed, columns, clean, learnt=None, **settings):
    """A finished run of the profile laptop, where eta1 is 0.5, eta2 0.02 and the drop at epoch 13.

    Args:
        columns: of its history.
        clean, learnt: accuracy at the end, and the epoch in which it learns the patch.
    """
    config = PatchConfig.for_profile("laptop", arm=arm, seed=seed, data="digits", **settings)
    return Record(
        run_id=config.run_id,
        experiment="patch",
        config=config.model_dump(mode="json"),
        status="finished",
        provenance={"data": "digits"},
        result={"clean": clean, "patch_learned_epoch": learnt},
        history_sha256=None,
        wall_s=1.0,
        table=pd.DataFrame(columns),
    )
