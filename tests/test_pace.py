"""Checkpoints: not too often, and never most of the work; none where nothing is kept."""

from tiny_toy import configs, run

from lrbook.pace import Pace
from lrbook.toy import batch, experiment


def test_checkpoints_that_take_long_are_rare():
    """Of a second each, at a twentieth of the time: one in twenty."""
    now, written = 0.0, []
    pace = Pace(5.0, 0.05, clock=lambda: now)
    while now < 100:
        now += 1.0
        if pace.due():
            with pace.writing():
                now += 1.0
            written.append(now)
    assert written == [7, 29, 51, 73, 95]


def test_quick_ones_keep_to_the_seconds():
    now, written = 0.0, []
    pace = Pace(5.0, 0.05, clock=lambda: now)
    while now < 20:
        now += 1.0
        if pace.due():
            with pace.writing():
                pass
            written.append(now)
    assert written == [6, 12, 18]


def test_what_is_not_kept_is_not_packed(monkeypatch):
    packed = []
    monkeypatch.setattr(experiment, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(experiment, "CHECKPOINT_SHARE", float("inf"))
    monkeypatch.setattr(experiment, "pack", packed.append)
    monkeypatch.setattr(batch, "_FIRST_CALL", 7)
    [record] = run(configs()[:1])
    assert record.status == "finished"
    assert not packed


def test_a_large_batch_asks_for_its_origin_once(monkeypatch):
    """It starts git, twice: a thousand runs would wait for that."""
    asked = []
    plain = experiment.collect

    def collect(*given):
        asked.append(given)
        return plain(*given)

    monkeypatch.setattr(experiment, "collect", collect)
    shell = experiment._Shell(
        experiment.Unstored(), experiment.choose_devices("cpu"), {}, [], progress=False
    )
    shell.vectorised = True
    runs = [batch.Progress(config) for config in configs(seeds=range(3), arms=("S",))]
    [first, *rest] = shell._run_together(runs, shell.devices[0], [])
    assert len(asked) == 1
    assert [record.provenance for record in rest] != []
    for record in rest:  # the data are their own
        same = {"data_fingerprint": first.provenance["data_fingerprint"]}
        assert record.provenance | same == first.provenance
        assert record.provenance != first.provenance
