"""What if: settings of the patch experiment varied one at a time, and whether the order holds."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lrbook import book, recordings, setting_words, sweeps
from lrbook.arms import images_of, on_seeds, paired, seeds_of
from lrbook.errors import RecordLookupError
from lrbook.record import Record, recordings_dir
from lrbook.stats import FEWEST, clearly, mean_interval
from lrbook.vision.histories import epochs_words, mean_before_drop
from lrbook.words import gaps, gaps_added

BASE = "as in the base"
ARMS = ("large", "small")


def gather(base: str, names: Sequence[str]) -> tuple[dict[str, list[Record]], list[str]]:
    """Setting -> its runs of large and small, the base first, from patch recordings.

    A sweep of the arm large alone varies something that the small rate does not have; its settings
    get the base's runs of the arm small, on the same seeds.

    Args:
        base: name of the recording that the others depart from; a sweep, or one folder per run.
        names: names of the others, which are sweeps, in ``recordings.toml``.

    Returns:
        The settings, and what has not been recorded yet: names of sweeps, or settings of one.

    Raises:
        RecordLookupError: the base has not been recorded, or one of its arms has not; or a sweep
            is of other images.
    """
    [plan] = recordings.read(only=base)
    found = sweeps.recorded(base).records if plan.is_sweep else book.recorded(base)
    recordings.need_arms(base, found, ARMS)
    plain = [record for record in found if record.config["arm"] in ARMS]
    groups, missing = {BASE: plain}, []
    small = [record for record in plain if record.config["arm"] == "small"]
    for name in names:
        [plan] = recordings.read(only=name)
        try:
            sweep = sweeps.recorded(name)
        except LookupError:
            missing.append(name)
            continue
        check_images(name, sweep.records, plain)
        points = plan.points or []
        # What a point leaves out is as in the base: else one would take in the runs of another
        as_there = {name: plain[0].config[name] for point in points for name in point}
        for point in points:
            if varied := sweep.select(**(as_there | point)):
                beside = [] if "small" in plan.arms else on_seeds(small, seeds_of(varied))
                groups[label(point)] = varied + beside
            else:
                missing.append(f"{label(point)} of {name}")
    return groups, missing


def control(name: str, base: Sequence[Record]) -> list[Record]:
    """The runs of large and small of the recording ``name``, which is set against ``base``.

    Raises:
        RecordLookupError: it has not been recorded, lacks one of the arms, or is of other images.
    """
    runs = book.recorded(name, arms=ARMS)
    check_images(name, runs, base)
    return runs


def check_images(name: str, records: Sequence[Record], base: Sequence[Record]) -> None:
    """RecordLookupError if the ``records``, of the recording ``name``, are of other images."""
    mine, theirs = (images_of(runs) for runs in (records, base))
    if mine != theirs:
        alike = {each for each, _ in mine} == {each for each, _ in theirs}
        here, there = (
            " and ".join(f"{each} ({data})" if alike else each for each, data in images)
            for images in (mine, theirs)
        )
        raise RecordLookupError(
            f"the recording {name} in {recordings_dir()} is on {here}, and the runs "
            f"that it is set against are on {there}; record it on the same images, "
            "or leave it out of that folder"
        )


def label(point: Mapping[str, Any]) -> str:
    """``eta2 = 0.1``; several fields with commas between."""
    return ", ".join(f"{name} = {value}" for name, value in point.items())


def pairs(records: Sequence[Record]) -> list[tuple[Record, Record]]:
    """(large, small) of each seed that has both, finished; raises as ``arms.paired``."""
    return paired(records, *ARMS)


def need_pairs(records: Sequence[Record]) -> list[tuple[Record, Record]]:
    """As ``pairs``; RecordLookupError where no seed has both arms, finished."""
    if not (both := pairs(records)):
        raise RecordLookupError(
            "the arms large and small are compared, and no seed has a run of each that finished; "
            "run both arms on the same seeds"
        )
    return both


def order_holds(large: Record, small: Record) -> bool:
    """Whether the small rate learns the patch before epoch ``drop``, and the large one does not.

    A run whose rate goes down by and by is judged at the ``drop`` of its configuration too.
    """
    drop = large.config["drop"]
    epochs = [run.result["patch_learned_epoch"] for run in (large, small)]
    slow, fast = (epoch is None or epoch >= drop for epoch in epochs)
    return slow and not fast


def gap(records: Sequence[Record]) -> list[float]:
    """Large minus small on clean images, one value per paired seed."""
    return list(gaps(records, "clean", *ARMS).values())


def gap_before_drop(records: Sequence[Record]) -> list[float]:
    """As ``gap``, over the last epochs before the (first) drop, in points."""
    both = pairs(records)
    means = [[mean_before_drop(r.history, "clean", r.config["drop"]) for r in two] for two in both]
    return [large - small for large, small in means]


def table(groups: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """One row per setting: when each arm learns the patch, clean accuracies, gap, order.

    The first heading names the images. The last column says how many pairs there are; a cell of an
    arm with more seeds than that says how many it is over.
    """
    rows, named, held = [], headings(groups), holds(groups)
    images = book.data_of([record for records in groups.values() for record in records])
    for setting, records in groups.items():
        arms, both = book.by_arm(records), pairs(records)
        row = {f"setting, on {images}": named[setting]}
        even = {arm: len(arms.get(arm, [])) == len(both) for arm in ARMS}
        for arm in ARMS:
            epochs = [run.result["patch_learned_epoch"] for run in arms.get(arm, [])]
            row[f"{arm}: learnt in"] = epochs_words(epochs, brief=even[arm]) if epochs else "–"
        for arm in ARMS:
            clean = [run.result["clean"] for run in arms.get(arm, [])]
            words = f"{mean_interval(clean)[0]:.1f}" if clean else "diverged"
            over = "" if even[arm] or not clean else f" ({book.pairs_words(len(clean), 'seed')})"
            row[f"{arm}: clean (%)"] = words + over
        found = gap(records)
        over = f" ({book.pairs_words(len(found))})" if found and not all(even.values()) else ""
        row["large − small"] = book.signed_words(found) + over
        row["order holds"] = held[setting]
        rows.append(row)
    return pd.DataFrame(rows)


def holds(groups: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """Setting -> in how many of its pairs of runs the order holds: ``4 of 5``."""
    found = {
        setting: [order_holds(*pair) for pair in pairs(records)]
        for setting, records in groups.items()
    }
    return {setting: f"{sum(each)} of {len(each)}" for setting, each in found.items()}


def names(groups: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """Setting -> what it is called in figures, beside the base's configuration.

    The setting itself where there are no words for it, or no runs of the base.
    """
    base = next(iter(groups.get(BASE, [])), None)
    return {
        setting: setting_words.readable(setting, base.config) if base else setting
        for setting in groups
    }


def headings(groups: Mapping[str, Sequence[Record]]) -> dict[str, str]:
    """Setting -> how its row of a table begins: in words and in fields."""
    return {
        setting: words
        if setting == BASE
        else f"`{setting}`"
        if words == setting
        else f"{words} (`{setting}`)"
        for setting, words in names(groups).items()
    }


def breaks(groups: Mapping[str, Sequence[Record]]) -> list[str]:
    """The settings that are about something else than the one before them."""
    topics = {setting: setting_words.topic(setting) for setting in groups}
    return [
        after for before, after in itertools.pairwise(topics) if topics[before] != topics[after]
    ]


def change(records: Sequence[Record], base: Sequence[Record]) -> list[float]:
    """By how much the gap on clean images differs from the base's, one value per seed in both."""
    return list(gaps_added(records, base, "clean", *ARMS).values())


def kind_of(changes: Sequence[float]) -> str:
    """``Wider``, ``Narrower``, ``Not apart`` (0 is inside the interval) or ``Few seeds``."""
    if len(changes) < FEWEST:
        return "Few seeds"
    return {1: "Wider", 0: "Not apart", -1: "Narrower"}[clearly(changes)]


def not_apart(changes: Mapping[str, Sequence[float]]) -> list[str]:
    """The settings whose changes decide nothing, as ``kind_of`` has it: hollow in a figure."""
    return [
        setting for setting, found in changes.items() if kind_of(found) not in ("Wider", "Narrower")
    ]


def lead_words(groups: Mapping[str, Sequence[Record]]) -> str:
    """In which settings large is farther ahead on clean images than in the base, clear of chance,
    and in which it is not clear of chance that it is ahead at all.

    By the 95 % interval (Student's t); settings with fewer than three seeds are in neither list.
    """
    base = groups[BASE]
    wider = [row for row, runs in groups.items() if kind_of(change(runs, base)) == "Wider"]
    level = [row for row, runs in groups.items() if kind_of(gap(runs)) in ("Not apart", "Narrower")]
    lists = {
        "The large rate's lead is wider than in the base": wider,
        "No lead that is clear of chance": level,
    }
    return " ".join(
        f"{start}: {'; '.join(f'*{row}*' for row in rows) or 'in no row'}."
        for start, rows in lists.items()
    )


def last_epoch_words(groups: Mapping[str, Sequence[Record]], setting: str) -> str:
    """What the large arm of ``setting`` has on clean images in its very last epoch."""
    ends = [h.clean.iloc[-1] for h in book.histories(groups[setting]).get("large", [])]
    seeds = f"{len(ends)} seed{'s' if len(ends) != 1 else ''}"
    return (
        f"In its very last epoch the large arm of *{setting}* is right on "
        f"{book.interval_words(ends, 1)} % of the clean images ({seeds})."
    )


def drops(groups: Mapping[str, Sequence[Record]]) -> dict[str, int | None]:
    """Setting -> the first epoch at which its large arm has the lower rate; None where the rate
    does not drop but goes down by and by (``schedule``), or there is no such arm.
    """
    large = {
        setting: next((run.config for run in records if run.config["arm"] == "large"), None)
        for setting, records in groups.items()
    }
    return {
        setting: config["drop"] if config and config.get("schedule", "step") == "step" else None
        for setting, config in large.items()
    }
