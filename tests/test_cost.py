"""Operations counted by arithmetic, against PyTorch's own counter on the real network."""

import re
import unicodedata

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lrbook.record import Record
from lrbook.vision import cost, identity, sources
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig
from lrbook.vision.wideresnet import WideResNet


@pytest.mark.parametrize(
    ("depth", "widen", "stride"), [(10, 1, 2), (10, 2, 1), (16, 4, 1), (22, 3, 2)]
)
def test_forward_pass(depth, widen, stride):
    config = PatchConfig(arm="large", seed=0, depth=depth, widen=widen, stem_stride=stride)
    model = WideResNet(depth, widen, stem_stride=stride).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(3, 3, 32, 32))
    assert 3 * cost.forward_flops(config) == counter.get_total_flops()


def test_backward_pass_costs_two_forward_passes():
    """But for the first layer, whose input needs no gradient."""
    model = WideResNet(10, 2).train()
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(2, 3, 32, 32)).sum().backward()
    config = PatchConfig(arm="large", seed=0, depth=10, widen=2)
    assert counter.get_total_flops() == pytest.approx(6 * cost.forward_flops(config), rel=0.01)


def test_a_run_is_its_epochs_of_training_and_evaluation():
    config = PatchConfig.for_profile("laptop", arm="large", seed=0)
    images = 24 * (3 * 20_000 + 2 * 2_000 + 1_000)
    assert cost.run_flops(config) == images * cost.forward_flops(config)
    plain = CifarConfig.for_profile("paper", arm="large", seed=0)
    assert cost.run_flops(plain) == 200 * (3 * 50_000 + 10_000) * cost.forward_flops(plain)


def test_table_has_a_row_per_profile_and_halves_with_speed():
    table = cost.table(PatchConfig, {"slow": 1e12, "fast": 2e12}).set_index("profile")
    assert list(table.index) == [f"`{name}`" for name in PatchConfig.profiles]
    row = table.loc["`laptop`"]
    assert row["runs"] == 3
    slow, fast = (seconds(row[name]) for name in ("slow", "fast"))
    assert slow == pytest.approx(2 * fast, rel=0.06)


UNITS = {"s": 1, "min": 60, "h": 3600, "days": 86400}


def seconds(told: str) -> float:
    number, unit = told.split()
    return float(number) * UNITS[unit]


@pytest.mark.parametrize(
    ("speed", "told"),
    [
        (1e30, "under 1 s"),
        (1, "2 s"),
        (1 / 60, "2 min"),
        (1 / 3600, "2 h"),
        (1 / 86400, "2 days"),
        (1 / 86400 / 76.5, "150 days"),
    ],
)
def test_times_have_the_unit_that_fits(monkeypatch, speed, told):
    monkeypatch.setattr(cost, "run_flops", lambda config: 2 / 3)
    row = cost.table(PatchConfig, {"a box": speed}).set_index("profile").loc["`laptop`"]
    assert row["a box"] == told


def test_table_has_the_work_of_all_arms_and_its_minutes():
    config = PatchConfig.for_profile("laptop", arm="large", seed=0)
    work = 3 * cost.run_flops(config)
    row = cost.table(PatchConfig, {"a box": 1e12}).set_index("profile").loc["`laptop`"]
    digits, power = row["operations"].split(" × 10")
    exponent = int("".join(str(unicodedata.digit(sign)) for sign in power))
    assert float(digits) * 10**exponent == pytest.approx(work, rel=0.05)
    assert seconds(row["a box"]) == pytest.approx(work / 1e12, rel=0.05)


def test_the_digits_are_as_many_as_are_counted():
    images = sources.load("digits", 0, 0)
    assert len(images.train) == identity.COUNTS["digits"]["train"]
    assert len(images.test) == identity.COUNTS["digits"]["test"]


def test_speeds_are_what_their_headings_say():
    for heading, speed in cost.GPU_SPEEDS.items():
        share, peak = map(int, re.search(r"(\d+) % of its (\d+) TFLOP/s", heading).groups())
        assert speed == pytest.approx(share / 100 * peak * 1e12)


def test_colab_is_sized_for_forty_minutes_on_the_card_that_colab_lends():
    table = cost.table(PatchConfig, cost.GPU_SPEEDS).set_index("profile")
    assert table.loc["`colab`", "runs"] == 3
    [told] = table.loc["`colab`", list(cost.GPU_SPEEDS)]
    assert seconds(told) < 40 * 60


def test_recorded_speed_is_the_median_of_work_over_time():
    config = PatchConfig.for_profile("smoke", arm="large", seed=0)
    times = (1.0, 2.0, 4.0, None)
    plain = config.model_dump(mode="json")
    runs = [Record("", "patch", plain, "finished", {}, {}, None, t) for t in times]
    assert cost.recorded_speed(runs, PatchConfig) == cost.run_flops(config) / 2


@pytest.mark.parametrize(
    ("settings", "counted"),
    [
        ({"data": "digits", "train_size": 0, "test_size": 0}, True),
        ({"data": "parquet:ad293141ee8007bc", "train_size": 0, "test_size": 0}, True),
        ({"data": "memory:0123456789abcdef", "train_size": 0}, False),
        ({"data": "memory:0123456789abcdef", "test_size": 0}, False),
        ({"data": "parquet:0123456789abcdef"}, True),
    ],
)
def test_a_run_on_who_knows_how_many_images_tells_nothing_of_the_speed(settings, counted):
    config = PatchConfig.for_profile("smoke", arm="large", seed=0, **settings)
    assert cost.is_counted(config) == counted
    mine = config.model_dump(mode="json")
    plain = PatchConfig.for_profile("smoke", arm="large", seed=0).model_dump(mode="json")
    runs = [
        Record("", "patch", fields, "finished", {}, {}, None, wall_s)
        for fields, wall_s in ((plain, 2.0), (mine, 1e-6), (mine, 1e-6))
    ]
    one = cost.recorded_speed(runs[:1], PatchConfig)
    assert (cost.recorded_speed(runs, PatchConfig) > 1000 * one) == counted


def test_a_run_whose_settings_are_no_longer_allowed_is_passed_over():
    plain = PatchConfig.for_profile("smoke", arm="large", seed=0).model_dump(mode="json")
    old = [plain | {"given_up": 1}, plain | {"depth": 11}]
    runs = [
        Record("", "patch", fields, "finished", {}, {}, None, wall_s)
        for fields, wall_s in zip(old, (2.0, 9.0), strict=True)
    ]
    config = PatchConfig.for_profile("smoke", arm="large", seed=0)
    assert cost.recorded_speed(runs, PatchConfig) == cost.run_flops(config) / 2


def test_a_diverged_run_tells_nothing_of_the_speed():
    plain = PatchConfig.for_profile("smoke", arm="large", seed=0).model_dump(mode="json")
    runs = [
        Record("", "patch", plain, status, {}, {}, None, wall_s)
        for status, wall_s in (("finished", 2.0), ("diverged", 0.001), ("diverged", 0.001))
    ]
    assert cost.recorded_speed(runs, PatchConfig) == cost.recorded_speed(runs[:1], PatchConfig)
