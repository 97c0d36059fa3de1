"""Records and histories made by hand, for tests of what is said of runs and drawn of them."""

import numpy as np
import pandas as pd

from lrbook.record import Record


def record(arm, seed, status="finished", **result):
    return Record(
        run_id=f"patch-{arm}-{seed}",
        experiment="patch",
        config={"arm": arm, "seed": seed},
        status=status,
        provenance={
            "date": "2026-01-02T03:04:05+00:00",
            "commit": "0123456789abcdef",
            "device": "a device",
            "data": "some images",
            "precision": "fp32",
            "versions": {"torch": "2.0", "jax": "0.5"},
        },
        result=result,
        history_sha256=None,
        wall_s=90.0,
        table=pd.DataFrame({"epoch": [1, 2], "clean": [seed, arm == "large"]}),
    )


RUNS = [
    record("large", 1, clean=70.0),
    record("small", 1, clean=60.0),
    record("small", 0, clean=58.0),
    record("large", 0, clean=72.0),
    record("large", 2, "diverged"),
]


def patch_history(offset):
    """Five epochs with the patch; another offset, another run."""
    epochs = np.arange(1, 6)
    return pd.DataFrame(
        {
            "epoch": epochs,
            "clean": 50.0 + offset + epochs,
            "mixed": 70.0 + offset,
            "patch_only": 10.0 + offset,
        }
    )
