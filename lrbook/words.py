"""Records in words: a mean with its interval, one arm against another, and where runs come from."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from lrbook.arms import by_arm, minus, one_per_seed
from lrbook.errors import ConfigError
from lrbook.origin import (
    commits,
    count_words,
    days,
    distinct,
    framework_of,
    once,
    origins_of,
    seeds_words,
    time_words,
)
from lrbook.record import Record
from lrbook.stats import FEWEST, mean_interval
from lrbook.unknown import unknown_name

NO_PAIRS, ONE_PAIR = "not compared with", "not judged, with one pair only, against"
"""What ``standing`` says where no interval can judge."""


def interval_words(numbers: Sequence[float | None], digits: int | None = None) -> str:
    """``mean ± half-width`` (95 %, Student's t); a dash for nothing; missing values (None, nan) are
    counted. One whole number alone, such as an epoch, stays one.
    """
    known = [number for number in numbers if number is not None and not math.isnan(number)]
    if not known:
        return "–"
    missing = len(numbers) - len(known)
    whole = len(known) == 1 and isinstance(known[0], int) and digits is None
    words = f"{known[0]}" if whole else plus_minus(*mean_interval(known), digits)
    return f"{words} (of {len(known)}, {missing} without)" if missing else words


def listed_words(numbers: Sequence[float | None], digits: int | None = None) -> str:
    """As ``interval_words``, but one or two are listed: their interval would hide them."""
    if len(numbers) >= FEWEST:
        return interval_words(numbers, digits)
    return ", ".join(interval_words([number], digits) for number in numbers)


def signed_words(gaps: Sequence[float]) -> str:
    """Differences, one per pair, with signs: ``+2.1 ± 0.5`` (95 %, Student's t).

    One or two are listed instead, ``+2.1, +1.8``: their interval would hide them. A dash for none.
    """
    if len(gaps) < FEWEST:
        return ", ".join(plus_minus(gap, None, 1, "+") for gap in gaps) or "–"
    return plus_minus(*mean_interval(gaps), 1, "+")


def difference_words(
    records: Sequence[Record], quantity: str, first: str, second: str, digits: int | None = None
) -> str:
    """``first - second`` over the seeds that both arms have: mean, 95 % interval, number.

    One or two differences are listed instead. A dash for the mean where there is no such seed.
    """
    return _over_pairs(list(gaps(records, quantity, first, second).values()), digits)


def gain_words(before: Sequence[float], after: Sequence[float]) -> str:
    """``after - before``, seed by seed: mean, 95 % interval, number of pairs."""
    return _over_pairs([b - a for a, b in zip(before, after, strict=True)])


def standing(records: Sequence[Record], quantity: str, first: str, second: str) -> str:
    """``first`` is ``ahead of``, ``behind`` or (interval over 0) ``not apart from`` ``second``.

    No pair compares nothing, and one pair has no interval to judge by: ``NO_PAIRS``, ``ONE_PAIR``.
    """
    mean, half, count = paired_difference(records, quantity, first, second)
    if half is None:
        return ONE_PAIR if count else NO_PAIRS
    if abs(mean) <= half:
        return "not apart from"
    return "ahead of" if mean > 0 else "behind"


def paired_difference(
    records: Sequence[Record], quantity: str, first: str, second: str
) -> tuple[float, float | None, int]:
    """Mean of ``first - second``, half-width of its 95 % interval, and the number of pairs.

    The mean is nan where there is no pair, the half-width None where there are less than two.
    """
    found = list(gaps(records, quantity, first, second).values())
    return *mean_interval(found), len(found)


def gaps(records: Sequence[Record], quantity: str, first: str, second: str) -> dict[int, float]:
    """Seed -> ``first - second``, for the seeds that both arms have.

    A run without the quantity, such as one that never learnt the patch, is in no pair.

    Raises:
        ConfigError: no record has such a quantity.
        ValueError: two runs of one arm and seed, so they are of several settings.
    """
    known = {name: None for record in records for name in record.result}
    if known and quantity not in known:
        raise ConfigError(unknown_name(quantity, known, what="result of these runs"))
    arms = by_arm(records)
    one, two = (
        {
            seed: run.result[quantity]
            for seed, run in one_per_seed(arms.get(arm, [])).items()
            if run.result[quantity] is not None
        }
        for arm in (first, second)
    )
    return minus(one, two)


def difference_of_differences(
    records: Sequence[Record],
    control: Sequence[Record],
    quantity: str,
    first: str,
    second: str,
    digits: int | None = None,
) -> str:
    """How much more ``first`` exceeds ``second`` in ``records`` than in ``control``, by seed."""
    added = gaps_added(records, control, quantity, first, second)
    return _over_pairs(list(added.values()), digits)


def gaps_added(
    records: Sequence[Record], control: Sequence[Record], quantity: str, first: str, second: str
) -> dict[int, float]:
    """Seed -> how much more ``first`` exceeds ``second`` in ``records`` than in ``control``.

    For the seeds of which all four runs are finished and have the quantity.
    """
    whole, without = (
        gaps([run for run in group if run.status == "finished"], quantity, first, second)
        for group in (records, control)
    )
    return minus(whole, without)


def plus_minus(mean: float, half: float | None, digits: int | None = None, sign: str = "") -> str:
    """``mean ± half``, without the latter if it is None; ``sign="+"`` marks a positive mean.

    A mean that rounds to zero has no minus sign.
    """
    if digits is None:
        digits = 3 if abs(mean) < 2 else 1
    words = f"{mean:{sign}z.{digits}f}"
    if half is None:
        return words
    # no-break spaces: a table cell must not tear a value from its interval
    return f"{words}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{half:.{digits}f}"


def pairs_words(count: int, what: str = "pair") -> str:
    """``1 pair``, ``2 pairs``, ``no pairs``."""
    return f"{count or 'no'} {what}{'s' if count != 1 else ''}"


def _over_pairs(values: Sequence[float], digits: int | None = None) -> str:
    """Mean over pairs, its interval and their number; one or two are listed, a dash is for none."""
    return f"{listed_words(values, digits) or '–'} ({pairs_words(len(values), 'paired seed')})"


def provenance(records: Sequence[Record]) -> str:
    """Where these runs come from, as one Markdown line: seeds, data, hardware, versions, date.

    A run that is among the ``records`` twice, as a base of several comparisons, counts once. What
    they do not know is left out.

    Raises:
        ValueError: there are no records.
    """
    if not records:
        raise ValueError("no records to say where they come from")
    records = once(records)
    origins = origins_of(records)
    framework = framework_of(origins)
    parts = [
        count_words(records),
        seeds_words(record.config["seed"] for record in records),
        *distinct(origins, "data"),
        *distinct(origins, "device"),
        *distinct(origins, "precision"),
        *(f"{framework} {v}" for v in sorted(_versions(origins, framework))),
        f"{time_words(sum(record.wall_s or 0.0 for record in records))} in all",
        days(origins),
        *_commits_words(commits(origins)),
    ]
    said = f"{', '.join(parts[:2])}; {'; '.join(parts[2:])}"
    return f"*{escape(said, quote=False)}.*"  # a record may be anybody's: no tag in it counts


def _versions(origins: Sequence[Mapping[str, Any]], framework: str) -> set[str]:
    return {o["versions"][framework] for o in origins if framework in o["versions"]}


def _commits_words(known: Sequence[str]) -> list[str]:
    """The commits in a few words; the foot of a page lists them all."""
    if len(known) < 2:
        return [f"commit {each}" for each in known]
    if len(known) < 4:
        return [f"commits {', '.join(known)}"]
    return [f"commits {', '.join(known[:2])} and {len(known) - 2} more"]
