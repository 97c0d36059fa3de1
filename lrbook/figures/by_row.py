"""Gaps beside each other: a mean with its interval per row, or the seeds themselves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lrbook import style
from lrbook.figures.artists import NOT_DATA
from lrbook.figures.base import band_of, legend_above, new_figure
from lrbook.stats import FEWEST, mean_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOOKS = (("o", style.NEUTRAL), ("D", style.OTHER_COLORS[0]), ("s", style.OTHER_COLORS[1]))


def means_by_row(rows: Mapping[str, Mapping[str, Sequence[float]]], xlabel: str) -> "Figure":
    """A strip per row and series: the mean over seeds with its 95 % interval; of fewer seeds than
    ``stats.FEWEST``, each seed as a hollow mark.

    Args:
        rows: row -> series -> one value per seed; at most three series, the same in every row.
        xlabel: what the axis says.
    """
    figure, axes = new_figure(figsize=(style.WIDTH, 1.2 + 0.55 * len(rows)))
    axes.axvline(0, color=style.NEUTRAL, linewidth=1.2, linestyle=":", label="_nothing")
    series = list(next(iter(rows.values())))
    for number, (name, (marker, color)) in enumerate(zip(series, LOOKS, strict=False)):
        look: dict[str, Any] = {"color": color, "linestyle": "none", "markersize": 7}
        axes.plot([], [], marker, label=name, gid=NOT_DATA, **look)
        look["label"] = band_of(name)
        height = 0.36 * (number - (len(series) - 1) / 2)
        for row, values in enumerate(rows.values()):
            seeds, place = values[name], row + height
            if len(seeds) < FEWEST:
                axes.plot(seeds, [place] * len(seeds), marker, markerfacecolor="none", **look)
                continue
            mean, half = mean_interval(seeds)
            axes.errorbar(mean, place, xerr=half, fmt=marker, capsize=3, **look)
    names = [f"{row}\n({_seeds(values)})" for row, values in rows.items()]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(xlabel)
    axes.grid(axis="y", visible=False)
    legend_above(figure, axes)
    return figure


def _seeds(values: Mapping[str, Sequence[float]]) -> str:
    count = len(next(iter(values.values())))
    return f"{count} seed{'s' if count != 1 else ''}"
