"""Levels of a sweep that is made up, so that what comes out is known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.toy import levels, pattern_memory
from lrbook.toy.config import ToyConfig


def record(r, seed, status="finished", **settings):
    [config] = ToyConfig.expand("demo", seeds=[seed], arms=["L-S"], r=r, **settings)
    steps = np.array([0, 10, 360, 380, 1000])  # 1000 / e = 368
    nonlinearity = np.array([0.0, 9.0, 9.0, 3.0, 4.0]) * r**2 * (1 + seed)
    losses = {
        "q_only_loss": np.array([0.7, 0.5, 0.4, 0.15, 0.05]),
        "both_loss": np.array([0.7, 0.3, 0.2, 0.012, 0.008]),
    }
    history = pd.DataFrame({"step": steps, "nonlinearity": nonlinearity} | losses)
    return Record(
        run_id=config.run_id,
        experiment="toy",
        config=config.model_dump(),
        status=status,
        provenance={},
        result={},
        history_sha256=None,
        wall_s=1.0,
        message="",
        table=history,
    )


@pytest.fixture(scope="module")
def found():
    runs = [record(r, seed) for r in (0.2, 0.1, 0.4) for seed in (2, 1)]
    return levels.levels(Sweep([*runs, record(0.8, 1), record(0.8, 2, "diverged")]), "r")


def test_late_rows_are_the_last_factor_e():
    assert levels.late(record(0.1, 0).history)["step"].tolist() == [380, 1000]


def test_levels(found):
    assert found.x.tolist() == [0.1, 0.2, 0.4]  # 0.8 lacks a seed
    rms = np.sqrt((3**2 + 4**2) / 2)
    assert found.measured == pytest.approx(rms * found.x**2 * np.array([[2], [3]]))
    pull = pattern_memory.pull_on_q(0.1, 0.01, 0.25, 0.67)
    for signal in found.signal:
        assert signal[1] == pytest.approx(pattern_memory.predicted(0.2, 1e-4, 8.0, pull))
    assert found.floor[1] == pytest.approx(pattern_memory.noise_floor(0.2, 10.0, 8.0))
    assert found.lemma == pytest.approx(64 * found.x**2 / 1e-4)
    assert found.fit.exponent == pytest.approx(2)
    # signal and noise are independent: their squares add up
    assert found.predicted**2 == pytest.approx(found.signal**2 + found.floor**2)
    assert found.expected.exponent == pytest.approx(
        np.polyfit(np.log(found.x), np.log(found.predicted[0]), 1)[0]
    )


@pytest.mark.parametrize(
    "records", [[], [record(0.1, 1), record(0.1, 3, "diverged"), record(0.2, 3)]]
)
def test_a_sweep_without_a_value_that_has_all_seeds(records):
    with pytest.raises(ValueError, match=r"no value of r has a finished run of each seed"):
        levels.levels(Sweep(records), "r")


def test_without_weight_decay_there_is_no_level():
    records = [record(0.1, 1), record(0.1, 1, lam=0.0)]
    with pytest.raises(ValueError, match=r"lam = 0, and so no level"):
        levels.levels(Sweep(records), "lam")


def test_exponents_in_words(found):
    [row] = levels.exponents([found]).to_dict("records")
    assert row["exponent, measured"].split() == ["2.00", "±", "0.00"]
    assert row["lemma"] == "2"
    for name, above, below in (
        ("$s^2 r^2/\\lambda$ / measured", found.lemma, found.measured),
        ("measured / closed form", found.measured, found.predicted),
    ):
        assert row[name] == pytest.approx(stats.gmean((above / below).ravel()))


def test_beside_and_the_words_on_the_bound(found):
    table = levels.beside(found)
    assert table["`r`"].tolist() == ["0.1", "0.2", "0.4"]
    assert table["closed form"].to_numpy() == pytest.approx(found.predicted.mean(axis=0))
    ratios = stats.gmean(found.measured / found.predicted, axis=0)
    assert table["measured / closed form"].to_numpy() == pytest.approx(ratios)
    assert "every run" in levels.bound_words([found])
    assert "exceeded in 100%" in levels.bound_words([found._replace(lemma=found.lemma * 1e-9)])
