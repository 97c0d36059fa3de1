"""How large is large: the first rate of the patch experiment, from small to beyond large.

Every run ends at the same small rate and drops to it in the same epoch; only where it begins
differs. The arms small and large of the base are two of the rates.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book
from lrbook.alike import recorded_beside
from lrbook.arms import by_seed, finished, first_rate, minus, on_seeds, seeds_of
from lrbook.patch_cost import cost_by_seed
from lrbook.record import Record
from lrbook.stats import mean_interval
from lrbook.vision.histories import epochs_words, mean_before_drop

ARMS = ("small", "large")

BARE, PATCHED, COST = "no patch", "with the patch", "what the patch costs"
"""What figures call clean accuracy in runs without a patch and with it, and the difference."""

Rates = Mapping[float, Sequence[Record]]
"""First rate -> its finished runs by seed, from the lowest rate to the highest."""


def recorded(name: str, base: Sequence[Record]) -> Rates:
    """First rate -> finished runs: those of the sweep, and the base's small and large on its seeds.

    Empty as long as the sweep has not been recorded, and where anything but arm, seed and first
    rate differs from the base, the images first of all: a page never mixes two sets of them.

    Args:
        name: a sweep of the arm large over eta1, in ``recordings.toml``.
        base: runs of large and small; other arms are left out.
    """
    both = [run for run in base if run.config["arm"] in ARMS]
    found = recorded_beside(name, both, ("eta1",))
    return by_rate([*found, *on_seeds(both, seeds_of(found))])


def by_rate(runs: Sequence[Record]) -> Rates:
    """First rate -> finished runs by seed, from the lowest rate to the highest.

    Args:
        runs: of the arms small and large.
    """
    rates: dict[float, list[Record]] = {}
    once = {run.run_id: run for run in finished(runs)}.values()
    for run in sorted(once, key=lambda run: (first_rate(run), run.config["seed"])):
        rates.setdefault(first_rate(run), []).append(run)
    return rates


def ends(rates: Rates) -> tuple[float, float]:
    """The rates of the arms small and large: what the small runs begin with, and the ``eta1`` that
    stands in their configuration. Where there is no small run, the lowest rate and the highest.
    """
    small = [run for runs in rates.values() for run in runs if run.config["arm"] == "small"]
    return (first_rate(small[0]), small[0].config["eta1"]) if small else (min(rates), max(rates))


def named(rates: Rates) -> dict[float, str]:
    """First rate -> what it is called: the number, and which arm it is, if it is one."""
    arms = dict(zip(ends(rates), ARMS, strict=True)) if rates else {}
    return {rate: f"{rate:g} ({arms[rate]})" if rate in arms else f"{rate:g}" for rate in rates}


def histories(rates: Rates) -> dict[float, list[pd.DataFrame]]:
    """First rate -> one history per seed."""
    return {rate: [run.history for run in runs] for rate, runs in rates.items()}


def accuracies(with_patch: Rates, without: Rates) -> dict[str, dict[float, list[float]]]:
    """``BARE`` and ``PATCHED`` -> first rate -> final accuracy on clean images, one per seed."""
    return {
        kind: {rate: [run.result["clean"] for run in runs] for rate, runs in rates.items()}
        for kind, rates in ((BARE, without), (PATCHED, with_patch))
    }


def costs(with_patch: Rates, without: Rates) -> dict[float, dict[int, float]]:
    """First rate -> seed -> by how many points a run with the patch is lower on clean images.

    Of the seeds in which both runs have trained (``patch_cost.TRAINED``); a rate without such a
    seed is left out.
    """
    found = {
        rate: cost_by_seed(runs, without[rate], _arm(runs))
        for rate, runs in with_patch.items()
        if rate in without
    }
    return {rate: paid for rate, paid in found.items() if paid}


def ahead(rates: Rates) -> dict[float, dict[int, float]]:
    """First rate -> seed -> points on clean images by which it ends ahead of the lowest rate."""
    clean = {rate: by_seed(runs, _arm(runs), "clean") for rate, runs in rates.items()}
    lowest = clean[min(clean)] if clean else {}
    return {rate: minus(found, lowest) for rate, found in clean.items() if found is not lowest}


def table(with_patch: Rates, without: Rates) -> pd.DataFrame:
    """One row per first rate: when the patch is learnt, accuracy on clean images without a patch
    before the drop and at the end, the same with it, what the patch costs, and by how much the run
    ends ahead of the lowest rate, without a patch and with it. The first heading names the images.
    """
    rows, names = [], named(with_patch)
    images = book.data_of([run for runs in with_patch.values() for run in runs])
    paid, leads = costs(with_patch, without), (ahead(without), ahead(with_patch))
    for rate, runs in with_patch.items():
        alone = without.get(rate, [])
        learnt = [run.result["patch_learned_epoch"] for run in runs]
        early = [mean_before_drop(run.history, "clean", run.config["drop"]) for run in alone]
        rows.append(
            {
                f"first rate, on {images}": names[rate],
                "patch learnt in": epochs_words(learnt, True),
                f"before the drop, {BARE} (%)": _mean(early),
                f"at the end, {BARE} (%)": _mean([run.result["clean"] for run in alone]),
                "at the end, with it (%)": _mean([run.result["clean"] for run in runs]),
                "the patch costs it": book.signed_words(list(paid.get(rate, {}).values())),
                f"ahead of small, {BARE}": book.signed_words(list(leads[0].get(rate, {}).values())),
                "ahead of small, with it": book.signed_words(list(leads[1].get(rate, {}).values())),
                "seeds": len(runs),
            }
        )
    return pd.DataFrame(rows)


def hidden_words(rates: Rates) -> str:
    """For each first rate, in how many seeds the patch is not learnt before the drop."""
    told = []
    for rate, runs in rates.items():
        learnt = [(run.result["patch_learned_epoch"], run.config["drop"]) for run in runs]
        kept = sum(epoch is None or epoch >= drop for epoch, drop in learnt)
        told.append(f"{named(rates)[rate]} in **{kept} of {len(runs)}**")
    return f"First rates that hide the patch up to the drop: {', '.join(told)}."


def _arm(runs: Sequence[Record]) -> str:
    return str(runs[0].config["arm"])


def _mean(values: Sequence[float]) -> str:
    return f"{mean_interval(values)[0]:.1f}" if values else "–"
