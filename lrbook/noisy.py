"""Noise in the activations beside a large rate: what it wins back, how much of it, until when."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.arms import by_seed, minus
from lrbook.beyond import percent, recovered
from lrbook.record import Record
from lrbook.stats import mean_interval

ARMS = ("small", "noise", "large")  # from the lower end of the gap to the upper


def switched(level: float) -> float:
    """Share of relus that the noise turns on or off, for activations N(0, 1) before the relu.

    The chance that x and x + level * e have different signs, x and e independent N(0, 1).
    """
    return math.atan(level) / math.pi


def closing_words(records: Sequence[Record], quantity: str = "clean") -> str:
    """Whether noise closes the gap from small to large, as it comes out, over paired seeds.

    Two arms without a pair are said not to be compared, and one pair is not judged.

    Args:
        records: runs of the arms large, small and noise.
        quantity: the result that is compared.
    """
    arms = {arm: by_seed(records, arm, quantity) for arm in ARMS}

    def stands(first: str, second: str) -> tuple[str, str]:
        where = book.standing(records, quantity, first, second)
        gaps = list(minus(arms[first], arms[second]).values())
        points = f"{book.interval_words(gaps, 1)} points, " if gaps else ""
        verb = "ends" if len(gaps) > 1 else "is"  # not judged, or not compared
        return verb, f"**{where} {second}** ({points}{book.pairs_words(len(gaps))})"

    verb, to_small = stands("noise", "small")
    again, to_large = stands("noise", "large")
    words = [
        f"On new images the large rate {' '.join(stands('large', 'small'))}.",
        f"The noise arm {verb} {to_small}, and {'' if again == verb else f'{again} '}{to_large}.",
    ]
    share = won_back(records, quantity)
    if not _seeds_of_all(arms):
        words.append("No seed has all three arms, so no share of the gap can be quoted.")
    elif math.isnan(share):
        words.append("Without a gap that is clear of chance, no share of it can be quoted.")
    else:
        words.append(f"By means, noise wins back **{percent(share)}** of the gap.")
    return " ".join(words)


def won_back(records: Sequence[Record], quantity: str = "clean") -> float:
    """Which share of the gap from small to large the arm noise closes, by means over the seeds that
    all three have; nan where large is not ahead of small by more than chance, or there is no such
    seed.
    """
    arms = {arm: by_seed(records, arm, quantity) for arm in ARMS}
    seeds = _seeds_of_all(arms)
    if not seeds or book.standing(records, quantity, "large", "small") != "ahead of":
        return math.nan
    return recovered(*([found[seed] for seed in seeds] for found in arms.values()))


def _seeds_of_all(arms: Mapping[str, Mapping[int, float]]) -> list[int]:
    return sorted(set.intersection(*map(set, arms.values())))


def share_reported(told: Mapping[str, Mapping[str, float]]) -> str:
    """The same share of the paper's numbers, arm -> clean."""
    return percent(recovered(*([told[arm]["clean"]] for arm in ARMS)))


def recorded(name: str, base: Sequence[Record]) -> dict[str, list[Record]]:
    """Setting of the noise -> its runs: the arm noise of ``base``, and the recorded sweep ``name``.

    Empty as long as the sweep has not been recorded, and where anything but arm, seed and noise
    differs from the base, the images first of all: a page never mixes two sets of them.

    Args:
        name: a sweep of the arm noise over noise and noise_drop, in ``recordings.toml``.
        base: runs of the arms that the noise is compared with; also of the arm noise, or not.
    """
    found = recorded_beside(name, base, ("noise", "noise_drop"))
    noisy = [record for record in base if record.config["arm"] == "noise"]
    return groups([*found, *noisy]) if found else {}


def groups(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Setting -> its runs: by level, the noise removed at the first drop, then by its last epoch.

    Args:
        records: runs of the arm noise over noise, and over noise_drop (0 means at the first drop).
    """
    found: dict[tuple, list[Record]] = {}
    for record in records:
        level, end = record.config["noise"], record.config["noise_drop"]
        found.setdefault((end != 0, end if end else level, level), []).append(record)
    named: dict[str, list[Record]] = {}
    for (moved, _, level), runs in sorted(found.items()):
        config = runs[0].config
        last = min((config["noise_drop"] if moved else config["drop"]) - 1, config["epochs"])
        until = "to the end" if last == config["epochs"] else f"until epoch {last}"
        named.setdefault(f"{level:g} {until}", []).extend(runs)
    return named


def difference(records: Sequence[Record], plain: Sequence[Record], arm: str) -> list[float]:
    """Noise minus ``arm`` of ``plain`` on new images at the end, one value per paired seed."""
    mine, other = by_seed(records, "noise", "clean"), by_seed(plain, arm, "clean")
    return list(minus(mine, other).values())


def table(settings: Mapping[str, Sequence[Record]], plain: Sequence[Record]) -> pd.DataFrame:
    """One row per setting: units switched, accuracies, paired differences to both arms, seeds.

    The first heading names the images. Where fewer runs finished, or fewer pairs are there, than
    the row has seeds, the cell says how many.

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
            if 0 < len(found) < len(records):
                row[head] += f" ({len(found)} of {len(records)})"
        for arm in ("small", "large"):
            gaps = difference(records, plain, arm)
            row[f"above {arm}"] = book.signed_words(gaps)
            if gaps and len(gaps) != len(records):
                row[f"above {arm}"] += f" ({book.pairs_words(len(gaps))})"
        rows.append(row | {"seeds": len(records)})
    return pd.DataFrame(rows)


def above_words(settings: Mapping[str, Sequence[Record]], plain: Sequence[Record]) -> str:
    """In which settings noise ends above the two arms without it, and which mean is the best.

    A setting without pairs, as where all of its runs diverged, is left out; one pair is not called
    every seed.
    """
    kinds: dict[str, list[str]] = {
        "In every seed": [],
        "In some seeds": [],
        "In no seed": [],
        "In the only pair": [],
        "Not in the only pair": [],
    }
    gaps = {setting: difference(runs, plain, "small") for setting, runs in settings.items()}
    paired = {setting: runs for setting, runs in settings.items() if gaps[setting]}
    levels = {s: runs for s, runs in paired.items() if runs[0].config["noise"] != 0}
    if not levels:
        return "No run with noise shares its seed with one of the small rate without it."
    for setting in levels:
        kinds[_kind(gaps[setting])].append(f"*{setting}*")
    where = " ".join(f"{kind}: {', '.join(named)}." for kind, named in kinds.items() if named)
    to_large = {setting: difference(settings[setting], plain, "large") for setting in levels}
    over = [setting for setting, gaps in to_large.items() if gaps and min(gaps) > 0]
    in_every, in_only = (
        ", ".join(f"*{s}*" for s in over if (len(to_large[s]) == 1) == one) for one in (False, True)
    )
    words = f"Above the small rate without noise: {where} "
    words += f"Above the large rate in every seed: {in_every or 'none'}"
    words += f"; in the only pair: {in_only}." if in_only else "."
    every = [by_seed(runs, "noise", "clean") for runs in paired.values()]
    shared = set.intersection(*map(set, [by_seed(plain, "small", "clean"), *every]))
    if not shared:
        return words
    means = {setting: _mean_over(shared, runs, "noise") for setting, runs in levels.items()}
    best = max(means, key=lambda setting: means[setting])
    where = "seeds" if len(shared) > 1 else "one seed"
    return (
        f"{words} On the {where} that all have, *{best}* is best with {means[best]:.1f} %; the "
        f"small rate without noise has {_mean_over(shared, plain, 'small'):.1f} %."
    )


def _kind(gaps: Sequence[float]) -> str:
    above = [gap > 0 for gap in gaps]
    if len(above) == 1:
        return "In the only pair" if above[0] else "Not in the only pair"
    return "In every seed" if all(above) else "In some seeds" if any(above) else "In no seed"


def against_words(settings: Mapping[str, Sequence[Record]], reference: str) -> str:
    """Every other setting minus ``reference`` on new images, over the seeds that both have.

    Empty where ``reference`` is not among the settings.
    """
    if reference not in settings:
        return ""
    other = by_seed(settings[reference], "noise", "clean")
    told = []
    for setting, records in settings.items():
        gaps = list(minus(by_seed(records, "noise", "clean"), other).values())
        if gaps and setting != reference:
            told.append(f"*{setting}* {book.signed_words(gaps)} ({len(gaps)})")
    return f"Above *{reference}*, in points over paired seeds: {'; '.join(told)}."


def _mean_over(seeds: set[int], records: Sequence[Record], arm: str) -> float:
    values = by_seed(records, arm, "clean")
    return mean_interval([values[seed] for seed in sorted(seeds)])[0]
