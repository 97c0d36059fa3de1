"""Toy runs small enough for a test, and how they are compared."""

import functools

import pandas as pd

from lrbook.toy import experiment
from lrbook.toy.config import ToyConfig

TINY = {"d": 6, "n": 30, "m_v": 16, "steps": 120, "steps_ls": 90, "anneal": 40, "test_points": 50}


def configs(seeds=(0, 1), arms=("L-S", "S"), **settings):
    return ToyConfig.expand("smoke", seeds=seeds, arms=arms, **(TINY | settings))


def run(wanted, store=None, **options):
    return experiment.run(wanted, store, **({"device": "cpu", "progress": False} | options))


@functools.cache
def unbroken():
    """The tiny runs without a store and without a break: config -> record. Not to be changed."""
    wanted = configs()
    return dict(zip(wanted, run(wanted), strict=True))


def same(one: pd.DataFrame, two: pd.DataFrame) -> bool:
    """Equal to the bit."""
    return list(one.columns) == list(two.columns) and all(
        one[name].to_numpy().tobytes() == two[name].to_numpy().tobytes() for name in one
    )
