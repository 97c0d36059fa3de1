"""Fields that a run does not read: said before it is made, and true of what it finds."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny_toy import configs as toy_configs
from tiny_toy import run as run_toy
from tiny_toy import same

from lrbook import cli_said
from lrbook.errors import ConfigError
from lrbook.toy import tasks
from lrbook.toy.config import ToyConfig
from lrbook.vision import experiment
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig

OTHERS = {
    "eta1": (0.05, 0.31, 0.77),
    "eta2": (0.011, 0.032),
    "schedule": ("step", "cosine", "wsd"),
    "drop": (1, 2, 5),
    "drop2": (1, 3),
    "drop3": (2, 4),
    "drop_factor": (0.1, 0.7),
    "noise": (0.0, 0.3, 1.5),
    "noise_after": (0.0, 0.01, 1.0),
    "noise_drop": (0, 1, 3),
    "sampling_noise": (0.0, 1.5),
    "steps": (70, 111),
    "steps_ls": (60, 97),
    "anneal": (0, 30, 500, "loss"),
    "eps1": (0.02, 0.4),
}


def with_others(config, name):
    """The configuration with every other value of the field that it can have."""
    for value in OTHERS[name]:
        try:
            other = type(config)(**(config.model_dump() | {name: value}))
        except ConfigError:
            continue
        if other != config:
            yield other


def image_course(config):
    """All that follows from the fields of ``OTHERS`` in a run on images."""
    epochs = range(1, config.epochs + 1)
    # A drop after the last epoch is as good as any other there
    first = min(config.first_drop, config.epochs + 1)
    course = (config.rate, config.noise_level, config.sampling_noise_at)
    return [tuple(of(epoch) for of in course) for epoch in epochs], first


def toy_course(config):
    """All that follows from the fields of ``OTHERS`` in a run of the toy, but what it measures."""
    rule = tasks.make_rule(config)._asdict()
    large, small = rule.pop("eta1"), rule.pop("eta2")
    total = config.total_steps
    if config.arm != "L-S":
        return rule, total, [small] * (total + 1)
    if config.anneal == "loss":
        return rule, total, [large, small]
    # Where the rate of step t is read, t = total being the last row's
    return rule, total, [small if step >= config.anneal else large for step in range(total + 1)]


@st.composite
def image_runs(draw):
    cls = draw(st.sampled_from([PatchConfig, CifarConfig]))
    fields = {name: draw(st.sampled_from(values)) for name, values in OTHERS.items()}
    fields = {name: value for name, value in fields.items() if name in cls.model_fields}
    epochs = draw(st.integers(1, 5))
    arm = draw(st.sampled_from(cls.arms))
    try:
        return cls.for_profile("smoke", arm=arm, seed=0, **(fields | {"epochs": epochs}))
    except ConfigError:
        assume(False)


@given(image_runs())
@settings(deadline=None, max_examples=300)
def test_an_unread_field_of_a_run_on_images_moves_neither_rate_nor_noise(config):
    for name in config.unread & OTHERS.keys():
        for other in with_others(config, name):
            assert image_course(other) == image_course(config), name


@given(image_runs())
@settings(deadline=None, max_examples=300)
def test_a_field_that_moves_rate_or_noise_is_not_called_unread(config):
    for name in OTHERS.keys() & type(config).model_fields.keys():
        if any(image_course(other) != image_course(config) for other in with_others(config, name)):
            assert name not in config.unread


@pytest.mark.parametrize("arm", ["large", "small", "noise"])
@pytest.mark.parametrize("cls", [PatchConfig, CifarConfig])
def test_at_the_papers_settings_exactly_what_moves_nothing_is_unread(cls, arm):
    config = cls.for_profile("smoke", arm=arm, seed=0)
    named = OTHERS.keys() & cls.model_fields.keys()
    still = {
        name
        for name in named
        if all(image_course(other) == image_course(config) for other in with_others(config, name))
    }
    assert config.unread == still


@st.composite
def toy_runs(draw):
    fields = {
        name: draw(st.sampled_from(OTHERS[name]))
        for name in ("eta1", "eta2", "noise", "steps", "steps_ls", "anneal", "eps1")
    }
    fields |= {name: draw(st.sampled_from([0.0, 1e-3])) for name in ("lam", "lam_w")}
    fields |= {name: draw(st.sampled_from([0.0, 0.1])) for name in ("tau0_w", "tau0_v")}
    try:
        return ToyConfig.for_profile(
            "smoke", arm=draw(st.sampled_from(ToyConfig.arms)), seed=0, **fields
        )
    except ConfigError:
        assume(False)


@given(toy_runs())
@settings(deadline=None, max_examples=300)
def test_an_unread_field_of_the_toy_moves_neither_rate_nor_noise_nor_length(config):
    for name in OTHERS.keys() & ToyConfig.model_fields.keys():
        courses = [toy_course(other) for other in with_others(config, name)]
        if name in config.unread:
            assert all(course == toy_course(config) for course in courses), name
        elif name != "anneal":  # after the end one step is as good as another
            assert any(course != toy_course(config) for course in courses), name


TWINS = [
    ("S", {}, {"eps1": 0.2}),
    ("S", {}, {"anneal": 7, "steps_ls": 33}),
    ("S", {"noise": 0.0}, {"eta1": 0.2}),
    ("S", {"lam": 0.0, "lam_w": 0.0}, {"noise": 3.0}),
    ("S+noise", {}, {"eta1": 0.2}),
    ("L-S", {}, {"steps": 77, "eps1": 0.3}),
    ("L-S", {"anneal": 91}, {"eta2": 0.001}),
    ("L-S", {"anneal": 0, "noise": 0.0}, {"eta1": 0.2}),
    ("S", {"noise": 0.0}, {"noise_v": "steady_example"}),
    ("S", {"noise_v": "none", "tau0_w": 0.0}, {"noise": 3.0}),
    ("S", {"noise_v": "example", "lam_w": 0.0}, {"eta1": 0.2}),
]


@pytest.mark.parametrize(("arm", "common", "changed"), TWINS)
def test_runs_of_the_toy_that_differ_in_unread_fields_are_alike(arm, common, changed):
    [one] = toy_configs(seeds=[0], arms=[arm], **common)
    [two] = toy_configs(seeds=[0], arms=[arm], **(common | changed))
    assert changed.keys() <= one.unread
    assert one.run_id != two.run_id
    assert len(cli_said.alike([one, two])) == 1
    first, second = run_toy([one, two])
    assert first.result == second.result
    assert same(first.history, second.history)


NEAR = [
    ("S", {}, {"eta1": 0.2}),  # by its noise
    ("L-S", {"anneal": "loss"}, {"eps1": 3.0}),
    ("L-S", {"anneal": 90}, {"eta2": 0.001}),  # the rate of the last row
    ("L-S", {"anneal": 0}, {"eta1": 0.2}),
    ("S", {"noise_v": "fading", "lam_w": 0.0}, {"eta1": 0.2}),
    ("S", {"noise_v": "example", "lam_w": 0.0, "lam": 0.0}, {"noise": 3.0}),
    ("S", {"noise_v": "none"}, {"noise_v": "fading"}),
]


@pytest.mark.parametrize(("arm", "common", "changed"), NEAR)
def test_runs_of_the_toy_that_are_not_alike_are_not_called_so(arm, common, changed):
    [one] = toy_configs(seeds=[0], arms=[arm], **common)
    [two] = toy_configs(seeds=[0], arms=[arm], **(common | changed))
    assert not changed.keys() & one.unread
    assert len(cli_said.alike([one, two])) == 2
    first, second = run_toy([one, two])
    assert not same(first.history, second.history)


SMALL = {
    "train_size": 64,
    "test_size": 40,
    "epochs": 2,
    "drop": 2,
    "batch": 16,
    "patch_test_size": 40,
}
PLAIN = {"train_size": 64, "test_size": 40, "epochs": 2, "drop": 2, "batch": 16}


def images(cls, arm, **fields):
    small = SMALL if cls is PatchConfig else PLAIN
    return cls.for_profile("smoke", arm=arm, seed=0, **(small | fields))


def changed_to(config, changed):
    return type(config)(**(config.model_dump() | changed))


def trained(*configs):
    return experiment.run(configs, device="cpu", progress=False)


@pytest.mark.parametrize(
    ("cls", "arm", "common", "changed"),
    [
        (PatchConfig, "small", {}, {"eta1": 0.3, "schedule": "cosine", "noise": 1.0}),
        (PatchConfig, "noise", {"drop": 3}, {"eta1": 0.3, "noise_after": 1.0}),
        (PatchConfig, "large", {"drop": 3}, {"eta2": 0.05}),
        (PatchConfig, "large", {"drop": 1}, {"eta1": 0.3}),
        (PatchConfig, "large", {"patch_only_share": 0.0}, {"patch_only_scale": 0.3}),
        (PatchConfig, "large", {"pattern": 0.0}, {"patch_only_scale": 0.3}),
        (CifarConfig, "large", {"drop": 3}, {"eta2": 0.05, "drop_factor": 0.5, "noise_drop": 1}),
        (CifarConfig, "noise", {"noise": 0.0}, {"noise_drop": 1, "noise_after": 1.0}),
    ],
)
def test_runs_on_images_that_differ_in_unread_fields_are_alike(cls, arm, common, changed):
    one = images(cls, arm, **({"drop2": 3, "drop3": 3} if cls is CifarConfig else {}), **common)
    two = changed_to(one, changed)
    assert changed.keys() <= one.unread
    assert one.run_id != two.run_id
    first, second = trained(one, two)
    assert first.result == second.result
    assert first.history.equals(second.history)


def test_without_carriers_the_patch_is_in_the_tests_alone():
    """So pattern is read there: its run has the same training, and another patch-only accuracy."""
    one = images(PatchConfig, "large", carrier_share=0.0, patch_test_size=300)
    two = changed_to(one, {"pattern": 40.0})
    assert "pattern" in one.only_tested
    assert "pattern" not in one.unread
    first, second = trained(one, two)
    rest = [name for name in first.history if name != "patch_only"]
    assert first.history[rest].equals(second.history[rest])
    assert not first.history.patch_only.equals(second.history.patch_only)
    assert not images(PatchConfig, "large").only_tested


def test_the_first_drop_is_read_in_every_arm():
    """By the result, which has the last value before it, though the small rate never drops."""
    one = images(PatchConfig, "small", epochs=3, drop=2)
    two = changed_to(one, {"drop": 3})
    assert "drop" not in one.unread
    first, second = trained(one, two)
    assert first.history.equals(second.history)
    assert first.result["patch_only_before_drop"] == first.history.patch_only[0]
    assert second.result["patch_only_before_drop"] == second.history.patch_only[1]
