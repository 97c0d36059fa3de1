"""What was found of a claim of the story, in the model or on images: a verdict and its numbers."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lrbook import beyond, book, claims, whatif
from lrbook.arms import paired
from lrbook.record import Record
from lrbook.stats import FEWEST, clearly
from lrbook.toy import events
from lrbook.vision.histories import at_the_end
from lrbook.words import gaps, gaps_added, interval_words, listed_words

HOLDS, IN_PART, UNCLEAR, FAILS = "holds", "holds in part", "not clear", "does not hold"
OF = "\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}"  # between two short numbers of one seed
SETTLED = 0.1  # training loss below which the model has learnt a pattern, as in learning_order
SEEN = 0.9  # part of its best accuracy on clean images, from which on an arm knows the picture


class Cell(NamedTuple):
    """What was found of a claim in one place: a verdict, its numbers, and over how many seeds."""

    verdict: str
    numbers: str = ""
    seeds: int | None = None


def verdict(leads: Sequence[float]) -> str:
    """Whether it is as the story says, by how much it is so in each seed.

    It holds where the 95 % interval of the mean is above 0, does not where it is below, and is not
    clear where 0 is inside. Fewer than three seeds are counted, and one is not judged.
    """
    if len(leads) < FEWEST:
        return _few([lead > 0 for lead in leads])
    return {1: HOLDS, 0: UNCLEAR, -1: FAILS}[clearly(leads)]


def _few(so: Sequence[bool]) -> str:
    return f"{sum(so)} of {len(so)} seeds" if len(so) > 1 else "one seed"


def lead(leads: Sequence[float], remark: str = "") -> Cell | None:
    """One claim that a lead, in points, is above 0; None without seeds."""
    if not len(leads):
        return None
    return Cell(verdict(leads), f"{listed_words(leads, 1)}{remark}", len(leads))


def part(parts: Sequence[float], wholes: Sequence[float], remark: str = "") -> Cell | None:
    """A claim that explains ``parts`` of the gap ``wholes``, in points and seed by seed.

    Where it holds, but explains clearly less than half of the gap, or not clearly more, it holds in
    part.
    """
    cell = lead(parts)
    if cell is None:
        return None
    found = cell.verdict
    if found == HOLDS and clearly([2 * p - w for p, w in zip(parts, wholes, strict=True)]) <= 0:
        found = IN_PART
    if len(parts) < FEWEST:
        both = zip(parts, wholes, strict=True)
        numbers = ", ".join(f"{part:.1f}{OF}{whole:.1f}" for part, whole in both)
    else:
        numbers = f"{interval_words(parts, 1)} of {interval_words(wholes, 1)}"
    return cell._replace(verdict=found, numbers=f"{numbers}{remark}")


def early(runs: Sequence[Record]) -> list[float]:
    """Small minus large on clean images, in points, over the last epochs before the drop."""
    return [-lead for lead in whatif.gap_before_drop(runs)]


def early_in_the_model(runs: Sequence[Record]) -> list[float]:
    """S minus L-S on fresh P, in points, over L-S's last five measurements before annealing, at
    equal steps, by seed.
    """
    found = []
    for one, other in paired(runs, "L-S", "S"):
        large, small = one.history, other.history
        late = large[large.rate == large.rate.max()].tail(5)
        there = np.interp(late.step, small.step, small[beyond.QUANTITY])
        found.append(100 * float(there.mean() - late[beyond.QUANTITY].mean()))
    return found


def bare_and_with(bare: Sequence[Record], runs: Sequence[Record]) -> Cell | None:
    """Whether the small rate is ahead before the drop without a patch, and with it, too."""
    without, with_it = early(bare), early(runs)
    if not without or not with_it:
        return lead(without, " without the patch")
    cell = Cell(verdict(without), "", len(without))
    if clearly(without) > 0 and clearly(with_it) <= 0:
        cell = cell._replace(verdict=IN_PART)
    numbers = f"{listed_words(without, 1)} without the patch; {listed_words(with_it, 1)} with it"
    return cell._replace(numbers=numbers)


def order(runs: Sequence[Record]) -> Cell | None:
    """In how many seeds the small rate learns the patch before the drop and the large one not, and
    in how many before it knows the picture.
    """
    pairs = whatif.pairs(runs)
    if not pairs:
        return None
    cell = _counted([whatif.order_holds(*pair) for pair in pairs])
    before_picture = [not _knows_picture(small) for _, small in pairs]
    if len(pairs) >= FEWEST and _counted(before_picture).verdict != cell.verdict:
        cell = cell._replace(verdict=IN_PART)
    told = f"before the large rate does, {sum(before_picture)} before the picture"
    return cell._replace(numbers=f"{cell.numbers} {told}".strip())


def _knows_picture(run: Record) -> bool:
    """Whether a run knows the picture by the epoch in which it learns the patch."""
    clean, learnt = run.history.clean, run.result["patch_learned_epoch"]
    return bool(clean.iloc[:learnt].max() >= SEEN * clean.max())


def _counted(so: Sequence[bool]) -> Cell:
    if len(so) < FEWEST:
        return Cell(_few(so), "", len(so))
    count = f"{sum(so)} of {len(so)} seeds"
    return Cell(HOLDS if all(so) else IN_PART if any(so) else FAILS, count, len(so))


def order_in_the_model(runs: Sequence[Record]) -> Cell | None:
    """In how many seeds Q is learnt first by S and not by L-S: for good, and by first crossing."""
    pairs = paired(runs, "S", "L-S")
    if not pairs:
        return None

    def q_first(run: Record, lasting: bool) -> bool:
        return events.learnt_first(run.history, SETTLED, lasting) == "Q"

    settled, crossed = (
        _counted([q_first(one, lasting) and not q_first(other, lasting) for one, other in pairs])
        for lasting in (True, False)
    )
    same = settled.verdict == crossed.verdict
    once = crossed.numbers.removesuffix(" seeds")
    numbers = (
        f"{settled.numbers} if Q has to stay below a loss of {SETTLED:g}, {once} if once is enough"
    )
    return Cell(settled.verdict if same else IN_PART, numbers, settled.seeds)


def teachers(
    runs: Sequence[Record], value: Callable[[pd.DataFrame], float], what: str, digits: int
) -> Cell | None:
    """Whether ``value`` of a history parts the arms so that the one with the small rate hears less
    of the examples with both patterns; small first, with the number of each arm. None without a
    seed of both.

    Args:
        runs: of the model or on images.
        value: the share of the examples with the broad pattern alone, or minus what those with both
            weigh beside them: larger where the latter teach less.
        what: the value is called.
        digits: of the numbers, which are shown without their sign.
    """
    arms = ("S", "L-S") if "S" in book.by_arm(runs) else ("small", "large")
    found = [(value(small.history), value(large.history)) for small, large in paired(runs, *arms)]
    if not found:
        return None
    numbers = ", ".join(
        f"{interval_words([abs(each) for each in values], digits)} in {arm}"
        for arm, values in zip(arms, zip(*found, strict=True), strict=True)
    )
    leads = [small - large for small, large in found]
    return Cell(verdict(leads), f"{what} {numbers}", len(leads))


def teachers_in_the_model(runs: Sequence[Record]) -> Cell | None:
    """Of the P-only examples' share of W's gradient over the whole run."""
    return teachers(
        runs, lambda h: h.p_only_gradient_share.iloc[-1], "share of gradient from P alone", 2
    )


def teachers_on_images(watched: Sequence[Record]) -> Cell | None:
    """Of the gradient of examples with image and patch over that of the image alone, at the end."""
    return teachers(
        watched,
        lambda h: -at_the_end(h, "share_both") / at_the_end(h, "share_image"),
        "gradient of both over that of image alone",
        1,
    )


def patchs_part(runs: Sequence[Record], control: Sequence[Record]) -> Cell | None:
    """What the patch adds to large minus small on clean images, of the whole of it."""
    added = gaps_added(runs, control, "clean", "large", "small")
    whole = gaps(runs, "clean", "large", "small")
    return part(list(added.values()), [whole[seed] for seed in added])


def noise(arms: Mapping[str, Mapping[int, float]], remark: str = "") -> Cell | None:
    """Noise minus small, of large minus small, in points, over the seeds that all three have."""
    seeds = sorted(
        set.intersection(*(set(arms.get(arm, {})) for arm in ("small", "noise", "large")))
    )
    lifted, wholes = (
        [arms[arm][seed] - arms["small"][seed] for seed in seeds] for arm in ("noise", "large")
    )
    return part(lifted, wholes, remark)


def noise_on_images(runs: Sequence[Record]) -> Cell | None:
    """Of the arm noise, on clean images; that noise is not the one that the large rate has."""
    arms = {arm: book.by_seed(runs, arm, "clean") for arm in ("small", "noise", "large")}
    return noise(arms, " by noise in the activations")


def steps_noise_on_images(runs: Sequence[Record], noisy: Sequence[Record]) -> Cell | None:
    """Of the small rate with the large one's noise, per unit of rate times step, in its steps; that
    in the activations where no such runs are there.

    Args:
        runs: the arms without this noise.
        noisy: runs of the arm small with it.
    """
    if not noisy:
        return noise_on_images(runs)
    arms = {arm: book.by_seed(runs, arm, "clean") for arm in ("small", "large")}
    return noise(arms | {"noise": book.by_seed(noisy, "small", "clean")}, " by noise in its steps")


def exponents(found: Sequence[claims.Claim]) -> Cell:
    """In how many of the theorems' exponents the bound is kept, and in how many of these the fit
    agrees with it.
    """
    agree = sum(claim.verdict == "agrees within its interval" for claim in found)
    kept = [claim.verdict != "does not follow the bound here" for claim in found]
    name = HOLDS if all(kept) else IN_PART if any(kept) else FAILS
    return Cell(
        name, f"{sum(kept)} of {len(kept)}, and {agree} of these agree with the bound's exponent"
    )
