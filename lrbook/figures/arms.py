"""Runs over time, arm against arm."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook import style
from lrbook.figures.artists import NOT_DATA
from lrbook.figures.base import (
    Histories,
    band_of,
    draw_arm,
    draw_arms,
    legend_above,
    mark_annealing,
    new_figure,
    whole_epochs,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CHANCE = 10  # percent, ten classes
PATCH_PANELS = {
    "patch_only": "Patch alone, on a blank image",
    "clean": "Test images without a patch",
    "mixed": "Test images with patches, as in training",
}
"""Accuracies of the patch experiment -> what they are called above a panel, in the order in which
they explain each other: who knows the patch, what that costs, and what it brings.
"""


def patch_learning(histories: Histories, drop: int) -> "Figure":
    """Patch-only, clean and mixed accuracy by epoch and arm; a grey line where the rate drops.

    The panel of the clean images is as high as its curves, the other two go from 0 to 100 %.

    Args:
        histories: arm -> one history per seed, with columns epoch, clean, mixed, patch_only.
        drop: the first epoch at the lower rate.
    """
    figure, panels = new_figure(3, 1, figsize=(style.WIDTH, 9.4), sharex=True)
    for axes, (column, title) in zip(panels, PATCH_PANELS.items(), strict=True):
        draw_arms(axes, histories, column, [drop])
        axes.set(title=title, ylabel="accuracy (%)")
        if column != "clean":
            axes.set_ylim(0, 102)
    panels[0].axhline(CHANCE, color=style.NEUTRAL, linewidth=1, linestyle=":", label="chance")
    panels[2].set_xlabel("epoch (grey line: the rate drops)")
    whole_epochs(panels[2])
    legend_above(figure, panels[0])
    return figure


def dots_by_arm(
    values: Mapping[str, Mapping[str, Sequence[float]]],
    ylabel: str,
    *,
    between: tuple[str, str] | None = None,
    unit: str = "points",
) -> "Figure":
    """One dot per seed, grouped: group -> arm -> values. A bar marks each mean.

    Args:
        values: what is drawn.
        ylabel: what the axis says.
        between: two arms. A bracket joins their means in every group that has both, and says by how
            much the mean of the first is above that of the second.
        unit: of that difference.
    """
    figure, axes = new_figure()
    arms = list(dict.fromkeys(arm for group in values.values() for arm in group))
    width = 0.8 / len(arms)
    named = set()
    for index, group in enumerate(values.values()):
        means = {}
        for position, arm in enumerate(arms):
            if arm not in group:
                continue
            seeds = np.asarray(group[arm], dtype=float)
            at = index + width * (position - (len(arms) - 1) / 2)
            shift = np.linspace(-0.25, 0.25, len(seeds)) * width
            color, marker = style.arm_color(arm), style.arm_style(arm)["marker"]
            label = None if arm in named else arm
            named.add(arm)
            axes.plot(at + shift, seeds, marker, color=color, label=label, alpha=0.75)
            axes.hlines(seeds.mean(), at - 0.4 * width, at + 0.4 * width, color=color)
            means[arm] = at, seeds.mean()
        if between and means.keys() >= set(between):
            _bracket(axes, means[between[0]], means[between[1]], width, unit)
    axes.set_xticks(range(len(values)), list(values))
    axes.set_ylabel(ylabel)
    axes.grid(axis="x", visible=False)
    legend_above(figure, axes)
    return figure


def _bracket(
    axes: "Axes", one: tuple[float, float], other: tuple[float, float], width: float, unit: str
) -> None:
    """From mean to mean, (x, y) each, halfway between the columns of dots, ``width`` wide."""
    (x0, y0), (x1, y1) = one, other
    middle, reach = (x0 + x1) / 2, np.sign(x1 - x0) * 0.4 * width
    corners = ([x0 + reach, middle, middle, x1 - reach], [y0, y0, y1, y1])
    axes.plot(*corners, color=style.NEUTRAL, linewidth=1.2, gid=NOT_DATA)
    text = f"{y0 - y1:.1f}\n{unit}".replace("-", "\N{MINUS SIGN}")
    axes.annotate(
        text,
        (middle, (y0 + y1) / 2),
        (-5, 0),
        textcoords="offset points",
        ha="right",
        va="center",
        fontsize=11,
        linespacing=1.0,
    )


def dots_by_group(
    groups: Mapping[str, Sequence[float]],
    xlabel: str,
    *,
    through: Sequence[str] = (),
    apart: Sequence[str] = (),
) -> "Figure":
    """One row per group, one dot per seed; a bar marks each mean.

    Groups named as an arm or a control of ``style.CONTROL_LOOKS`` have its colour and marker, the
    others are grey dots.

    Args:
        groups: label -> one value per seed, the first at the top.
        xlabel: what the axis says.
        through: arms at whose mean a thin line in their look goes through all rows.
        apart: groups below a gap and a grey line; the last ones.
    """
    figure, axes = new_figure(figsize=(style.WIDTH, 0.9 + 0.45 * len(groups)))
    places = [row + 0.5 * (label in apart) for row, label in enumerate(groups)]
    for row, (label, values) in zip(places, groups.items(), strict=True):
        seeds = np.asarray(values, dtype=float)
        look = _dot_look(label) | {"linestyle": "none", "label": band_of(label)}
        shift = np.linspace(-0.2, 0.2, len(seeds)) if len(seeds) > 1 else [0.0]
        axes.plot(seeds, row + np.asarray(shift), alpha=0.75, **look)
        stroke = {"color": look["color"], "label": band_of(label)}
        axes.vlines(seeds.mean(), row - 0.35, row + 0.35, **stroke)
        if label in through:
            dashes = {"linestyle": style.arm_style(label)["linestyle"], "linewidth": 1}
            dashes |= {"color": look["color"], "alpha": 0.8, "zorder": 1}
            axes.axvline(seeds.mean(), label=f"mean of {label}", **dashes)
    if apart:
        edge = len(groups) - len(apart) - 0.25
        axes.axhline(edge, color=style.NEUTRAL, linewidth=0.8, gid=NOT_DATA)
    axes.set_yticks(places, list(groups))
    axes.invert_yaxis()
    axes.set_xlabel(xlabel)
    axes.grid(axis="y", visible=False)
    return figure


def _dot_look(label: str) -> dict[str, Any]:
    if label in style.ARM_COLORS:
        return {"color": style.ARM_COLORS[label], "marker": style.ARM_STYLES[label]["marker"]}
    return style.CONTROL_LOOKS.get(label, {"color": style.NEUTRAL, "marker": "o"})


def learning_order(histories: Histories, limits: Mapping[str, float]) -> "Figure":
    """Three panels over steps of the toy: P-only test accuracy, training losses, gradient share.

    Args:
        histories: arm -> one history per seed.
        limits: label -> accuracy, drawn as dotted lines in the first panel.
    """
    figure, panels = new_figure(3, 1, figsize=(style.WIDTH, 9.4), sharex=True)
    for arm, seeds in histories.items():
        later = [h[h.step > 0] for h in seeds]
        draw_arm(panels[0], arm, later, "step", "p_only_accuracy")
        # Dashes always mean the arm: what an example carries is told by the weight of a line
        for column, what, weight in (
            ("p_only_train_loss", "P alone", style.HEAVY),
            ("both_loss", "both patterns", style.LIGHT),
        ):
            look = {"linewidth": weight, "label": f"{arm}, {what}"}
            draw_arm(panels[1], arm, later, "step", column, **look)
        draw_arm(panels[2], arm, later, "step", "p_only_gradient_share_now")
        mark_annealing(panels, arm, seeds)
    dots = itertools.cycle([":", (0, (1, 4))])
    for label, value in limits.items():
        panels[0].axhline(
            value, color=style.NEUTRAL, linewidth=1.6, linestyle=next(dots), label=label
        )
    panels[0].set(title="Fresh examples that carry P alone", ylabel="test accuracy")
    panels[0].set_ylim(top=1.04)
    panels[1].set(title="Training examples, by what they carry", ylabel="loss", yscale="log")
    panels[2].set(title="Who teaches W", ylabel="P-only share of W's gradient", ylim=(0, 1))
    panels[2].set(xscale="log", xlabel="step (thin line: L-S lowers its rate)")
    legend_above(figure, panels[0], columns=2)
    panels[1].legend(loc="lower left")
    return figure


def by_step(histories: Histories, columns: Mapping[str, str], **axes_options: Any) -> "Figure":
    """One panel per column of the histories, over the step on a logarithmic axis.

    Args:
        histories: arm -> one history per seed.
        columns: column -> what the panel's axis says.
        **axes_options: for every panel, such as ``yscale="log"``.
    """
    size = (style.WIDTH, 0.6 + 2.9 * len(columns))
    figure, panels = new_figure(len(columns), 1, figsize=size, sharex=True, squeeze=False)
    for axes, (column, label) in zip(panels.flat, columns.items(), strict=True):
        for arm, seeds in histories.items():
            draw_arm(axes, arm, [h[h.step > 0] for h in seeds], "step", column)
        axes.set(ylabel=label, xscale="log", **axes_options)
    panels[-1, 0].set_xlabel("step")
    legend_above(figure, panels[0, 0])
    return figure
