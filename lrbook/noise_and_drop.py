"""A small rate with noisier steps before the drop, and with a drop: what each brings, and both."""

from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book, noisy_steps, small_drops
from lrbook.arms import minus, on_seeds, seeds_of
from lrbook.noisy_steps import LARGE, SMALL, Row, Rows
from lrbook.record import Record
from lrbook.small_drops import Pair

NAMES = ("noise-and-drop-laptop", "noise-and-drop-laptop-control")
"""Sweeps of both in ``recordings.toml``, with the patch and without any: of the arm large, its
``eta1`` being the base's ``eta2``.
"""

SHALLOW = ("shallow-drops-laptop", "shallow-drops-laptop-control")
"""The same with a drop to a quarter: runs with the noise, and others without it."""

FREE = ("eta1", "eta2", "sampling_noise")
"""The fields in which these differ from the experiment."""

NOISE = ("sampling-noise-laptop", "sampling-noise-laptop-control")
"""Sweeps of the noise alone."""

DROP, BOTH = "a drop", "noise and a drop"
"""What tables call a small rate that drops, and one with noise before that."""

PANELS = dict(zip(small_drops.PANELS, (False, True), strict=True))
"""What figures and sentences call the runs -> whether they are those without a patch."""


def rows(pairs: Pair, shallow: bool = False) -> Rows:
    """The small rate of ``pairs`` as it is, with noise, with a drop, with both; and the large rate.

    All on the seeds of the runs with both. Empty as long as one of them has not been recorded, and
    where one differs from ``pairs`` in more than its rates and this noise.

    Args:
        pairs: runs of large and small, with the patch and without any.
        shallow: the drop of the small rate is that of ``SHALLOW``, not as deep as the large one's.
    """
    if shallow:
        found = small_drops.recorded(pairs, SHALLOW, FREE)
        drops, both = _noisy(found, False), _noisy(found, True)
    else:
        drops, both = small_drops.recorded(pairs), small_drops.recorded(pairs, NAMES, FREE)
    if not (all(both) and all(drops)):
        return {}
    level = noisy_steps.named(noisy_steps.level_of(both[0][0]))
    shaken = [
        noisy_steps.recorded(name, base).get(level, [])
        for name, base in zip(NOISE, pairs, strict=True)
    ]
    small, large = (
        [book.by_arm(base).get(arm, []) for base in pairs] for arm in ("small", "large")
    )
    seeds = seeds_of(*both)

    def row(arm: str, groups: Sequence[Sequence[Record]]) -> Row:
        with_patch, without = (on_seeds(runs, seeds) for runs in groups)
        return Row(arm, with_patch, without)

    return {
        SMALL: row("small", small),
        level: row("small", shaken),
        DROP: row("large", drops),
        BOTH: row("large", both),
        LARGE: row("large", large),
    }


def _noisy(runs: Pair, noisy: bool) -> Pair:
    """Those whose steps are noisier, or those whose are not."""
    with_patch, without = (
        [run for run in group if (noisy_steps.level_of(run) > 0) == noisy] for group in runs
    )
    return with_patch, without


def histories(rows: Rows) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """What a panel shows -> arm, or what a small rate has -> one history per seed. The noise alone
    is not among them.
    """
    called = {SMALL: "small", LARGE: "large", DROP: small_drops.ARM, BOTH: f"small, {BOTH}"}
    return {
        title: {name: [run.history for run in rows[row].runs(bare)] for row, name in called.items()}
        for title, bare in PANELS.items()
    }


def gains(rows: Rows, bare: bool) -> dict[str, dict[int, float]]:
    """Row of a small rate -> seed -> points on clean images by which it ends above the plain one.

    Args:
        rows: as ``rows`` gives them.
        bare: whether the runs are those without a patch.
    """
    ends = {name: row.clean(bare) for name, row in rows.items()}
    return {name: minus(ends[name], ends[SMALL]) for name in rows if name not in (SMALL, LARGE)}


def gains_words(rows: Rows) -> str:
    """What noise, a drop and both bring a small rate, and what noise adds to a drop."""
    told = []
    for title, bare in PANELS.items():
        found = gains(rows, bare)
        brought = "; ".join(f"*{name}* **{_points(each)}**" for name, each in found.items())
        told.append(
            f"{title}, points by which the small rate ends above the plain one: {brought}. "
            f"Noise and a drop less a drop alone: **{_points(minus(found[BOTH], found[DROP]))}**."
        )
    return "\n\n".join(told)


def _points(differences: Mapping[int, float]) -> str:
    return book.interval_words(list(differences.values()), 1)
