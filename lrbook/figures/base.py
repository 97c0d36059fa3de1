"""What every figure function starts from: the book's style, and an arm drawn over its seeds."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lrbook import style
from lrbook.figures.artists import BAND_OF, RUN
from lrbook.figures.offer import offer
from lrbook.stats import FEWEST, mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Histories = Mapping[str, Sequence[pd.DataFrame]]


def new_figure(rows: int = 1, columns: int = 1, **options: Any) -> tuple["Figure", Any]:
    """Empty figure and axes in the book's style, as ``matplotlib.pyplot.subplots``.

    In a notebook, a link to the data appears below it.
    """
    import matplotlib.pyplot as plt

    style.use()
    offer()
    return plt.subplots(rows, columns, **options)


def aligned(histories: Sequence[pd.DataFrame], x: str, y: str) -> tuple[np.ndarray, np.ndarray]:
    """Common x values and one row of y per seed.

    Seeds that were measured at unlike x, as where each anneals at a step of its own, are
    interpolated at all of them, straight in log(1 + x), as far as every seed reaches.
    """
    columns = [h.set_index(x)[y] for h in histories]
    first = columns[0].index
    if all(column.index.equals(first) for column in columns):
        return first.to_numpy(), np.stack([column.to_numpy(dtype=float) for column in columns])
    every = np.unique(np.concatenate([column.index.to_numpy() for column in columns]))
    begin, end = (max(c.index.min() for c in columns), min(c.index.max() for c in columns))
    at = every[(every >= begin) & (every <= end)]
    rows = [np.interp(np.log1p(at), np.log1p(c.index), c.to_numpy(float)) for c in columns]
    return at, np.stack(rows)


def draw_arm(
    axes: "Axes", arm: str, histories: Sequence[pd.DataFrame], x: str, y: str, **options: Any
) -> None:
    """Mean line and seed range of one arm, in its colour; the runs themselves if they are few."""
    look = {"label": arm, "linestyle": style.arm_style(arm)["linestyle"]} | options
    draw_seeds(axes, *aligned(histories, x, y), color=style.arm_color(arm), **look)


def draw_arms(
    axes: "Axes", histories: Histories, column: str, drops: Iterable[int] = (), x: str = "epoch"
) -> None:
    """Every arm as ``draw_arm`` has it, then a line at each drop of the rate.

    Args:
        axes: where.
        histories: arm -> one history per seed.
        column: of the histories, what is drawn.
        drops: first epochs at a lower rate.
        x: the column that it is drawn over.
    """
    for arm, seeds in histories.items():
        draw_arm(axes, arm, seeds, x, column)
    mark_drops(axes, drops)


def mark_drops(axes: "Axes", drops: Iterable[int], **look: Any) -> None:
    """A vertical line for each of ``drops``, the first epochs at a lower rate.

    Args:
        axes: where.
        drops: the epochs.
        **look: of the lines, where it is not the usual grey.
    """
    # What stands at an epoch is measured at its end: the line is between the last point of the
    # higher rate and the first one of the lower, and through neither.
    shown: dict[str, Any] = {"color": style.NEUTRAL, "linewidth": 1.2} | look
    for drop in drops:
        axes.axvline(drop - 0.5, **shown)


def draw_seeds(axes: "Axes", x: Any, values: np.ndarray, **look: Any) -> None:
    """Mean and range of at least ``FEWEST`` rows of ``values``, one per seed; of fewer, each row,
    for their mean is a curve that none has.

    Args:
        axes: where.
        x: shape (points,).
        values: shape (seeds, points).
        **look: of the lines: color and label at least. The legend has one entry for all runs.
    """
    label = look["label"]
    if len(values) < FEWEST:
        for number, row in enumerate(values):
            named = {"label": label if number == 0 else band_of(label)}
            if len(values) > 1 and label is not None:
                named["gid"] = f"{RUN}{label}, run {number + 1}"
            axes.plot(x, row, **(look | named))
        return
    axes.plot(x, values.mean(0), **look)
    low, high, color = values.min(0), values.max(0), look["color"]
    axes.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0, label=band_of(label))


def apart(histories: Histories) -> dict[str, tuple[str, Sequence[pd.DataFrame]]]:
    """Title of a panel -> arm and runs whose mean it shows: all, or each where they are few."""
    found: dict[str, tuple[str, Sequence[pd.DataFrame]]] = {}
    for arm, seeds in histories.items():
        if 1 < len(seeds) < FEWEST:
            named = {f"{arm}, run {number}": one for number, one in enumerate(seeds, 1)}
            found |= {title: (arm, [one]) for title, one in named.items()}
        else:
            found[arm] = (arm, seeds)
    return found


def annealing_step(history: pd.DataFrame) -> int | None:
    """The first recorded step at a lower rate than at the start; None if it never fell."""
    lower = history.step[history.rate < history.rate.iloc[0]]
    return int(lower.iloc[0]) if len(lower) else None


def mark_annealing(panels: Iterable["Axes"], arm: str, histories: Sequence[pd.DataFrame]) -> None:
    """A thin line in the arm's colour at every step at which one of its runs lowers its rate."""
    found = {annealing_step(history) for history in histories}
    steps = sorted(step for step in found if step is not None)
    for axes in panels:
        for step in steps:
            axes.axvline(step, color=style.arm_color(arm), linewidth=1, alpha=0.6)


def dotted(axes: "Axes", marks: Mapping[str, float], linewidth: float = 1.2, **text: Any) -> None:
    """Dotted vertical lines, each with its label above the panel.

    Args:
        axes: where.
        marks: label -> position.
        linewidth: of the lines, in points.
        **text: of the labels, such as ``fontsize``.
    """
    place: dict[str, Any] = {"xycoords": ("data", "axes fraction"), "ha": "center", "va": "bottom"}
    for label, at in marks.items():
        axes.axvline(at, color=style.NEUTRAL, linewidth=linewidth, linestyle=":")
        axes.annotate(label, (at, 1.0), **place, **text)


def intervals(groups: Iterable[pd.Series]) -> tuple[np.ndarray, np.ndarray]:
    """Mean of each group's known values and half-width of its interval; nan where there is none."""
    spread = [mean_interval(values.dropna()) for values in groups]
    # One value has no interval, and no bar: a bar of no length says that it is known exactly.
    return tuple(np.array(spread, dtype=float).T)


def band_of(label: str | None) -> str | None:
    """A label that no legend shows, by which the figure's table knows whose band it is."""
    return None if label is None else f"{BAND_OF}{label}"


def legend_above(
    figure: "Figure", axes: "Axes", columns: int | None = None, *, grey: bool = False
) -> None:
    """The legend of one panel above all panels, where no line crosses it.

    Args:
        figure: on which.
        axes: whose legend.
        columns: how many entries in a row; None for all, or two if all are wider than a figure.
        grey: areas are shown in grey, for panels that each have their arm's colour.
    """
    from matplotlib.colors import to_rgba

    handles, labels = axes.get_legend_handles_labels()
    if columns is None:
        wide = sum(len(label) + 7 for label in labels) > 66  # letters, with room for the handles
        columns = 2 if wide else len(labels)
    legend = figure.legend(
        handles, labels, loc="outside upper center", ncols=columns, columnspacing=1.4
    )
    for area in legend.get_patches() if grey else ():
        for part in ("edgecolor", "facecolor", "hatchcolor"):
            if hasattr(area, f"set_{part}"):  # before matplotlib 3.11 hatches have the edge's
                alpha = to_rgba(getattr(area, f"get_{part}")())[3]
                getattr(area, f"set_{part}")(to_rgba(style.NEUTRAL, alpha))


def stack(axes: "Axes", x: Any, shares: Mapping[str, np.ndarray], color: str) -> None:
    """Areas of one colour on each other, the first the darkest, the second light, a third hatched.

    Args:
        axes: where.
        x: shape (points,).
        shares: label -> heights, shape (points,), of the areas from the bottom.
        color: of all.
    """
    looks: tuple[dict[str, Any], ...]
    looks = ({"alpha": 0.75}, {"alpha": 0.25}, {"facecolor": "none", "hatch": "////"})
    low = np.zeros(len(x))
    for (label, height), look in zip(shares.items(), looks, strict=False):
        paint: dict[str, Any]
        paint = {"edgecolor": color, "alpha": 0.75} if "hatch" in look else {"color": color}
        axes.fill_between(x, low, low + height, linewidth=0, label=label, **(paint | look))
        low = low + height


def whole_epochs(axes: "Axes", most: int = 6) -> None:
    """Ticks at whole numbers only, about ``most``."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(most, integer=True, steps=[1, 2, 5, 10]))


def sign(figure: "Figure", data: str) -> "Figure":
    """Name the images behind a figure in its lower right corner, and return it."""
    figure.supxlabel(data, x=0.99, horizontalalignment="right", fontsize=9)
    return figure
