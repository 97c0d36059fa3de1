"""What was meant by a word that the command line does not know."""

import pytest
from conftest import assert_refused

from lrbook.toy.config import ToyConfig
from lrbook.unknown import MEANT, nearest, unknown_name
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig

SAID = [
    ("runn toy", "runn is not a known command; did you mean run?"),
    ("chapters --list", "chapters is not a known command; did you mean chapter?"),
    ("toy --seeds 0", "toy is not a known command; did you mean lrbook run toy?"),
    ("report s.toml", "report is not a known command; did you mean lrbook study report?"),
    ("run patc", "patc is not a known experiment; did you mean patch? One of your own is given as"),
    ("run Mine", "allowed are toy, patch, cifar. One of your own is given as FILE.py:CLASS."),
    ("records lst", "lst is not a known action; did you mean list?"),
    ("records", "required: {list,show,verify}"),
    ("record list", "list is not for lrbook record; did you mean lrbook records list?"),
    ("study reprot s.toml", "reprot is not a known action; did you mean report?"),
    ("--quiet run toy", "--quiet comes after the command, as in lrbook run toy --quiet."),
    ("--results x run toy", "--results comes after the command, as in lrbook run toy --results."),
    ("run --seeds 0 toy", "--seeds comes after the experiment, as in lrbook run toy --seeds."),
    ("run --eta1=1 toy", "--eta1 comes after the experiment, as in lrbook run toy --eta1."),
    ("run --zzz toy", "--zzz is not a known option; lrbook run has none before the experiment."),
    ("run toy --data x", "--data is not a known option of lrbook run toy; lrbook run patch and"),
    (
        "run patch --drop2 4",
        "--drop2 is not a known option of lrbook run patch; lrbook run cifar",
    ),
    ("run toy --lr 1", "--lr is not a known option; did you mean --eta1 or --eta2?"),
    ("run patch --learning-rate=1", "did you mean --eta1 or --eta2?"),
    ("run patch --batch_size 1", "--batch_size is not a known option; did you mean --batch?"),
    ("run cifar --width 1", "did you mean --widen?"),
    ("run toy --weight-decay 1", "--weight-decay is not a known option; did you mean --lam?"),
    ("run toy --steps_ls 1", "did you mean --steps-ls?"),
    ("run toy --jobs 1", "--jobs is not a known option; allowed are --profile, --seeds"),
    ("run toy --out x", "did you mean --results?"),
    ("run toy -q", "-q is not a known option; did you mean --q0 or --quiet?"),
    (
        "sweep s.toml --seeds 0",
        "--seeds is not for lrbook sweep; write seeds into",
    ),
    ("study report s.toml --most-runs 1", "write most_runs into the study's file, above its"),
]


@pytest.mark.parametrize(("typed", "words"), SAID, ids=lambda value: value)
def test_what_was_meant(lrbook, typed, words):
    if typed == "records":  # argparse's own complaint
        assert words in lrbook("records").err
        return
    assert_refused(lrbook(*typed.split()), words)


def test_an_option_before_the_experiment_is_no_command(lrbook):
    """Neither --version nor help is mistaken for one that stands in the wrong place."""
    assert lrbook("--version").code == 0
    for typed in (["--help"], ["run", "--help"], ["run", "toy", "-h"]):
        assert lrbook(*typed).code == 0


def test_a_letter_stands_for_few_names_only():
    assert nearest("s", ["seeds", "steps", "size"]) == ["seeds", "size", "steps"]
    assert nearest("s", ["seeds", "steps", "size", "some"]) == []
    assert nearest("lr", ["r", "s"]) == []


def test_what_is_known_by_another_name_is_offered_before_what_is_spelt_alike():
    assert unknown_name("batch_size", ["batch", "patch_size"], what="setting") == (
        "batch_size is not a known setting; did you mean batch?"
    )
    assert nearest("batch_size", ["patch_size"]) == ["patch_size"]


def test_each_other_name_is_of_something_and_hides_nothing():
    classes = (ToyConfig, PatchConfig, CifarConfig)
    fields = {name for cls in classes for name in cls.model_fields} | {"device", "results"}
    assert {name for names in MEANT.values() for name in names} <= fields
    for cls in classes:
        for name in MEANT.keys() & cls.model_fields.keys():
            assert not set(MEANT[name]) & cls.model_fields.keys()
