"""The patch experiment at the paper's size: what there is of it, in words beside the paper's."""

from collections.abc import Mapping, Sequence

from lrbook import book, origin
from lrbook.figures.arms import CHANCE
from lrbook.paper_and_ours import paired
from lrbook.record import Record
from lrbook.vision import cost
from lrbook.vision.config import PatchConfig
from lrbook.vision.histories import mean_before_drop
from lrbook.whatif import pairs

NOT_RECORDED = "**Not recorded** in this results folder: it takes a graphics card."


def state(runs: Sequence[Record]) -> str:
    """Where the runs come from, and which arms have none, as Markdown."""
    if not runs:
        return NOT_RECORDED
    missing = [arm for arm in PatchConfig.arms if arm not in book.by_arm(runs)]
    lacking = f" Not recorded at this size: the arm {' and '.join(missing)}." if missing else ""
    return book.provenance(runs) + lacking


def words(runs: Sequence[Record]) -> str:
    """When each arm has learnt the patch, what large knows of it before its rate drops, and large
    minus the others at the end; what the paper reports stands beside.
    """
    arms = book.by_arm(runs)
    drop = runs[0].config["drop"]
    when = []
    for arm, seeds in arms.items():
        epochs = [run.result["patch_learned_epoch"] for run in seeds]
        when.append(f"{arm} **{', '.join('never' if e is None else str(e) for e in epochs)}**")
    said = (
        f"First epoch with more than half of the patch-only images right: {'; '.join(when)} "
        f"(the rate of large drops at the start of epoch {drop})."
    )
    if "large" in arms:
        found = [run.history.patch_only[run.history.epoch < drop] for run in arms["large"]]
        mean = sum(each.mean() for each in found) / len(found)
        most = max(each.max() for each in found)
        said += (
            f" Before that, large has {mean:.0f} % of them right on average over epochs, and "
            f"{most:.0f} % in its best one; chance is {CHANCE} %."
        )
    for other in ("small", "noise"):
        if paired(runs, other):
            said += f" Large minus {other} at the end, in points: {_gaps(runs, other)}."
    return said


def _gaps(runs: Sequence[Record], other: str) -> str:
    told, gaps = book.reported("patch_experiment"), []
    for quantity in ("clean", "mixed"):
        theirs = told["large"][quantity] - told[other][quantity]
        ours = book.difference_words(runs, quantity, "large", other, 1)
        gaps.append(f"on {quantity} images **{ours}**, in the paper {theirs:.1f}")
    return "; ".join(gaps)


def on_the_front_page(runs: Sequence[Record]) -> str:
    """How pairs of large and small end on images without a patch, and stand before the drop, as
    sentences; "" if there are none.
    """
    both = pairs(runs)
    if not both:
        return ""
    large, small = ([run.result["clean"] for run in arm] for arm in zip(*both, strict=True))
    before = [
        book.interval_words(
            [mean_before_drop(run.history, "clean", run.config["drop"]) for run in arm], 1
        )
        for arm in zip(*both, strict=True)
    ]
    seeds = f"{len(both)} seed{'s' if len(both) > 1 else ''}"
    return (
        f"At the paper's own size ({seeds} so far, and no control without a patch yet; "
        f"{book.data_of(runs)}), {book.interval_words(large, 1)} % of the new images are right at "
        f"the end with the large rate first and {book.interval_words(small, 1)} % with the small "
        f"rate all along ({{doc}}`patch_experiment`). Over the last "
        f"three epochs before the drop it is {before[0]} and {before[1]} %{_already_behind(both)}."
    )


def _already_behind(both: Sequence[Sequence[Record]]) -> str:
    """Says it where the small rate is behind before the drop, too, in every pair."""
    at = [[mean_before_drop(r.history, "clean", r.config["drop"]) for r in pair] for pair in both]
    if all(large > small for large, small in at):
        return ": at this size the small rate, which knows the patch, is behind already then"
    return ""


def speeds(groups: Mapping[str, Sequence[Record]]) -> dict[str, float]:
    """Heading with the hardware -> operations per second, for groups of runs by name; empty ones
    are left out.
    """
    found = {}
    for name, runs in groups.items():
        if runs:
            hardware = "; ".join(origin.distinct(origin.origins_of(runs), "device"))
            found[f"{name}, on {hardware}"] = cost.recorded_speed(runs, PatchConfig)
    return found


def minutes(groups: Mapping[str, Sequence[Record]]) -> str:
    """How long a run of each group took, shortest to longest, as sentences."""
    sentences = []
    for name, runs in groups.items():
        took = [round(run.wall_s / 60, 1) for run in runs if run.wall_s]
        if took:
            span = " to ".join(map(str, sorted({min(took), max(took)})))
            sentences.append(f"The runs {name} took {span} minutes each.")
    return " ".join(sentences)
