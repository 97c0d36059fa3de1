"""The numbers that the paper reports beside those recorded here, and what differs between them."""

from typing import Any

import pandas as pd

from lrbook import book, recordings, style
from lrbook.arms import paired
from lrbook.record import Record
from lrbook.stats import FEWEST
from lrbook.words import difference_words, gaps, listed_words, pairs_words

ARMS = ("large", "noise", "small")

COMPARED = {
    # table of paper_reported.toml: experiment, recordings (the paper's scale, ours), quantities
    "patch_experiment": ("patch", "patch-paper", "patch-laptop", ("mixed", "clean")),
    "plain_cifar10": ("cifar", "cifar-paper", "cifar-laptop", ("clean",)),
}
PAPERS_SCALE, SMALLER = "ours, the paper's scale", "ours, smaller"
NOT_RECORDED = "not recorded"


def side_by_side(
    told: dict[str, Any], names: tuple[str, str], quantities: tuple[str, ...]
) -> pd.DataFrame:
    """One row per quantity and arm, then the differences between arms: reported, and both of ours.

    Args:
        told: a table of ``paper_reported.toml``: arm -> quantity -> number.
        names: the recordings at the paper's scale and at a smaller one.
        quantities: names of results, in percent.

    Returns:
        A frame of words with the columns ``accuracy (%)``, ``paper`` and one for each recording.
    """
    ours = [recordings.load(name) for name in names]
    headings = [_heading(*each) for each in zip((PAPERS_SCALE, SMALLER), ours, strict=True)]
    rows = []
    for quantity in quantities:
        for arm in ARMS:
            cells = [_mean(runs, arm, quantity) for runs in ours]
            rows.append([f"{quantity}, {arm}", f"{told[arm][quantity]:.2f}", *cells])
        for other in ("noise", "small"):
            gap = told["large"][quantity] - told[other][quantity]
            cells = [_gap(runs, quantity, other) for runs in ours]
            rows.append([f"{quantity}, large − {other}", f"{gap:.2f}", *cells])
    return pd.DataFrame(rows, columns=["accuracy (%)", "paper", *headings])


def agreement(
    told: dict[str, Any], runs: list[Record], quantities: tuple[str, ...], where: str
) -> str:
    """Per difference between arms that ``runs`` have pairs of, whether it has the paper's sign.

    Args:
        told: the paper's accuracies.
        runs: ours.
        quantities: of which accuracy.
        where: which runs of ours these are, such as "in the smaller runs".

    Returns:
        A Markdown list.
    """
    lines = []
    for quantity in quantities:
        for other in (o for o in ("noise", "small") if paired(runs, "large", o)):
            theirs = told["large"][quantity] - told[other][quantity]
            paper = "ahead of" if theirs > 0 else "behind"
            found = gaps(runs, quantity, "large", other).values()
            if len(found) < FEWEST:
                alike = sum(gap * theirs > 0 for gap in found)
                seeds = pairs_words(len(found), "seed")
                verdict = f"it is so in {alike} of {seeds} so far: open"
            else:
                ours = book.standing(runs, quantity, "large", other)
                order = {paper: "the same order", "not apart from": "open"}
                verdict = f"it is {ours} it: {order.get(ours, '**the opposite order**')}"
            lines.append(
                f"- *{quantity}*: in the paper large is {paper} {other}; {where} {verdict}."
            )
    return "\n".join(lines)


def plain_and_patch_words() -> str:
    """Large minus small in both tables of the paper, and why the two are no experiment and control.

    What follows from them, if anything, is the reader's to judge: the words give the condition.
    """
    patch, plain = (book.reported(table) for table in COMPARED)
    whole, without = (told["large"]["clean"] - told["small"]["clean"] for told in (patch, plain))
    most = "most of the gap" if whole > 2 * without else "less than half of the gap"
    return (
        "The paper has no control on the schedule of its patch experiment. Of large minus small on "
        f"clean images it reports {whole:.2f} points with the patch, and {without:.2f} on plain "
        "images, in other runs: more epochs, three drops and another small rate. If all that made "
        f"no difference, {most} would come with the patch in the paper's runs."
    )


def show(table: str) -> None:
    """Show one table of the paper's beside ours, in which order the arms are, and what differs."""
    _, paper, smaller, quantities = COMPARED[table]
    told = book.reported(table)
    style.say(f"*Paper: {told['what']} ({told['source']}; mark “{told['mark']}”).*")
    style.table(side_by_side(told, (paper, smaller), quantities))
    runs = book.recorded(smaller)
    full = book.if_recorded(paper)
    for recorded, where in ((full, "at the paper's scale"), (runs, "in the smaller runs")):
        if recorded:
            style.say(agreement(told, recorded, quantities, where))
    for recorded in (full, runs):
        if recorded:
            style.say(book.provenance(recorded))


def show_differences(table: str) -> None:
    """Show the settings in which the smaller recording departs from the authors'."""
    experiment, _, smaller, _ = COMPARED[table]
    style.table(book.deviations(book.recorded(smaller)[0].config, experiment))


def _heading(words: str, runs: list[Record]) -> str:
    if not runs:
        return words
    counts = {len(seeds) for seeds in book.by_arm(runs).values()}
    upto, plural = "up to " if len(counts) > 1 else "", "s" if max(counts) > 1 else ""
    return f"{words}: {book.data_of(runs)}, {upto}{max(counts)} seed{plural}"


def _mean(runs: list[Record], arm: str, quantity: str) -> str:
    found = book.values(runs, quantity).get(arm) if runs else None
    return listed_words(found, 1) if found else NOT_RECORDED


def _gap(runs: list[Record], quantity: str, other: str) -> str:
    if not paired(runs, "large", other):
        return NOT_RECORDED
    return difference_words(runs, quantity, "large", other, 1)
