"""The toy's configuration: what is refused and how it is said, and what the profiles set."""

import hashlib
import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lrbook.errors import ConfigError
from lrbook.toy.config import ToyConfig

# Ids leave defaults out, so a default that changes would give old records a new meaning: change
# ToyConfig.meaning along with it, and this table.
DEFAULTS = {
    "d": 100,
    "n": 625,
    "p0": 0.08,
    "q0": 0.25,
    "r": 0.15,
    "c": 2.0,
    "s": 8.0,
    "gamma_c": 0.25,
    "alpha_min": 1.0,
    "m_w": 8,
    "m_v": 4096,
    "paired_v": True,
    "tau0_w": 0.01,
    "tau0_v": 10.0,
    "lam": 1e-4,
    "lam_w": 3e-5,
    "eta1": 0.35,
    "eta2": 0.0024,
    "noise": 1.0,
    "steps": 1_000_000,
    "steps_ls": 60_000,
    "anneal": 24_000,
    "eps1": 0.05,
    "test_points": 4000,
    "network": "two_halves",
    "train_output": False,
    "momentum": 0.0,
    "batch": 0,
    "noise_v": "gaussian",
    "preactivation_noise": 0.0,
    "preactivation_until": 0,
    "preactivation_shared": True,
}


def test_defaults_are_those_that_recorded_ids_leave_out():
    config = ToyConfig(arm="S", seed=0)
    assert config.model_dump() == DEFAULTS | {"arm": "S", "seed": 0}
    text = '{"arm":"S","experiment":"toy","meaning":1,"seed":0}'
    assert config.run_id == "toy-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def refused(**settings) -> str:
    with pytest.raises(ConfigError) as caught:
        ToyConfig.for_profile("demo", **{"arm": "S", "seed": 0, **settings})
    sentence = str(caught.value)
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"eta1": 20_000}, ("eta1", "lam", "20000", "0.0001", "2")),
        ({"eta1": 0.5, "lam_w": 4.0}, ("eta1", "lam_w", "0.5", "4")),
        ({"r": 0}, ("r = 0", "greater than 0")),
        ({"r": -0.1}, ("r = -0.1", "greater than 0")),
        ({"p0": 0.6, "q0": 0.5}, ("p0", "q0", "0.6", "0.5", "1")),
        ({"p0": -0.1}, ("p0 = -0.1", "0")),
        ({"q0": 1.1}, ("q0 = 1.1", "1")),
        ({"n": 0}, ("n = 0", "1")),
        ({"d": 1}, ("d = 1", "2")),
        ({"d": 2.5}, ("d = 2.5", "integer")),
        ({"d": 10**400}, ("d = 1000", "2000000000")),
        ({"n": 10**400}, ("n = 1000", "2000000000")),
        ({"seed": 2**64}, (f"seed = {2**64}", f"{2**64 - 1}")),
        ({"m_v": 7}, ("m_v = 7", "even")),
        ({"m_w": 0}, ("m_w = 0",)),
        ({"eta2": 0}, ("eta2 = 0",)),
        ({"eta2": 0.5}, ("eta2", "eta1", "0.5", "0.35")),
        ({"noise": -1}, ("noise = -1",)),
        ({"steps": 0}, ("steps = 0",)),
        ({"test_points": 0}, ("test_points = 0",)),
        ({"anneal": -1}, ("anneal = -1", "step number", "loss")),
        ({"anneal": "later"}, ("anneal = 'later'", "step number", "loss")),
        ({"lam": math.nan}, ("lam", "nan")),
        ({"lam": "much"}, ("lam = 'much'", "number")),
        ({"etaa1": 0.1}, ("etaa1", "did you mean eta1")),
        ({"arm": "large"}, ("arm = 'large'", "L-S, S, S+noise")),
    ],
)
def test_bad_values_are_refused_in_one_sentence(settings, words):
    sentence = refused(**settings)
    for word in words:
        assert word in sentence


def test_anneal_is_a_step_or_the_papers_rule_also_as_text():
    def anneal(value):
        return ToyConfig(arm="L-S", seed=0, anneal=value).anneal

    assert anneal("loss") == "loss"
    assert anneal(0) == 0
    assert anneal("120") == anneal(120) == 120


@given(
    n=st.integers(1, 300),
    p0=st.floats(0, 1),
    part=st.floats(0, 1),
)
@example(n=3, p0=0.5, part=1.0)  # both shares are rounded up
def test_counts_add_up_and_are_the_shares(n, p0, part):
    q0 = min(part * (1 - p0), 1 - p0)
    if p0 + q0 > 1:  # by rounding
        q0 = 0.0
    p_only, both, q_only = ToyConfig(arm="S", seed=0, n=n, p0=p0, q0=q0).counts
    assert p_only + both + q_only == n
    assert min(p_only, both, q_only) >= 0
    assert abs(p_only - p0 * n) <= 0.5 + 1e-9
    assert abs(q_only - q0 * n) <= 1 + 1e-9


def test_setting_m_has_half_as_many_p_only_examples_as_dimensions():
    config = ToyConfig.for_profile("laptop", arm="S", seed=0)
    assert config.counts == (50, 419, 156)
    assert config.counts[0] == config.d // 2
    assert config.total_steps == 1_000_000
    assert ToyConfig.for_profile("laptop", arm="L-S", seed=0).total_steps == 60_000


@pytest.mark.parametrize("profile", ToyConfig.profiles)
def test_every_profile_and_arm_is_valid(profile):
    configs = ToyConfig.expand(profile, arms=ToyConfig.arms)
    assert len(configs) == 3 * len(ToyConfig.default_seeds[profile])
    assert len({config.run_id for config in configs}) == len(configs)


@pytest.mark.parametrize("d", [4, 100, 400])
def test_paper_profile_follows_from_d(d):
    config = ToyConfig.for_profile("paper", arm="L-S", seed=0, d=d)
    kappa = math.sqrt(config.d / config.n)
    assert config.d == d
    assert config.p0 == pytest.approx(kappa**2 / 2)
    assert config.r == pytest.approx(d ** (-3 / 4))
    assert config.lam == config.lam_w == pytest.approx(d ** (-5 / 4))
    assert (config.c, config.s, config.gamma_c, config.alpha_min) == (1, 1, 1, 0)
    assert config.tau0_w == config.tau0_v
    assert not config.paired_v
    assert config.anneal == "loss"
    assert config.eta1 <= config.eps1
    assert config.counts[0] == d // 2


@pytest.mark.parametrize("d", ["many", math.inf, 10**400, 1])
def test_paper_profile_leaves_a_bad_d_to_the_field(d):
    with pytest.raises(ConfigError, match=f"d = {d!r} is not allowed"):
        ToyConfig.for_profile("paper", arm="S", seed=0, d=d)


@pytest.mark.parametrize("d", [200, "200", "200.0", 200.0])
@pytest.mark.parametrize(
    ("profile", "settings", "n"), [("demo", {"kappa": 0.5}, 800), ("paper", {}, 3200)]
)
def test_what_follows_from_d_follows_from_what_its_field_reads(d, profile, settings, n):
    config = ToyConfig.for_profile(profile, arm="S", seed=0, d=d, **settings)
    assert (config.d, config.n) == (200, n)


def test_arms_and_seeds_have_ids_of_their_own_and_the_device_has_none():
    base = ToyConfig(arm="S", seed=0)
    assert base.run_id == ToyConfig.for_profile("laptop", arm="S", seed=0).run_id
    assert base.run_id != ToyConfig(arm="S", seed=1).run_id
    assert base.run_id != ToyConfig(arm="L-S", seed=0).run_id
    assert base.run_id != ToyConfig(arm="S", seed=0, noise=2.0).run_id


def test_each_field_says_what_the_paper_has():
    own = set(ToyConfig.model_fields) - {"arm", "seed", "d", "test_points"}
    silent = [
        name for name in own if "The paper" not in (ToyConfig.model_fields[name].description or "")
    ]
    assert silent == []


def test_kappa_stands_for_the_papers_n_and_p0():
    config = ToyConfig.for_profile("demo", arm="S", seed=0, kappa=0.5)
    assert (config.n, config.p0) == (400, 0.125)  # d / kappa^2 and kappa^2 / 2 at d = 100
    config = ToyConfig.for_profile("demo", arm="S", seed=0, kappa="0.5", d=50)
    assert (config.d, config.n, config.p0) == (50, 200, 0.125)


def test_an_error_explains_the_field_in_a_whole_sentence():
    words = "in units of s * tau0_v, their own at the start)."
    with pytest.raises(ConfigError, match=re.escape(words)):
        ToyConfig.for_profile("demo", arm="S", seed=0, preactivation_noise=-1)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kappa": 0}, "kappa = 0 is not allowed: it must be above 0 and at most 1"),
        ({"kappa": 1.5}, "kappa = 1.5 is not allowed"),
        ({"kappa": "small"}, "kappa = 'small' is not allowed"),
        ({"kappa": 10**400}, "is not allowed: it must be above 0 and at most 1"),
        ({"kappa": 1e-200}, "kappa = 1e-200 is not allowed: at d = 100 it makes n = d / kappa^2"),
        ({"kappa": 1e-160}, "kappa = 1e-160 is not allowed: at d = 100 it makes n = d / kappa^2"),
        ({"kappa": 0.5, "d": math.inf}, "d = inf is not allowed"),
        ({"kappa": 0.5, "d": 10**400}, "is not allowed: it should be less than or equal to 2000"),
        ({"kappa": 0.5, "n": 300}, "kappa = 0.5 sets n; give one of the two"),
        ({"kappa": 0.5, "d": "wide"}, "d = 'wide'"),
        ({"kapa": 0.5}, "kapa is not a known setting"),
    ],
)
def test_a_kappa_that_means_nothing_is_refused(settings, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        ToyConfig.for_profile("demo", arm="S", seed=0, **settings)
