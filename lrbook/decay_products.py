"""Rate times weight decay: whether the two rates do alike where the product is alike.

Either rate drops, by the same factor in the same epoch, so a product holds before the drop and,
divided by that factor, after it.
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from lrbook import book, small_drops, weight_decay
from lrbook.alike import recorded_beside
from lrbook.arms import first_rate, minus
from lrbook.noisy_steps import Row
from lrbook.record import Record
from lrbook.small_drops import Pair
from lrbook.vision.histories import mean_before_drop

FIFTH = ("fifth-decay-laptop", "fifth-decay-laptop-control")
"""Sweeps of both rates, with a fifth of the base's large rate's product, in ``recordings.toml``:
with the patch and without any."""

FIVEFOLD = ("fivefold-decay-laptop", "fivefold-decay-laptop-control")
"""Those of the large rate with five times its product."""

WATCHED = "lengths-fifth-decay-laptop"
"""One run of each rate of ``FIFTH`` with the patch, made again and watched."""

LARGE_FIFTH, SMALL_FIFTH = "large, a fifth", "small, drops, a fifth"
"""What figures call the two."""

LARGE, SMALL = "large rate", "small rate that drops"
"""What figures and tables call the two."""

KNOWN = (
    weight_decay.LARGE_NONE,
    weight_decay.LARGE,
    weight_decay.SMALL_NONE_DROPS,
    weight_decay.SMALL_DROPS,
    weight_decay.SMALL_MATCHED_DROPS,
)
"""The rows of ``weight_decay.every_seed`` in which the rate drops."""

BEFORE = "before the drop, no patch (%)"
ENDS = {"at the end, no patch (%)": True, "at the end, with it (%)": False}
"""What an axis says -> whether it is of runs without a patch."""

Products = Mapping[str, Mapping[float, Row]]
"""``LARGE`` and ``SMALL`` -> first rate times decay, over that of the base's large runs, from the
lowest to the highest -> the runs."""


def recorded(pairs: Pair) -> Products:
    """The runs of both rates by product, on all the seeds that they were recorded on.

    Empty as long as one of the sweeps has not been recorded, and where one differs from ``pairs``
    in more than rates and decay.

    Args:
        pairs: runs of large and small, with the patch and without any.
    """
    known = weight_decay.every_seed(pairs)
    more = [small_drops.recorded(pairs, each, weight_decay.FREE) for each in (FIFTH, FIVEFOLD)]
    if not known or not all(all(both) for both in more):
        return {}
    with_patch = [run for name in KNOWN for run in known[name].with_patch]
    without = [run for name in KNOWN for run in known[name].without]
    for both in more:
        with_patch += both[0]
        without += both[1]
    one = _product(known[weight_decay.LARGE].with_patch[0])
    return {
        name: _by_product(first_rate(known[row].with_patch[0]), one, with_patch, without)
        for name, row in ((LARGE, weight_decay.LARGE), (SMALL, weight_decay.SMALL_DROPS))
    }


def _product(run: Record) -> float:
    return first_rate(run) * float(run.config["weight_decay"])


def _by_product(
    rate: float, one: float, with_patch: Sequence[Record], without: Sequence[Record]
) -> dict[float, Row]:
    """Of the runs that begin at ``rate``: product, over ``one``, -> its row."""
    found: dict[float, tuple[list[Record], list[Record]]] = {}
    for at, runs in enumerate((with_patch, without)):
        for run in runs:
            if first_rate(run) == rate:
                product = round(_product(run) / one, 6)  # alike by either rate, to the last digit
                found.setdefault(product, ([], []))[at].append(run)
    return {product: Row("large", *found[product]) for product in sorted(found)}


def panels(products: Products) -> dict[str, dict[str, dict[float, list[float]]]]:
    """What an axis says -> which rate -> product -> accuracy on clean images, one per seed.

    Without the runs that have no decay, for which a logarithmic axis has no place.
    """
    shown = {
        name: {product: row for product, row in rows.items() if product}
        for name, rows in products.items()
    }
    early = {
        name: {
            product: [mean_before_drop(r.history, "clean", r.config["drop"]) for r in row.without]
            for product, row in rows.items()
        }
        for name, rows in shown.items()
    }
    return {BEFORE: early} | {
        axis: {
            name: {product: list(row.clean(bare).values()) for product, row in rows.items()}
            for name, rows in shown.items()
        }
        for axis, bare in ENDS.items()
    }


def table(products: Products) -> pd.DataFrame:
    """As ``weight_decay.table`` has it, a row per rate and product (times the base's large one)."""
    return weight_decay.table(
        {
            f"{name}, ×{product:g}": row
            for name, rows in products.items()
            for product, row in rows.items()
        }
    )


def _leads(products: Products, bare: bool) -> dict[float, dict[int, float]]:
    large, small = products[LARGE], products[SMALL]
    return {
        product: minus(large[product].clean(bare), small[product].clean(bare))
        for product in large
        if product in small
    }


def leads(products: Products) -> dict[float, dict[str, list[float]]]:
    """Product that both rates have -> with the patch, or without any -> by how many points on clean
    images the large rate ends ahead of the small one that drops, one per seed.
    """
    by_kind = {told: _leads(products, bare) for told, bare in weight_decay.AHEAD.items()}
    return {
        product: {told: list(found[product].values()) for told, found in by_kind.items()}
        for product in _leads(products, True)
    }


def added(products: Products) -> dict[float, list[float]]:
    """Product that both rates have -> what the patch adds to the large one's lead, one per seed."""
    with_patch, without = (_leads(products, bare) for bare in (False, True))
    return {
        product: list(minus(found, without[product]).values())
        for product, found in with_patch.items()
    }


def leads_words(products: Products) -> str:
    """What ``leads`` and ``added`` give: means and 95 % intervals over the seeds, and how many."""
    told = "; ".join(
        f"at ×{product:g} "
        + " and ".join(f"**{book.interval_words(v, 1)}** {when}" for when, v in each.items())
        for product, each in leads(products).items()
    )
    more = added(products)
    patch = ", ".join(
        f"**{book.interval_words(points, 1)}** at ×{product:g} "
        f"({book.pairs_words(len(points), 'seed')})"
        for product, points in more.items()
    )
    return (
        "Points by which the large rate ends ahead on clean images of a small one that has the "
        f"same product and drops, too: {told}. What the patch adds: {patch}."
    )


def watched(base: Sequence[Record]) -> dict[str, list[Record]]:
    """``LARGE_FIFTH`` and ``SMALL_FIFTH`` -> the runs of ``WATCHED``. Empty as long as it has not
    been recorded, and where it differs from ``base`` in more than rates, decay and being watched.

    Args:
        base: runs of large and small with the patch.
    """
    runs = recorded_beside(WATCHED, base, ("watch", *weight_decay.FREE))
    found: dict[str, list[Record]] = {}
    for run in sorted(runs, key=first_rate, reverse=True):
        large = first_rate(run) == base[0].config["eta1"]
        found.setdefault(LARGE_FIFTH if large else SMALL_FIFTH, []).append(run)
    return found
