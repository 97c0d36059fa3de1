"""What is said of noise and rate on images, apart from each other, is in the records."""

import numpy as np
import pytest

from lrbook import book, whatif

LONGER, LARGER = "epochs = 64, drop = 33", "batch = 256, epochs = 64, drop = 33"


@pytest.fixture(scope="module")
def rows():
    groups, missing = whatif.gather("what-if-base", ["what-if-longer", "what-if-noise"])
    assert not missing
    assert list(groups) == [whatif.BASE, LONGER, LARGER]
    assert {len(whatif.pairs(runs)) for runs in groups.values()} == {5}
    return groups


def large(runs):
    return sorted(book.by_arm(runs)["large"], key=lambda run: run.config["seed"])


def learned(runs):
    return [run.result["patch_learned_epoch"] for run in large(runs)]


def best_of_blank(runs, epochs):
    """The highest accuracy on blank images in the first ``epochs``, by seed."""
    return [run.history.patch_only[run.history.epoch <= epochs].max() for run in large(runs)]


def test_steps_and_rates_are_what_the_chapter_says(rows):
    base, longer, larger = (large(rows[row])[0].config for row in rows)
    assert longer["epochs"] == larger["epochs"] == 4 * base["epochs"]
    assert larger["batch"] == 4 * base["batch"] == 4 * longer["batch"]
    assert longer["drop"] - 1 == larger["drop"] - 1 == 4 * (base["drop"] - 1)
    assert {(c["eta1"], c["eta2"], c["train_size"]) for c in (base, longer, larger)} == {
        (0.5, 0.02, 10_000)
    }


def test_by_epochs_the_larger_batch_lets_the_patch_through_later(rows):
    longer, larger = learned(rows[LONGER]), learned(rows[LARGER])
    assert all(one < other for one, other in zip(longer, larger, strict=True))
    assert max(longer) < 33
    assert sorted(larger)[2:] == [31, 33, 33]
    assert sum(epoch < 33 for epoch in larger) == 3


def test_by_steps_it_lets_it_through_sooner(rows):
    assert min(best_of_blank(rows[LARGER], 32)) > 100 / 3
    for row in (whatif.BASE, LONGER):
        assert max(best_of_blank(rows[row], 8)) < 14
    assert learned(rows[whatif.BASE]) == [None] * 5
    # at chance for more than ten epochs, and about twenty, as those hear who do not see the figure
    for row, chance in ((LONGER, 12), (LARGER, 20)):
        means = np.mean([run.history.patch_only.to_numpy() for run in large(rows[row])], axis=0)
        assert max(means[:chance]) < 20 < 50 < min(means[33:])
    small = [run for row in (LONGER, LARGER) for run in book.by_arm(rows[row])["small"]]
    assert max(run.result["patch_learned_epoch"] for run in small) <= 10


def test_what_is_left_of_the_lead(rows):
    leads = [np.mean(whatif.gap(rows[row])) for row in (whatif.BASE, LONGER, LARGER)]
    assert [round(lead) for lead in leads] == [17, 7, 16]
    known = [np.mean([65 - epoch for epoch in learned(rows[row])]) / 64 for row in (LONGER, LARGER)]
    assert known[0] == pytest.approx(2 / 3, abs=0.05)
    assert 0.5 < known[1] < 0.6
