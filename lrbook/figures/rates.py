"""Rates: a curve by epoch for each of them, and what comes of them over a logarithmic axis."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lrbook import style
from lrbook.figures.artists import NOT_DATA
from lrbook.figures.base import (
    aligned,
    band_of,
    draw_seeds,
    legend_above,
    mark_drops,
    new_figure,
    whole_epochs,
)
from lrbook.stats import FEWEST, mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS: tuple[dict[str, Any], ...] = (
    {"color": style.NEUTRAL, "marker": "o", "linestyle": "--"},
    {"color": style.OTHER_COLORS[0], "marker": "D", "linestyle": "-"},
)
"""Of the series of one panel, at most two."""

_BETWEEN = (":", "-.")
"""Line styles of rates that are no arm's, in turn, so that neighbours differ in a grey print."""


def rates_by_epoch(
    histories: Mapping[float, Sequence[pd.DataFrame]],
    names: Mapping[float, str],
    columns: Mapping[str, str],
    drop: int,
    *,
    small: float,
    large: float,
) -> "Figure":
    """One panel per column: for every rate, the mean over seeds by epoch, without a band; of fewer
    seeds than ``stats.FEWEST``, each run.

    Args:
        histories: rate -> one history per seed, from the lowest rate to the highest.
        names: rate -> what it is called.
        columns: column, in percent -> the panel's title.
        drop: the first epoch at the lower rate.
        small, large: the rates that have these arms' colours; one in between has a colour in
            between, and one beyond them a colour that is no arm's.
    """
    size = (style.WIDTH, 1.3 + 2.8 * len(columns))
    figure, panels = new_figure(len(columns), 1, figsize=size, sharex=True, squeeze=False)
    for axes, (column, title) in zip(panels.flat, columns.items(), strict=True):
        arms = {rate: style.ARM_STYLES[arm] for arm, rate in (("small", small), ("large", large))}
        others = itertools.cycle(_BETWEEN)
        for rate, seeds in histories.items():
            at, values = aligned(seeds, "epoch", column)
            dashes = arms[rate]["linestyle"] if rate in arms else next(others)
            look = {"color": _color(rate, small, large), "linestyle": dashes}
            shown = values if len(values) < FEWEST else values.mean(0, keepdims=True)
            draw_seeds(axes, at, shown, label=names[rate], **look)
        mark_drops(axes, [drop])
        axes.set(title=title, ylabel="accuracy (%)")
    panels[-1, 0].set_xlabel("epoch (grey line: the rate drops)")
    whole_epochs(panels[-1, 0])
    legend_above(figure, panels[0, 0], columns=3)
    return figure


def over_rates(
    panels: Mapping[str, Mapping[str, Mapping[float, Sequence[float]]]], xlabel: str
) -> "Figure":
    """Panels one above the other over one logarithmic axis: means over seeds, 95 % intervals.

    Of fewer seeds than ``stats.FEWEST``, each seed is a hollow mark.

    Args:
        panels: what the panel's axis says -> series -> rate -> one value per seed; one or two
            series.
        xlabel: what the axis of the rates says.
    """
    size = (style.WIDTH, 1.0 + 2.6 * len(panels))
    figure, rows = new_figure(len(panels), 1, figsize=size, sharex=True, squeeze=False)
    rates = sorted({rate for found in panels.values() for each in found.values() for rate in each})
    for axes, (ylabel, series) in zip(rows.flat, panels.items(), strict=True):
        for (name, values), look in zip(series.items(), LOOKS[-len(series) :], strict=True):
            _draw(axes, name, values, look)
        axes.set_xscale("log")
        axes.set(ylabel=ylabel)
        axes.set_xticks(rates, [f"{rate:g}" for rate in rates])
        axes.xaxis.minorticks_off()
        if len(series) > 1:
            axes.legend()
    rows[-1, 0].set_xlabel(xlabel)
    return figure


def _draw(axes: Any, name: str, values: Mapping[float, Sequence[float]], look: Any) -> None:
    axes.plot([], [], label=name, gid=NOT_DATA, **look)
    few = {rate: seeds for rate, seeds in values.items() if len(seeds) < FEWEST}
    for rate, seeds in few.items():
        hollow = look | {"linestyle": "none", "markerfacecolor": "none"}
        axes.plot([rate] * len(seeds), seeds, label=band_of(name), **hollow)
    known = {rate: mean_interval(seeds) for rate, seeds in values.items() if rate not in few}
    if known:
        means, halves = np.array(list(known.values()), dtype=float).T
        axes.errorbar(list(known), means, yerr=halves, capsize=3, label=band_of(name), **look)


def _color(rate: float, small: float, large: float) -> Any:
    """Between the colours of the arms as the rate is between theirs, in logarithms."""
    from matplotlib.colors import to_rgb

    along = np.log(rate / small) / np.log(large / small) if small < large else 0.0
    if not 0 <= along <= 1:
        return style.OTHER_COLORS[0]
    low, high = (np.array(to_rgb(style.ARM_COLORS[arm])) for arm in ("small", "large"))
    return tuple(low + along * (high - low))
