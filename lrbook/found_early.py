"""The large rate's runs that find the patch before their rate drops: which they are, how they end.

Test images with a patch tell little of it while the rate is large: what is right on them jumps from
epoch to epoch. Training accuracy does not: the blank images with a patch are right, and with them
all others that carry one, only once the patch is known.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book, whatif
from lrbook.arms import by_arm
from lrbook.record import Record
from lrbook.words import listed_words

LARGE = "large"

HIDDEN, FOUND = "large", "large, finds the patch early"
"""What figures call runs that do not find the patch before their drop, and those that do."""

_WORDS = {HIDDEN: "patch hidden", FOUND: "patch found early"}


def most_fitted(run: Record) -> float:
    """The best training accuracy of the epochs before the drop, in percent."""
    return float(run.history.train_accuracy[run.history.epoch < run.config["drop"]].max())


def best_after(run: Record) -> float:
    """The best accuracy on clean images of the epochs from the drop on, in percent."""
    return float(run.history.clean[run.history.epoch >= run.config["drop"]].max())


def split(runs: Sequence[Record], control: Sequence[Record]) -> dict[str, list[Record]]:
    """``HIDDEN`` and ``FOUND`` -> finished runs of the arm large, by seed; only kinds with runs.

    A run has found the patch if it fits more of its examples before the drop than any run of the
    ``control`` does. One that has not cannot: it gets its blank images right by guessing only, and
    the control has none.

    Args:
        runs: with the patch, blank images among them.
        control: the same without a patch.

    Returns:
        Nothing where the ``control`` has no finished run of the arm large.
    """
    plain = [most_fitted(run) for run in by_arm(control).get(LARGE, [])]
    kinds: dict[str, list[Record]] = {HIDDEN: [], FOUND: []}
    for run in by_arm(runs).get(LARGE, []) if plain else []:
        kinds[FOUND if most_fitted(run) > max(plain) else HIDDEN].append(run)
    return {kind: found for kind, found in kinds.items() if found}


def histories(runs: Sequence[Record], control: Sequence[Record]) -> dict[str, list[pd.DataFrame]]:
    """As ``split``, with the runs' histories."""
    return {kind: [run.history for run in found] for kind, found in split(runs, control).items()}


def table(
    groups: Mapping[str, Sequence[Record]], without: Mapping[str, Sequence[Record]]
) -> pd.DataFrame:
    """Up to three rows for each setting, of its runs of the arm large: those without a patch, those
    that do not find it before the drop, and those that do.

    Accuracies in percent: mean and 95 % interval (Student's t); one or two values are listed. The
    first heading names the images.

    Args:
        groups: settings, as ``whatif.gather`` gives them.
        without: the same without a patch, as ``patch_cost.controls`` gives them.
    """
    rows, named = [], whatif.headings(groups)
    images = book.data_of([run for runs in groups.values() for run in runs])
    for setting, control in without.items():
        kinds = {_WORDS[kind]: found for kind, found in split(groups[setting], control).items()}
        plain = {"no patch": by_arm(control)[LARGE]} if kinds else {}
        for kind, runs in (plain | kinds).items():
            fitted, best = [most_fitted(run) for run in runs], [best_after(run) for run in runs]
            rows.append(
                {
                    f"setting, on {images}": named[setting],
                    "the large rate's runs": f"{kind} ({book.pairs_words(len(runs), 'seed')})",
                    "examples fitted before the drop (%)": listed_words(fitted, 1),
                    "clean at best from there on (%)": listed_words(best, 1),
                    "clean in the end (%)": listed_words([run.result["clean"] for run in runs], 1),
                }
            )
    return pd.DataFrame(rows)
