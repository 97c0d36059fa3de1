"""Patterns and plain pictures: rays, histograms, curves with bounds, galleries."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lrbook import style
from lrbook.figures.base import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def image_grid(images: np.ndarray, titles: Sequence[str], columns: int = 5) -> "Figure":
    """Pictures (count, H, W, 3) in 0..1 with a line of text above each."""
    rows = -(-len(images) // columns)
    figure, panels = new_figure(rows, columns, figsize=(style.WIDTH, 1.55 * rows), squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    for axes, image, title in zip(panels.flat, images, titles, strict=False):
        axes.imshow(image, interpolation="nearest")
        axes.set_title(title, fontsize=10)
    return figure


def three_directions(r: float) -> "Figure":
    """Q in the plane of z and zeta: three rays, the outer two negative, the middle one positive."""
    figure, axes = new_figure(figsize=(style.WIDTH, 3.8))
    colors = {-1: style.ARM_COLORS["S"], 1: style.ARM_COLORS["L-S"]}
    for side, label in ((-r, "$z - \\zeta$"), (0.0, "$z$"), (r, "$z + \\zeta$")):
        sign = 1 if side == 0 else -1
        axes.annotate(
            "",
            xy=(1, side),
            xytext=(0, 0),
            arrowprops={"arrowstyle": "-|>", "color": colors[sign], "linewidth": 2.2},
        )
        text = f"{label}:  $y = {'+' if sign > 0 else '-'}1$"
        axes.annotate(text, (1.02, side), va="center", fontsize=13)
    axes.set(xlim=(0, 1.45), ylim=(-1.6 * r, 1.6 * r))
    axes.set(xlabel="along $z$", ylabel="along $\\zeta / \\|\\zeta\\|$")
    return figure


def two_halves() -> "Figure":
    """The model as a drawing: each half of the input through its own layer, one sum, one loss."""
    figure, axes = new_figure(figsize=(style.WIDTH, 2.5))
    axes.set_axis_off()
    axes.set(xlim=(0, 1), ylim=(0, 1))
    heights = {"P": 0.8, "Q": 0.2}
    words = {
        "P": ("$x_1$\nhas P", "$W$\ntrained", "$w$\nfixed", "$N_W$"),
        "Q": ("$x_2$\nhas Q", "$V$\ntrained", "$v$\nfixed", "$N_V$"),
    }
    places = (0.05, 0.25, 0.46, 0.63)
    steps = [
        ((a, height), (b, height), text)
        for height in heights.values()
        for a, b, text in zip(places[:-1], places[1:], ("", "relu", ""), strict=True)
    ]
    steps += [((places[-1], height), (0.79, 0.5), "") for height in heights.values()]
    for begin, end, text in [*steps, ((0.79, 0.5), (0.95, 0.5), "")]:
        arrow = {"arrowstyle": "-|>", "color": style.NEUTRAL, "shrinkA": 27, "shrinkB": 27}
        axes.annotate("", end, begin, arrowprops=arrow | {"linewidth": 1.4})
        middle = (begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2 + 0.08
        axes.annotate(text, middle, ha="center", fontsize=13, color=style.NEUTRAL)
    centred = {"ha": "center", "va": "center", "fontsize": 13}  # to be read on a phone
    for pattern, height in heights.items():
        for place, text in zip(places, words[pattern], strict=True):
            axes.annotate(text, (place, height), **centred)
    axes.annotate("$+$", (0.79, 0.5), **centred | {"fontsize": 18})
    axes.annotate("one\nloss", (0.95, 0.5), **centred)
    return figure


def histograms(
    groups: Mapping[str, np.ndarray], xlabel: str, mark: float | None = None
) -> "Figure":
    """Outlined histograms on common bins, first the negative class, hatched, then the positive one,
    in the colours of the signs, with an optional grey line at ``mark``.
    """
    figure, axes = new_figure()
    bins = np.histogram_bin_edges(np.concatenate(list(groups.values())), 60)
    styles = ((style.ARM_COLORS["S"], "////"), (style.ARM_COLORS["L-S"], None))
    for (label, values), (color, hatch) in zip(groups.items(), styles, strict=True):
        look = {"facecolor": color, "edgecolor": color, "linewidth": 0, "hatch": hatch}
        axes.hist(values, bins, alpha=0.45, label=label, density=True, **look)
        axes.hist(values, bins, color=color, histtype="step", linewidth=1.6, density=True)
    if mark is not None:
        axes.axvline(mark, color=style.NEUTRAL, linewidth=1.2)
    axes.set(xlabel=xlabel, ylabel="density")
    axes.legend()
    return figure


def curve_with_bounds(
    x: Sequence[float],
    curves: Mapping[str, tuple[Sequence[float], Sequence[float] | None]],
    *,
    xlabel: str,
    ylabel: str,
    logx: bool = False,
) -> "Figure":
    """Means with error bars over a parameter: label -> (mean, half-width or None).

    The curves have the looks of the theory's arms, the first that of L-S. One without half-widths
    is no measurement: a line without markers.
    """
    figure, axes = new_figure()
    for (label, (mean, half)), arm in zip(curves.items(), ("L-S", "S", "S+noise"), strict=False):
        look = {"color": style.ARM_COLORS[arm], **style.ARM_STYLES[arm]}
        if half is None:
            look["marker"] = "none"
        axes.errorbar(x, mean, half, label=label, capsize=3, **look)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if logx:
        axes.set_xscale("log")
    axes.legend()
    return figure
