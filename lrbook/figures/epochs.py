"""Columns of the histories by epoch, arm against arm."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lrbook import style
from lrbook.figures.base import Histories, draw_arms, legend_above, new_figure, whole_epochs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def by_epoch(
    histories: Histories,
    columns: Mapping[str, str],
    drops: Sequence[int],
    ylabel: str = "accuracy (%)",
) -> "Figure":
    """One panel per column, by epoch and arm; grey lines where the rate drops.

    Args:
        histories: arm -> one history per seed.
        columns: column -> the panel's title.
        drops: first epochs at a lower rate.
        ylabel: what the axes say.
    """
    size = (style.WIDTH, 1.0 + 2.8 * len(columns))
    figure, panels = new_figure(len(columns), 1, figsize=size, sharex=True, squeeze=False)
    for axes, (column, title) in zip(panels.flat, columns.items(), strict=True):
        draw_arms(axes, histories, column, drops)
        axes.set(title=title, ylabel=ylabel)
    panels[-1, 0].set_xlabel("epoch (grey lines: the rate drops)")
    whole_epochs(panels[-1, 0])
    legend_above(figure, panels[0, 0])
    return figure


def grid_by_epoch(
    groups: Mapping[str, Histories], columns: Mapping[str, str], drops: Sequence[int]
) -> "Figure":
    """Columns of the histories by epoch and arm: a row of panels for each group, a panel for each
    column, all of a column on the same scale.

    Args:
        groups: what is written over the first panel of a row -> its histories.
        columns: column, in percent -> what is written over it.
        drops: first epochs at a lower rate, or without noise.
    """
    size = (style.WIDTH, 1.0 + 2.2 * len(groups))
    figure, panels = new_figure(
        len(groups), len(columns), figsize=size, sharex=True, sharey="col", squeeze=False
    )
    for row, (title, histories) in zip(panels, groups.items(), strict=True):
        for axes, (column, words) in zip(row, columns.items(), strict=True):
            draw_arms(axes, histories, column, drops)
            axes.set_title(f"{title}:\n{words}", loc="left", fontsize=12)
            whole_epochs(axes, 4)
    for axes in panels[-1]:
        axes.set_xlabel("epoch")
    for axes in panels[:, 0]:
        axes.set_ylabel("accuracy (%)")
    legend_above(figure, panels[0, 0])
    return figure


def side_by_side(
    groups: Mapping[str, Histories], column: str, drops: Sequence[int] = (), x: str = "epoch"
) -> "Figure":
    """One column of the histories by epoch and arm, in a panel for each group, on the same scale.

    Args:
        groups: the panel's title -> its histories.
        column: what is drawn, in percent.
        drops: first epochs at a lower rate.
        x: what it is drawn over: epoch, or another column of whole numbers.
    """
    figure, panels = new_figure(
        1, len(groups), figsize=(style.WIDTH, 4.2), sharex=True, sharey=True, squeeze=False
    )
    for axes, (title, histories) in zip(panels.flat, groups.items(), strict=True):
        draw_arms(axes, histories, column, drops, x)
        axes.set(title=title, xlabel=x)
        whole_epochs(axes, 4)
    panels[0, 0].set_ylabel("accuracy (%)")
    legend_above(figure, panels[0, 0])
    return figure


def lengths(histories: Histories, drop: int) -> "Figure":
    """The length of weights behind batch norm by epoch and arm, and the rate over its square, by
    which a step turns them.

    Args:
        histories: arm -> one history per seed, as ``weight_decay.with_lengths`` has them.
        drop: the first epoch at a lower rate.
    """
    figure, panels = new_figure(2, 1, figsize=(style.WIDTH, 6.6), sharex=True)
    titles = {"length": "Length of the weights", "effective": "Rate over length squared"}
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        draw_arms(axes, histories, column, [drop])
        axes.set_title(title)
    panels[0].set_ylabel("1: at the start")
    panels[1].set(xlabel="epoch (grey line: the rate drops)", ylabel="rate", yscale="log")
    whole_epochs(panels[1])
    legend_above(figure, panels[0])
    return figure
