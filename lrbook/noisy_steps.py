"""The small rate with noisier steps, on images: how much of what the large rate does is noise."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book, patch_cost, sweeps, whatif
from lrbook.beyond import by_seed, percent
from lrbook.noisy import alike_but_for
from lrbook.record import Record
from lrbook.stats import mean_interval
from lrbook.vision.histories import epochs_words

NOISY = "small, noisier steps"
"""What figures and tables call the small rate with sampling noise."""


SMALL, ACTIVATIONS, LARGE = "small rate", "noise in activations", "large rate"
"""What its arms are called beside it."""

BARE, ADDED = "without any patch", "what the patch adds"
"""The two parts of a lead."""


def variance(level: float) -> float:
    """How many times as large the variance of a step is with ``sampling_noise = level``."""
    return 1 + level**2


def named(level: float) -> str:
    """A level in words: by how much it raises the variance."""
    return f"variance ×{variance(level):.3g}"


def recorded(name: str, base: Sequence[Record]) -> dict[str, list[Record]]:
    """Level of the noise, in words -> runs of the small rate with it, from the lowest to the
    highest.

    Empty as long as the sweep has not been recorded, and where anything but arm, seed and the noise
    differs from the base, the images first of all: a page never mixes two sets of them.

    Args:
        name: a sweep of the arm small over sampling_noise, in ``recordings.toml``.
        base: runs of large and small without this noise.
    """
    try:
        found = sweeps.recorded(name).records
    except LookupError:
        return {}
    if not alike_but_for([*found, *base], ("arm", "seed", "sampling_noise")):
        return {}
    levels: dict[float, list[Record]] = {}
    for record in found:
        levels.setdefault(_level(record), []).append(record)
    return {named(level): runs for level, runs in sorted(levels.items())}


def matched(levels: Mapping[str, Sequence[Record]]) -> list[Record]:
    """The runs of the level at which the small rate has the large one's noise: the variance of a
    step is ``eta1 / eta2`` times as large, to within a hundredth. Empty if none is.
    """
    for runs in levels.values():
        ratio = runs[0].config["eta1"] / runs[0].config["eta2"]
        if math.isclose(variance(_level(runs[0])), ratio, rel_tol=0.01):
            return list(runs)
    return []


def _level(record: Record) -> float:
    return record.config.get("sampling_noise", 0.0)  # older records have no such field


def histories(
    levels: Mapping[str, Sequence[Record]], base: Sequence[Record]
) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """Level -> histories of large, of small and of the noisy small rate, on the level's seeds."""
    found = {}
    for level, runs in levels.items():
        seeds = {run.config["seed"] for run in runs}
        beside = [run for run in base if run.config["seed"] in seeds]
        both = {arm: book.histories(beside).get(arm, []) for arm in ("large", "small")}
        found[level] = both | {NOISY: book.histories(runs)["small"]}
    return found


def _above(runs: Sequence[Record], base: Sequence[Record], arm: str) -> dict[int, float]:
    """Seed -> clean accuracy of ``arm`` of ``runs`` minus that of small of ``base``."""
    mine, plain = by_seed(runs, arm, "clean"), by_seed(base, "small", "clean")
    return {seed: mine[seed] - plain[seed] for seed in sorted(mine.keys() & plain.keys())}


def made_up(
    with_patch: Mapping[str, Sequence[Record]],
    without: Mapping[str, Sequence[Record]],
    base: Sequence[Record],
    control: Sequence[Record],
) -> dict[str, dict[str, list[float]]]:
    """Row of a figure -> in two parts, how far above the small rate it ends on clean images: what
    is there without any patch, and what the patch adds, seed by seed. Rows are the levels of the
    noise that have both, and the base's other arms on the seeds of those.
    """
    rows = {}
    for name, (arm, runs, alone) in _rows(with_patch, without, base, control).items():
        if not alone or name == SMALL:
            continue
        whole, bare = _above(runs, base, arm), _above(alone, control, arm)
        seeds = sorted(whole.keys() & bare.keys())
        rows[name] = {
            BARE: [bare[seed] for seed in seeds],
            ADDED: [whole[seed] - bare[seed] for seed in seeds],
        }
    return rows


def table(
    with_patch: Mapping[str, Sequence[Record]],
    without: Mapping[str, Sequence[Record]],
    base: Sequence[Record],
    control: Sequence[Record],
) -> pd.DataFrame:
    """One row per level of the noise, between the arms without it on the same seeds.

    Columns: the batch of which the steps have the noise, when the patch is learnt, accuracy on
    clean images and how far above the small rate's, the same without a patch, and what the patch
    costs. The first heading names the images.
    """
    rows, images = [], book.data_of(base)
    for name, (arm, runs, alone) in _rows(with_patch, without, base, control).items():
        row = {f"on {images}": name}
        row["noise of a batch of"] = f"{runs[0].config['batch'] / variance(_level(runs[0])):.3g}"
        row["patch learnt in"] = epochs_words([r.result["patch_learned_epoch"] for r in runs], True)
        for head, group, other in (("", runs, base), (", no patch", alone, control)):
            row[f"clean (%){head}"] = f"{mean_interval([r.result['clean'] for r in group])[0]:.1f}"
            row[f"above small{head}"] = (
                "–"
                if name == SMALL
                else book.signed_words(list(_above(group, other, arm).values()))
            )
        lost = patch_cost.cost(runs, alone, (arm,))[arm]
        row["the patch costs"] = book.signed_words(lost)
        rows.append(row | {"seeds": len(runs)})
    return pd.DataFrame(rows)


def _rows(
    with_patch: Mapping[str, Sequence[Record]],
    without: Mapping[str, Sequence[Record]],
    base: Sequence[Record],
    control: Sequence[Record],
) -> dict[str, tuple[str, Sequence[Record], Sequence[Record]]]:
    """Row -> its arm, and its runs with the patch and without any, on the seeds of the levels."""
    seeds = {run.config["seed"] for runs in with_patch.values() for run in runs}

    def arm(name: str) -> tuple[str, Sequence[Record], Sequence[Record]]:
        mine, theirs = (
            [run for run in book.by_arm(group).get(name, []) if run.config["seed"] in seeds]
            for group in (base, control)
        )
        return name, mine, theirs

    rows = {SMALL: arm("small")}
    rows |= {level: ("small", runs, without.get(level, [])) for level, runs in with_patch.items()}
    rows |= {ACTIVATIONS: arm("noise"), LARGE: arm("large")}
    return {name: row for name, row in rows.items() if row[1]}


def share_words(rows: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Which share of either part of the large rate's lead the others make up, by means.

    No share is quoted of a part that is not clear of chance.

    Args:
        rows: as ``made_up`` gives them.
    """
    told = []
    for part, found in rows[LARGE].items():
        if whatif.kind_of(found) != "Wider":
            told.append(f"Of the large rate's lead, {part}: not clear of chance.")
            continue
        shares = [
            f"*{name}* **{percent(mean_interval(mine[part])[0] / mean_interval(found)[0])}**"
            for name, mine in rows.items()
            if name != LARGE and mine[part]
        ]
        told.append(f"Of the large rate's lead, {part}, by means: {', '.join(shares)}.")
    return " ".join(told)
