"""What the first page shows: the puzzle in one picture and two sentences, contents, citation."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lrbook import book, cite, full_size, style
from lrbook.chapters.contents import table
from lrbook.figures.base import aligned, new_figure, sign
from lrbook.record import Record
from lrbook.vision.histories import mean_before_drop
from lrbook.whatif import pairs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {"large": "large rate first", "small": "small rate all along"}


def puzzle_runs() -> list[Record]:
    """The recorded runs of the patch experiment's arms large and small, the largest scale first
    that has a control, too.
    """
    return _runs_and_control()[0]


def _runs_and_control() -> list[list[Record]]:
    scales = ("patch-paper", "patch-laptop")
    return book.recorded_set(*([scale, f"{scale}-control"] for scale in scales), arms=tuple(LABELS))


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
    """
    both = pairs(records)
    drop = both[0][0].config["drop"]
    before = [[mean_before_drop(run.history, "clean", drop) for run in pair] for pair in both]
    return f"{start} {_leader(before)}; {_end(records)}"


def _end(records: Sequence[Record]) -> str:
    both = [[run.result["clean"] for run in pair] for pair in pairs(records)]
    return f"at the end {_leader(both)}"


def show_words() -> None:
    """Show below the picture what it says in numbers, what of it the patch explains, and the same
    of plain images with their own schedule.
    """
    runs, control = _runs_and_control()
    plain = book.recorded("cifar-paper", "cifar-laptop", arms=tuple(LABELS))
    gap = book.difference_of_differences(runs, control, "clean", "large", "small", digits=1)
    style.say(
        f"{words(runs)}, in points over {book.pairs_words(len(pairs(runs)), 'paired seed')} (mean "
        f"and 95 % interval). "
        f"Most images have a patch in training here. The same schedules without any patch: "
        f"{_end(control)}; what the patch adds to the gap is {gap} ({{doc}}`patch_experiment`). "
        f"Plain images again, with a larger small rate, and three milder steps down for both "
        f"({{doc}}`puzzle`): "
        f"{words(plain, 'before the first drop')}."
    )
    style.say(book.provenance(runs))
    full = _two_arms(book.if_recorded("patch-paper"))
    above = runs[0].run_id in {run.run_id for run in full}  # once they have a control, too
    bare = _two_arms(book.if_recorded("patch-paper-control"))
    if not above and (said := full_size.on_the_front_page(full, bare)):
        style.say(said)
        style.say(book.provenance([run for pair in pairs(full) + pairs(bare) for run in pair]))


def show_contents() -> None:
    """Show the chapters with their questions."""
    style.say(table())


def show_citation() -> None:
    """Show how to cite the book and the paper, as text and as BibTeX."""
    cff = cite.citation()
    style.say("\n".join(f"- {line}" for line in cite.as_text(cff)))
    style.say(f"```bibtex\n{cite.as_bibtex(cff)}\n```")


def _leader(values: Sequence[Sequence[float]]) -> str:
    """Which arm is ahead, from one pair (large, small) per seed; that it is open, if it is."""
    large, small = zip(*values, strict=True)
    mean, half = book.paired_interval(large, small)
    if half is None or abs(mean) <= half:
        return f"neither is clearly ahead (large minus small: {_gap(large, small)})"
    if mean > 0:
        return f"the **large** rate is ahead by {_gap(large, small)}"
    return f"the **small** rate is ahead by {_gap(small, large)}"


def _gap(one: Sequence[float], two: Sequence[float]) -> str:
    return book.interval_words([a - b for a, b in zip(one, two, strict=True)], 1)
