"""A sweep of the toy small enough for a test."""

from lrbook import sweeps

SHORT = {"steps": 40, "steps_ls": 40, "anneal": 20, "test_points": 50}


def swept_into(folder):
    """The folder, and the sweep of two distances r that has been kept there."""
    return folder, sweeps.run(
        "toy", "smoke", grid={"r": [0.1, 0.2]}, seeds=[1], folder=folder, **SHORT
    )
