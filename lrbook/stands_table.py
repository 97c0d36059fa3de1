"""The table at the head of What stands: the story claim by claim, in the model and on images."""

from collections.abc import Mapping, Sequence
from statistics import mode
from typing import NamedTuple

import pandas as pd

from lrbook import beyond, book, noisy_steps, stands, whatif
from lrbook import stands_cells as cells
from lrbook.record import Record
from lrbook.stands_cells import Cell
from lrbook.words import gaps, pairs_words

PLACES = ("two-layer model", "images, small runs", "images, the paper's size")


NOTE = (
    "*Numbers are points of accuracy by which it is as the claim says, unless they are counts, "
    "shares or ratios: in the model on new examples with the broad pattern alone, on images on new "
    "ones without a patch. ± is the 95 % interval over paired seeds. A claim holds where the "
    "interval is above 0, does not hold where it is below, and is not clear where 0 is inside. It "
    "holds in part in three cases: its number is not clearly more than half of the one after “of”; "
    "it is so in some of the cases counted, not in all; or it is so by one of two ways of asking, "
    "not by the other. Two seeds are only counted, and one is not judged. A dash: not measured. "
    "Whether it is the noise is judged by what noise adds to the small rate, not by taking it from "
    "the large one. In the model P is the broad pattern and Q the fine one; L-S begins with the "
    "large rate, S has the small one throughout.*"
)
"""What stands below the table: the rule by which a verdict is found, as one emphasis."""


class Row(NamedTuple):
    """A claim, the label of the section about it, and a cell (None: not measured) a place."""

    claim: str
    label: str
    model: Cell | None
    small: Cell | None = None
    full: Cell | None = None


def rows() -> list[Row]:
    """The claims in the order of the page, from the recordings that the page itself names.

    Raises:
        RecordLookupError: a recording of the model, or of the small runs, is not there.
    """
    images = ("patch-laptop", "patch-laptop-control", "patch-laptop-watched", "cifar-laptop")
    toy, noisy = map(book.recorded, ("toy-laptop", "toy-small-rate-same-diffusion"))
    runs, control, watched, plain = map(book.recorded, images)
    shaken = noisy_steps.matched(noisy_steps.recorded("sampling-noise-laptop", runs))
    full, bare = map(book.if_recorded, ("patch-paper", "patch-paper-control"))
    fixed, ruled = map(_points, stands.by_both_rules(book.sweep("phase-annealing-loss")))
    model = {
        arm: _points(book.by_seed([*toy, *noisy], of, beyond.QUANTITY))
        for arm, of in (("small", "S"), ("large", "L-S"), ("noise", "S+noise"))
    }
    walked = beyond.at(book.sweep("sweep-beyond-constants"), **beyond.WALK["all of it"])
    return [
        Row(
            "The small rate looks better at first",
            "stands-ends",
            cells.lead(cells.early_in_the_model(toy)),
            cells.lead(cells.early(plain), " on plain images"),
            cells.bare_and_with(bare, full),
        ),
        Row(
            "In the end the large rate is ahead",
            "stands-ends",
            cells.lead(_ends(toy)),
            cells.lead(whatif.gap(plain), " on plain images"),
            cells.lead(whatif.gap(bare), " without the patch"),
        ),
        Row(
            "The small rate learns the fine pattern first",
            "stands-order",
            cells.order_in_the_model(toy),
            cells.order(runs),
            cells.order(full),
        ),
        Row(
            "Examples with both patterns then stop teaching it",
            "stands-teachers",
            cells.teachers_in_the_model(toy),
            cells.teachers_on_images(watched),
        ),
        Row(
            "So it learns the broad pattern worse",
            "stands-gap",
            cells.part(list(ruled.values()), [fixed[s] for s in ruled], " with the paper's rule"),
            cells.patchs_part(runs, control),
            cells.patchs_part(full, bare),
        ),
        Row(
            "It is the large rate's noise that does it",
            "stands-noise",
            cells.noise(model),
            cells.steps_noise_on_images(runs, shaken),
            cells.noise_on_images(full),
        ),
        Row(
            "The theorems' exponents keep their bounds",
            "stands-exponents",
            cells.exponents(stands.theorem_claims()),
        ),
        Row(
            "It is so with four of the paper's constants, too",
            "stands-where",
            cells.lead(_ends(walked), _if_perfect(walked)),
        ),
    ]


def _points(accuracies: Mapping[int, float]) -> dict[int, float]:
    return {seed: 100 * value for seed, value in accuracies.items()}


def _ends(runs: Sequence[Record]) -> list[float]:
    """L-S minus S on fresh P at the end, in points, by seed."""
    return list(_points(gaps(runs, beyond.QUANTITY, "L-S", "S")).values())


def _if_perfect(runs: Sequence[Record]) -> str:
    """A remark where there is no error left in which the arms could differ."""
    ends = (book.by_seed(runs, arm, beyond.QUANTITY) for arm in ("S", "L-S"))
    least = min(min(each.values(), default=0) for each in ends)
    return ", both arms next to perfect" if least > 0.995 else ""


def table(found: Sequence[Row]) -> pd.DataFrame:
    """One line per claim, which links to its section, and a column per place, whose heading says
    over how many seeds; a cell of other seeds says so itself.
    """
    columns: dict[str, list[str | None]] = {
        "the story": [f"{{ref}}`{row.claim} <{row.label}>`" for row in found]
    }
    for place, here in zip(PLACES, zip(*(row[2:] for row in found), strict=True), strict=True):
        known = [cell.seeds for cell in here if cell and cell.seeds]
        usual = mode(known) if known else None
        head = f"{place} ({pairs_words(usual, 'seed')})" if usual else place
        columns[head] = [_words(cell, usual) for cell in here]
    return pd.DataFrame(columns)


def _words(cell: Cell | None, usual: int | None) -> str | None:
    if cell is None:
        return None
    told = cell.seeds in (None, usual) or "seed" in cell.verdict
    seeds = "" if told else f" ({pairs_words(cell.seeds or 0, 'seed')})"
    return f"**{cell.verdict}**: {cell.numbers}{seeds}" if cell.numbers else f"**{cell.verdict}**"
