"""Exponents and verdicts: against closed forms, and by hand for every kind of bound."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from lrbook import book, claims, measured, sweeps
from lrbook.fits import PowerLaw

ERRORS = ("p_only_error", "test_error")


def claim(exponent, half, predicted, side, towards):
    law = PowerLaw(exponent, half, 1.0)
    return claims.Claim("T", "q", "x", "$x$", predicted, side, towards, law, 3)


@pytest.mark.parametrize(
    ("exponent", "predicted", "side", "towards", "verdict"),
    [
        (2.0, 1.0, "above", "zero", "keeps the bound, with room"),  # y = x^2 <= x near 0
        (0.5, 1.0, "above", "zero", "does not follow the bound here"),
        (1.05, 1.0, "above", "zero", "agrees within its interval"),
        (0.95, 1.0, "above", "zero", "agrees within its interval"),
        (1.15, 1.0, "above", "zero", "keeps the bound, with room"),  # just outside the interval
        (0.85, 1.0, "above", "zero", "does not follow the bound here"),
        (0.5, 1.0, "above", "infinity", "keeps the bound, with room"),  # sqrt(x) <= x
        (2.0, 1.0, "above", "infinity", "does not follow the bound here"),
        (0.5, 0.0, "below", "zero", "does not follow the bound here"),  # sqrt(x) is not >= 1
        (-0.5, 0.0, "below", "zero", "keeps the bound, with room"),
        (0.5, 0.0, "below", "infinity", "keeps the bound, with room"),
        (-1.9, -1.0, "above", "zero", "does not follow the bound here"),  # x^-1.9 > 1/x near 0
    ],
)
def test_verdicts(exponent, predicted, side, towards, verdict):
    assert claim(exponent, 0.1, predicted, side, towards).verdict == verdict


def test_one_seed_decides_nothing():
    for exponent in (0.5, 1.0, 2.0):
        assert claim(exponent, None, 1.0, "above", "zero").verdict == "one seed"


@pytest.mark.parametrize(
    ("exponent", "symbol", "bound", "towards", "faster", "slower"),
    [
        (1, "d", r"$\tilde O(d)$", "infinity", 0.5, 2.0),
        (2, "d", r"$\tilde O(d^2)$", "infinity", 1.5, 3.0),
        (-1, "r", r"$\tilde O(1/r)$", "zero", -0.5, -2.0),
        (-6, "r", r"$\tilde O(1/r^6)$", "zero", -5.0, -7.0),
    ],
)
def test_a_number_of_steps_is_bounded_where_it_grows(
    exponent, symbol, bound, towards, faster, slower
):
    for found, verdict in (
        (faster, "keeps the bound, with room"),
        (slower, "does not follow the bound here"),
    ):
        runs = pd.DataFrame(
            [
                {"seed": seed, "x": x, "steps": seed * x**found}
                for seed in (1, 2)
                for x in (1.0, 2.0, 4.0)
            ]
        )
        made = claims._time_claim("T", "steps", symbol, exponent, runs, "x")
        assert (made.bound, made.towards, made.verdict) == (bound, towards, verdict)


def test_the_table_says_what_was_fitted():
    row = claims.claims_table([claim(2.0, 0.1, 1.0, "above", "zero")]).iloc[0]
    assert row["quantity"] == "q, against x"
    assert row["predicted"] == "1"
    assert row["measured"].replace("\N{NO-BREAK SPACE}", " ") == "2.00 ± 0.10"
    assert row["seeds"] == 3


def test_a_power_law_is_found_by_seed():
    runs = pd.DataFrame(
        [
            {"seed": seed, "x": x, "y": (1 + seed) * x**-2}
            for seed in (1, 2, 3)
            for x in (4.0, 1.0, 2.0)
        ]
    )
    law = claims.fit(runs, "x", "y")
    assert law.exponent == pytest.approx(-2)
    assert law.half == pytest.approx(0, abs=1e-9)
    x, y = claims.by_seed(runs, "x", "y")
    assert x.tolist() == [1, 2, 4]
    np.testing.assert_allclose(y[2], [4, 1, 0.25])


def test_a_seed_without_a_point_is_refused():
    runs = pd.DataFrame([{"seed": 1, "x": 1, "y": 1}, {"seed": 2, "x": 2, "y": 1}])
    with pytest.raises(ValueError, match="not every seed"):
        claims.by_seed(runs, "x", "y")


def test_exponents_and_means_are_by_group_and_over_seeds():
    runs = pd.DataFrame(
        [
            {"d": d, "seed": seed, "x": x, "y": seed * x**-d}
            for d in (1, 2)
            for seed in (1, 2, 3)
            for x in (1.0, 2.0, 4.0)
        ]
    )
    table = claims.exponents(runs, "x", "y", by=["d"])
    assert table.columns.tolist() == ["d", "seeds", "exponent"]
    assert table.d.tolist() == [1, 2]
    assert table.seeds.tolist() == [3, 3]
    assert [float(words.split("\N{NO-BREAK SPACE}")[0]) for words in table.exponent] == [-1, -2]
    table = claims.means(runs[runs.d == 1], "x", {"y": "mean of y"})
    assert table.x.tolist() == [1, 2, 4]
    assert table.seeds.tolist() == [3, 3, 3]
    # the mean of 1, 2, 3 over x; t(0.975, 2) = 4.303, standard error 1 / sqrt(3) over x
    wanted = ["2.0 ± 2.5", "1.000 ± 1.242", "0.500 ± 0.621"]
    assert [words.replace("\N{NO-BREAK SPACE}", " ") for words in table["mean of y"]] == wanted


def history(step, loss):
    return pd.DataFrame({"step": step, "loss": loss})


def test_a_crossing_of_a_power_law_is_exact():
    steps = np.array([0, 1, 10, 100, 1000])
    found = measured.crossing(history(steps, np.append(2.0, steps[1:] ** -0.5)), "loss", 0.05)
    assert found == pytest.approx(400)  # 400^(-1/2) = 0.05


@pytest.mark.parametrize(
    ("loss", "level", "step"),
    [
        ([1, 0.5, 0.2], 0.05, np.nan),
        ([0.01, 0.5, 0.2], 0.05, 0),  # below from the start
        ([1, 0.01, 0.2], 0.05, 1),  # falls before the first step that has a logarithm
        ([1, 0.05, 0.01], 0.05, 1),  # reaches the level at step 1, is below right after
    ],
)
def test_crossings_at_the_ends(loss, level, step):
    found = measured.crossing(history([0, 1, 10], loss), "loss", level)
    np.testing.assert_allclose(found, step)


def test_errors_of_the_mixture():
    short = {"steps": 40, "test_points": 200}
    points = [{"n": 60, "p0": 0.1}, {"n": 90, "p0": 0.2}]
    sweep = sweeps.run(
        "toy", "smoke", points=points, arms=["S"], seeds=[1], progress=False, **short
    )
    runs = measured.with_errors(sweep)
    assert runs.kappa.tolist() == [round((10 / 60) ** 0.5, 3), round((10 / 90) ** 0.5, 3)]
    for row, record in zip(runs.itertuples(), sweep.records, strict=True):
        last, config = record.history.iloc[-1], record.config
        shares = {"p_only": config["p0"], "q_only": config["q0"]}
        shares["both"] = 1 - sum(shares.values())
        wrong = sum(share * (1 - last[f"{name}_accuracy"]) for name, share in shares.items())
        assert row.test_error == pytest.approx(wrong)
        assert row.p_only_error == 1 - row.p_only_accuracy


def test_errors_at_an_equal_number_of_steps():
    points = [{"n": 60, "p0": 0.1, "steps": 40}, {"n": 90, "p0": 0.2, "steps": 80}]
    sweep = sweeps.run(
        "toy", "smoke", points=points, arms=["S"], seeds=[1, 2], progress=False, test_points=200
    )
    found = measured.errors_at(sweep, [30, 60])
    assert found["at"].tolist() == [30, 30, 30, 30, 60, 60]  # the first two runs end at step 40
    assert found.n.tolist() == [60, 60, 90, 90, 90, 90]
    assert "steps" not in found
    assert found.kappa.tolist() == [0.408, 0.408, *[0.333] * 4]  # d = 10
    runs = [*sweep.records, *sweep.select(n=90)]
    for row, record in zip(found.itertuples(), runs, strict=True):
        early = [r for r in record.history.itertuples() if r.step <= row.at]
        assert row.seed == record.config["seed"]
        assert row.p_only_error == 1 - early[-1].p_only_accuracy


def test_times_of_a_whole_sweep():
    sweep = sweeps.run(
        "toy", "smoke", grid={"eta2": [0.02, 0.05]}, arms=["S"], seeds=[1, 2], progress=False
    )
    times = measured.crossing_times(sweep, "loss", [0.65, 0.6])
    assert len(times) == 8
    expected = [measured.crossing(record.history, "loss", 0.6) for record in sweep.records]
    np.testing.assert_array_equal(times[times.level == 0.6].steps, expected)


def test_times_since_annealing():
    """Of the rows from the annealing step on, counted from there; none without an annealing."""
    [early] = sweeps.run(
        "toy", "smoke", arms=["L-S"], seeds=[1], progress=False, anneal="loss", eps1=0.4
    ).records
    annealed, history = early.result["annealed"], early.history
    assert 0 < annealed < history.step.iloc[-1]
    never = dataclasses.replace(early, result=early.result | {"annealed": None})
    sweep = sweeps.Sweep([early, never])
    at_annealing = history[history.step == annealed].loss.iloc[0]
    level = (at_annealing + history.loss.iloc[-1]) / 2
    assert at_annealing > level
    times = measured.crossing_times(sweep, "loss", [level, 1.0], since_annealing=True)
    from_start = measured.crossing(history[history.step >= annealed], "loss", level)
    before, after = (history[history.step <= from_start], history[history.step >= from_start])
    assert before.step.iloc[-1] <= annealed + times.steps[0] <= after.step.iloc[0]
    assert times.steps[2] == 0  # below from the moment of annealing
    assert times.steps[[1, 3]].isna().all()


def second_phase_tables(sweep):
    """Steps from annealing on, read off the histories row by row: against eta2, r and the loss."""
    rows = []
    for record in sweep.records:
        begin, config = record.result["annealed"], record.config
        for level in (0.12, 0.1, 0.08, 0.06, 0.05):
            previous = None
            for row in record.history.itertuples():
                if row.step >= begin and row.loss < level:
                    near = np.log([row.step - begin, previous.step - begin])
                    over = np.log([row.loss, previous.loss])
                    steps = np.exp(
                        near[0] + np.diff(near)[0] * (np.log(level) - over[0]) / np.diff(over)[0]
                    )
                    rows.append(
                        {k: config[k] for k in ("r", "eta2")} | {"level": level, "steps": steps}
                    )
                    break
                previous = row
    table = pd.DataFrame(rows)
    first = table[table.level == 0.12]
    middle = table[(table.r == 0.15) & (table.eta2 == 0.007)]
    return [
        (first[first.r == 0.15], "eta2", "steps"),
        (first[first.eta2 == 0.007], "r", "steps"),
        (middle, "level", "steps"),
    ]


def test_the_theorems_table_fits_the_recorded_sweeps():
    names = ("sweep-kappa", "sweep-annealing-time", "sweep-annealing-time-d")
    dimensions = book.sweep("phase-kappa-d")
    second = book.sweep("sweep-second-phase")
    found = claims.theorem_claims(
        *map(book.sweep, names), second, book.sweep("sweep-convergence-time"), dimensions
    )
    assert [claim.predicted for claim in found] == [1, 3, 0, 2, -1, -1, 1, -1, -1, -6, -1, -1, 1]
    # by hand, from the records: S's error at the ends of the range
    runs = measured.with_errors(book.sweep("sweep-kappa"))
    ends = runs[runs.arm == "S"].groupby("kappa").p_only_error.mean()
    rough = np.log(ends.iloc[-1] / ends.iloc[0]) / np.log(ends.index[-1] / ends.index[0])
    assert found[2].law.exponent == pytest.approx(rough, abs=0.15)
    assert all(claim.seeds >= 3 for claim in found)
    # and the logarithmic slope of geometric means over seeds, for each statement
    times = measured.crossing_times(
        book.sweep("sweep-convergence-time"), "loss", [0.3, 0.2, 0.1, 0.05]
    )
    rule, by_d = (book.sweep(name).runs for name in names[1:])
    tables = [(runs[runs.arm == arm], "kappa", y) for arm in ("L-S", "S") for y in ERRORS]
    tables += [(rule[rule.eps1 == 0.02], "eta1", "annealed")]
    tables += [(rule[rule.eta1 == 0.35], "eps1", "annealed"), (by_d, "d", "annealed")]
    tables += second_phase_tables(second)
    tables += [(times[times.level == 0.1], "eta2", "steps")]
    tables += [(times[times.eta2 == 0.007], "level", "steps")]
    times = measured.crossing_times(dimensions, "loss", [0.1])
    small = times.n.isin([200, 400, 800]) & (times.p0 == 0.125)  # kappa = .5 in each dimension
    tables += [(times[small & (times.arm == "S")], "d", "steps")]
    for claim, (table, x, y) in zip(found, tables, strict=True):
        logs = np.log(table.set_index(x)[y].astype(float)).groupby(level=0).mean()
        slope, _ = np.polyfit(np.log(logs.index.to_numpy(float)), logs.to_numpy(), 1)
        assert claim.law.exponent == pytest.approx(slope, abs=1e-6), claim.quantity
