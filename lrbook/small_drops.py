"""The small rate drops, too: what is left of the large rate's lead where both rates come down.

In the patch experiment, the authors' as well as ours, the large rate drops and the small one does
not. So a lead of the large rate may come from how it begins, or from having dropped at all.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.arms import by_seed, on_seeds, seeds_of
from lrbook.beyond import percent
from lrbook.patch_cost import cost_by_seed, share
from lrbook.record import Record
from lrbook.vision.histories import epochs_words
from lrbook.whatif import ARMS, gap

NAMES = ("small-drops-laptop", "small-drops-laptop-control")
"""Sweeps of it in ``recordings.toml``, with the patch and without any: of the arm large, its
``eta1`` being the base's ``eta2``.
"""

ENDED = ("same-end-laptop", "same-end-laptop-control")
"""As ``NAMES``, sweeps in which the large rate drops to where the small one of ``NAMES`` does."""

NEVER, DROPS = "never drops", "drops, too"
"""What tables call a small rate that stays, as in the experiment, and one that comes down."""

SAME_END = "drops, too, both to one rate"
"""What they call it where the large rate comes down as far."""

ARM, DEEP = f"small, {DROPS}", "large, to the same rate"
"""What figures call the small rate that drops, and the large one that comes down as far."""

PANELS = ("With the patch", "Without any patch")
"""What is written above the panels of figures."""

Pair = tuple[Sequence[Record], Sequence[Record]]
"""Runs with the patch, and without any."""

NOTHING: Pair = ((), ())
"""What has not been recorded."""


def recorded(
    pairs: Pair, names: tuple[str, str] = NAMES, free: Sequence[str] = ("eta1", "eta2")
) -> Pair:
    """Finished runs of ``names``: by default those that begin at the small rate of ``pairs`` and
    drop as their large rate does.

    No runs as long as one of the two has not been recorded, and where anything but arm, seed and
    ``free`` differs, the images first of all: a page never mixes two sets of them.

    Args:
        pairs: runs of large and small.
        names: sweeps of the arm large in ``recordings.toml``, with the patch and without any.
        free: the fields in which their runs may differ from those of ``pairs``.
    """
    found = []
    for name, base in zip(names, pairs, strict=True):
        if not (runs := recorded_beside(name, base, free)):
            return [], []
        found.append(runs)
    return found[0], found[1]


def instead(base: Sequence[Record], dropping: Sequence[Record]) -> list[Record]:
    """The large runs of ``base``, and ``dropping`` as the arm small, on the seeds of both."""
    large = [r for r in on_seeds(base, seeds_of(dropping)) if r.config["arm"] == "large"]
    return large + [dataclasses.replace(r, config=r.config | {"arm": "small"}) for r in dropping]


def rows(pairs: Pair, dropping: Pair, ended: Pair = NOTHING) -> dict[str, Pair]:
    """``NEVER``, ``DROPS`` and ``SAME_END`` -> runs of large and small, with the patch and without
    any. The last one only where there are such runs.

    Args:
        pairs: runs of large and small.
        dropping: as ``recorded`` gives them. All rows are on their seeds.
        ended: as ``recorded`` gives those of ``ENDED``.
    """
    seeds = seeds_of(*dropping)
    with_patch, without = (
        [run for run in on_seeds(runs, seeds) if run.config["arm"] in ARMS] for runs in pairs
    )
    found: dict[str, Pair] = {NEVER: (with_patch, without)}
    found[DROPS] = instead(with_patch, dropping[0]), instead(without, dropping[1])
    if all(ended):
        found[SAME_END] = instead(ended[0], dropping[0]), instead(ended[1], dropping[1])
    return found


def histories(pairs: Pair, dropping: Pair) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """What a panel shows -> arm -> one history per seed: both rates, and the small one dropping."""
    found = rows(pairs, dropping)
    return {
        title: book.histories(both) | {ARM: book.histories(too)["small"]}
        for title, both, too in zip(PANELS, found[NEVER], found[DROPS], strict=True)
    }


def same_end_histories(
    pairs: Pair, dropping: Pair, ended: Pair
) -> dict[str, dict[str, list[pd.DataFrame]]]:
    """As ``histories``, of the large rate, of the one that ends where the dropping small one does,
    and of that small one.
    """
    found = rows(pairs, dropping, ended)
    return {
        title: {
            "large": book.histories(both)["large"],
            DEEP: book.histories(deep)["large"],
            ARM: book.histories(deep)["small"],
        }
        for title, both, deep in zip(PANELS, found[NEVER], found[SAME_END], strict=True)
    }


def table(pairs: Pair, dropping: Pair) -> pd.DataFrame:
    """One row for each kind of small rate: when it learns the patch, where it ends, how far the
    large rate is ahead with the patch and without, and what the patch adds. The first heading names
    the images.
    """
    found, images = [], book.data_of([run for runs in pairs for run in runs])
    for kind, (with_patch, without) in rows(pairs, dropping).items():
        learnt = [run.result["patch_learned_epoch"] for run in book.by_arm(with_patch)["small"]]
        ends = [list(by_seed(runs, "small", "clean").values()) for runs in (with_patch, without)]
        added = share(with_patch, without)
        found.append(
            {
                f"the small rate, on {images}": kind,
                "it learns the patch in": epochs_words(learnt, True),
                "ends with it (%)": f"{np.mean(ends[0]):.1f}",
                "without (%)": f"{np.mean(ends[1]):.1f}",
                "the patch costs it": book.signed_words(
                    list(cost_by_seed(with_patch, without, "small").values())
                ),
                "large − small, with it": book.signed_words(gap(with_patch)),
                "large − small, without": book.signed_words(gap(without)),
                "the patch adds": book.signed_words(added),
                "seeds": len(gap(with_patch)),
            }
        )
    return pd.DataFrame(found)


def schedules(pairs: Pair, dropping: Pair, ended: Pair) -> pd.DataFrame:
    """One row for each rate before the drop and after it, of both rates and both ends, on the seeds
    of ``dropping``: when the patch is learnt, where it ends on clean images with the patch and
    without, and what the patch costs it. The first heading names the images.
    """
    found, images = [], book.data_of([run for runs in pairs for run in runs])
    kinds = rows(pairs, dropping, ended)
    for kind, arm in ((NEVER, "large"), (SAME_END, "large"), (NEVER, "small"), (DROPS, "small")):
        if kind not in kinds:
            continue
        with_patch, without = (book.by_arm(runs)[arm] for runs in kinds[kind])
        config = with_patch[0].config
        first = config["eta2"] if kind == NEVER and arm == "small" else config["eta1"]
        ends = [[run.result["clean"] for run in runs] for runs in (with_patch, without)]
        learnt = [run.result["patch_learned_epoch"] for run in with_patch]
        found.append(
            {
                f"rate before → after, on {images}": f"{first:g} → {config['eta2']:g}",
                "patch learnt in": epochs_words(learnt, True),
                "ends with it (%)": f"{np.mean(ends[0]):.1f}",
                "without (%)": f"{np.mean(ends[1]):.1f}",
                "the patch costs it": book.signed_words(
                    list(cost_by_seed(with_patch, without, arm).values())
                ),
                "seeds": len(with_patch),
            }
        )
    return pd.DataFrame(found)


def words(pairs: Pair, dropping: Pair) -> str:
    """What is left of the large rate's lead, with the patch and without, and the patch's part."""
    return " ".join(_lead_words(kind, both) for kind, both in rows(pairs, dropping).items())


def same_end_words(pairs: Pair, dropping: Pair, ended: Pair) -> str:
    """The same where both rates end at one; empty where that has not been recorded."""
    found = rows(pairs, dropping, ended)
    return _lead_words(SAME_END, found[SAME_END]) if SAME_END in found else ""


def _lead_words(kind: str, both: Pair) -> str:
    with_patch, without = both
    whole, bare, added = gap(with_patch), gap(without), share(with_patch, without)
    return (
        f"Where the small rate {kind}, the large one ends **{book.interval_words(whole, 1)}** "
        f"points ahead with the patch and **{book.interval_words(bare, 1)}** without, so that "
        f"the patch adds **{book.interval_words(added, 1)}**, "
        f"{percent(float(np.mean(added) / np.mean(whole)))} of the gap "
        f"({book.pairs_words(len(added), 'paired seed')})."
    )
