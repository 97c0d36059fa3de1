"""The small rate with noisier steps, on images: how much of what the large rate does is noise."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.arms import by_seed, minus, on_seeds, seeds_of
from lrbook.patch_cost import cost_by_seed
from lrbook.record import Record
from lrbook.stats import mean_interval
from lrbook.vision.histories import epochs_words, mean_before_drop

NOISY = "small, noisier steps"
"""What figures and tables call the small rate with sampling noise."""

SMALL, ACTIVATIONS, LARGE = "small rate", "noise in activations", "large rate"
"""What its arms are called beside it."""

COSTS, BEHIND = "the patch costs it", "behind large, no patch"
"""What is asked of every row."""


class Row(NamedTuple):
    """An arm, its runs with the patch, and those without any."""

    arm: str
    with_patch: Sequence[Record]
    without: Sequence[Record]

    def runs(self, bare: bool) -> Sequence[Record]:
        """Those without a patch if ``bare``, else those with it."""
        return self.without if bare else self.with_patch

    def clean(self, bare: bool) -> dict[int, float]:
        """Seed -> accuracy on clean images at the end, of these ``runs``.

        Raises:
            ValueError: two of them are of one seed.
        """
        return by_seed(self.runs(bare), self.arm, "clean")

    def costs(self) -> dict[int, float]:
        """Seed -> by how many points the patch lowers that, as ``patch_cost.cost_by_seed``."""
        return cost_by_seed(self.with_patch, self.without, self.arm)

    def accuracies(self) -> dict[str, str]:
        """Heading -> mean accuracy on clean images over the seeds, as tables have it; a dash where
        there are no runs.
        """
        early = [mean_before_drop(r.history, "clean", r.config["drop"]) for r in self.without]
        ends = [[run.result["clean"] for run in self.runs(bare)] for bare in (True, False)]
        found = {
            "before the drop, no patch (%)": early,
            "at the end, no patch (%)": ends[0],
            "at the end, with it (%)": ends[1],
        }
        return {head: f"{mean_interval(v)[0]:.1f}" if v else "–" for head, v in found.items()}


Rows = Mapping[str, Row]
"""What a row is called -> the row."""


def variance(level: float) -> float:
    """How many times as large the variance of a step is with ``sampling_noise = level``."""
    return 1 + level**2


def named(level: float) -> str:
    """A level in words: by how much it raises the variance."""
    return f"variance ×{variance(level):.3g}"


def recorded(name: str, base: Sequence[Record]) -> dict[str, list[Record]]:
    """Level of the noise, in words -> finished runs of the small rate with it, from the lowest to
    the highest.

    Empty as long as the sweep has not been recorded, and where anything but arm, seed and the noise
    differs from the base, the images first of all: a page never mixes two sets of them.

    Args:
        name: a sweep of the arm small over sampling_noise, in ``recordings.toml``.
        base: runs of large and small without this noise.
    """
    levels: dict[float, list[Record]] = {}
    for record in recorded_beside(name, base, ("sampling_noise",)):
        levels.setdefault(level_of(record), []).append(record)
    return {named(level): runs for level, runs in sorted(levels.items())}


def matched(levels: Mapping[str, Sequence[Record]]) -> list[Record]:
    """The runs of the level at which the small rate has the large one's noise, per unit of rate
    times step: the variance is ``eta1 / eta2`` times as large, to a hundredth. Empty if none is.
    """
    for runs in levels.values():
        ratio = runs[0].config["eta1"] / runs[0].config["eta2"]
        if math.isclose(variance(level_of(runs[0])), ratio, rel_tol=0.01):
            return list(runs)
    return []


def level_of(record: Record) -> float:
    """The spread of the examples' weights in a run; 0 where the loss is the plain mean."""
    return record.config.get("sampling_noise", 0.0)  # older records have no such field


def histories(
    levels: Mapping[str, Sequence[Record]], base: Sequence[Record]
) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """Level -> histories of large, of small and of the noisy small rate, on the level's seeds."""
    found = {}
    for level, runs in levels.items():
        beside = book.histories(on_seeds(base, seeds_of(runs)))
        both = {arm: beside.get(arm, []) for arm in ("large", "small")}
        found[level] = both | {NOISY: book.histories(runs)["small"]}
    return found


def rows(
    with_patch: Mapping[str, Sequence[Record]],
    without: Mapping[str, Sequence[Record]],
    base: Sequence[Record],
    control: Sequence[Record],
) -> Rows:
    """The levels of the noise between the base's arms, on the seeds of the levels.

    One without runs with the patch is left out.
    """
    seeds = seeds_of(*with_patch.values())

    def arm(name: str) -> Row:
        mine, theirs = (
            on_seeds(book.by_arm(group).get(name, []), seeds) for group in (base, control)
        )
        return Row(name, mine, theirs)

    found = {SMALL: arm("small")}
    found |= {
        level: Row("small", runs, without.get(level, [])) for level, runs in with_patch.items()
    }
    found |= {ACTIVATIONS: arm("noise"), LARGE: arm("large")}
    return {name: row for name, row in found.items() if row.with_patch}


def prices(rows: Rows) -> dict[str, dict[str, list[float]]]:
    """Row of a figure -> points of accuracy on clean images, seed by seed: what the patch costs the
    arm, and by how much it is behind the large rate where there is no patch. One without runs of
    both kinds is left out.
    """
    alone = {name: row.clean(True) for name, row in rows.items()}
    large = alone.get(LARGE, {})
    return {
        name: {
            COSTS: list(row.costs().values()),
            BEHIND: [] if name == LARGE else list(minus(large, alone[name]).values()),
        }
        for name, row in rows.items()
        if row.without
    }


def table(rows: Rows) -> pd.DataFrame:
    """One row per row, in their order.

    Columns: the batch of which the steps have the noise, when the patch is learnt, accuracy on
    clean images without a patch before the drop and at the end, the same with the patch, what the
    patch costs, also beside what it costs the large rate, and how far behind the large rate it ends
    without a patch. The first heading names the images.
    """
    images = book.data_of([run for row in rows.values() for run in row.with_patch])
    priced, told = prices(rows), []
    of_large = rows[LARGE].costs() if LARGE in rows else {}
    for name, row in rows.items():
        runs = row.with_patch
        batch = runs[0].config["batch"]
        more = [] if name == LARGE else list(minus(row.costs(), of_large).values())
        told.append(
            {
                f"on {images}": name,
                "noise of a batch of": f"{batch / variance(level_of(runs[0])):.3g}",
                "patch learnt in": epochs_words(
                    [run.result["patch_learned_epoch"] for run in runs], True
                ),
            }
            | row.accuracies()
            | {
                COSTS: book.signed_words(priced[name][COSTS]) if name in priced else "–",
                "more than large": book.signed_words(more),
                BEHIND: book.signed_words(priced[name][BEHIND]) if name in priced else "–",
                "seeds": len(runs),
            }
        )
    return pd.DataFrame(told)


def prices_words(priced: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """What ``prices`` gives, in two sentences: means and 95 % intervals over the seeds."""
    paid, behind = (
        ", ".join(
            f"*{name}* **{book.interval_words(found[kind], 1)}**"
            for name, found in priced.items()
            if found[kind]
        )
        for kind in (COSTS, BEHIND)
    )
    return (
        f"Points that the patch costs: {paid}. Points behind the large rate at the end, without "
        f"any patch: {behind}."
    )
