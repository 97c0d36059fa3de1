"""What a raised ``meaning`` does: other ids from there on, and sound records before."""

import json

from made_record import CONFIG, finish

from lrbook import sweeps
from lrbook.records import Store
from lrbook.sweeps import table
from lrbook.toy.config import ToyConfig
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig


class Mine(PatchConfig):
    experiment = "mine"


class Raised(Mine):
    experiment = "mine"
    meaning = 2


def raised(monkeypatch):
    """As where the default of a field is another one from now on."""
    monkeypatch.setattr(PatchConfig, "meaning", 2)
    monkeypatch.setattr(PatchConfig.model_fields["weight_decay"], "default", 1e-3)


def test_ids_change_of_that_class_and_of_those_derived_from_it(monkeypatch):
    def ids():
        classes = (PatchConfig, Mine, Raised, CifarConfig, ToyConfig)
        return [cls(arm=cls.arms[0], seed=0, eta1=0.2).run_id for cls in classes]

    before = ids()
    monkeypatch.setattr(PatchConfig, "meaning", 2)
    same = [one == other for one, other in zip(before, ids(), strict=True)]
    assert same == [False, False, True, True, True]
    assert ids()[1] == before[2]  # what the class says itself is what counts


def test_earlier_records_stay_sound_and_are_not_taken_for_new_ones(tmp_path, monkeypatch):
    store = Store(tmp_path)
    old = finish(store)
    before = (old.folder / "record.json").read_bytes()
    with monkeypatch.context() as patch:
        raised(patch)
        assert store.problems() == []
        assert store.load(CONFIG) is None
        new = finish(store)
        assert new.run_id != old.run_id
        assert json.loads((new.folder / "record.json").read_bytes())["meaning"] == new.meaning == 2
        assert store.problems() == []
    assert store.problems() == []  # nor does an older lrbook call the new one damaged
    assert (old.folder / "record.json").read_bytes() == before
    assert (old.meaning, store.load(CONFIG)) == (1, old)


def test_what_is_found_by_settings_means_the_same(tmp_path, monkeypatch):
    store = Store(tmp_path)
    old = finish(store)
    with monkeypatch.context() as patch:
        raised(patch)
        assert store.find("patch", seed=CONFIG.seed) == []
        new = finish(store)
        assert store.find("patch", seed=CONFIG.seed) == [new]
        assert {record.run_id for record in store.records()} == {old.run_id, new.run_id}
    assert store.find("patch", seed=CONFIG.seed) == [old]


def test_so_do_earlier_sweeps(tmp_path, monkeypatch):
    def sealed(folder):
        made = sweeps.SweepStore(folder, [CONFIG])
        made.check_writable()
        made.seal([finish(made)])
        return sweeps.load(folder).records[0]

    old = sealed(tmp_path / "old")
    with monkeypatch.context() as patch:
        raised(patch)
        assert table.problems(tmp_path) == (1, [])
        new = sealed(tmp_path / "new")
        assert (old.meaning, new.meaning) == (1, 2)
        assert old.run_id != new.run_id
        assert table.problems(tmp_path) == (2, [])
    assert table.problems(tmp_path) == (2, [])
    assert "meaning" not in json.loads((tmp_path / "old" / "sweep.json").read_bytes())
