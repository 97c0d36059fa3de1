"""Configurations: what they refuse, in which words, and that a run id means one experiment."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbook.config import Config
from lrbook.errors import ConfigError
from lrbook.spans import counted
from lrbook.vision.config import PatchConfig

JPEG = "parquet:ad293141ee8007bc"

# The authors' protocol, from their code. Ids leave defaults out, so a default that changes would
# give old records a new meaning: change PatchConfig.meaning along with it, and this table.
PAPER = {
    "data": "cifar10",
    "train_size": 0,
    "test_size": 0,
    "depth": 16,
    "widen": 10,
    "stem_stride": 1,
    "epochs": 60,
    "drop": 30,
    "batch": 128,
    "eta1": 0.1,
    "eta2": 0.004,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "noise": 0.4,
    "noise_after": 1e-5,
    "sampling_noise": 0.0,
    "patch_size": 7,
    "z_scale": 1.25,
    "pattern": 0.1,
    "carrier_share": 0.8,
    "patch_only_share": 0.2,
    "patch_only_scale": 1.75,
    "patch_test_size": 1000,
    "precision": "auto",
    "schedule": "step",
    "watch": False,
}

# The canonical text of known configurations, written out, and the id that records carry.
LAPTOP = (
    f'"batch":64,"data":"{JPEG}","depth":10,"drop":13,"epochs":24,"eta1":0.5,"eta2":0.02,'
    '"experiment":"patch","meaning":1,"pattern":0.2,"seed":5,"stem_stride":2,"test_size":2000,'
    '"train_size":20000,"widen":2}'
)
KNOWN = [
    ("paper", {"arm": "large", "seed": 0}, "patch-e08d863d65bb",
     '{"arm":"large","experiment":"patch","meaning":1,"seed":0}'),
    ("laptop", {"arm": "large", "seed": 5, "data": JPEG}, "patch-1c1d3678cb6f",
     '{"arm":"large",' + LAPTOP),
    ("laptop", {"arm": "small", "seed": 5, "data": JPEG}, "patch-5572486edcfd",
     '{"arm":"small",' + LAPTOP),
    ("laptop", {"arm": "small", "seed": 5, "data": JPEG, "carrier_share": 0}, "patch-ad64ceae4d80",
     '{"arm":"small",' + LAPTOP.replace('"data"', '"carrier_share":0.0,"data"')),
]  # fmt: skip


def make(**settings):
    return PatchConfig(**({"arm": "large", "seed": 0} | settings))


def refusal(cls: type[Config], **settings) -> str:
    with pytest.raises(ConfigError) as error:
        cls(**settings)
    return str(error.value)


@pytest.mark.parametrize(("profile", "settings", "run_id", "text"), KNOWN)
def test_known_ids(profile, settings, run_id, text):
    assert PatchConfig.for_profile(profile, **settings).run_id == run_id
    assert run_id == "patch-" + hashlib.sha256(text.encode()).hexdigest()[:12]


def test_defaults_are_the_papers():
    assert make().model_dump() == PAPER | {"arm": "large", "seed": 0}


def test_default_fields_do_not_enter_the_id():
    assert make(**PAPER).run_id == make().run_id
    assert make(eta1=0.2).canonical() == {
        "experiment": "patch", "meaning": 1, "arm": "large", "seed": 0, "eta1": 0.2,
    }  # fmt: skip


def test_numbers_as_typed_in_a_shell_give_the_same_id():
    typed = make(seed="3", eta1="0.20", epochs="8", drop="4", stem_stride="2", carrier_share="1")
    same = make(seed=3, eta1=0.2, epochs=8, drop=4, stem_stride=2, carrier_share=1.0)
    assert typed == same
    assert typed.run_id == same.run_id


def test_the_two_zeros_give_the_same_id():
    assert make(noise=-0.0).run_id == make(noise=0.0).run_id
    assert make(noise="-0.0").canonical() == make(noise=0.0).canonical()


some_settings = st.fixed_dictionaries(
    {"arm": st.sampled_from(PatchConfig.arms), "seed": st.integers(0, 2)},
    optional={
        "eta1": st.sampled_from([0.1, 0.2]),
        "epochs": st.sampled_from([60, 61]),
        "data": st.sampled_from(["cifar10", "digits"]),
        "stem_stride": st.sampled_from([1, 2]),
        "noise": st.floats(0, 1),
        "precision": st.sampled_from(["auto", "fp32"]),
    },
)


@given(some_settings, some_settings)
def test_equal_ids_if_and_only_if_equal_settings(first, second):
    defaults = {name: PAPER[name] for name in (*first, *second) if name in PAPER}
    equal = defaults | first == defaults | second
    assert (make(**first).run_id == make(**second).run_id) == equal


@pytest.mark.parametrize("name", [*PAPER, "arm", "seed"])
def test_every_field_enters_the_id(name):
    other = {
        "data": "digits", "depth": 22, "stem_stride": 2, "arm": "small", "momentum": 0.5,
        "carrier_share": 0.5, "patch_only_share": 0.5, "precision": "fp32", "eta2": 0.008,
        "schedule": "cosine",
    }  # fmt: skip
    value = other.get(name, PAPER.get(name, 0) + 1 if name not in other else None)
    assert make(**{name: value}).run_id != make().run_id


def test_frozen():
    with pytest.raises(ValueError, match="frozen"):
        make().eta1 = 0.2


# field, value, the words that have to be in the sentence
REFUSED = [
    ("eta1", 0, "greater than 0"),
    ("eta1", -0.1, "greater than 0"),
    ("eta1", "fast", "valid number"),
    ("eta1", float("nan"), "finite"),
    ("eta1", float("inf"), "finite"),
    ("epochs", 0, "greater than 0"),
    ("epochs", 2.5, "integer"),
    ("batch", "many", "integer"),
    ("momentum", 1.0, "less than 1"),
    ("carrier_share", 1.2, "less than or equal to 1"),
    ("weight_decay", -1e-4, "greater than or equal to 0"),
    ("noise", -1, "greater than or equal to 0"),
    ("depth", 12, "10, 16, 22"),
    ("depth", 4, "10, 16, 22"),
    ("patch_size", 33, "at most 32"),
    ("stem_stride", 3, "1 or 2"),
    ("stem_stride", "two", "1 or 2"),
    ("precision", "fp8", "bf16"),
    ("data", "mnist", "digits, cifar10"),
    ("data", "parquet:../../etc", "digits, cifar10"),
    ("arm", "medium", "large, small, noise"),
    ("seed", -1, "greater than or equal to 0"),
]


@pytest.mark.parametrize(("field", "value", "allowed"), REFUSED)
def test_refusal_names_field_value_and_what_is_allowed(field, value, allowed):
    sentence = refusal(PatchConfig, **({"arm": "large", "seed": 0} | {field: value}))
    assert sentence.startswith(f"{field} = {value!r} ")
    assert allowed in sentence
    assert "\n" not in sentence
    assert "pydantic" not in sentence


def test_rates_in_the_wrong_order():
    sentence = refusal(PatchConfig, arm="large", seed=0, eta1=0.01, eta2=0.1)
    assert "eta2 = 0.1" in sentence
    assert "eta1 = 0.01" in sentence


def test_two_mistakes_are_both_named():
    sentence = refusal(PatchConfig, arm="large", seed=0, eta1=-1, batch=0)
    assert "eta1 = -1" in sentence
    assert "batch = 0" in sentence


@pytest.mark.parametrize(("typed", "meant"), [("eta_1", "eta1"), ("wieght_decay", "weight_decay")])
def test_unknown_setting_and_the_nearest_one(typed, meant):
    sentence = refusal(PatchConfig, arm="large", seed=0, **{typed: 1})
    assert sentence == f"{typed} is not a known setting; did you mean {meant}?"


def test_unknown_setting_like_no_other_lists_all():
    sentence = refusal(PatchConfig, arm="large", seed=0, zzz=1)
    assert all(name in sentence for name in PAPER)


def test_missing_arm():
    assert refusal(PatchConfig, seed=0) == "arm is missing."


def test_unknown_profile():
    with pytest.raises(
        ConfigError, match=r"profile = 'huge' .*smoke, demo, laptop, mini, colab, paper"
    ):
        PatchConfig.expand("huge")


def test_expand_pairs_seeds_and_arms():
    configs = PatchConfig.expand("laptop", seeds=[7, 3], arms=["noise", "large"], eta1=0.2)
    assert [(config.seed, config.arm) for config in configs] == [
        (7, "noise"),
        (7, "large"),
        (3, "noise"),
        (3, "large"),
    ]
    assert {config.eta1 for config in configs} == {0.2}
    assert {config.epochs for config in configs} == {24}


def test_expand_without_seeds_and_arms_takes_the_profiles():
    configs = PatchConfig.expand("paper")
    assert len(configs) == 15
    assert [config.seed for config in configs[::3]] == [0, 1, 2, 3, 4]
    assert [config.arm for config in configs[:3]] == ["large", "small", "noise"]


@pytest.mark.parametrize("name", ["seeds", "arms"])
def test_expand_refuses_none_and_twice(name):
    with pytest.raises(ConfigError, match=f"{name} is empty"):
        PatchConfig.expand("demo", **{name: []})
    twice = {"seeds": [1, 1], "arms": ["large", "large"]}[name]
    with pytest.raises(ConfigError, match=f"{name} = .* twice"):
        PatchConfig.expand("demo", **{name: twice})


@pytest.mark.parametrize(
    ("name", "one", "form"),
    [
        ("seeds", 3, "[3]"),
        ("seeds", "3", "['3']"),
        ("arms", "large", "['large']"),
        ("seeds", "0,1", "whole numbers, as [0, 1, 2] or range(10)"),
        ("seeds", "0-9", "whole numbers, as [0, 1, 2] or range(10)"),
    ],
)
def test_expand_refuses_one_value_in_place_of_a_list(name, one, form):
    with pytest.raises(ConfigError) as caught:
        PatchConfig.expand("demo", **{name: one})
    assert str(caught.value) == f"{name} = {one!r} is not a list; give {form}."


def test_expand_takes_whatever_can_be_listed():
    found = PatchConfig.expand("demo", seeds=range(2), arms=iter(["large", "small"]))
    assert [(config.seed, config.arm) for config in found] == [
        (seed, arm) for seed in (0, 1) for arm in ("large", "small")
    ]


def test_expand_refuses_one_seed_in_two_spellings():
    with pytest.raises(ConfigError, match=r"seeds = \[0, '0'\] names one twice"):
        PatchConfig.expand("demo", seeds=[0, "0"])


@pytest.mark.parametrize(
    ("arm", "epoch", "rate", "noise"),
    [
        ("large", 29, 0.1, 0.0),
        ("large", 30, 0.004, 0.0),
        ("small", 1, 0.004, 0.0),
        ("noise", 29, 0.004, 0.4),
        ("noise", 30, 0.004, 4e-6),
        ("noise", 60, 0.004, 4e-6),
    ],
)
def test_schedule_changes_at_the_start_of_epoch_30(arm, epoch, rate, noise):
    config = make(arm=arm)
    assert config.rate(epoch) == rate
    assert config.noise_level(epoch) == pytest.approx(noise, rel=1e-12)


def test_a_span_of_seeds_is_counted_out():
    assert counted("seeds", "3-6") == ["3", "4", "5", "6"]
    assert counted("seeds", "7-7") == ["7"]
    assert len(counted("seeds", "1-10000")) == 10_000
    for plain in ("3", "-1", "L-S", "1-", "1-2-3", "1.5-2"):
        assert counted("seeds", plain) == [plain]
    for wrong in ("6-3", "0-10000"):
        words = f"seeds = '{wrong}' is not allowed.* from the smaller to the larger, at most 10,000"
        with pytest.raises(ConfigError, match=words):
            counted("seeds", wrong)
