"""Checkpoints: not too often, and never most of the work; none where nothing is kept."""

import pytest
from tiny_toy import configs, run

from lrbook.keeper import Unstored
from lrbook.pace import Pace
from lrbook.toy import batch, experiment, progress


@pytest.mark.parametrize(
    ("cost", "until", "written"),
    [
        (1.0, 100, [7, 29, 51, 73, 95]),  # of a second each, at a twentieth of the time
        (0.0, 20, [6, 12, 18]),  # more than five seconds apart
    ],
)
def test_checkpoints_come_after_a_while_and_are_rare_where_they_take_long(cost, until, written):
    now, found = 0.0, []
    pace = Pace(5.0, 0.05, clock=lambda: now)
    while now < until:
        now += 1.0
        if pace.due():
            with pace.writing():
                now += cost
            found.append(now)
    assert found == written


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
    shell = experiment._Shell(Unstored(), experiment.choose_devices("cpu"), {}, [], progress=False)
    shell.vectorised = True
    runs = [progress.Progress(config) for config in configs(seeds=range(3), arms=("S",))]
    [first, *rest] = shell._run_together(runs, shell.devices[0], [])
    assert len(asked) == 1
    assert [record.provenance for record in rest] != []
    for record in rest:  # the data are their own
        same = {"data_fingerprint": first.provenance["data_fingerprint"]}
        assert record.provenance | same == first.provenance
        assert record.provenance != first.provenance
