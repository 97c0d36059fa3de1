"""Settings as rows: when both arms learn the patch, and a difference with its interval."""

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook import style
from lrbook.figures.artists import NOT_DATA
from lrbook.figures.base import dotted, new_figure
from lrbook.stats import mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPACE = 0.45
"""Between rows of two topics, in heights of a row."""


def order_rows(
    learned: Mapping[str, Mapping[str, Sequence[int | None]]],
    drops: Mapping[str, int | None],
    epochs: int,
    holds: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    breaks: Collection[str] = (),
) -> "Figure":
    """One row per setting: the epoch in which each seed of both arms learns the patch.

    A short grey line stands where the row's rate drops. A seed that never learns is drawn hollow,
    right of the last epoch.

    Args:
        learned: setting -> arm -> one epoch per seed, None for never; an arm may be empty.
        drops: setting -> first epoch at the lower rate, None where the rate does not drop.
        epochs: the length of the runs.
        holds: setting -> in how many seeds the order holds, in words; none are shown by default.
        names: setting -> what its row is called, where that is not the setting.
        breaks: settings above which there is a little space.
    """
    places = _places(learned, breaks)
    figure, axes = new_figure(figsize=(style.WIDTH, 1.3 + 0.44 * (1 + max(places.values()))))
    never = epochs + max(1.5, 0.1 * epochs)
    arms = list(dict.fromkeys(arm for found in learned.values() for arm in found))
    grey: dict[str, Any] = {"color": style.NEUTRAL, "linewidth": 1.6, "gid": NOT_DATA}
    for arm in arms:
        axes.plot([], [], style.arm_style(arm)["marker"], color=style.arm_color(arm), label=arm)
    for setting, found in learned.items():
        row = places[setting]
        if (drop := drops[setting]) is not None:
            axes.vlines(drop - 0.5, row - 0.4, row + 0.4, **grey)
        for arm, seeds in found.items():
            look, color = style.arm_style(arm)["marker"], style.arm_color(arm)
            # each arm has a strip of the row to itself, so that two who never learn both show
            place = row - 0.4 + 0.8 * (arms.index(arm) + 0.5) / len(arms)
            for epoch, beside in zip(seeds, _beside(len(seeds)), strict=True):
                fill = {"markerfacecolor": "none"} if epoch is None else {}
                at = (never if epoch is None else epoch, place + beside)
                axes.plot(*at, look, color=color, alpha=0.8, markersize=5, **fill)
    _name_rows(axes, places, names)
    step = max(1, round(epochs / 4))
    ticks = [1, *range(step, epochs, step)]
    axes.set_xticks([*ticks, never], [*map(str, ticks), "never"])
    axes.set_xlim(0, never + 0.06 * epochs)
    axes.set_xlabel("epoch in which the patch is learnt")
    if holds:
        text: dict[str, Any] = {"annotation_clip": False, "fontsize": 11}
        for setting, words in holds.items():
            at = (1.02, places[setting])
            axes.annotate(words, at, xycoords=("axes fraction", "data"), va="center", **text)
        axes.annotate("order\nholds in", (1.02, 1.0), xycoords="axes fraction", **text)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def forest(
    rows: Mapping[str, Sequence[float]],
    xlabel: str,
    hollow: Collection[str] = (),
    kinds: tuple[str, str] = ("mean, 95 % interval", "not apart"),
    marks: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
    names: Mapping[str, str] | None = None,
    breaks: Collection[str] = (),
) -> "Figure":
    """One row per setting: a small dot per seed, their mean and its interval; a line at 0.

    The interval is Student's t; one seed has none.

    Args:
        rows: setting -> one difference per seed; a row may be empty.
        xlabel: what the axis says, with the unit.
        hollow: settings whose mean is drawn hollow.
        kinds: what the legend calls a filled mean and a hollow one.
        marks: label -> position of a dotted vertical line.
        limits: what the axis shows. Seeds beyond it are an arrow at its edge with their values, and
            an interval that goes on beyond it ends in one; the figure's table has all of them where
            they are. By default everything is shown.
        names: setting -> what its row is called, where that is not the setting.
        breaks: settings above which there is a little space.
    """
    places, color = _places(rows, breaks), style.OTHER_COLORS[0]
    figure, axes = new_figure(figsize=(style.WIDTH, 1.3 + 0.4 * (1 + max(places.values()))))
    axes.axvline(0, color=style.NEUTRAL, linewidth=1.2, gid=NOT_DATA)
    small: dict[str, Any] = {"color": color, "alpha": 0.55, "markersize": 3.5}
    label = "one seed"
    for setting, values in rows.items():
        # above the interval, so that neither hides the other
        heights = places[setting] - 0.2 + 0.6 * _beside(len(values))
        axes.plot(values, heights, "o", label=label, **small)
        label = "_"
    for words, fill in zip(kinds, (color, "none"), strict=True):
        mine = {
            setting: mean_interval(values)
            for setting, values in rows.items()
            if len(values) and (setting in hollow) == (fill == "none")
        }
        if mine:
            mean, half = np.array(list(mine.values()), dtype=float).T
            at = [places[setting] + 0.15 for setting in mine]
            look = {"marker": "D", "markersize": 5.5, "markerfacecolor": fill, "linestyle": "none"}
            bar = {"linewidth": 1.6, "color": color}
            axes.errorbar(mean, at, xerr=half, label=words, **(look | bar))
    dotted(axes, marks or {}, linewidth=1.6, fontsize=10)
    _name_rows(axes, places, names)
    if limits:
        _edges(axes, rows, places, limits, color)
    axes.set_xlabel(xlabel)
    near = {"columnspacing": 1.2, "handletextpad": 0.5, "handlelength": 1.2}
    figure.legend(loc="outside upper center", ncols=3, **near)
    return figure


def _edges(
    axes: "Axes",
    rows: Mapping[str, Sequence[float]],
    places: Mapping[str, float],
    limits: tuple[float, float],
    color: str,
) -> None:
    """Arrows at the edges in place of what lies beyond them; what is drawn there stays unseen."""
    axes.set_xlim(*limits)
    arrow: dict[str, Any] = {"color": color, "clip_on": False, "gid": NOT_DATA, "markersize": 6}
    for edge, look, out in zip(limits, "<>", (-1, 1), strict=True):
        for setting, values in rows.items():
            mean, half = mean_interval(values)
            if half is not None and out * mean + half > out * edge:
                axes.plot(edge, places[setting] + 0.15, look, **arrow)
            beyond = sorted(value for value in values if out * value > out * edge)
            if beyond:
                at = (edge, places[setting] - 0.2)
                axes.plot(*at, look, alpha=0.55, **arrow)
                words = ", ".join(f"{value:.1f}" for value in beyond).replace("-", "\N{MINUS SIGN}")
                side: dict[str, Any] = {
                    "ha": "left" if out < 0 else "right",
                    "va": "center",
                    "fontsize": 10,
                }
                axes.annotate(words, at, (-6 * out, 0), textcoords="offset points", **side)


def _places(rows: Iterable[str], breaks: Collection[str]) -> dict[str, float]:
    """Setting -> height of its row, from the top."""
    places: dict[str, float] = {}
    spaces = 0
    for row, setting in enumerate(rows):
        spaces += row > 0 and setting in breaks
        places[setting] = row + SPACE * spaces
    return places


def _beside(seeds: int) -> np.ndarray:
    """By how much each of a row's dots is moved, so that equal ones show."""
    return np.linspace(-0.12, 0.12, seeds) if seeds > 1 else np.zeros(seeds)


def _name_rows(axes: "Axes", places: Mapping[str, float], names: Mapping[str, str] | None) -> None:
    shown = [(names or {}).get(setting, setting) for setting in places]
    axes.set_yticks(list(places.values()), wrapped(shown, 22))
    axes.set_ylim(max(places.values()) + 0.6, -0.6)
    axes.grid(axis="y", visible=False)


def wrapped(names: Iterable[str], width: int = 26) -> list[str]:
    """Names of rows over several lines, so that they leave the dots most of the width."""
    return [textwrap.fill(name, width, break_on_hyphens=False) for name in names]
