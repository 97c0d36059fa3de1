"""Sweeps in pairs, with the patch and without any, as ``lrbook.sweeps.recorded`` finds them."""

from lrbook.sweeps import Sweep


def keep(monkeypatch, kept):
    """From now on the sweeps that are found are those in ``kept``: two names -> the runs of each.

    One without runs has not been recorded.
    """
    found = {
        name: Sweep(runs)
        for names, both in kept.items()
        for name, runs in zip(names, both, strict=True)
        if runs
    }
    monkeypatch.setattr("lrbook.sweeps.recorded", lambda name: found[name])
