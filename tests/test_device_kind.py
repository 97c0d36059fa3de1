"""Devices of different kinds draw different numbers: their runs are not mixed, nor gone on with."""

import io

import made_up
import pandas as pd
import pytest
import torch

from lrbook import record_run, recordings
from lrbook.errors import RecordError
from lrbook.provenance import device_kind
from lrbook.records import Store
from lrbook.vision import checkpoint, devices, sources
from lrbook.vision.config import PatchConfig
from lrbook.vision.one_run import Job

EPYC, CARD = "CPU, AMD EPYC, 1 cores", "NVIDIA H200"
KINDS = {EPYC: "cpu", CARD: "cuda", "AMD Instinct MI300X": "cuda", "mps": "mps"}


@pytest.mark.parametrize(("words", "kind"), KINDS.items())
def test_the_kind_is_in_a_provenance_or_told_from_its_words(words, kind):
    assert device_kind({"device": words}) == kind
    assert device_kind({"device": words, "device_kind": "another"}) == "another"
    assert device_kind({"date": "2026-01-01"}) is None


def test_a_run_notes_the_kind_of_its_device():
    config, cpu = PatchConfig.for_profile("smoke", arm="large", seed=0), torch.device("cpu")
    origin = Job(config, sources.load("digits", 20, 10), cpu, "fp32").origin()
    assert origin["device_kind"] == "cpu"
    assert device_kind({"device": origin["device"]}) == "cpu"


def old_checkpoint(origins):
    """As an lrbook wrote it that did not note the kind; None for origins: nor who computed it."""
    state = {"data_fingerprint": "d", "precision": "bf16", "rows": [{"epoch": 1}]}
    if origins is not None:
        state["origins"] = [{"device": device} for device in origins]
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("origins", [[EPYC], [CARD, EPYC], None])
def test_an_old_checkpoint_is_gone_on_with_on_the_kind_that_wrote_it(origins):
    here = {"data_fingerprint": "d", "precision": "bf16", "device_kind": "cpu"}
    state = checkpoint.read(old_checkpoint(origins), here, "patch-1", "there")
    assert state["rows"] == [{"epoch": 1}]


def test_an_old_checkpoint_is_not_gone_on_with_on_another_kind():
    here = {"data_fingerprint": "d", "precision": "bf16", "device_kind": "cpu"}
    with pytest.raises(RecordError) as told:
        checkpoint.read(old_checkpoint([EPYC, CARD]), here, "patch-1", "there")
    assert str(told.value) == (
        "run patch-1 was begun with device_kind cuda and cannot go on with cpu; go on on a device "
        "of the kind that it was begun on, or delete there to start this run afresh."
    )


@pytest.mark.parametrize(
    ("origin", "barred"),
    [
        ({"device": EPYC}, False),
        ({"device": CARD}, True),
        ({"device": "a card", "device_kind": "cuda"}, True),
        ({}, False),  # what is not known bars nothing
    ],
)
def test_runs_of_another_kind_of_device_are_not_set_beside_those_that_are_there(
    tmp_path, monkeypatch, capsys, origin, barred
):
    """One run is there, in the digits of this machine, which has no card."""
    plan, started = made_up.two_recordings(tmp_path)[:1], []
    monkeypatch.setattr(
        record_run, "_in_processes", lambda commands, *_: bool(started.extend(commands))
    )
    monkeypatch.setattr(devices, "choose_device", lambda _: torch.device("cpu"))
    monkeypatch.setattr(devices, "choose_precision", lambda *_: "bf16")
    store, config = Store(tmp_path), plan[0].configs()[0]
    table = pd.DataFrame({"epoch": [1]})
    store.finish(config, table, {}, provenance={"precision": "bf16", **origin}, wall_s=0.0)
    code = record_run.run_missing(plan, tmp_path)
    assert (code, len(started)) == ((1, 0) if barred else (0, 3))
    words = (
        "first: its runs are in bf16 on a graphics card, and this machine would add some in bf16 "
        "on a CPU; complete it on a machine that computes in bf16 on a graphics card, or make"
    )
    assert (words in capsys.readouterr().err) == barred


ON_IMAGES = [each for each in recordings.read() if each.experiment != "toy"]


@pytest.mark.parametrize("name", ["patch-laptop-watched", "what-if-laptop-drop", "patch-paper"])
def test_a_recording_of_ours_is_completed_on_its_own_kind_only(monkeypatch, name):
    """Kept before the kind was noted. Our recordings are of a CPU unless they name a device."""
    [recording] = [each for each in ON_IMAGES if each.name == name]
    own = recording.device or "cpu"
    folder = recordings.recordings_dir()
    monkeypatch.setattr(recordings, "missing", lambda each, _: each.configs()[:1])
    monkeypatch.setattr(devices, "choose_precision", lambda *_: "bf16")
    monkeypatch.setattr(record_run, "_device_there", lambda _: True)
    for kind in ("cpu", "cuda", "mps"):
        monkeypatch.setattr(devices, "choose_device", lambda _, kind=kind: torch.device(kind))
        assert (record_run._would_mix(recording, folder) == "") == (kind == own)


def test_all_recordings_of_ours_have_runs_of_one_kind():
    """And of the kind of those beside them: the recordings as they lie there are not mixed."""
    found = {}
    for recording in ON_IMAGES:
        there = recordings.stored(recording, recordings.recordings_dir()).values()
        found[recording.name] = {
            device_kind(record.provenance) for record in there if record is not None and record.done
        }
        assert found[recording.name] <= {recording.device or "cpu"}
    for recording in ON_IMAGES:
        if recording.beside:
            assert len(found[recording.name] | found[recording.beside]) <= 1
    assert set.union(*found.values()) == {"cpu", "cuda"}
