"""An experiment of one's own by the place of its class, from the command line to a study."""

import json
import sys
from pathlib import Path

import pytest
import tiny_toy
from conftest import assert_refused
from tiny_command import SMALL, TINY

from lrbook import book, experiments, origin, own, sweeps
from lrbook.config import Config
from lrbook.errors import ConfigError
from lrbook.records import Store
from lrbook.study import plan
from lrbook.toy.config import ToyConfig
from lrbook.vision.config import PatchConfig

HALVING = '''
from typing import ClassVar

from lrbook.vision.config import PatchConfig
{more}

class Halving(PatchConfig):
    experiment: ClassVar[str] = "{name}"

    every: int = 10
    """Epochs after which the rate is halved."""

    def rate(self, epoch: int) -> float:
        return self.eta1 / 2 ** ((epoch - 1) // self.every)
'''
RUN = ["--profile", "smoke", *SMALL, "--arms", "large", "--device", "cpu", "--quiet"]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A file of its own in each test; what it leaves in this process goes with it."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "code").mkdir()

    def write(more: str = "", name: str = "halving", file: str = "halving.py") -> Path:
        path = tmp_path / "code" / file
        path.write_text(HALVING.format(more=more, name=name))
        return path

    return write


def test_it_is_run_with_its_own_options_and_found_again(lrbook, mine, monkeypatch):
    path = mine()
    monkeypatch.chdir(path.parent)
    run = ["run", "halving.py:Halving", *RUN, "--every", 1, "--json"]
    answer = lrbook(*run)
    assert answer.code == 0, answer.err
    [run_id] = json.loads(answer.out)["run_ids"]
    assert run_id.startswith("halving-")
    [record] = Store("runs").records()
    eta1 = record.config["eta1"]
    assert record.history.rate.tolist() == [eta1, eta1 / 2]
    assert record.provenance["own_class"] == "halving.py:Halving"
    again = lrbook(*run)
    assert (again.code, again.out, again.err) == (0, answer.out, "")
    [stored] = Store("runs").records()
    assert stored == record

    own._modules.clear()  # as in another process, after the file was edited
    mine("# changed")
    other = lrbook(*run)
    assert (other.code, other.out) == (0, answer.out)
    assert other.err.startswith(f"lrbook: {run_id} there came from another version of halving.py")
    assert lrbook(*run, "--force").err == ""
    [repeated] = Store("runs").records()
    assert repeated.provenance["own_class_sha256"] != record.provenance["own_class_sha256"]


def test_help_has_the_options_of_the_class(lrbook, mine):
    answer = lrbook("run", f"{mine()}:Halving", "--help")
    assert answer.code == 0
    assert "Epochs after which the rate is halved." in answer.out
    assert "FILE.py:CLASS" in lrbook("run", "--help").out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.py:Halving", "there is no file"),
        ("{}:Halvin", "Halvin is not a known experiment in"),
        ("{}:Halvin", "did you mean Halving?"),
        ("{}", "halving.py lacks the name of a class; give"),
        ("os.path:join", "os.path has no subclass of a configuration"),
        ("lrbook_is_not_there.at_all:Mine", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(lrbook, mine, name, words):
    assert_refused(lrbook("run", name.format(mine()), *RUN), words)


@pytest.mark.parametrize(
    ("more", "name", "words"),
    [
        ("1 / 0", "halving", "ZeroDivisionError: division by zero (line 5 of halving.py)"),
        ("open('no such file')", "halving", "FileNotFoundError: "),
        ("raise ValueError('two\\nlines')", "halving", "ValueError: two lines (line 5"),
        ("while", "halving", "SyntaxError: "),
        ("", "patch", "experiment = 'patch' is not allowed in Halving"),
        ("", "my runs", "experiment = 'my runs' is not allowed"),
        ("", "../up", "experiment = '../up' is not allowed"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused(lrbook, mine, more, name, words):
    path = mine(more, name)
    assert_refused(lrbook("run", f"{path}:Halving", *RUN), words)
    assert not Path("runs").exists()


def test_a_file_that_was_mended_is_read_again(mine):
    name = f"{mine('1 / 0')}:Halving"
    with pytest.raises(ConfigError, match="ZeroDivisionError"):
        experiments.config_class(name)
    mine()
    assert experiments.config_class(name).experiment == "halving"


def test_a_file_may_import_what_lies_beside_it(mine):
    path = mine("from beside_the_halving import FACTOR")
    (path.parent / "beside_the_halving.py").write_text("FACTOR = 2\n")
    assert experiments.config_class(f"{path}:Halving").experiment == "halving"


def test_two_files_of_one_name_are_two_experiments(mine, tmp_path):
    one = experiments.config_class(f"{mine()}:Halving")
    (tmp_path / "code" / "deep").mkdir()
    two = experiments.config_class(f"{mine(name='other', file='deep/halving.py')}:Halving")
    assert (one.experiment, two.experiment) == ("halving", "other")
    assert experiments.config_class(f"{tmp_path}/code/halving.py:Halving") is one


class Unnamed(PatchConfig):
    pass


class Foreign(Config):
    experiment = "foreign"


class Quiet(ToyConfig):
    experiment = "quiet"


def test_a_class_without_a_name_or_a_base_is_refused():
    with pytest.raises(ConfigError, match="Unnamed would have the run ids of PatchConfig"):
        sweeps.expand(Unnamed, "smoke")
    with pytest.raises(ConfigError, match="Foreign is no experiment: derive it from one of Toy"):
        sweeps.expand(Foreign, "smoke")


def test_names_lead_back_to_their_classes():
    for name in experiments.NAMES:
        cls = experiments.config_class(name)
        assert experiments.config_class(cls) is cls
        assert experiments.base(cls) == experiments.name_of(cls) == name
    assert experiments.base(Quiet) == "toy"
    assert experiments.name_of(Quiet) == f"{__name__}:Quiet"
    assert experiments.config_class(f"{__name__}:Quiet") is Quiet


def test_a_sweep_of_ones_own_toy_is_kept_and_read_without_its_class(tmp_path):
    found = sweeps.run(
        Quiet, "smoke", seeds=[0], folder=tmp_path / "s", progress=False, **tiny_toy.TINY
    )
    assert {record.experiment for record in found.records} == {"quiet"}
    assert [run.run_id.startswith("quiet-") for run in found.records] == [True, True]
    assert {run.provenance["own_class"] for run in found.records} == {"test_own_by_name.py:Quiet"}
    assert "jax" in origin.describe(found.records)["software"]
    again = sweeps.run(
        Quiet, "smoke", seeds=[0], folder=tmp_path / "s", progress=False, **tiny_toy.TINY
    )
    assert again.records == found.records == sweeps.load(tmp_path / "s").records


def test_a_chapter_can_run_it(mine):
    runs = book.live(f"{mine()}:Halving", "smoke", arms="large", device="cpu", every=1, **TINY)
    assert [run.experiment for run in runs] == ["halving"]
    assert runs[0].history.rate.nunique() == 2


@pytest.mark.slow
def test_a_study_takes_it_from_beside_its_file(mine, tmp_path, lrbook):
    """Run by worker processes, which are told where the file is."""
    path = mine()
    study = path.with_name("study.toml")
    settings = "".join(f"{name} = {value}\n" for name, value in TINY.items())
    study.write_text(
        'experiment = "halving.py:Halving"\nprofile = "smoke"\ndevice = "cpu"\narms = ["large"]\n'
        f"seeds = [0]\n[settings]\n{settings}[grid]\nevery = [1, 2]\n"
    )
    assert plan.read(study).experiment == f"{path.resolve()}:Halving"
    answer = lrbook("sweep", study, "--quiet", "--workers", 1)
    assert answer.code == 0, answer.err
    assert answer.out.endswith("study: 2 of 2 runs are recorded\n")
    runs = list(Store(tmp_path / "runs").records())
    assert sorted(run.history.rate.nunique() for run in runs) == [1, 2]
    assert {run.provenance["own_class"] for run in runs} == {"halving.py:Halving"}
    report = lrbook("study", "report", study)
    assert report.code == 0, report.err
