"""The whole book on one page: what the paper's story says, and what the recordings found of it."""

from collections.abc import Mapping, Sequence

from lrbook import beyond, book, claims, home, patch_cost, phase, small_drops, whatif
from lrbook.arms import by_seed, images_of, minus
from lrbook.noisy import won_back
from lrbook.record import Record
from lrbook.sweeps import Sweep
from lrbook.vision import histories
from lrbook.words import (
    difference_of_differences,
    difference_words,
    gaps,
    gaps_added,
    interval_words,
)

PLACE = {"eta1": 0.35, "r": 0.15}
"""Where on the map of rates L-S is annealed by both rules."""


def ends_words(plain: Sequence[Record]) -> str:
    """Which of large and small is ahead on plain images, before the first drop and at the end."""
    runs = [run for run in plain if run.config["arm"] in home.LABELS]
    return f"{home.words(runs, 'Before the first drop')}."


def order_words(runs: Sequence[Record]) -> str:
    """When each arm learns the patch, and in how many seeds the small rate is the first."""
    both = whatif.pairs(runs)
    learnt = {
        arm: histories.epochs_words([run.result["patch_learned_epoch"] for run in found])
        for arm, found in book.by_arm(runs).items()
    }
    drop, holds = runs[0].config["drop"], sum(whatif.order_holds(*pair) for pair in both)
    told = "; ".join(f"{arm} {when}" for arm, when in learnt.items())
    return (
        f"The patch is learnt in epoch: {told}. The rate or the noise drops at epoch {drop}. The "
        f"small rate learns it before that, and the large one does not, in **{holds} of "
        f"{len(both)}** seeds."
    )


def model_teachers_words(runs: Sequence[Record]) -> str:
    """The P-only share of W's gradient over each whole run, by arm."""
    shares = {
        arm: interval_words([h.p_only_gradient_share.iloc[-1] for h in found], 2)
        for arm, found in book.histories(runs).items()
    }
    told = " and ".join(f"**{share}** in {arm}" for arm, share in shares.items())
    return f"The share of W's gradient that comes from P-only examples, over the run, is {told}."


def teachers_words(watched: Sequence[Record]) -> str:
    """At the end, gradient of the examples with image and patch over that of the image alone."""
    ratios = {
        arm: interval_words(
            [
                histories.at_the_end(h, "share_both") / histories.at_the_end(h, "share_image")
                for h in found
            ],
            1,
        )
        for arm, found in book.histories(watched).items()
    }
    told = ", ".join(f"**{ratio}** in {arm}" for arm, ratio in ratios.items())
    carriers, alone = (watched[0].config[name] for name in ("carrier_share", "patch_only_share"))
    by_number = carriers * (1 - alone) / (1 - carriers)
    return (
        "The gradient of the examples with image and patch, over that of those with the image "
        f"alone, is at the end {told}. By number it would be {by_number:.1f}."
    )


def model_gap_words(runs: Sequence[Record], by_rule: Sweep) -> str:
    """L-S minus S on fresh P, and S's error minus L-S's where the paper's rule anneals.

    Args:
        runs: both arms, annealed at a fixed step.
        by_rule: L-S by the rule, over eta1, r and eps1, with the seeds of the map of eta1 and r.
    """
    fixed, rule = (interval_words(list(each.values())) for each in by_both_rules(by_rule))
    gap = difference_words(runs, beyond.QUANTITY, "L-S", "S")
    return (
        f"In accuracy on fresh examples with P alone L-S minus S is **{gap}**. On the map of rates "
        f"(at $\\eta_1 = {PLACE['eta1']}$, $r = {PLACE['r']}$) it is {fixed} with our annealing "
        f"step, and {rule} with the paper's rule."
    )


def by_both_rules(by_rule: Sweep) -> list[dict[int, float]]:
    """Seed -> L-S minus S on fresh P at ``PLACE`` on the map of rates: with our annealing step, and
    where the paper's rule anneals.

    Args:
        by_rule: as for ``model_gap_words``.
    """
    plane = phase.recorded("eta1", "r").select(**PLACE)
    small = by_seed(plane, "S", beyond.QUANTITY)
    both = (plane, by_rule.select(**PLACE, eps1=0.02))
    return [minus(by_seed(runs, "L-S", beyond.QUANTITY), small) for runs in both]


def gap_words(runs: Sequence[Record], control: Sequence[Record]) -> str:
    """Large minus small on clean images, the same without any patch, and what the patch adds."""
    whole, without = (
        difference_words(found, "clean", "large", "small", 1) for found in (runs, control)
    )
    added = difference_of_differences(runs, control, "clean", "large", "small", 1)
    return (
        f"On clean images, in points, large minus small is {whole} with the patch in training and "
        f"{without} without any patch. So the patch adds **{added}**."
    )


def noise_words(runs: Sequence[Record], control: Sequence[Record], plain: Sequence[Record]) -> str:
    """What noise in the activations wins back of the gap: with the patch, without it under the same
    schedules, and on plain images under theirs.
    """
    share, bare = (beyond.percent(won_back(found)) for found in (runs, control))
    back = (
        f"Going by the means, noise wins back {share} of the gap with the patch, {bare} without "
        "it; "
    )
    where = book.standing(plain, "clean", "noise", "large")
    gap = difference_words(plain, "clean", "noise", "large", 1)
    return (
        f"{back}on plain images with a larger small rate, and three drops in every arm, it ends "
        f"**{where}** the large rate (in points {gap})."
    )


def theorem_claims() -> list[claims.Claim]:
    """The theorems' exponents, from the recorded sweeps."""
    names = ("kappa", "annealing-time", "annealing-time-d", "second-phase", "convergence-time")
    sweeps = [book.sweep(f"sweep-{name}") for name in names]
    return claims.theorem_claims(*[*sweeps, phase.recorded("kappa", "d")])


def exponents_words(found: Sequence[claims.Claim]) -> str:
    """How many of the theorems' exponents agree, hold with room, and are not met here."""
    verdicts = [claim.verdict for claim in found]
    told = "; ".join(f"*{each}* **{verdicts.count(each)}**" for each in dict.fromkeys(verdicts))
    return f"By verdict, of {len(found)} exponents: {told}."


def where_words(base: Sequence[Record], constants: Sweep) -> str:
    """In how many settings of the map L-S wins, and the gap on the way to four of the paper's
    constants.


    Args:
        base: both arms in the setting from which the constants are walked.
        constants: the sweep that has ``beyond.WALK``.
    """
    runs = phase.errors(phase.recorded("eta1", "r"))
    counts = phase.counts_words(phase.outcome_counts(runs, "eta1", "r"))
    groups = {"none of it": base} | {
        n: beyond.at(constants, **each) for n, each in beyond.WALK.items()
    }
    told = "; ".join(
        f"{name} {difference_words(found, beyond.QUANTITY, 'L-S', 'S')}"
        for name, found in groups.items()
    )
    return (
        f"On the map of rate and r: {counts} L-S minus S on the way to four of the paper's "
        "constants (lengths from 0 on, the margin, one decay for both halves, no pairs in V), by "
        f"how much of it is covered: {told}."
    )


BOTH_DROP = "small runs, both rates drop"
"""What the figure calls the small runs with a small rate that drops, too."""

SIZES = {
    whatif.BASE: "small runs",
    "epochs = 60, drop = 31": "2.5 times as long",
    "train_size = 50000, epochs = 10, drop = 6": "all images, as many steps",
    "train_size = 50000": "all images, as many epochs",
}
"""Settings of the small runs, as ``whatif.label`` has them, by length and number of images."""


Groups = Mapping[str, tuple[Sequence[Record], Sequence[Record]]]
"""Name -> runs of large and small with the patch in training, and the same without any."""


def by_size() -> Groups:
    """The small runs as they are, with a small rate that drops, too, and by ``SIZES``; and those at
    the paper's size. Only where a seed has all four.

    Raises:
        RecordLookupError: the small runs have not been recorded, or those on all images are of
            others.
    """
    names = [f"what-if-laptop-{each}" for each in ("images", "images-short", "longer")]
    runs, _ = whatif.gather("patch-laptop", names)
    bare_names = [f"{name}-control" for name in names]
    control, _ = patch_cost.controls(runs, "patch-laptop-control", bare_names)
    whole, bare = runs[whatif.BASE], control[whatif.BASE]
    drops = small_drops.recorded((whole, bare))
    groups: dict[str, tuple[Sequence[Record], Sequence[Record]]] = {
        SIZES[whatif.BASE]: (whole, bare),
        BOTH_DROP: (small_drops.instead(whole, drops[0]), small_drops.instead(bare, drops[1])),
    }
    groups |= {name: (runs[each], control[each]) for each, name in SIZES.items() if each in control}
    full, bare = map(book.if_recorded, ("patch-paper", "patch-paper-control"))
    groups["the paper's size"] = (full, bare)
    return {
        name: both for name, both in groups.items() if gaps_added(*both, "clean", "large", "small")
    }


def patchs_parts(groups: Groups) -> dict[str, dict[str, list[float]]]:
    """Name -> large minus small on clean images with the patch in training, and the part of it that
    the patch adds, in points, one value per seed that has all four runs.
    """
    found = {}
    for name, both in groups.items():
        added = gaps_added(*both, "clean", "large", "small")
        whole = gaps(both[0], "clean", "large", "small")
        found[name] = {
            "large minus small": [whole[seed] for seed in added],
            "the patch's part of it": list(added.values()),
        }
    return found


def images_words(groups: Groups) -> str:
    """The names of the images that the runs of all ``groups`` learn from."""
    every = [run for both in groups.values() for runs in both for run in runs]
    return ", ".join(dict.fromkeys(name for name, _ in images_of(every)))
