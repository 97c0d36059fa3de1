"""What Python callers hand over by mistake is refused at the edge, in words."""

from typing import ClassVar

import made_up
import pytest

from lrbook import book, sweeps
from lrbook.errors import ConfigError
from lrbook.records import Store
from lrbook.sweeps import Sweep
from lrbook.toy import experiment as toy
from lrbook.toy.config import ToyConfig
from lrbook.vision import experiment as images
from lrbook.vision.config import PatchConfig

TOY = ToyConfig.for_profile("smoke", arm="S", seed=0)
PATCH = PatchConfig.for_profile("smoke", arm="large", seed=0)


@pytest.mark.parametrize(
    ("shell", "configs", "store", "words"),
    [
        (toy, TOY, None, "configs is of type ToyConfig; give a list of configurations: [config]."),
        (images, PATCH, None, "configs is of type PatchConfig; give a list"),
        (toy, None, None, "configs is of type NoneType; give a list"),
        (toy, [{"arm": "S"}], None, "configs has a dict in it; give configurations, as ToyConfig"),
        (toy, [TOY, PATCH], None, "this runs ToyConfig; lrbook.vision.experiment.run takes it."),
        (images, [TOY], None, "this runs ImageConfig; lrbook.toy.experiment.run takes it."),
        (toy, [TOY], "runs", "store = 'runs' cannot keep runs; give lrbook.records.Store('runs')"),
        (images, [PATCH], "mine", "give lrbook.records.Store('mine'), or None to keep nothing."),
        (images, [PATCH], 5, "store = 5 cannot keep runs; give lrbook.records.Store('runs')"),
    ],
)
def test_what_cannot_be_run_is_refused(shell, configs, store, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        shell.run(configs, store, device="cpu", progress=False)
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_runs_may_come_one_by_one(tmp_path):
    """They are gone through more than once: a generator would give none the second time."""
    store = Store(tmp_path)
    there = [made_up.finished(store, TOY)]
    assert toy.run((config for config in [TOY]), store, device="cpu", progress=False) == there


@pytest.mark.parametrize(("name", "value"), [("arm", "S"), ("seed", 0)])
def test_one_runs_arm_or_seed_is_no_setting_of_several(name, value):
    with pytest.raises(ConfigError) as caught:
        ToyConfig.expand("smoke", **{name: value})
    assert str(caught.value) == f"{name} is one run's; give {name}s=[{value!r}]."


def test_runs_of_ones_own_class_are_found(tmp_path):
    class Mine(PatchConfig):
        experiment: ClassVar[str] = "mine"

    store = Store(tmp_path)
    made_up.finished(store, PATCH)
    mine = made_up.finished(store, Mine.for_profile("smoke", arm="large", seed=0))
    assert store.find(Mine) == [mine]
    assert store.find(Mine, seed=1) == []
    with pytest.raises(ConfigError, match=r"mine is not a known .* given as its class, or as FILE"):
        store.find("mine")


def test_recordings_have_to_be_named():
    for wrong in ([], [["patch-laptop"]], [""]):
        with pytest.raises(ConfigError, match=r"recordings are named as in .*lrbook record lists"):
            book.recorded(*wrong)
    for wrong in ([], ["patch-laptop"], [[]]):
        with pytest.raises(ConfigError, match=r"recordings are named as in .*lrbook record lists"):
            book.recorded_set(*wrong)


def test_a_quantity_that_no_run_has_is_refused_and_the_nearest_offered(tmp_path):
    record = made_up.finished(Store(tmp_path), TOY)
    with pytest.raises(ConfigError, match=r"p_only_acuracy is not .*did you mean p_only_accuracy"):
        book.difference_words([record], "p_only_acuracy", "S", "L-S")
    assert book.difference_words([record], "p_only_accuracy", "S", "L-S").startswith("–")


def test_a_sweep_of_no_runs_has_nothing_to_select():
    none = Sweep([])
    assert (none.swept, none.select(r=0.1), len(none.runs)) == ([], [], 0)


def test_a_field_that_is_no_name_is_refused():
    with pytest.raises(ConfigError, match="1 is not a known setting"):
        sweeps.expand("toy", "smoke", grid={1: [2]})
