"""What happens on the way: signal and noise in the weights, who teaches W, and the trap."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lrbook import style
from lrbook.figures.base import (
    Histories,
    aligned,
    apart,
    draw_arm,
    intervals,
    legend_above,
    new_figure,
    stack,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def signal_and_noise(histories: Histories, widths: Mapping[str, float]) -> "Figure":
    """Three panels over steps: spread of both parts of V, of W, and the kinks of V that are left.

    A run of which no neuron bends between the rays at the start is not in the last panel.

    Args:
        histories: arm -> one table of ``decomposition.track`` per seed.
        widths: part (v, w) -> tau0, in whose units the part is drawn.
    """
    figure, panels = new_figure(3, 1, figsize=(style.WIDTH, 9.4), sharex=True)
    for axes, (part, tau0) in zip(panels, widths.items(), strict=False):
        for arm, seeds in histories.items():
            scaled = [_later(h).assign(**_relative(_later(h), part, tau0)) for h in seeds]
            for column, weight in (("noise", style.LIGHT), ("signal", style.HEAVY)):
                look = {"linewidth": weight, "label": f"{arm}, {column}"}
                draw_arm(axes, arm, scaled, "step", column, **look)
            at, expected = aligned(scaled, "step", "expected")
            label = "noise, closed form" if arm == list(histories)[-1] else None
            axes.plot(at, expected[0], ":", color=style.NEUTRAL, linewidth=2.4, label=label)
        name = part.upper()
        axes.set(title=f"Weights ${name}$", ylabel="spread / $\\tau_0$", yscale="log")
    for arm, seeds in histories.items():
        if bent := [_later(h) for h in seeds if h.kinks_kept.notna().all()]:
            draw_arm(panels[2], arm, bent, "step", "kinks_kept")
    if not panels[2].lines:
        middle = {"transform": panels[2].transAxes, "ha": "center", "va": "center"}
        panels[2].text(0.5, 0.5, "no neuron bends there at the start", **middle)
    panels[2].set(title="Neurons of $V$ that bend between the rays, and still do", ylabel="share")
    panels[2].set(xscale="log", xlabel="step", ylim=(0, 1.04))
    legend_above(figure, panels[0], columns=2)
    return figure


def gradient_shares(histories: Histories) -> "Figure":
    """One panel per arm: P-only and both-pattern share of W's gradient, stacked over the step.

    The areas are means over seeds of the share at a step; the dotted line is the P-only share of
    all steps so far. Of fewer seeds than ``stats.FEWEST``, each has a panel.
    """
    from matplotlib.patheffects import withStroke

    shown = apart(histories)
    size = (style.WIDTH, 2.9 * len(shown))
    figure, panels = new_figure(len(shown), 1, figsize=size, sharex=True)
    for axes, (title, (arm, seeds)) in zip(np.atleast_1d(panels), shown.items(), strict=True):
        at, now = aligned([_later(h) for h in seeds], "step", "p_only_gradient_share_now")
        _, so_far = aligned([_later(h) for h in seeds], "step", "p_only_gradient_share")
        share, color = now.mean(0), style.arm_color(arm)
        stack(axes, at, {"P-only examples": share, "examples with both": 1 - share}, color)
        axes.plot(
            at,
            so_far.mean(0),
            ":",
            color="#202020",
            linewidth=2.2,
            path_effects=[withStroke(linewidth=4.5, foreground="#f2f2f2")],
            label="P-only, steps so far",
        )
        axes.set(title=title, ylabel="share of W's gradient", ylim=(0, 1), xscale="log")
    legend_above(figure, axes, columns=2, grey=True)
    axes.set_xlabel("step")
    return figure


def trap(matched: pd.DataFrame) -> "Figure":
    """Over tau0_w: P-only test accuracy and training loss at matched loss, and what the end is.

    Args:
        matched: one row per run: arm, tau0_w, p_only_accuracy, p_only_train_loss (at the matched
            loss) and end_accuracy. Dots are means over seeds, bars 95 % intervals.
    """
    figure, panels = new_figure(3, 1, figsize=(style.WIDTH, 8.4), sharex=True)
    columns = {
        "p_only_accuracy": ("At matched training loss", "P-only test accuracy"),
        "p_only_train_loss": ("At matched training loss", "P-only train loss"),
        "end_accuracy": ("At the end of the run", "P-only test accuracy"),
    }
    for axes, (column, (title, label)) in zip(panels, columns.items(), strict=True):
        for arm, rows in matched.groupby("arm"):
            groups = rows.groupby("tau0_w")[column]
            # a seed that never gets to the matched loss has no value there
            mean, half = intervals(values for _, values in groups)
            few = {at: f"{v.count()} of {len(v)}" for at, v in groups if v.isna().any()}
            options = {"color": style.arm_color(arm), "label": arm, "capsize": 3}
            axes.errorbar(list(groups.groups), mean, half, **options, **style.arm_style(arm))
            for at, value in zip(groups.groups, mean, strict=True):
                if at in few and np.isfinite(value):
                    axes.annotate(few[at], (at, value), (6, 6), textcoords="offset points")
        axes.set(title=title, ylabel=label, xscale="log")
    panels[1].axhline(np.log(2), color=style.NEUTRAL, linewidth=1.2, linestyle=":")
    panels[1].annotate("log 2", (matched.tau0_w.max(), np.log(2)), va="bottom", ha="right")
    ticks = sorted(matched.tau0_w.unique())
    panels[2].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panels[2].minorticks_off()
    panels[2].set_xlabel("$\\tau_0$ of $W$, the setting tau0_w")
    panels[0].legend(loc="lower left")
    return figure


def _later(history: pd.DataFrame) -> pd.DataFrame:
    return history[history.step > 0]  # a logarithmic axis has no place for step 0


def _relative(history: pd.DataFrame, part: str, tau0: float) -> dict[str, pd.Series]:
    return {name: history[f"{name}_{part}"] / tau0 for name in ("signal", "noise", "expected")}
