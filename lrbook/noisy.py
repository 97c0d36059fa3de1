"""Noise in the activations beside a large rate: what it wins back, how much of it, until when."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book, sweeps
from lrbook.beyond import by_seed, percent, recovered
from lrbook.record import Record
from lrbook.stats import mean_interval


def switched(level: float) -> float:
    """Share of relus that the noise turns on or off, for activations N(0, 1) before the relu.

    The chance that x and x + level * e have different signs, x and e independent N(0, 1).
    """
    return math.atan(level) / math.pi


def closing_words(records: Sequence[Record], quantity: str = "clean") -> str:
    """Whether noise closes the gap from small to large, as it comes out, over paired seeds.

    Args:
        records: runs of the arms large, small and noise.
        quantity: the result that is compared.
    """

    arms = {arm: by_seed(records, arm, quantity) for arm in ("small", "noise", "large")}

    def stands(first: str, second: str) -> str:
        seeds = sorted(arms[first].keys() & arms[second].keys())
        by = book.interval_words([arms[first][s] - arms[second][s] for s in seeds], 1)
        where = book.standing(records, quantity, first, second)
        return (
            f"{where} {second}** ({by} points, {len(seeds)} pair{'s' if len(seeds) != 1 else ''})"
        )

    words = [
        f"On new images the large rate ends **{stands('large', 'small')}.",
        f"The noise arm ends **{stands('noise', 'small')}, and **{stands('noise', 'large')}.",
    ]
    share = won_back(records, quantity)
    if math.isnan(share):
        words.append("Without a gap that is clear of chance, no share of it can be quoted.")
    else:
        words.append(f"By means, noise wins back **{percent(share)}** of the gap.")
    return " ".join(words)


def won_back(records: Sequence[Record], quantity: str = "clean") -> float:
    """Which share of the gap from small to large the arm noise closes, by means over the seeds that
    all three have; nan where large is not ahead of small by more than chance.
    """
    if book.standing(records, quantity, "large", "small") != "ahead of":
        return math.nan
    arms = [by_seed(records, arm, quantity) for arm in ("small", "noise", "large")]
    seeds = set.intersection(*map(set, arms))
    return recovered(*([found[seed] for seed in seeds] for found in arms))


def share_reported(told: Mapping[str, Mapping[str, float]]) -> str:
    """The same share of the paper's numbers, arm -> clean."""
    return percent(recovered(*([told[arm]["clean"]] for arm in ("small", "noise", "large"))))


def recorded(name: str, base: Sequence[Record]) -> dict[str, list[Record]]:
    """Setting of the noise -> its runs: the arm noise of ``base``, and the recorded sweep ``name``.

    Empty as long as the sweep has not been recorded, and where anything but arm, seed and noise
    differs from the base, the images first of all: a page never mixes two sets of them.

    Args:
        name: a sweep of the arm noise over noise and noise_drop, in ``recordings.toml``.
        base: runs of the arms that the noise is compared with; also of the arm noise, or not.
    """
    try:
        found = [*sweeps.recorded(name).records]
    except LookupError:
        return {}
    found += [record for record in base if record.config["arm"] == "noise"]
    fixed = [_fixed(record) for record in [*found, *base]]
    return groups(found) if all(settings == fixed[0] for settings in fixed) else {}


def _fixed(record: Record) -> tuple[str, str | None, dict]:
    """The images, the arithmetic, and what the runs of one comparison have in common."""
    free = ("arm", "seed", "noise", "noise_drop")
    settings = {name: value for name, value in record.config.items() if name not in free}
    return book.data_of([record]), record.provenance.get("precision"), settings


def groups(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Setting -> its runs: by level, the noise removed at the first drop, then by its last epoch.

    Args:
        records: runs of the arm noise over noise, and over noise_drop (0 means at the first drop).
    """
    found: dict[tuple, list[Record]] = {}
    for record in records:
        level, end = record.config["noise"], record.config["noise_drop"]
        found.setdefault((end != 0, end if end else level, level), []).append(record)
    named = {}
    for (moved, _, level), runs in sorted(found.items()):
        config = runs[0].config
        last = min((config["noise_drop"] if moved else config["drop"]) - 1, config["epochs"])
        until = "to the end" if last == config["epochs"] else f"until epoch {last}"
        named.setdefault(f"{level:g} {until}", []).extend(runs)
    return named


def difference(records: Sequence[Record], plain: Sequence[Record], arm: str) -> list[float]:
    """Noise minus ``arm`` of ``plain`` on new images at the end, one value per paired seed."""
    mine, other = by_seed(records, "noise", "clean"), by_seed(plain, arm, "clean")
    return [mine[seed] - other[seed] for seed in sorted(mine.keys() & other.keys())]


def table(settings: Mapping[str, Sequence[Record]], plain: Sequence[Record]) -> pd.DataFrame:
    """One row per setting: units switched, accuracies, paired differences to both arms, seeds.

    The first heading names the images.

    Args:
        settings: as ``groups`` gives them.
        plain: runs of the arms large and small at the same size.
    """
    rows = []
    images = book.data_of([*plain, *(run for found in settings.values() for run in found)])
    heads = {"clean": "new images (%)", "train_accuracy": "training images (%)"}
    for setting, records in settings.items():
        row = {f"noise, on {images}": setting}
        row["units switched"] = f"{100 * switched(records[0].config['noise']):.0f} %"
        for name, head in heads.items():
            found = list(by_seed(records, "noise", name).values())
            row[head] = f"{mean_interval(found)[0]:.1f}" if found else "diverged"
        for arm in ("small", "large"):
            row[f"above {arm}"] = book.signed_words(difference(records, plain, arm))
        row["seeds"] = len(records)
        rows.append(row)
    return pd.DataFrame(rows)


def above_words(settings: Mapping[str, Sequence[Record]], plain: Sequence[Record]) -> str:
    """In which settings noise ends above the two arms without it, and which mean is the best.

    A setting without pairs, as where all of its runs diverged, is left out.
    """
    kinds: dict[str, list[str]] = {"every seed": [], "some seeds": [], "no seed": []}
    gaps = {setting: difference(runs, plain, "small") for setting, runs in settings.items()}
    paired = {setting: runs for setting, runs in settings.items() if gaps[setting]}
    levels = {s: runs for s, runs in paired.items() if runs[0].config["noise"] != 0}
    if not levels:
        return "No run with noise shares its seed with one of the small rate without it."
    for setting in levels:
        above = [gap > 0 for gap in gaps[setting]]
        kind = "every seed" if all(above) else "some seeds" if any(above) else "no seed"
        kinds[kind].append(f"*{setting}*")
    where = " ".join(f"In {kind}: {', '.join(named)}." for kind, named in kinds.items() if named)
    over = [s for s in levels if (d := difference(settings[s], plain, "large")) and min(d) > 0]
    words = (
        f"Above the small rate without noise: {where} Above the large rate in every seed: "
        f"{', '.join(f'*{setting}*' for setting in over) or 'none'}."
    )
    every = [by_seed(runs, "noise", "clean") for runs in paired.values()]
    shared = set.intersection(*map(set, [by_seed(plain, "small", "clean"), *every]))
    if not shared:
        return words
    means = {setting: _mean_over(shared, runs, "noise") for setting, runs in levels.items()}
    best = max(means, key=means.get)
    return (
        f"{words} On the seeds that all have, *{best}* is best with {means[best]:.1f} %; the small "
        f"rate without noise has {_mean_over(shared, plain, 'small'):.1f} %."
    )


def against_words(settings: Mapping[str, Sequence[Record]], reference: str) -> str:
    """Every other setting minus ``reference`` on new images, over the seeds that both have.

    Empty where ``reference`` is not among the settings.
    """
    if reference not in settings:
        return ""
    other = by_seed(settings[reference], "noise", "clean")
    told = []
    for setting, records in settings.items():
        mine = by_seed(records, "noise", "clean")
        if setting != reference and (seeds := sorted(mine.keys() & other.keys())):
            gaps = book.signed_words([mine[seed] - other[seed] for seed in seeds])
            told.append(f"*{setting}* {gaps} ({len(seeds)})")
    return f"Above *{reference}*, in points over paired seeds: {'; '.join(told)}."


def _mean_over(seeds: set[int], records: Sequence[Record], arm: str) -> float:
    values = by_seed(records, arm, "clean")
    return mean_interval([values[seed] for seed in sorted(seeds)])[0]
