"""Weight decay under the two rates: none, and as much by rate times decay under the small one.

Decay shrinks the weights by rate times decay a step, so the large rate has far more of it than the
small one. Where batch norm follows, the size of weights changes nothing but how far a step turns
them: what decay does there is to keep steps from getting shorter.
"""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book, small_drops
from lrbook.alike import recorded_beside
from lrbook.arms import (
    finished,
    first_rate,
    minus,
    on_seeds,
    one_per_seed,
    seeds_of,
    steps_an_epoch,
)
from lrbook.noisy_steps import Row, Rows
from lrbook.record import Record
from lrbook.small_drops import Pair
from lrbook.vision.histories import epochs_words

NONE = ("no-decay-laptop", "no-decay-laptop-control")
"""Sweeps of large and small without any decay in ``recordings.toml``, with the patch and without
any."""

MATCHED = ("matched-decay-laptop", "matched-decay-laptop-control")
"""Those of a small rate with so much decay that rate times decay is the large rate's."""

DROPS = ("matched-decay-drops-laptop", "matched-decay-drops-laptop-control")
"""Those of one that drops, too, by the large one's factor: of the arm large, its ``eta1`` being the
base's ``eta2``.
"""

NONE_DROPS = ("no-decay-drops-laptop", "no-decay-drops-laptop-control")
"""As ``DROPS``, those of a small rate that drops and has no decay."""

FREE = ("eta1", "eta2", "weight_decay")
"""The fields in which these differ from the experiment."""

LARGE, SMALL = "large", "small"
LARGE_NONE, SMALL_NONE = "large, no decay", "small, no decay"
SMALL_MATCHED = "small, large's decay"
SMALL_DROPS, SMALL_MATCHED_DROPS = "small, drops, too", "small, drops, large's decay"
SMALL_NONE_DROPS = "small, drops, no decay"
"""What figures and tables call the rows."""

WATCHED = {
    LARGE: ("lengths-laptop", "large"),
    LARGE_NONE: ("lengths-no-decay-laptop", "large"),
    SMALL: ("lengths-laptop", "small"),
    SMALL_NONE: ("lengths-no-decay-laptop", "small"),
    SMALL_MATCHED: ("lengths-matched-decay-laptop", "small"),
    SMALL_MATCHED_DROPS: ("lengths-matched-decay-drops-laptop", "large"),
}
"""Row -> a sweep in which its run with the patch was made again and watched, and the arm there."""

COMPARED = {
    "as in the experiment": (LARGE, SMALL),
    "no decay in either": (LARGE_NONE, SMALL_NONE),
    "small with large's decay": (LARGE, SMALL_MATCHED),
    "small drops, too": (LARGE, SMALL_DROPS),
    "both drop, no decay": (LARGE_NONE, SMALL_NONE_DROPS),
    "small with both": (LARGE, SMALL_MATCHED_DROPS),
}
"""What figures call a comparison -> the rows compared."""

AHEAD = dict(zip(("with the patch", "without any patch"), (False, True), strict=True))
"""What a lead is of -> whether its runs are those without a patch."""


def every_seed(pairs: Pair) -> Rows:
    """Both rates as they are, without decay, and the small one with as much decay as the large one,
    each on all the seeds that it was recorded on.

    Empty as long as one of the sweeps has not been recorded, and where one differs from ``pairs``
    in more than rates and decay.

    Args:
        pairs: runs of large and small, with the patch and without any.
    """
    none, matched, both, none_drops = found = [
        small_drops.recorded(pairs, each, FREE) for each in (NONE, MATCHED, DROPS, NONE_DROPS)
    ]
    drops = small_drops.recorded(pairs)
    if not all(all(each) for each in (*found, drops)):
        return {}

    def row(arm: str, groups: Pair) -> Row:
        with_patch, without = (book.by_arm(runs).get(arm, []) for runs in groups)
        return Row(arm, with_patch, without)

    return {
        LARGE: row("large", pairs),
        LARGE_NONE: row("large", none),
        SMALL: row("small", pairs),
        SMALL_NONE: row("small", none),
        SMALL_MATCHED: row("small", matched),
        SMALL_DROPS: row("large", drops),
        SMALL_MATCHED_DROPS: row("large", both),
        SMALL_NONE_DROPS: row("large", none_drops),
    }


def rows(pairs: Pair) -> Rows:
    """What ``every_seed`` gives, on the seeds of the runs without decay alone."""
    found = every_seed(pairs)
    none = [found[name] for name in (LARGE_NONE, SMALL_NONE) if name in found]
    seeds = seeds_of(*(row.runs(bare) for row in none for bare in (False, True)))
    return {
        name: Row(row.arm, on_seeds(row.with_patch, seeds), on_seeds(row.without, seeds))
        for name, row in found.items()
    }


def histories(rows: Rows, names: Sequence[str]) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """What a panel shows -> row, of ``names`` -> one history per seed."""
    return {
        title: {name: [run.history for run in rows[name].runs(bare)] for name in names}
        for title, bare in zip(small_drops.PANELS, (False, True), strict=True)
    }


def leads(rows: Rows) -> dict[str, dict[str, list[float]]]:
    """Comparison -> with the patch, or without any -> by how many points of accuracy on clean
    images the large rate ends ahead, one per seed.
    """
    return {
        kind: {
            told: list(minus(*(rows[name].clean(bare) for name in compared)).values())
            for told, bare in AHEAD.items()
        }
        for kind, compared in COMPARED.items()
    }


def halves_in(run: Record) -> float:
    """Epochs in which decay by itself would halve a length, at the rate that ``run`` begins with.

    A step shortens by rate times decay, and momentum carries it on: by 1 / (1 - momentum) times as
    much in the long run. Infinite without decay.

    Raises:
        ValueError: the run has decay and is on all images, as ``arms.steps_an_epoch``.
    """
    config = run.config
    each = first_rate(run) * config["weight_decay"] / (1 - config["momentum"])
    return math.log(2) / (each * steps_an_epoch(run)) if each else math.inf


def table(rows: Rows) -> pd.DataFrame:
    """One row per row: its decay, the epochs in which that by itself halves a length before the
    drop, when the patch is learnt, accuracy on clean images without a patch before the drop and at
    the end, the same with the patch, and what the patch costs. The first heading names the images.
    """
    images, told = book.data_of([run for row in rows.values() for run in row.with_patch]), []
    for name, row in rows.items():
        runs = row.with_patch
        learnt = [run.result["patch_learned_epoch"] for run in runs]
        told.append(
            {
                f"on {images}": name,
                "weight decay": f"{runs[0].config['weight_decay']:g}",
                "halves lengths in": _epochs(halves_in(runs[0])),
                "patch learnt in": epochs_words(learnt, True),
            }
            | row.accuracies()
            | {
                "the patch costs it": book.signed_words(list(row.costs().values())),
                "seeds": len(runs),
            }
        )
    return pd.DataFrame(told)


def _epochs(found: float) -> str:
    return "never" if math.isinf(found) else f"{found:.2g} epochs"


def leads_words(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """What ``leads`` gives, or some of it: means and 95 % intervals, and of how many seeds each."""
    told = "; ".join(
        f"*{kind}* "
        + " and ".join(
            f"**{book.interval_words(points, 1)}** {when}" for when, points in each.items()
        )
        + f" ({' or '.join(str(n) for n in sorted({len(v) for v in each.values()}))} seeds)"
        for kind, each in found.items()
    )
    return f"Points by which the large rate ends ahead on clean images: {told}."


def watched(base: Sequence[Record]) -> dict[str, list[Record]]:
    """Row -> its runs of ``WATCHED``, on the seeds that all rows have. Empty as long as one of the
    sweeps has not been recorded, and where one differs from ``base`` in more than rates, decay and
    being watched.

    Args:
        base: runs with the patch.
    """
    found: dict[str, dict[int, Record]] = {}
    for row, (name, arm) in WATCHED.items():
        if not (runs := recorded_beside(name, base, ("watch", *FREE))):
            return {}
        found[row] = one_per_seed(run for run in runs if run.config["arm"] == arm)
    seeds = sorted(set.intersection(*map(set, found.values())))
    return {row: [runs[seed] for seed in seeds] for row, runs in found.items()}


def with_lengths(history: pd.DataFrame) -> pd.DataFrame:
    """``history`` of a watched run with ``length``, the root mean square of its ``length_K`` over
    the blocks K, and with ``effective``, its rate over the square of that.
    """
    blocks = [column for column in history if column.startswith("length_")]
    square = history[blocks].pow(2).mean(axis=1)
    return history.assign(length=square.pow(0.5), effective=history.rate / square)


def named(runs: Sequence[Record]) -> dict[str, list[pd.DataFrame]]:
    """Arm, and its decay where it is not that of the arm's first run -> histories, one per seed, as
    ``with_lengths`` has them, of watched runs.
    """
    found: dict[str, list[pd.DataFrame]] = {}
    usual: dict[str, float] = {}
    for run in finished(runs):
        arm, decay = run.config["arm"], run.config["weight_decay"]
        plain = usual.setdefault(arm, decay) == decay
        found.setdefault(arm if plain else f"{arm}, decay {decay:g}", []).append(
            with_lengths(run.history)
        )
    return found
