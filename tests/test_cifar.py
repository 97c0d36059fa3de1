"""The experiment on plain images: the authors' schedule, results, the command, and resuming."""

import json

import pandas as pd
import pytest

from lrbook import book
from lrbook.errors import ConfigError
from lrbook.records import Store
from lrbook.vision import experiment, train
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.outcome import outcome

# The authors' protocol: train_cifar.py and lr_sched_default, and the paper's figure for the rates.
PAPER = {
    "data": "cifar10",
    "train_size": 0,
    "test_size": 0,
    "depth": 16,
    "widen": 10,
    "stem_stride": 1,
    "batch": 128,
    "epochs": 200,
    "eta1": 0.1,
    "eta2": 0.01,
    "drop": 60,
    "drop2": 120,
    "drop3": 150,
    "drop_factor": 0.2,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "noise": 0.4,
    "noise_after": 1e-5,
    "sampling_noise": 0.0,
    "noise_drop": 0,
    "precision": "auto",
    "watch": False,
}
KEYS = ("clean", "train_accuracy", "clean_before_drop", "train_accuracy_before_drop")

# The smoke profile made smaller still: a second per arm.
TINY = {"train_size": 64, "test_size": 40}
RUN = ["run", "cifar", "--profile", "smoke", "--train-size", 64, "--test-size", 40, "--quiet"]


def make(arm="large", **settings):
    return CifarConfig(arm=arm, seed=0, **settings)


def test_defaults_are_the_papers():
    assert make().model_dump() == PAPER | {"arm": "large", "seed": 0}


def test_arms_share_the_drops_and_differ_in_the_first_rate():
    large, small, noise = (make(arm) for arm in CifarConfig.arms)
    factors = {1: 1, 59: 1, 60: 0.2, 119: 0.2, 120: 0.04, 149: 0.04, 150: 0.008, 200: 0.008}
    for epoch, factor in factors.items():
        assert large.rate(epoch) == pytest.approx(0.1 * factor)
        assert small.rate(epoch) == noise.rate(epoch) == pytest.approx(0.01 * factor)


def test_noise_is_of_its_arm_and_until_the_first_drop():
    assert [make("noise").noise_level(epoch) for epoch in (1, 59)] == [0.4, 0.4]
    assert [make("noise").noise_level(epoch) for epoch in (60, 200)] == [0.4 * 1e-5] * 2
    assert all(make(arm).noise_level(1) == 0 for arm in ("large", "small"))


def test_noise_can_be_removed_at_another_epoch_or_never():
    early, never = make("noise", noise_drop=10), make("noise", noise_drop=201)
    assert (early.noise_level(9), early.noise_level(10)) == (0.4, 0.4 * 1e-5)
    assert never.noise_level(200) == 0.4
    assert early.rate(59) == make("noise").rate(59)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"pattern": 0.1}, "pattern is not a known setting"),
        ({"drop4": 170}, "did you mean drop3?"),
        ({"eta2": 0.2}, "at most"),
        ({"drop_factor": 1.5}, "less than or equal to 1"),
        ({"noise_drop": -1}, "greater than or equal to 0"),
        ({"data": "mnist"}, "digits, cifar10"),
    ],
)
def test_refused(settings, words):
    with pytest.raises(ConfigError, match=words):
        make(**settings)


@pytest.mark.parametrize("profile", CifarConfig.profiles)
def test_drops_of_a_profile_come_in_order_and_in_time(profile):
    config = CifarConfig.for_profile(profile, arm="large", seed=0)
    assert 1 < config.drop < config.drop2 <= config.drop3 <= config.epochs


def test_outcome_is_the_end_and_the_epoch_before_the_first_drop():
    config = make(epochs=5, drop=3, drop2=4, drop3=5)
    history = pd.DataFrame(
        {
            "epoch": [1, 2, 3, 4, 5],
            "clean": [10.0, 20, 30, 40, 80],
            "train_accuracy": [1.0, 2, 3, 4, 8],
        }
    )
    want = dict(zip(KEYS, (50.0, 5.0, 20.0, 2.0), strict=True))
    assert outcome(history, config) == want
    assert outcome(history.head(4), config) == {}
    at_once = outcome(history, make(epochs=5, drop=1))
    assert at_once == want | {"clean_before_drop": None, "train_accuracy_before_drop": None}


@pytest.mark.slow
def test_the_command_runs_the_smoke_profile_as_it_is(lrbook, tmp_path):
    answer = lrbook("run", "cifar", "--profile", "smoke", "--quiet", "--json")
    assert (answer.code, answer.err) == (0, "")
    arms = json.loads(answer.out)["arms"]
    assert list(arms) == ["large", "small"]
    store = Store(tmp_path / "runs")
    for arm, values in arms.items():
        assert set(values) == {"seeds", *KEYS}
        record = store.load(CifarConfig.for_profile("smoke", arm=arm, seed=0))
        history = record.history
        assert list(history.epoch) == [1, 2, 3, 4]
        assert set(history) == {"epoch", "rate", "noise", "train_loss", "train_accuracy", "clean"}
        first = 0.1 if arm == "large" else 0.01
        want = [first * factor for factor in (1, 1, 0.2, 0.008)]
        assert list(history["rate"]) == pytest.approx(want)
        assert values["clean"] == [pytest.approx(history.clean[1:].mean(), abs=1e-3)]


def test_arms_begin_alike_and_the_live_run_is_the_commands(lrbook, tmp_path):
    answer = lrbook(*RUN, "--arms", "small,noise", "--noise", 0, "--json")
    arms = json.loads(answer.out)["arms"]
    assert arms["small"] == arms["noise"]  # noise of level 0 is no noise, to the last digit
    live = book.live("cifar", "smoke", arms=["small"], **TINY)
    assert [run.result["clean"] for run in live] == arms["small"]["clean"]


def test_a_run_that_was_interrupted_ends_with_the_same_history(tmp_path, monkeypatch):
    config = CifarConfig.for_profile("smoke", **TINY, arm="noise", seed=3)
    [whole] = experiment.run([config], Store(tmp_path / "whole"), device="cpu", progress=False)
    evaluate, train_epoch = train.evaluate, train.train_epoch

    def interrupted(task, model, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        return evaluate(task, model, epoch)

    broken = Store(tmp_path / "broken")
    monkeypatch.setattr(train, "evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        experiment.run([config], broken, device="cpu", progress=False)
    assert broken.load(config).status == "failed"

    begun = []
    monkeypatch.setattr(train, "evaluate", evaluate)
    monkeypatch.setattr(
        train, "train_epoch", lambda *args: begun.append(args[3]) or train_epoch(*args)
    )
    [resumed] = experiment.run([config], broken, device="cpu", progress=False)
    assert begun == [3, 4]
    pd.testing.assert_frame_equal(resumed.history, whole.history)
    assert resumed.result == whole.result


def test_watching_adds_what_is_seen_of_the_weights_and_changes_nothing(lrbook, tmp_path):
    """Whether a patch is read, fitted or followed cannot be asked where there is none."""
    answer = lrbook(*RUN, "--arms", "large", "--watch", "true", "--json")
    [arm] = json.loads(answer.out)["arms"].values()
    [plain] = book.live("cifar", "smoke", arms=["large"], **TINY)
    watched = Store(tmp_path / "runs").load(
        CifarConfig.for_profile("smoke", arm="large", seed=0, watch=True, **TINY)
    )
    assert set(arm) == {"seeds", *KEYS}
    assert watched.result == plain.result
    seen = watched.history[["length_0", "length_1", "length_2", "clean_precise", "clean_at_rest"]]
    assert seen.notna().all(axis=None)
    pd.testing.assert_frame_equal(watched.history.drop(columns=seen.columns), plain.history)
