"""What a sweep asks for: its runs, their cost, and what is refused before any is made."""

import dataclasses
import itertools
import re
import time

import made_up
import pandas as pd
import pytest

from lrbook import recordings, sweeps
from lrbook.errors import ConfigError
from lrbook.records import Store
from lrbook.toy.config import ToyConfig
from lrbook.vision.config import PatchConfig
from lrbook.vision.cost import run_flops


def test_every_point_meets_every_place_of_the_grid_arm_and_seed():
    points = [{"n": 60, "p0": 0.1}, {"n": 80, "p0": 0.2}]
    configs = sweeps.expand(
        "toy", "smoke", points=points, grid={"eta1": [0.1, 0.2], "r": [0.3]}, seeds=[4, 5], s=2.0
    )
    found = [(c.n, c.p0, c.eta1, c.r, c.seed, c.arm) for c in configs]
    product = itertools.product([(60, 0.1), (80, 0.2)], [0.1, 0.2], [0.3], [4, 5], ["L-S", "S"])
    assert found == [(*point, *rest) for point, *rest in product]
    assert {c.s for c in configs} == {2.0}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"grid": {"eta": [0.1]}}, "eta is not a known setting; did you mean eta1 or eta2?"),
        ({"grid": {"eta1": []}}, "no value for eta1"),
        ({"points": []}, "points is empty"),
        ({"points": [{"lamda": 1.0}]}, "did you mean lam?"),
        ({"grid": {"seed": [1]}}, "give seeds="),
        ({"grid": {"seeds": [1]}}, "seeds is not swept by the grid; give seeds="),
        ({"points": [{"arms": ["S"]}]}, "arms is not swept by the grid; give arms="),
        ({"grid": {"r": [0.1]}, "points": [{"r": 0.2}]}, "r is set in two places"),
        ({"grid": {"r": [0.1]}, "r": 0.2}, "r is set in two places"),
        ({"grid": {"r": [0.1, 0.1]}}, "one run twice"),
        ({"grid": {"r": [0.1, -0.1]}}, "greater than 0"),
        ({"seeds": []}, "seeds is empty"),
        ({"seeds": 3}, r"seeds = 3 is not a list; give \[3\]"),
        ({"arms": "S"}, r"arms = 'S' is not a list; give \['S'\]"),
        ({"grid": {"r": 0.1}}, r"r = 0.1 is not a list; give \[0.1\]"),
        ({"grid": {"r": "0.1"}}, "r = '0.1' is not a list"),
        ({"grid": [("r", [0.1])]}, "give grid={field: "),
        ({"points": {"r": 0.1}}, r"points has 'r' where fields belong; give points=\[{field"),
        ({"points": 1}, "points = 1 is not a list"),
    ],
)
def test_a_bad_sweep_is_refused(asked, words):
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        sweeps.expand("toy", "smoke", **asked)


def test_a_million_runs_are_refused_with_their_cost_before_any_is_made(monkeypatch):
    monkeypatch.setattr("lrbook.sweeps.cost._recorded_rate", lambda _: 10_000.0)
    grid = {"r": [i / 1000 for i in range(1, 1001)], "eta1": [i / 1000 for i in range(20, 1020)]}
    with pytest.raises(ConfigError) as error:
        sweeps.expand("toy", "smoke", grid=grid, seeds=[1], arms=["S"])
    # 400 steps a run at 10,000 a second: 40,000 seconds
    for words in ("1,000,000 runs", "4e+08 steps", "11.1 hours", "most_runs=1000000"):
        assert words in str(error.value)


@pytest.mark.parametrize("others", [99, 100])  # as many as a whole number of steps, or one more
def test_the_cost_is_of_all_places_and_not_of_the_first(monkeypatch, others):
    """steps = [400, 400_000]: half of the runs take a thousand times what the first takes."""
    monkeypatch.setattr("lrbook.sweeps.cost._recorded_rate", lambda _: None)
    rates = [i / 1000 for i in range(100, 100 + others)]
    runs = 2 * 50 * others
    mean = (400 + 400_000) / 2
    inner = {"eta1": rates, "r": [i / 1000 for i in range(1, 51)], "steps": [400, 400_000]}
    for grid in (inner, dict(reversed(inner.items()))):
        with pytest.raises(ConfigError) as error:
            sweeps.expand("toy", "smoke", grid=grid, seeds=[1], arms=["S"], most_runs=10)
        [told] = re.findall(r"; (\S+) steps", str(error.value))
        assert float(told) == pytest.approx(runs * mean, rel=0.1)
    points = [{"steps": 400}, {"steps": 400_000}, {"steps": 400}]  # few enough for all
    with pytest.raises(ConfigError, match=r"4e\+05 steps"):
        sweeps.expand("toy", "smoke", points=points, seeds=[1], arms=["S"], most_runs=2)


def test_two_alike_among_many_are_found_in_no_time():
    values = [i / 10_000 for i in range(1, 6_001)]
    start = time.process_time()
    with pytest.raises(ConfigError, match="one run twice"):
        sweeps.expand("toy", "smoke", grid={"r": [*values, values[-1]]}, seeds=[1], arms=["S"])
    assert time.process_time() - start < 5  # about 0.3 s; 85 s where each is compared with each


def test_the_limit_can_be_raised():
    grid = {"r": [0.1, 0.2, 0.3]}
    with pytest.raises(ConfigError, match="3 runs"):
        sweeps.expand("toy", "smoke", grid=grid, seeds=[1], arms=["S"], most_runs=2)
    assert len(sweeps.expand("toy", "smoke", grid=grid, seeds=[1], arms=["S"], most_runs=3)) == 3


def test_the_cost_follows_the_recorded_runs(monkeypatch):
    config = ToyConfig.for_profile("smoke", arm="S", seed=0)
    assert "of the recorded runs" in sweeps.cost_words([config], 10)
    monkeypatch.setenv("LRBOOK_RECORDINGS", "nowhere")
    assert sweeps.cost_words([config], 10) == "4e+03 steps"


def test_the_rate_of_the_toy_is_the_median_of_steps_per_second(monkeypatch, tmp_path):
    for seed, steps in enumerate((1_000, 100, 400)):  # each took one second
        config = ToyConfig.for_profile("smoke", arm="S", seed=seed, steps=steps)
        made_up.finished(Store(tmp_path), config)
    monkeypatch.setenv("LRBOOK_RECORDINGS", str(tmp_path))
    words = sweeps.cost_words([ToyConfig.for_profile("smoke", arm="S", seed=0)], 200)
    assert words.startswith("8e+04 steps, about 3.3 minutes of one core at the 400 steps/s")


def test_a_run_that_diverged_early_tells_nothing_of_the_rate(monkeypatch, tmp_path):
    one, two, three = (
        ToyConfig.for_profile("smoke", arm="S", seed=seed, steps=1_000) for seed in range(3)
    )
    made_up.finished(Store(tmp_path), one)
    for config in (two, three):
        done = {"provenance": {}, "wall_s": 0.001, "status": "diverged"}
        Store(tmp_path).finish(config, pd.DataFrame({"step": [0]}), {}, **done)
    monkeypatch.setenv("LRBOOK_RECORDINGS", str(tmp_path))
    assert "at the 1,000 steps/s" in sweeps.cost_words([one], 200)


def test_an_old_record_that_is_no_longer_allowed_stops_no_sweep(monkeypatch, tmp_path):
    config, old = (
        ToyConfig.for_profile("smoke", arm="S", seed=seed, steps=1_000) for seed in range(2)
    )
    runs = [made_up.finished(Store(tmp_path), each) for each in (config, old)]
    runs[1] = dataclasses.replace(runs[1], config=runs[1].config | {"d": -1}, wall_s=9.0)
    monkeypatch.setattr(Store, "find", lambda *_: runs)
    assert "at the 1,000 steps/s" in sweeps.cost_words([config], 200)


def test_runs_on_images_cost_what_their_operations_take(monkeypatch):
    monkeypatch.setattr("lrbook.sweeps.cost._recorded_rate", lambda _: 1e9)
    small, wide = (
        PatchConfig.for_profile("smoke", arm="large", seed=0, widen=widen) for widen in (1, 2)
    )
    one, two = (float(sweeps.cost_words([c], 1_000).split()[0]) for c in (small, wide))
    assert two / one == pytest.approx(4, rel=0.15)  # most convolutions: width times width
    hours = 1_000 * run_flops(small) / 1e9 / 3600
    assert f"about {hours:.1f} hours at the 1 GFLOP/s" in sweeps.cost_words([small], 1_000)


def test_data_is_not_swept():
    with pytest.raises(ConfigError, match="data is not swept"):
        sweeps.run("patch", "smoke", grid={"data": ["digits"]}, seeds=[1])


def test_a_sweep_over_kappa_is_the_recorded_one():
    [recording] = recordings.read(only="sweep-kappa")
    kappas = [0.7, 0.5, 0.4, 0.32, 0.25, 0.2]
    found = sweeps.expand(
        "toy", "mini", grid={"kappa": kappas}, seeds=recording.seeds, arms=recording.arms
    )
    assert found == recording.configs()
