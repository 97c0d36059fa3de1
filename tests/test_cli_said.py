"""What is said, before runs are made, of fields that they do not read."""

import pytest

from lrbook import cli_said
from lrbook.toy.config import ToyConfig
from lrbook.vision.config import PatchConfig


def said(cls, arms, **fields):
    return cli_said.of_unread(cls.expand("smoke", seeds=[0, 1], arms=arms, **fields), fields)


@pytest.mark.parametrize(
    ("cls", "arms", "fields", "words"),
    [
        (
            PatchConfig,
            ["small"],
            {"eta1": 0.3, "schedule": "cosine"},
            "eta1 and schedule change nothing in these arms (small): the results are those "
            "without them; --arms large reads them.",
        ),
        (
            PatchConfig,
            ["large", "small", "noise"],
            {"eta1": 0.3, "pattern": 0.3},
            "eta1 changes nothing in the arms small and noise: the results are those without "
            "it; --arms large reads it.",
        ),
        (
            PatchConfig,
            ["large", "small"],
            {"noise": 0.3, "noise_after": 0.0},
            "noise and noise_after change nothing in these arms (large, small): the results "
            "are those without them; --arms noise reads them.",
        ),
        (
            PatchConfig,
            ["large"],
            {"carrier_share": 0.0, "pattern": 0.9},
            "pattern changes nothing in the training of these runs, only in their tests.",
        ),
        (
            ToyConfig,
            ["S"],
            {"eps1": 0.2},
            "eps1 changes nothing in these arms (S): the results are those without it.",
        ),
        (
            ToyConfig,
            ["S"],
            {"eps1": 0.2, "anneal": "loss"},
            "eps1 and anneal change nothing in these arms (S): the results are those without "
            "them; --arms L-S reads them.",
        ),
    ],
)
def test_what_changes_nothing_is_said_in_a_line(cls, arms, fields, words):
    assert said(cls, arms, **fields) == [words]


@pytest.mark.parametrize(
    ("cls", "arms", "fields"),
    [
        (PatchConfig, ["large", "small", "noise"], {"eta2": 0.02, "pattern": 0.3}),
        (PatchConfig, ["large", "small"], {"drop": 2}),
        (ToyConfig, ["L-S", "S"], {"eta1": 0.3}),
        (ToyConfig, ["L-S", "S"], {"steps": 50, "steps_ls": 50}),  # one for each arm
        (ToyConfig, ["L-S", "S"], {"kappa": 0.5}),
    ],
)
def test_of_what_is_read_nothing_is_said(cls, arms, fields):
    assert said(cls, arms, **fields) == []


def test_a_study_is_told_how_many_of_its_runs_repeat_others():
    runs = [
        config
        for eta1 in (0.05, 0.1, 0.2)
        for config in PatchConfig.expand("smoke", seeds=[0, 1], arms=["large", "small"], eta1=eta1)
    ]
    assert cli_said.of_study(runs, ["eta1"]) == [
        "4 of the 12 runs have the results of others: eta1 changes nothing in the arm small."
    ]
    assert cli_said.of_study(runs[:4], ["eta1"]) == cli_said.of_unread(runs[:4], ["eta1"])
    steps = [
        config
        for settings in ({"steps": 50}, {"steps": 60}, {"steps": 60, "steps_ls": 90})
        for config in ToyConfig.expand("smoke", seeds=[0], **settings)
    ]
    assert cli_said.of_study(steps[:4], ["steps"]) == [
        "1 of the 4 runs has the results of others: steps changes nothing in the arm L-S."
    ]
    assert cli_said.of_study(steps, ["steps", "steps_ls"]) == [
        "2 of the 6 runs have the results of others: steps changes nothing in the arm L-S, "
        "steps_ls changes nothing in the arm S."
    ]
