"""The patch experiment at the paper's size: what there is of it, in words beside the paper's."""

from collections.abc import Mapping, Sequence

from lrbook import book, origin, patch_cost, whatif
from lrbook.arms import paired
from lrbook.figures.arms import CHANCE
from lrbook.record import Record
from lrbook.vision import cost
from lrbook.vision.config import PatchConfig
from lrbook.words import gaps, gaps_added

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
        if paired(runs, "large", other):
            said += f" Large minus {other} at the end, in points: {_gaps(runs, other)}."
    return said


def _gaps(runs: Sequence[Record], other: str) -> str:
    told, gaps = book.reported("patch_experiment"), []
    for quantity in ("clean", "mixed"):
        theirs = told["large"][quantity] - told[other][quantity]
        ours = book.difference_words(runs, quantity, "large", other, 1)
        gaps.append(f"on {quantity} images **{ours}**, in the paper {theirs:.1f}")
    return "; ".join(gaps)


def control_words(runs: Sequence[Record], control: Sequence[Record]) -> str:
    """Large minus small on clean images without any patch, what the patch adds to it, and what it
    costs either arm, in points; "" where no seed has all four runs.
    """
    added = gaps_added(runs, control, "clean", "large", "small")
    if not added:
        return ""
    without = gaps(control, "clean", "large", "small")
    costs = " and ".join(
        f"**{_listed(paid)}** points in {arm}"
        for arm, paid in patch_cost.cost(runs, control).items()
    )
    return (
        "Without any patch large minus small on clean images is "
        f"**{_listed([without[seed] for seed in added])}** points "
        f"({book.pairs_words(len(added), 'paired seed')}); the patch adds "
        f"**{_listed(list(added.values()))}** to that. What the patch costs, accuracy without it "
        f"minus accuracy with it in the same seed, is {costs}."
    )


def _listed(values: Sequence[float]) -> str:
    """One or two values as in a sentence, more as a mean with its interval."""
    return book.listed_words(values, 1).replace(", ", " and ")


def crossing_words(runs: Sequence[Record]) -> str:
    """Which rate is ahead on clean images before the drop, and which at the end, in every seed;
    "" if there are no pairs.
    """
    if not (ends := whatif.gap(runs)):
        return ""
    before = whatif.gap_before_drop(runs)
    return f"over the last three epochs before the drop, {_who(before)}; at the end, {_who(ends)}"


def _who(leads: Sequence[float]) -> str:
    """Which rate is ahead by how many points, where it is the same in every seed."""
    for name, sign in (("large", 1), ("small", -1)):
        if all(sign * lead > 0 for lead in leads):
            return f"the {name} rate is ahead by **{_listed([sign * x for x in leads])}** points"
    return f"neither is ahead in every seed (large minus small: {_listed(leads)} points)"


def speeds(groups: Mapping[str, Sequence[Record]]) -> dict[str, float]:
    """Heading -> operations per second, for groups of runs by name; empty ones are left out."""
    return {
        f"as the runs {name}": cost.recorded_speed(runs, PatchConfig)
        for name, runs in groups.items()
        if runs
    }


def minutes(groups: Mapping[str, Sequence[Record]]) -> str:
    """How long a run of each group took, shortest to longest, and on what, as sentences."""
    sentences = []
    for name, runs in groups.items():
        took = [round(run.wall_s / 60, 1) for run in runs if run.wall_s]
        if took:
            span = " to ".join(map(str, sorted({min(took), max(took)})))
            hardware = "; ".join(origin.distinct(origin.origins_of(runs), "device"))
            sentences.append(f"The runs {name} took {span} minutes each, on {hardware}.")
    return " ".join(sentences)
