"""A class of one's own whose default has changed since its runs: their ids are as before."""

from pathlib import Path

import made_up
import pytest
import tiny_toy
from conftest import assert_refused
from tiny_sweep import SHORT

from lrbook import sweeps
from lrbook.errors import RecordError
from lrbook.records import Store
from lrbook.study import engine
from lrbook.toy.config import ToyConfig

FILE = '''
from lrbook.toy.config import ToyConfig


class Mine(ToyConfig):
    experiment = "mine"

    patience: int = {default}
    """Read by nothing."""
'''
STUDY = 'experiment = "{file}:Mine"\nprofile = "smoke"\nseeds = [0]\narms = ["S"]\n'
WORDS = r"holds another configuration \(patience = 30, not 31\)"


def with_default(default):
    class Mine(ToyConfig):
        experiment = "mine"

        patience: int = default
        """Read by nothing."""

    return Mine


BEFORE, NOW = with_default(30), with_default(31)


def of(cls, **settings):
    return cls.for_profile("smoke", arm="S", seed=0, **settings)


def test_the_id_is_the_old_one():
    """Without that nothing here is tested."""
    assert of(BEFORE).run_id == of(NOW).run_id != of(NOW, patience=30).run_id
    assert of(BEFORE, patience=31).run_id != of(NOW).run_id


def test_a_folder_of_runs_refuses_the_old_run(tmp_path):
    store = Store(tmp_path)
    made_up.finished(store, of(BEFORE))
    assert store.load(of(BEFORE)).config["patience"] == 30
    with pytest.raises(RecordError, match=WORDS):
        store.load(of(NOW))


def test_a_sweep_refuses_it(tmp_path):
    def run(cls):
        how = {"seeds": [0], "arms": ["S"], "folder": tmp_path, "progress": False}
        return sweeps.run(cls, "smoke", **how, **SHORT)

    assert run(BEFORE).records == run(BEFORE).records
    with pytest.raises(RecordError, match=WORDS) as caught:
        run(NOW)
    assert str(caught.value).startswith(f"{tmp_path / 'sweep.json'} holds")


def test_a_part_of_a_sweep_is_named(tmp_path):
    old, new = of(BEFORE, **SHORT), of(NOW, **SHORT)
    tiny_toy.run([old], sweeps.SweepStore(tmp_path, [old]))
    with pytest.raises(RecordError, match=WORDS) as caught:
        sweeps.SweepStore(tmp_path, [new]).load(new)
    assert str(caught.value).startswith(f"{tmp_path / 'parts' / new.run_id}.json holds")


def test_a_study_refuses_it(tmp_path):
    made_up.finished(Store(tmp_path), of(BEFORE))
    assert engine.missing([of(BEFORE)], tmp_path) == []
    with pytest.raises(RecordError, match=WORDS):
        engine.missing([of(NOW)], tmp_path)


def test_a_study_says_so_and_its_report_too(lrbook, tmp_path):
    """Each version in a file of its own: a process reads a file once."""
    for default in (30, 31):
        Path(f"mine{default}.py").write_text(FILE.format(default=default))
        Path(f"s{default}.toml").write_text(STUDY.format(file=f"mine{default}.py"))
    made_up.finished(Store("runs"), of(BEFORE))
    assert "1 runs, 1 recorded" in lrbook("sweep", "s30.toml", "--plan").out
    assert lrbook("study", "report", "s30.toml").code == 0
    for command in (["sweep", "s31.toml"], ["study", "report", "s31.toml"]):
        assert_refused(lrbook(*command), "(patience = 30, not 31)", of(NOW).run_id)
