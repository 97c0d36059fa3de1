"""What the first page shows: the puzzle in one picture, what the patch adds, contents, citation."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from lrbook import book, cite, style
from lrbook.arms import on_seeds
from lrbook.chapters.contents import table
from lrbook.errors import RecordLookupError
from lrbook.figures.base import aligned, new_figure, sign
from lrbook.record import Record
from lrbook.stats import FEWEST, clearly
from lrbook.whatif import gap, gap_before_drop, need_pairs, pairs
from lrbook.words import gaps, gaps_added, listed_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {"large": "large rate first", "small": "small rate all along"}


def puzzle_runs() -> list[Record]:
    """The recorded runs of the patch experiment's arms large and small, the largest scale first
    that has a control, too.
    """
    scales = ("patch-paper", "patch-laptop")
    sets = ([scale, f"{scale}-control"] for scale in scales)
    return book.recorded_set(*sets, arms=tuple(LABELS))[0]


def _two_arms(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.config["arm"] in LABELS]


def picture(records: Sequence[Record], size: tuple[float, float] = (style.WIDTH, 3.7)) -> "Figure":
    """Accuracy on new images without the patch by epoch, large rate against small.

    A line is the mean over seeds, the band around it reaches from the lowest seed to the highest.

    Args:
        records: runs of the arms large and small of the patch experiment, on the same images.
        size: width and height in inches.
    """
    figure, axes = new_figure(figsize=size)
    draw(axes, records)
    axes.set(xlabel="epoch", ylabel="right on new images (%)")
    return sign(figure, book.data_of(records))


def draw(axes: "Axes", records: Sequence[Record]) -> None:
    """What ``picture`` has inside its axes: lines, bands, their names, and where the rate drops."""
    drop = records[0].config["drop"]
    for arm, histories in book.histories(records).items():
        epochs, values = aligned(histories, "epoch", "clean")
        color, mean = style.ARM_COLORS[arm], values.mean(0)
        axes.plot(epochs, mean, color=color, linestyle=style.ARM_STYLES[arm]["linestyle"], lw=2.6)
        axes.fill_between(epochs, values.min(0), values.max(0), color=color, alpha=0.18, lw=0)
        # The name stands over the line where that is level, well after the drop.
        at = (drop + epochs[-1]) // 2
        there = (at, values.max(0)[epochs == at][0])
        name: dict[str, Any] = {"fontweight": "bold", "ha": "center", "va": "bottom"}
        axes.annotate(LABELS[arm], there, (0, 5), textcoords="offset points", color=color, **name)
    axes.axvline(drop - 0.5, color=style.NEUTRAL, linewidth=1.4, linestyle=":")
    place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points"}
    axes.annotate("the large rate drops", (drop - 0.5, 0.05), (8, 0), **place)
    axes.margins(y=0.12)


def words(records: Sequence[Record], start: str = "Before the drop") -> str:
    """Who is ahead before the drop, who at the end, and by how much over paired seeds.

    Args:
        records: runs of the arms large and small.
        start: how the sentence begins.

    Raises:
        RecordLookupError: no seed has both arms.
    """
    need_pairs(records)
    return f"{start} {_leader(gap_before_drop(records))}; at the end {_leader(gap(records))}"


Sizes = Mapping[str, tuple[Sequence[Record], Sequence[Record]]]
"""What a size is called -> its runs of the arms large and small with the patch, and without any."""


def show_words() -> None:
    """Show below the picture what of the gap is there without a patch: the finding in a sentence,
    the gaps in a table, and where the runs come from.
    """
    found = sizes()
    style.say(f"**{news(found)}**")
    style.table(gap_table(found))
    style.say(origins(found))


def sizes() -> Sizes:
    """The patch experiment in both sizes that are recorded; one without a pair is left out.

    Raises:
        RecordLookupError: there is none.
    """
    names = {"small runs": "patch-laptop", "the paper's size": "patch-paper"}
    found = {
        size: (_two_arms(book.if_recorded(name)), _two_arms(book.if_recorded(f"{name}-control")))
        for size, name in names.items()
    }
    there = {size: groups for size, groups in found.items() if pairs(groups[0])}
    if not there:
        raise RecordLookupError(
            f"no pair of runs of {' or '.join(names.values())} has been recorded"
        )
    return there


def news(found: Sizes) -> str:
    """How much of the large rate's lead at the end is there without any patch, size by size.

    It is most of it, or less than half, where what is there without the patch and what the patch
    adds are ``clearly`` apart; one of few seeds says how many. A size without a control is passed
    over.
    """
    told = []
    for size, (runs, control) in found.items():
        added = gaps_added(runs, control, "clean", "large", "small")
        bare = gaps(control, "clean", "large", "small")
        if added:
            ends = [(bare[seed], more) for seed, more in added.items()]
            few = f" ({book.pairs_words(len(ends), 'seed')})" if len(ends) < FEWEST else ""
            told.append((f"{'at' if size.startswith('the ') else 'in'} {size}{few}", _part(ends)))
    if not told:
        return "How much of the lead is there without any patch has not been recorded."
    (where, part), *others = told
    rest = "".join(f"; {where}, {part} of it" for where, part in others)
    return (
        f"{where[0].upper()}{where[1:]}, {part} of the large rate's lead is there without any "
        f"patch{rest}."
    )


def _part(ends: Sequence[tuple[float, float]]) -> str:
    """Which part of the gap the first of (without a patch, what the patch adds) is, over seeds."""
    if clearly([bare for bare, _ in ends]) <= 0:
        return "no clear part"
    more = clearly([bare - added for bare, added in ends])
    return "most" if more > 0 else "less than half" if more < 0 else "about half"


def gap_table(found: Sizes) -> pd.DataFrame:
    """Large minus small at the end on images without a patch: trained with it, without it, and the
    difference. A column for each size, its paired seeds in the heading.
    """
    table: dict[str, list[str]] = {
        "lead of the large rate, in points": [
            "with the patch in training",
            "without any patch",
            "**what the patch adds**",
        ]
    }
    for size, (runs, control) in found.items():
        added = gaps_added(runs, control, "clean", "large", "small")
        groups = [gaps(group, "clean", "large", "small") for group in (runs, control)]
        seeds = list(added or groups[0])
        cells = [
            listed_words([group[seed] for seed in seeds if seed in group], 1) for group in groups
        ]
        more = listed_words(list(added.values()), 1)
        head = f"{size} ({book.pairs_words(len(seeds), 'seed')})"
        table[head] = [cells[0], cells[1] if added else "–", f"**{more}**" if added else "–"]
    return pd.DataFrame(table)


def origins(found: Sizes) -> str:
    """Where the runs of the table come from, and what it says of them, as one emphasis."""
    told = []
    for size, (runs, control) in found.items():
        added = gaps_added(runs, control, "clean", "large", "small")
        seeds = added or gaps(runs, "clean", "large", "small")
        every = [*runs, *control] if added else runs
        shown = book.provenance(on_seeds(every, seeds)).strip("*")
        told.append(f"{size[0].upper()}{size[1:]}: {shown}")
    return (
        "*Accuracy on new images without a patch; ± is the 95 % interval over paired seeds, of two "
        f"seeds both are listed ({{doc}}`patch_experiment`). {' '.join(told)}*"
    )


def show_contents() -> None:
    """Show the chapters with their questions."""
    style.say(table())


def show_citation() -> None:
    """Show how to cite the book and the paper, as text and as BibTeX."""
    cff = cite.citation()
    style.say("\n".join(f"- {line}" for line in cite.as_text(cff)))
    style.say(f"```bibtex\n{cite.as_bibtex(cff)}\n```")


def _leader(leads: Sequence[float]) -> str:
    """Which arm is ahead, from large minus small by seed; that it is open, if it is."""
    mean, half = book.mean_interval(leads)
    if half is None or abs(mean) <= half:
        return f"neither is clearly ahead (large minus small: {_points(leads)})"
    if mean > 0:
        return f"the **large** rate is ahead by {_points(leads)}"
    return f"the **small** rate is ahead by {_points([-lead for lead in leads])}"


def _points(leads: Sequence[float]) -> str:
    return book.interval_words(leads, 1)
