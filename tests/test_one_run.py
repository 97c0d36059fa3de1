"""What a run on images writes down of an epoch, and of its time."""

import pytest

from lrbook.records import Store
from lrbook.vision import experiment, one_run, train
from lrbook.vision.config import PatchConfig

SIZES = {"train_size": 64, "test_size": 20, "patch_test_size": 20, "epochs": 4, "drop": 3}


def run(arm, store=None):
    config = PatchConfig.for_profile("smoke", arm=arm, seed=0, **SIZES)
    [record] = experiment.run([config], store, device="cpu", progress=False)
    return record


def test_rates_and_noise_of_a_history_are_those_of_its_epochs():
    noisy, plain = run("noise").history, run("small").history
    assert noisy.noise.tolist() == pytest.approx([0.4, 0.4, 0.4e-5, 0.4e-5])
    assert plain.noise.tolist() == [0, 0, 0, 0]
    assert noisy.rate.tolist() == plain.rate.tolist() == [0.01] * 4
    assert run("large").history.rate.tolist() == [0.1, 0.1, 0.01, 0.01]


def test_a_history_has_the_share_of_right_answers_in_percent(monkeypatch):
    shares, train_epoch = [], train.train_epoch

    def heard(*args):
        found = train_epoch(*args)
        shares.append(found[1].item())
        return found

    monkeypatch.setattr(train, "train_epoch", heard)
    accuracy = run("small").history.train_accuracy
    assert max(shares) > 0
    assert accuracy.tolist() == pytest.approx([100 * share for share in shares])


def test_the_time_of_a_run_that_was_broken_off_is_that_of_both_parts(monkeypatch, tmp_path):
    """An epoch takes ten seconds here; nobody trains in between."""
    now, train_epoch = [0.0], train.train_epoch

    def ten_seconds(task, model, optimizer, epoch, *rest):
        if epoch == 3 and now[0] < 1000:
            raise KeyboardInterrupt
        now[0] += 10
        return train_epoch(task, model, optimizer, epoch, *rest)

    monkeypatch.setattr(one_run.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(train, "train_epoch", ten_seconds)
    with pytest.raises(KeyboardInterrupt):
        run("small", Store(tmp_path))
    now[0] = 1000.0
    assert run("small", Store(tmp_path)).wall_s == 40
