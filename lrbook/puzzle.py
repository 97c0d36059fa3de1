"""The puzzle in a table and a sentence: who is ahead before the rate drops, and who at the end."""

from collections.abc import Sequence

import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.arms import on_seeds, seeds_of
from lrbook.record import Record
from lrbook.vision.histories import at_the_end, crossing, mean_before_drop
from lrbook.whatif import need_pairs

COLUMNS = {"clean": "new images", "train_accuracy": "training images"}

NO_DECAY = "cifar-no-decay-laptop"
"""The recording of both rates without weight decay, on the schedule of ``cifar-laptop``."""


def before_and_after(records: Sequence[Record]) -> pd.DataFrame:
    """Accuracy of the arms large and small, before the first drop and at the end, by paired seeds.

    Means of the last three epochs each; mean and 95 % interval over seeds, and of the difference.

    Raises:
        RecordLookupError: no seed has both arms.
    """
    both = need_pairs(records)
    drop = min(both[0][0].config[name] for name in ("drop", "drop2", "drop3"))
    rows = []
    for column, what in COLUMNS.items():
        before = [[mean_before_drop(run.history, column, drop) for run in pair] for pair in both]
        after = [[at_the_end(run.history, column) for run in pair] for pair in both]
        for when, found in (("before the first drop", before), ("at the end", after)):
            large, small = zip(*found, strict=True)
            gap = [one - two for one, two in found]
            values: dict[str, Sequence[float]] = {"large": large, "small": small}
            values |= {f"large − small ({book.pairs_words(len(gap))})": gap}
            words = {name: book.interval_words(value, 1) for name, value in values.items()}
            row = {f"accuracy (%) on {book.data_of(records)}": f"{what}, {when}"}
            rows.append(row | words)
    return pd.DataFrame(rows)


def crossing_words(records: Sequence[Record]) -> str:
    """From which epoch on the large rate is ahead on new images, seed by seed, and at the end.

    Raises:
        RecordLookupError: no seed has both arms.
    """
    found = []
    both = need_pairs(records)
    for large, small in both:
        epoch = crossing(large.history, small.history, "clean")
        found.append(f"{'never' if epoch is None else epoch} (seed {large.config['seed']})")
    drops = [str(records[0].config[name]) for name in ("drop", "drop2", "drop3")]
    ends = [one.result["clean"] > two.result["clean"] for one, two in both]
    told = (
        "On new images the large rate is ahead, and stays ahead to the end, from epoch: "
        f"**{', '.join(found)}**. The rates drop at the start of the epochs {', '.join(drops)}. "
        f"It ends ahead in {sum(ends)} of {len(ends)} seeds"
    )
    if len(ends) < 2:
        return f"{told}, and one seed has no interval."
    standing = book.standing(records, "clean", "large", "small")
    return f"{told}; by the interval it is **{standing}** the small rate."


def without_decay(base: Sequence[Record]) -> list[Record]:
    """The finished runs of ``NO_DECAY``. Empty as long as it has not been recorded, and where it
    differs from ``base``, runs of large and small, in more than weight decay.
    """
    return recorded_beside(NO_DECAY, base, ("weight_decay",))


def beside(base: Sequence[Record], none: Sequence[Record]) -> dict[str, list[pd.DataFrame]]:
    """What a figure calls them -> histories: both arms of ``base``, on the seeds of ``none``, and
    those of ``none``, which has no weight decay.
    """
    with_decay = book.histories(on_seeds(base, seeds_of(none)))
    return with_decay | {f"{arm}, no decay": h for arm, h in book.histories(none).items()}
