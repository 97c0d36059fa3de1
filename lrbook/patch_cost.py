"""What the patch costs: what-if settings beside the same settings on images without a patch.

A row of the what-if chapter may change two things about the gap between the rates: which of them
knows the patch, and how far ahead a large rate is by itself. Runs without a patch show the second.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lrbook import book, whatif
from lrbook.arms import by_seed, finished, minus, on_seeds, seeds_of
from lrbook.record import Record
from lrbook.words import gaps_added

OF_THE_PATCH = {"pattern", "patch_only_share"}
"""Fields that say something only of images with a patch: without one they change nothing."""

TRAINED = 15.0
"""Percent of clean images. A run that ends with fewer of them right has not trained: guessing gets
ten, whatever the images, so that its distance from another run is no cost of the patch.
"""


def controls(
    groups: Mapping[str, Sequence[Record]], base: str, names: Sequence[str]
) -> tuple[dict[str, list[Record]], list[str]]:
    """Setting -> its runs of large and small on images without a patch, on the setting's seeds.

    A setting that varies only fields ``OF_THE_PATCH`` gets those of the base.

    Args:
        groups: the settings with the patch, as ``whatif.gather`` gives them.
        base: name of the recording that is the base's control.
        names: names of the recordings that are the others' controls, which are sweeps.

    Returns:
        The settings of ``groups`` that have a control, in their order; and those that have none.

    Raises:
        RecordLookupError: as ``whatif.gather``, or the two are of other images.
    """
    found, _ = whatif.gather(base, names)
    plain = found[whatif.BASE]
    whatif.check_images(base, plain, groups[whatif.BASE])
    for setting, runs in groups.items():
        if setting not in found and _varied(runs, groups[whatif.BASE]) <= OF_THE_PATCH:
            found[setting] = on_seeds(plain, seeds_of(runs))
    there = {setting: found[setting] for setting in groups if setting in found}
    return there, [setting for setting in groups if setting not in found]


def _varied(runs: Sequence[Record], base: Sequence[Record]) -> set[str]:
    """The fields, but for seed and arm, in which runs differ from the base's."""
    plain = base[0].config
    return {
        name
        for run in runs
        for name, value in run.config.items()
        if name not in ("seed", "arm") and value != plain[name]
    }


def trained(runs: Sequence[Record]) -> list[Record]:
    """The runs that finished and have ``TRAINED``."""
    return [run for run in finished(runs) if run.result["clean"] >= TRAINED]


def cost_by_seed(runs: Sequence[Record], control: Sequence[Record], arm: str) -> dict[int, float]:
    """Seed -> by how many points the clean accuracy of ``arm`` is lower with the patch.

    Of the seeds in which both runs have ``TRAINED``.
    """
    without, with_it = (by_seed(trained(group), arm, "clean") for group in (control, runs))
    return minus(without, with_it)


def cost(runs: Sequence[Record], control: Sequence[Record]) -> dict[str, list[float]]:
    """Arm -> what ``cost_by_seed`` says, seed by seed."""
    return {arm: list(cost_by_seed(runs, control, arm).values()) for arm in whatif.ARMS}


def share(runs: Sequence[Record], control: Sequence[Record]) -> list[float]:
    """By how many points the patch widens large minus small, per seed that all four runs have.

    All four have to have ``TRAINED``.
    """
    return list(gaps_added(trained(runs), trained(control), "clean", *whatif.ARMS).values())


def alike(records: Sequence[Record], others: Sequence[Record]) -> list[Record]:
    """Those of ``records`` that have arm and seed of one of the ``others``."""
    wanted = {(run.config["arm"], run.config["seed"]) for run in others}
    return [run for run in records if (run.config["arm"], run.config["seed"]) in wanted]


def at_most_words(
    runs: Sequence[Record], control: Sequence[Record], few: Mapping[str, Sequence[Record]]
) -> str:
    """What the patch costs each arm beside what it would if images with it taught no picture.

    Args:
        runs: with the patch.
        control: the same without any.
        few: what is said of them -> runs on as many whole pictures as carry no patch in ``runs``,
            and on nothing else. Their distance from ``control`` is the second number.

    Returns:
        Points of clean accuracy, over the seeds that all runs of an arm have.
    """
    told = []
    for arm in whatif.ARMS:
        of_arm = [book.by_arm(group).get(arm, []) for group in few.values()]
        mine = on_seeds(control, set.intersection(*map(seeds_of, of_arm)))
        paid = book.interval_words(cost(runs, mine)[arm], 1)
        most = " and ".join(
            f"**{book.interval_words(cost(group, mine)[arm], 1)}** {words}"
            for words, group in few.items()
        )
        told.append(
            f"The patch costs {arm} **{paid}** points; if images with it taught nothing of "
            f"pictures, it would be {most}."
        )
    return " ".join(told)


def untrained_words(
    groups: Mapping[str, Sequence[Record]], without: Mapping[str, Sequence[Record]]
) -> str:
    """Which seeds are left out, as a run of theirs has not ``TRAINED``; empty if none is."""
    told = []
    for setting, control in without.items():
        for arm in whatif.ARMS:
            mine, plain = (by_seed(group, arm, "clean") for group in (groups[setting], control))
            used = cost_by_seed(groups[setting], control, arm)
            seeds = sorted((mine.keys() & plain.keys()) - used.keys())
            if seeds:
                several, named = "s" * (len(seeds) > 1), " and ".join(map(str, seeds))
                told.append(f"{arm} of *{setting}*, seed{several} {named}")
    if not told:
        return ""
    return (
        f"Left out, as with the patch or without it the run has not trained (fewer than "
        f"{TRAINED:g} % of clean images right; guessing gets 10): {'; '.join(told)}."
    )


def by_run(
    groups: Mapping[str, Sequence[Record]], without: Mapping[str, Sequence[Record]]
) -> pd.DataFrame:
    """Every run that has a control: how long it has known the patch, and what the patch costs it.

    Returns:
        Columns ``setting``, ``arm``, ``seed``, ``known`` (epochs from the one in which the patch
        was learnt to the last, both counted; 0 for never) and ``cost`` (points of clean accuracy).
        A run that stands in several settings is in the first only; one is left out where it or its
        control has not ``TRAINED``.
    """
    rows: dict[str, dict[str, Any]] = {}
    for setting, control in without.items():
        for arm, runs in book.by_arm(groups[setting]).items():
            paid = cost_by_seed(runs, control, arm)
            for run in runs:
                seed, learnt = run.config["seed"], run.result["patch_learned_epoch"]
                if run.run_id in rows or seed not in paid:
                    continue
                known = 0 if learnt is None else run.config["epochs"] - learnt + 1
                rows[run.run_id] = {
                    "setting": setting,
                    "arm": arm,
                    "seed": seed,
                    "known": known,
                    "cost": paid[seed],
                }
    return pd.DataFrame(rows.values())


def time_words(runs: pd.DataFrame) -> str:
    """How closely what the patch costs follows the time for which it has been known.

    Spearman's rank correlation within each seed, over its settings: mean over the seeds with three
    settings or more, and 95 % interval (Student's t).

    Args:
        runs: as ``by_run`` gives them.
    """
    told = []
    for arm, mine in runs.groupby("arm"):
        found = [
            one.known.corr(one.cost, method="spearman")
            for _, one in mine.groupby("seed")
            if len(one) > 2
        ]
        seeds = book.pairs_words(len(found), "seed")
        told.append(f"{book.interval_words(found, 2)} for {arm} ({seeds})")
    return f"Within a seed, cost and time have a rank correlation of {' and '.join(told)}."


def table(
    groups: Mapping[str, Sequence[Record]], without: Mapping[str, Sequence[Record]]
) -> pd.DataFrame:
    """One row per setting that has a control: the gap without a patch, what the patch costs each
    arm on clean images, and by how much it widens the gap: of runs that have ``TRAINED``. The first
    heading names the images.
    """
    rows, named = [], whatif.headings(groups)
    images = book.data_of([run for runs in groups.values() for run in runs])
    for setting, control in without.items():
        runs = groups[setting]
        lost = cost(runs, control)
        rows.append(
            {
                f"setting, on {images}": named[setting],
                "no patch: large − small": book.signed_words(whatif.gap(trained(control))),
                **{f"the patch costs {arm}": book.signed_words(lost[arm]) for arm in whatif.ARMS},
                "and widens the gap by": book.signed_words(share(runs, control)),
            }
        )
    return pd.DataFrame(rows)


def share_words(
    groups: Mapping[str, Sequence[Record]], without: Mapping[str, Sequence[Record]]
) -> str:
    """In which settings the patch widens the gap, narrows it, or does neither for certain.

    By the 95 % interval (Student's t); fewer than three seeds decide nothing.
    """
    start = {
        "Wider": "The patch widens the gap: ",
        "Narrower": "It narrows it: ",
        "Not apart": "Neither for certain: ",
        "Few seeds": "Too few seeds to tell: ",
    }
    told: dict[str, list[str]] = {kind: [] for kind in start}
    for setting, control in without.items():
        if found := share(groups[setting], control):
            told[whatif.kind_of(found)].append(f"*{setting}*")
    return " ".join(f"{start[kind]}{'; '.join(rows)}." for kind, rows in told.items() if rows)
