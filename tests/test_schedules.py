"""Rates along the schedules of the arm large, worked out by hand; the others keep eta2."""

import math

import pytest

from lrbook.vision.config import PatchConfig


def rates(arm="large", **settings):
    config = PatchConfig(arm=arm, seed=0, eta1=0.9, eta2=0.1, **settings)
    return [config.rate(epoch) for epoch in range(1, config.epochs + 1)]


def test_cosine_is_half_a_wave_from_the_first_epoch_to_the_last():
    half = math.sqrt(0.5)
    wanted = [0.9, 0.5 + 0.4 * half, 0.5, 0.5 - 0.4 * half, 0.1]
    assert rates(schedule="cosine", epochs=5, drop=3) == pytest.approx(wanted)


def test_wsd_warms_up_in_a_tenth_stays_until_the_drop_and_falls_in_a_line():
    found = rates(schedule="wsd", epochs=30, drop=23)
    assert found[:3] == pytest.approx([0.3, 0.6, 0.9])
    assert found[2:22] == pytest.approx([0.9] * 20)
    assert found[22:] == pytest.approx([0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


@pytest.mark.parametrize("drop", [31, 32, 90])
def test_wsd_whose_drop_does_not_come_stays_to_the_end(drop):
    found = rates(schedule="wsd", epochs=30, drop=drop)
    assert found[:3] == pytest.approx([0.3, 0.6, 0.9])
    assert found[2:] == pytest.approx([0.9] * 28)


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_runs_of_one_epoch_have_a_rate(schedule):
    [rate] = rates(schedule=schedule, epochs=1, drop=1)
    assert 0.1 <= rate <= 0.9


@pytest.mark.parametrize("arm", ["small", "noise"])
@pytest.mark.parametrize("schedule", ["step", "cosine", "wsd"])
def test_the_other_arms_have_no_schedule(arm, schedule):
    assert rates(arm, schedule=schedule, epochs=10, drop=5) == [0.1] * 10


def test_the_limits_themselves_are_allowed():
    equal = PatchConfig(arm="large", seed=0, eta1=0.1, eta2=0.1, patch_size=32)
    assert {equal.rate(epoch) for epoch in (1, 60)} == {0.1}
