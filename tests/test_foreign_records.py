"""Records, studies and plans from somebody else: they are shown, and run nothing of theirs."""

import dataclasses
import json
from types import SimpleNamespace

import pandas as pd
import pytest
from made_record import CONFIG, finish
from made_runs import RUNS

from lrbook import origin, style, sweeps, words
from lrbook.errors import RecordError
from lrbook.record import hashed
from lrbook.records import Store

TAG = "<img src=x onerror=alert(1)>"
PLACES = ("data", "device", "precision", "date", "python")


@pytest.fixture
def code(tmp_path):
    """A file that leaves a mark when it is imported, and the name of an experiment in it."""
    file = tmp_path / "theirs.py"
    file.write_text(f"open({str(tmp_path / 'mark')!r}, 'w')\n", encoding="utf-8")
    yield f"{file}:Theirs"
    assert not (tmp_path / "mark").exists()


def rewritten(path, **changes):
    fields = json.loads(path.read_bytes()) | changes
    del fields["sha256"]
    path.write_text(json.dumps(hashed(fields)), encoding="utf-8")


def test_a_record_names_no_file_to_be_run(tmp_path, code):
    store = Store(tmp_path / "runs")
    path = finish(store).folder / "record.json"
    rewritten(path, experiment=code)
    with pytest.raises(RecordError, match=r"record\.json is damaged \(experiment is "):
        store.load(CONFIG)
    rewritten(path, experiment=None)
    with pytest.raises(RecordError, match=r"record\.json is damaged \("):
        store.load(CONFIG)
    rewritten(path, experiment="my_own_1")
    assert store.load(CONFIG).experiment == "my_own_1"


def test_a_sweep_names_no_file_to_be_run(tmp_path, code):
    made = sweeps.SweepStore(tmp_path / "sweep", [CONFIG])
    made.check_writable()
    records = [finish(made)]
    [part] = (tmp_path / "sweep" / "parts").iterdir()
    whole = part.read_bytes()
    rewritten(part, experiment=code)
    with pytest.raises(RecordError, match=r"is damaged \(experiment is "):
        sweeps.SweepStore(tmp_path / "sweep", [CONFIG]).read()
    part.write_bytes(whole)
    made.seal(records)
    rewritten(tmp_path / "sweep" / "sweep.json", experiment=code)
    with pytest.raises(RecordError, match=r"is damaged \(experiment is "):
        sweeps.load(tmp_path / "sweep")


@pytest.mark.parametrize("place", PLACES)
def test_a_tag_in_where_runs_come_from_is_shown_and_not_obeyed(place):
    runs = [dataclasses.replace(r, provenance=r.provenance | {place: TAG}) for r in RUNS]
    said = [words.provenance(runs), *origin.describe(runs).values()]
    assert not any("<" in each for each in said)
    if place in ("data", "device", "precision"):
        assert sum("&lt;img src=x onerror=alert(1)&gt;" in each for each in said) == 2


def test_what_a_chapter_says_holds_no_tag(monkeypatch):
    from IPython import display

    shown = []
    monkeypatch.setattr(style, "notebook", lambda: SimpleNamespace())
    monkeypatch.setattr(display, "display", lambda each: shown.append(each.data))
    style.say(f"on {TAG}, 1 <2 and a < b, $p<q$, {{ref}}`a <b>`, </p><!--")
    style.table(pd.DataFrame({f"arm, on {TAG}": [TAG]}))
    assert shown[0] == (
        "on &lt;img src=x onerror=alert(1)>, 1 <2 and a < b, $p<q$, {ref}`a <b>`, &lt;/p>&lt;!--"
    )
    assert "<" not in shown[1]
    assert shown[1].count("&lt;img") == 2
