"""The plane of z and zeta: the learned function across Q's rays, and how non-linear it gets."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook import style
from lrbook.figures.artists import NOT_DATA
from lrbook.figures.base import legend_above, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMES = {"r": "$r$", "lam": r"$\lambda$", "eta1": r"$\eta_1$", "m_v": "$m_V$"}


def scaling(groups: Mapping[str, Sequence[Any]]) -> "Figure":
    """Nonlinearity against each swept field, log-log: a column per field, a row per group.

    Dots are seeds; the solid line is the closed form with the noise, the dotted line the noise
    alone. The lemma's order lies far above, so that drawing it would flatten the rest.

    Args:
        groups: title -> ``lrbook.toy.levels.Levels``, as many in each group.
    """
    columns = max(map(len, groups.values()))
    size = (style.WIDTH, 2.4 * len(groups) + 0.6)
    figure, panels = new_figure(len(groups), columns, figsize=size, squeeze=False, sharey="row")
    for row, (title, found) in zip(panels, groups.items(), strict=True):
        for axes, level in zip(row, found, strict=True):
            seeds = level.measured.shape[0]
            x = np.tile(level.x, seeds)
            color = style.ARM_COLORS["L-S"]
            axes.plot(x, level.measured.ravel(), "o", color=color, alpha=0.6, label="measured")
            mean = level.predicted.mean(axis=0)
            axes.plot(
                level.x, mean, linewidth=1.6, color=style.OTHER_COLORS[1], label="closed form"
            )
            axes.plot(level.x, level.floor, ":", color=style.NEUTRAL, label="noise alone")
            axes.set(xscale="log", yscale="log", xlabel=_NAMES.get(level.field, level.field))
            # first and last value, inside: other labels would overlap in so narrow a panel
            ticks = level.x[[0, -1]]
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            for label, side in zip(axes.get_xticklabels(), ("left", "right"), strict=True):
                label.set_horizontalalignment(side)
            axes.set_xticks([], minor=True)
        row[0].set_ylabel("nonlinearity")
        row[0].set_title(title, loc="left")
    legend_above(figure, panels[0, 0])
    return figure


def across(
    t: Sequence[float],
    curves: Mapping[str, Mapping[str, np.ndarray]],
    *,
    zoom: float | None = None,
) -> "Figure":
    """N_V(z + t zeta) over t: a panel per arm, a curve per moment, later ones darker and thicker.

    Args:
        t: positions in units of zeta.
        curves: arm -> label of the moment -> values, shape (len(t),).
        zoom: largest |value| to show; None shows all.
    """
    figure, panels = new_figure(
        len(curves), 1, figsize=(style.WIDTH, 2.9 * len(curves)), sharex=True
    )
    for axes, (arm, moments) in zip(np.atleast_1d(panels), curves.items(), strict=True):
        for index, (label, values) in enumerate(moments.items()):
            late = (index + 1) / len(moments)
            look = {"alpha": 0.6 + 0.4 * late, "linewidth": 1 + 1.6 * late}
            line = ("-", "--", "-.", ":")[(len(moments) - 1 - index) % 4]
            color = style.arm_color(arm)
            axes.plot(t, values, line, color=color, label=label, **look)
        for ray in (-1, 0, 1):
            axes.axvline(ray, color=style.NEUTRAL, linewidth=1, linestyle=":")
        axes.set(title=arm, ylabel="$s\\,N_V(z + t\\zeta)$")
        if zoom is not None:
            axes.set_ylim(-zoom, zoom)
        axes.legend(loc="upper left", handlelength=2.6)
    np.atleast_1d(panels)[-1].set_xlabel("$t$ (dotted: Q's three rays; the middle one is positive)")
    return figure


def stills(films: Mapping[str, Any], fractions: Sequence[float], limit: float) -> "Figure":
    """A few frames of ``lrbook.figures.movie``, for where no script runs: arms as columns.

    At four places a sign is written, for who sees no colours, where |value| is above limit / 20.

    Args:
        films: arm -> ``lrbook.toy.profile_along.Film``.
        fractions: which frames, 0 the first and 1 the last; of a short film, each frame once.
        limit: |value| of the darkest colour.
    """
    from matplotlib.colors import LinearSegmentedColormap

    ends = (style.ARM_COLORS["S"], style.MIDDLE, style.ARM_COLORS["L-S"])
    colors = LinearSegmentedColormap.from_list("sign", ends)
    frames = {
        arm: sorted({round(fraction * (len(film.step) - 1)) for fraction in fractions})
        for arm, film in films.items()
    }
    written = {"color": "#303030", "ha": "center", "va": "center_baseline", "fontsize": 11}
    rows = max(map(len, frames.values()))
    size = (style.WIDTH, 1.5 * rows + 0.4)
    figure, panels = new_figure(rows, len(films), figsize=size, squeeze=False)
    Y, X = np.meshgrid(np.linspace(-1, 1, 161), np.linspace(0, 1, 81), indexing="ij")
    for column, (arm, film) in zip(panels.T, films.items(), strict=True):
        for axes in column[len(frames[arm]) :]:
            axes.remove()
        for axes, frame in zip(column, frames[arm], strict=False):
            values = np.hypot(X, Y) * np.interp(np.arctan2(Y, X), film.psi, film.values[frame])
            look = {"vmin": -limit, "vmax": limit, "cmap": colors, "origin": "lower"}
            image = axes.imshow(values, extent=(0, 1, -3, 3), aspect="auto", **look)
            for t in (-1, 0, 1):
                axes.plot((0, 1), (0, t), color="#303030", linewidth=0.9, gid=NOT_DATA)
            for place in (-2, -0.45, 0.45, 2):
                value = values[round((place / 3 + 1) * 80), 74]
                if abs(value) > limit / 20:
                    axes.text(0.925, place, "+" if value > 0 else "\N{MINUS SIGN}", **written)
            axes.set(xticks=[], yticks=[], title=f"{arm}, step {film.step[frame]:,}")
            axes.title.set_fontsize(11.5)
            axes.grid(visible=False)
    figure.colorbar(image, ax=figure.axes, label="$s\\,N_V$", shrink=0.6, extend="both")
    return figure
