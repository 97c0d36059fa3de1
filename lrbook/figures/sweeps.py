"""Sweeps: quantities against one swept field on logarithmic axes, and maps over two."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lrbook import style
from lrbook.figures.base import draw_seeds, legend_above, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEAST_REACH, LEAST_MOST = 0.15, 0.25
"""In maps of differences and of errors, the least that has full colour: the largest of small ones
must not look large, and up to it a colour is one number in all maps.
"""


def against(
    groups: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    xlabel: str,
    ylabel: str,
    guides: Mapping[str, tuple[str, float]] | None = None,
) -> "Figure":
    """Every seed as a dot and the geometric mean as a line, one group per arm or label; log-log.

    Args:
        groups: label -> (x of shape (points,), y of shape (seeds, points)).
        xlabel, ylabel: what the axes say.
        guides: label of a dotted straight line -> (group whose first mean it starts from, slope).
    """
    figure, axes = new_figure()
    start = {}
    looks = [style.ARM_STYLES[arm] for arm in ("L-S", "S", "S+noise")]
    colors = [color for color in style.OTHER_COLORS if color != style.NEUTRAL]  # the guides' grey
    others = zip(colors, looks, strict=True)
    for label, (x, y) in groups.items():
        arm = label in style.ARM_COLORS
        color, look = (style.ARM_COLORS[label], style.ARM_STYLES[label]) if arm else next(others)
        mean = np.exp(np.log(y).mean(0))
        start[label] = (x, mean)
        axes.plot(x, mean, color=color, linestyle=look["linestyle"], label=label)
        for row in y:
            axes.plot(x, row, look["marker"], color=color, alpha=0.5, markersize=4)
    for (label, (group, slope)), dashes in zip((guides or {}).items(), (":", "-."), strict=False):
        x, mean = start[group]
        line = mean[-1] * (x / x[-1]) ** slope
        axes.plot(x, line, linestyle=dashes, color=style.NEUTRAL, label=label, linewidth=1.4)
    axes.set(xscale="log", yscale="log")
    _plain_ticks(axes, next(iter(groups.values()))[0])
    axes.set(xlabel=xlabel, ylabel=ylabel)
    legend_above(figure, axes, columns=2)  # parallel lines leave no corner free
    return figure


def phase_map(
    maps: Mapping[str, pd.DataFrame],
    *,
    xlabel: str,
    ylabel: str,
    difference: str | None = None,
    ties: pd.DataFrame | None = None,
) -> "Figure":
    """Maps over two swept fields, one panel each, the number written in every cell.

    Args:
        maps: title -> table of values, rows for y (ascending) and columns for x; nan where a run
            diverged, drawn as a cross.
        xlabel, ylabel: what the axes say.
        difference: title of the map that is drawn with blue for positive and orange for negative
            values, in full colour at ``LEAST_REACH``; the others share one scale from 0, in full
            colour at ``LEAST_MOST``. So a colour means the same number in different figures, unless
            one of them has larger values: then that figure's largest is its full colour.
        ties: which cells of that map are no win for either, grey and written in parentheses.
    """
    from matplotlib.colors import to_rgb

    figure, panels = new_figure(len(maps), 1, figsize=(style.WIDTH, 3.5 * len(maps)), squeeze=False)
    figure.set_layout_engine("constrained", h_pad=0.12)  # an axis says something below it
    others = [table.to_numpy() for title, table in maps.items() if title != difference]
    most = max(np.nanmax(values, initial=LEAST_MOST) for values in [*others, np.zeros(1)])
    for axes, (title, table) in zip(panels.flat, maps.items(), strict=True):
        cells = table.to_numpy(dtype=float)
        if title == difference:
            reach = np.nanmax(np.abs(cells), initial=LEAST_REACH)
            scale = {"cmap": _two_sided(), "vmin": -reach, "vmax": reach}
        else:
            scale = {"cmap": _one_sided(), "vmin": 0, "vmax": most}
        image = axes.imshow(cells, origin="lower", aspect="auto", interpolation="nearest", **scale)
        for (i, j), value in np.ndenumerate(cells):
            known = np.isfinite(value)
            sign = "+" if title == difference and abs(value) >= 0.005 else ""
            text = f"{value:{sign}z.2f}".replace("-", "\N{MINUS SIGN}")
            ink = _ink(image.to_rgba(value)) if known else style.NEUTRAL
            if (
                title == difference
                and ties is not None
                and ties.loc[table.index[i], table.columns[j]]
            ):
                # the image keeps its value, which is data; nobody's win has nobody's colour
                axes.add_patch(_cell(i, j, style.MIDDLE))
                text, ink = f"({text})", _ink(to_rgb(style.MIDDLE))
            options = {"ha": "center", "va": "center", "fontsize": 11, "color": ink}
            axes.text(j, i, text if known else "×", **options)
        axes.set_xticks(range(table.shape[1]), [f"{x:g}" for x in table.columns])
        axes.set_yticks(range(table.shape[0]), [f"{y:g}" for y in table.index])
        # every map has its own ticks: they may be over different values
        axes.set(title=title, ylabel=ylabel, xlabel=xlabel)
        axes.grid(visible=False)
    return figure


def small_lines(
    groups: Mapping[str, Mapping[str, Sequence[Any]]],
    *,
    xlabel: str,
    ylabel: str,
    limits: Mapping[str, float] | None = None,
) -> "Figure":
    """Mean with the seeds' range for each group: label -> {"x": (points,), "y": (seeds, points)}.

    Where there are fewer than three seeds, the runs themselves.

    Args:
        groups: what is drawn; arms and the controls of ``style.CONTROL_LOOKS`` have their looks.
        xlabel, ylabel: what the axes say.
        limits: label -> height of a dotted horizontal line.
    """
    figure, axes = new_figure()
    spare = itertools.cycle(style.OTHER_COLORS)
    for label, group in groups.items():
        x, y = np.asarray(group["x"], float), np.asarray(group["y"], float)
        if label in style.ARM_COLORS:
            look = {"color": style.ARM_COLORS[label], **style.ARM_STYLES[label]}
        else:
            look = style.CONTROL_LOOKS.get(label) or {"color": next(spare), "marker": "o"}
        draw_seeds(axes, x, y, label=label, **look)
    for label, value in (limits or {}).items():
        axes.axhline(value, color=style.NEUTRAL, linewidth=1.2, linestyle=":")
        axes.annotate(
            label, (0.01, value), xycoords=("axes fraction", "data"), va="bottom", fontsize=10
        )
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend()
    return figure


def _plain_ticks(axes: "Axes", x: np.ndarray) -> None:
    """Ticks at ``x``, and upright at 1, 2, 5, 10, ... where those are few enough to be read."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    axes.set_xticks(x, [f"{value:g}" for value in x])
    axes.xaxis.minorticks_off()
    low, high = axes.get_ylim()
    if high / low < 100:  # two decades; at more, powers of ten
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.yaxis.minorticks_off()


def _cell(row: int, column: int, color: str) -> Any:
    """A cell of a map, to be painted over."""
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=color, edgecolor="none")


def _ink(color: Sequence[float]) -> str:
    """Black or white, whichever stands out more on ``color``, on the page where it does so less.

    The dark page lightens the picture, on which white then stands out less than on the light page,
    where black stands out least.
    """
    lightened = [min(1.0, c * style.DARK_BRIGHTNESS) for c in color[:3]]
    on_black = (_luminance(color) + 0.05) / 0.05
    on_white = 1.05 / (_luminance(lightened) + 0.05)
    return "#000000" if on_black > on_white else "#ffffff"


def _luminance(color: Sequence[float]) -> float:
    """Relative luminance of a colour in 0..1 for each of red, green and blue, as WCAG has it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def _one_sided() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("error", ["#d0cdd5", style.OTHER_COLORS[0], "#2e1a52"])


def _two_sided() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    ends = (style.ARM_COLORS["S"], style.MIDDLE, style.ARM_COLORS["L-S"])
    return LinearSegmentedColormap.from_list("difference", ends)
