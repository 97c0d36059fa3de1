"""What P and Q take: errors over the number of examples, and the memoriser over the length."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lrbook import style
from lrbook.figures.artists import NOT_DATA
from lrbook.figures.base import band_of, dotted, intervals, legend_above, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLORS = style.OTHER_COLORS
_MARKERS = ("o", "s", "^", "D", "v")


def on_and_off(
    patterns: Mapping[str, Mapping[str, np.ndarray]], t: Sequence[float] | np.ndarray
) -> "Figure":
    """Which neurons are on along z + t zeta: a row per neuron, a panel per arm and moment.

    Args:
        patterns: arm -> moment -> booleans (neurons, len(t)); a row is the same neuron at every
            moment of its arm.
        t: evenly spaced.
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.ticker import MaxNLocator

    rows, columns = len(patterns), max(map(len, patterns.values()))
    figure, panels = new_figure(
        rows, columns, figsize=(style.WIDTH, 3.1 * rows), sharex=True, squeeze=False
    )
    half = (t[1] - t[0]) / 2
    for line, (arm, moments) in zip(panels, patterns.items(), strict=True):
        paint = ListedColormap(["#00000000", style.arm_color(arm)])
        for axes, (moment, on) in zip(line, moments.items(), strict=True):
            extent = (t[0] - half, t[-1] + half, len(on) + 0.5, 0.5)
            axes.imshow(
                on,
                cmap=paint,
                vmin=0,
                vmax=1,
                aspect="auto",
                interpolation="nearest",
                extent=extent,
            )
            for ray in (-1, 0, 1):
                axes.axvline(ray, color=style.NEUTRAL, linewidth=1.2, linestyle=":")
            axes.set_title(f"{arm}, {moment}")
            axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.grid(visible=False)
        line[0].set_ylabel("neuron of $V$")
    for axes in panels[-1]:
        axes.set_xlabel("$t$ (dotted: the three rays)")
    return figure


def linear_errors(
    measured: pd.DataFrame,
    closed: tuple[Sequence[float], Sequence[float]],
    marks: Mapping[str, float],
    least: float | None = None,
) -> "Figure":
    """Error on P of both linear classifiers over N / d, both axes logarithmic.

    Args:
        measured: columns d, ratio, logistic, averaging; several rows (seeds) per d and ratio. Dots
            are means, bars 95 % intervals; the marker tells d.
        closed: ratios and the averaging rule's error at them, drawn as a line.
        marks: label -> ratio, dotted.
        least: what one error in all test points comes to. A mean of no error, for which a
            logarithmic axis has no place, is drawn there, hollow, and the axis ends below it;
            None leaves such a mean out.
    """
    from matplotlib.transforms import ScaledTranslation

    figure, axes = new_figure(figsize=(style.WIDTH, 4.6))
    kinds = {"averaging": "averaging rule", "logistic": "logistic regression"}
    sizes = {"averaging": 9, "logistic": 5}  # of hollow marks, which lie on each other
    for (column, label), color in zip(kinds.items(), _COLORS, strict=False):
        groups = enumerate(measured.groupby("d"))
        for (place, (d, rows)), marker in zip(groups, itertools.cycle(_MARKERS), strict=False):
            by_ratio = rows.groupby("ratio")[column]
            ratios = np.array(list(by_ratio.groups))
            # logistic regression has no value for a seed whose examples are all of one label
            mean, half = intervals(values for _, values in by_ratio)
            seen, none = mean > 0, ratios[mean == 0]
            low = np.minimum(half, 0.9 * mean)[seen]
            options = {"color": color, "marker": marker, "linestyle": "none", "capsize": 3}
            beside = ScaledTranslation(place * 5 / 72, 0, figure.dpi_scale_trans)
            options["transform"] = axes.transData + beside
            axes.errorbar(
                ratios[seen],
                mean[seen],
                (low, half[seen]),
                label=f"{label}, $d$ = {d}",
                **options,
            )
            if least is not None and len(none):
                look = {"markerfacecolor": "none", "markersize": sizes[column]}
                name = band_of(f"{label}, $d$ = {d}, none wrong (drawn at one error)")
                height = np.full(len(none), least)
                axes.errorbar(none, height, label=name, **(options | look))
                axes.update_datalim(np.stack([none, height], axis=1))
            # matplotlib does not count points that are moved aside
            ends = np.concatenate([mean[seen], mean[seen] - low, mean[seen] + half[seen]])
            axes.update_datalim(np.stack([np.tile(ratios[seen], 3), ends], axis=1))
    axes.plot(*closed, color=_COLORS[0], label="averaging rule, closed form", zorder=0)
    dotted(axes, marks)
    axes.set(xscale="log", yscale="log", xlabel="$N / d$", ylabel="test error on P")
    if least is not None:
        if axes.get_ylim()[0] < 0.6 * least:  # the margin above would be as large as what is cut
            axes.set_ylim(0.6 * least, 1.5 * max(axes.dataLim.y1, 10 * least))
        if any(line.get_markerfacecolor() == "none" for line in axes.lines):
            look = {"color": style.NEUTRAL, "markerfacecolor": "none", "gid": NOT_DATA}
            axes.plot([], [], "o", label="hollow: none wrong", **look)
    legend_above(figure, axes, columns=2)
    return figure


def memoriser_by_length(
    a: np.ndarray, on_middle: np.ndarray, on_outer: np.ndarray, rho: float
) -> "Figure":
    """f over the length a on Q's rays; where the sign is wrong the line is thin and dotted.

    Every line has its name beside it. The outer rays share one line where f is the same on both.

    Args:
        a: lengths, rising, shape (n,).
        on_middle: f(a z), shape (n,).
        on_outer: f(a (z - zeta)) and f(a (z + zeta)), shape (2, n).
        rho: the offset, marked on both axes.
    """
    figure, axes = new_figure(figsize=(style.WIDTH, 3.8))
    colors = {1: style.ARM_COLORS["L-S"], -1: style.ARM_COLORS["S"]}  # as in the film
    lines = [("$z$ ($y = +1$)", on_middle, 1, "-")]
    if np.allclose(on_outer[0], on_outer[1], rtol=1e-5, atol=1e-6):  # floats of 32 bits
        lines.append(("$z \\pm \\zeta$ ($y = -1$)", on_outer[0], -1, "-"))
    else:
        lines.append(("$z - \\zeta$ ($y = -1$)", on_outer[0], -1, "-"))
        lines.append(("$z + \\zeta$ ($y = -1$)", on_outer[1], -1, "--"))
    for place, (label, f, sign, line) in zip((0.6, 0.4, 0.75), lines, strict=False):
        right, color = sign * f > 0, colors[sign]
        axes.plot(a, np.where(right, f, np.nan), line, color=color, linewidth=4.5, label=label)
        axes.plot(a, np.where(right, np.nan, f), ":", color=color, linewidth=1.6)
        at = int(place * (len(a) - 1))
        axes.annotate(label, (a[at], f[at]), (6, 6), textcoords="offset points", va="bottom")
    axes.axhline(0, color=style.NEUTRAL, linewidth=1.2)
    dotted(axes, {"$a = \\rho$": rho})
    axes.set(xlabel="length $a$", ylabel="$f$", xlim=(0, a[-1]))
    return figure


def few_examples(found: pd.DataFrame, closed: tuple[Sequence[float], Sequence[float]]) -> "Figure":
    """Over k: the chance that all three rays were shown, drawn and closed, and accuracy after.

    Args:
        found: columns k, shown, accuracy; one row per k and draw.
        closed: numbers k and the chance at them, drawn as a line.
    """
    figure, axes = new_figure(figsize=(style.WIDTH, 3.8))
    by_k = found.groupby("k")
    axes.plot(*closed, color=style.NEUTRAL, label="all three rays shown, closed form", zorder=0)
    kinds = {"shown": "all three rays shown, drawn", "accuracy": "accuracy of the trained network"}
    for (column, label), color, marker in zip(kinds.items(), _COLORS, _MARKERS, strict=False):
        mean, half = intervals(values for _, values in by_k[column])
        options = {"color": color, "marker": marker, "linestyle": "none", "capsize": 3}
        axes.errorbar(list(by_k.groups), mean, half, label=label, **options)
    axes.set(xlabel="examples of Q", ylabel="share", ylim=(-0.04, 1.08))
    axes.legend(loc="lower right")
    return figure
