"""Variants: settings as rows with both arms, and one arm of the toy under several settings."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lrbook import style
from lrbook.figures.artists import NOT_DATA
from lrbook.figures.base import (
    Histories,
    annealing_step,
    band_of,
    dotted,
    draw_arm,
    legend_above,
    mark_annealing,
    new_figure,
)
from lrbook.figures.rows import wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def gap_rows(
    groups: Mapping[str, Mapping[str, Sequence[float]]],
    xlabel: str,
    marks: Mapping[str, float] | None = None,
    names: Mapping[str, str] | None = None,
) -> "Figure":
    """One row per setting: every seed of both arms as a dot, the means joined by a line.

    Args:
        groups: setting -> arm -> one value per seed; an arm may be empty.
        xlabel: what the axis says.
        marks: label -> position of a dotted vertical line.
        names: arm -> what the legend calls it, where that is not the arm's name.
    """
    figure, axes = new_figure(figsize=(style.WIDTH, 1.1 + 0.42 * len(groups)))
    named: set[str] = set()
    for row, arms in enumerate(groups.values()):
        means = [np.mean(values) for values in arms.values() if len(values)]
        joined = {"color": style.NEUTRAL, "linewidth": 1.2, "zorder": 1, "gid": NOT_DATA}
        axes.plot(means, [row] * len(means), **joined)
        for arm, values in arms.items():
            look, color = style.arm_style(arm)["marker"], style.arm_color(arm)
            shift = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else [0.0]
            label = None
            if len(values) and arm not in named:
                label, named = (names or {}).get(arm, arm), named | {arm}
            height = row + np.asarray(shift[: len(values)])
            axes.plot(values, height, look, color=color, alpha=0.75, label=label)
            if len(values):
                axes.plot(np.mean(values), row, "|", color=color, markersize=16)
    dotted(axes, marks or {}, fontsize=10)
    axes.set_yticks(range(len(groups)), wrapped(groups))
    axes.invert_yaxis()
    axes.set_xlabel(xlabel)
    axes.grid(axis="y", visible=False)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


def cost_by_time(runs: pd.DataFrame) -> "Figure":
    """One dot per run: what the patch costs it, against how long it has known the patch.

    Args:
        runs: columns ``arm``, ``known`` (epochs) and ``cost`` (points), as ``patch_cost.by_run``.
    """
    figure, axes = new_figure()
    axes.axhline(0, color=style.NEUTRAL, linewidth=1.2, linestyle=":")
    for arm, mine in runs.groupby("arm"):
        marker, color = style.arm_style(arm)["marker"], style.arm_color(arm)
        axes.plot(mine.known, mine.cost, marker, color=color, alpha=0.6, label=arm)
    axes.set_xlabel("epochs for which the patch has been known (0: never)")
    axes.set_ylabel("points that the patch costs")
    figure.legend(loc="outside upper center", ncols=2)
    return figure


def mitigation(histories: Histories, removed: int) -> "Figure":
    """Accuracy on P alone, the loss on Q, and who teaches W, by step and arm.

    A thin line stands where an arm lowers its rate.

    Args:
        histories: arm -> one history per seed; ``S+noise`` is drawn as the small rate with noise
            before the relu.
        removed: step from which that noise is gone, a grey line; no line if the runs end before.
    """
    figure, panels = new_figure(3, 1, figsize=(style.WIDTH, 9.0), sharex=True)
    columns = {
        "p_only_accuracy": "test accuracy on P alone",
        "q_only_loss": "training loss, Q-only examples",
        "p_only_gradient_share_now": "P-only share of W's gradient",
    }
    for axes, (column, label) in zip(panels, columns.items(), strict=True):
        for arm, seeds in histories.items():
            name = "S, noise before the relu" if arm == "S+noise" else arm
            draw_arm(axes, arm, [h[h.step > 0] for h in seeds], "step", column, label=name)
        axes.set(ylabel=label, xscale="log")
    marks, noisy = [], histories.get("S+noise", ())
    if removed < max((seed.step.max() for seed in noisy), default=0):
        marks.append("grey line: the noise is removed")
        for axes in panels:
            axes.axvline(removed, color=style.NEUTRAL, linewidth=1.2)
    for arm, seeds in histories.items():
        if any(annealing_step(seed) is not None for seed in seeds):
            marks.append(f"thin line: {arm} lowers its rate")
            mark_annealing(panels, arm, seeds)
    panels[1].set_yscale("log")
    # one under the other: side by side they are wider than the panel
    remark = ";\n".join(marks)
    panels[2].set(xlabel=f"step ({remark})" if marks else "step")
    legend_above(figure, panels[0])
    return figure


def longer(
    histories: Mapping[str, Sequence[pd.DataFrame]],
    marks: Mapping[str, float],
    clock: Mapping[str, float],
) -> "Figure":
    """Accuracy on P alone of one arm under several settings, over the step and over the clock of
    the decay: mean and range over seeds, a style each.

    Args:
        histories: setting -> one history per seed, at most four settings.
        marks: label -> height of a dotted horizontal line.
        clock: setting -> eta * lambda, by which its steps are multiplied in the second panel.
    """
    figure, (by_step, by_clock) = new_figure(2, 1, figsize=(style.WIDTH, 7.6))
    looks = zip(("-", "--", "-.", ":"), style.OTHER_COLORS, strict=True)
    begin, lowest = 1e-2, []  # of the second panel: what comes before is in the first
    for (label, seeds), (line, color) in zip(histories.items(), looks, strict=False):
        wide = pd.concat([h.set_index("step").p_only_accuracy for h in seeds], axis=1).loc[1:]
        lowest.append(wide[wide.index * clock[label] >= begin].min(axis=None))
        low, high = wide.min(axis=1), wide.max(axis=1)
        for axes, x in ((by_step, wide.index), (by_clock, wide.index * clock[label])):
            axes.plot(x, wide.mean(axis=1), line, color=color, label=label)
            band = {"alpha": 0.18, "linewidth": 0, "label": band_of(label)}
            axes.fill_between(x, low, high, color=color, **band)
    for axes in (by_step, by_clock):
        for label, value in marks.items():
            axes.axhline(value, color=style.NEUTRAL, linewidth=1.2, linestyle=":")
            place = {"xycoords": ("axes fraction", "data"), "fontsize": 10, "va": "bottom"}
            axes.annotate(label, (0.01, value), annotation_clip=True, **place)
        axes.set(xscale="log", ylabel="test accuracy on P alone")
    by_step.set(xlabel="step")
    by_clock.set(xlabel="$\\eta_2 \\lambda t$, the clock of the decay")
    by_clock.set(xlim=(begin, None), ylim=(np.nanmin(lowest) - 0.02, None))
    by_step.legend()
    return figure
