"""The learning order inside a network: kinds of training example, gradient, blocks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook import style
from lrbook.figures.base import (
    Histories,
    aligned,
    apart,
    draw_arm,
    draw_arms,
    legend_above,
    mark_drops,
    new_figure,
    stack,
    whole_epochs,
)
from lrbook.vision.histories import at_head

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = {"image": "image alone", "both": "image and patch", "patch": "patch alone"}
PLACES = "reads_image_"  # columns reads_image_0, reads_image_1, ...: one per place


def by_kind(
    histories: Histories, drop: int, quantity: str, ylabel: str, top: float = 102
) -> "Figure":
    """One panel per kind of training example, by epoch and arm; a grey line at the drop.

    Args:
        histories: arm -> one history per seed, with columns epoch and QUANTITY_KIND.
        drop: the first epoch at the lower rate.
        quantity: such as ``fitted`` or ``share``.
        ylabel: what the axes say.
        top: upper end of the axes.
    """
    figure, panels = new_figure(3, 1, figsize=(style.WIDTH, 8.4), sharex=True, sharey=True)
    for axes, (kind, title) in zip(panels, KINDS.items(), strict=True):
        draw_arms(axes, histories, f"{quantity}_{kind}", [drop])
        axes.set(title=f"Examples that show {title}", ylabel=ylabel, ylim=(0, top))
    panels[-1].set_xlabel("epoch (grey line: the rate drops)")
    whole_epochs(panels[-1])
    legend_above(figure, panels[0])
    return figure


def shares_by_kind(histories: Histories, drop: int) -> "Figure":
    """One panel per arm: share of the gradient by kind of training example, stacked over epochs.

    The areas are means over seeds, as for the theory in ``gradient_shares``; a line at the drop.

    Args:
        histories: arm -> one history per seed, with columns epoch and share_KIND.
        drop: the first epoch at the lower rate.
    """
    from matplotlib.patheffects import withStroke

    shown = apart(histories)
    size = (style.WIDTH, 0.9 + 2.4 * len(shown))
    figure, panels = new_figure(len(shown), 1, figsize=size, sharex=True)
    halo = {"path_effects": [withStroke(linewidth=2.8, foreground="#f2f2f2")]}
    for axes, (title, (arm, seeds)) in zip(np.atleast_1d(panels), shown.items(), strict=True):
        found = {kind: aligned(seeds, "epoch", f"share_{kind}") for kind in KINDS}
        at, _ = found["image"]
        means = {KINDS[kind]: values.mean(0) for kind, (_, values) in found.items()}
        stack(axes, at, means, style.arm_color(arm))
        mark_drops(axes, [drop], color="#202020", **halo)
        axes.set(title=title, ylabel="share of the gradient", ylim=(0, 1), xlim=(at[0], at[-1]))
    axes.set_xlabel("epoch (line: the rate drops)")
    whole_epochs(axes)
    legend_above(figure, axes, grey=True)
    return figure


def readings(histories: Histories, drop: int) -> "Figure":
    """What a linear reader gets right of picture and patch: place by epoch, one row per arm.

    Means over seeds; of fewer than ``stats.FEWEST``, each has a row.

    Args:
        histories: arm -> one history per seed, with columns reads_image_K and reads_patch_K.
        drop: the first epoch at the lower rate, a dashed line.
    """
    shown = apart(histories)
    size = (style.WIDTH, 0.9 + 1.75 * len(shown))
    figure, grid = new_figure(len(shown), 2, figsize=size, sharex=True, squeeze=False)
    for row, (title, (_, seeds)) in zip(grid, shown.items(), strict=True):
        names = [name for name in seeds[0] if name.startswith(PLACES)]
        for axes, what in zip(row, ("image", "patch"), strict=True):
            mean = sum(h[[n.replace("image", what) for n in names]].to_numpy() for h in seeds)
            last = len(mean) + 0.5
            drawn = axes.imshow(
                mean.T / len(seeds),
                aspect="auto",
                origin="lower",
                extent=(0.5, last, -0.5, len(names) - 0.5),
                vmin=0,
                vmax=100,
                cmap=_viridis(),
            )
            mark_drops(axes, [drop], color="white", linewidth=1.4, linestyle="--")
            axes.set_title(f"{title}: {what}", fontsize=12)
            axes.grid(visible=False)
        for axes in row:
            axes.set_yticks(range(len(names)), _places(len(names)))
        row[1].tick_params(axis="y", labelleft=False, length=0)
    for axes in grid[-1]:
        axes.set_xlabel("epoch")
        whole_epochs(axes, 4)
    figure.colorbar(drawn, ax=grid, label="class read right (%)", shrink=0.7)
    return figure


def _viridis() -> Any:
    """Without its light end, which would turn white where the book lightens pictures."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps["viridis"](np.linspace(0, 0.85, 256)))


def _places(count: int) -> list[str]:
    return [f"block {index + 1}" for index in range(count - 1)] + ["head"]


def readings_at_the_head(histories: Histories, drop: int) -> "Figure":
    """What a linear reader at the head gets right of pictures, by what covers their centre.

    Args:
        histories: arm -> one history per seed, with columns reads_clean_K, reads_covered_K and
            reads_image_K, of which the largest K is the head.
        drop: the first epoch at the lower rate.
    """
    one = next(iter(histories.values()))[0]
    lines = {
        at_head(one, "clean"): ("nothing on the picture", "-"),
        at_head(one, "covered"): ("$z$ on its centre", "--"),
        at_head(one, "image"): ("a patch on its centre", ":"),
    }
    return _lines_by_arm(histories, drop, lines, "read right (%)")


def beside_wrong_patch(values: Histories, drop: int) -> "Figure":
    """Clean images, and the same with the patch of another class, by epoch: one panel per arm.

    Args:
        values: arm -> one history per seed, with columns epoch, clean, wrong_patch and
            wrong_patch_followed.
        drop: the first epoch at the lower rate.
    """
    lines = {
        "clean": ("clean image, right", "-"),
        "wrong_patch": ("with another class's patch, right", "--"),
        "wrong_patch_followed": ("with another class's patch, says that class", ":"),
    }
    figure = _lines_by_arm(values, drop, lines, "answers (%)")
    figure.axes[0].set_ylim(0, 102)  # and with it the others'
    return figure


def _lines_by_arm(
    histories: Histories, drop: int, lines: Mapping[str, tuple[str, str]], ylabel: str
) -> "Figure":
    """One panel per arm, with a line per column: its name in the legend, and its shape. All have
    the same axes.
    """
    size = (style.WIDTH, 0.9 + 2.5 * len(histories))
    figure, panels = new_figure(len(histories), 1, figsize=size, sharex=True, sharey=True)
    for axes, (arm, seeds) in zip(np.atleast_1d(panels), histories.items(), strict=True):
        for column, (label, shape) in lines.items():
            draw_arm(axes, arm, seeds, "epoch", column, label=label, linestyle=shape)
        mark_drops(axes, [drop])
        axes.set(title=arm, ylabel=ylabel)
    axes.set_xlabel("epoch (grey line: the rate drops)")
    whole_epochs(axes)
    legend = figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center")
    for line in legend.get_lines():
        line.set_color(style.NEUTRAL)  # the panels have their arms' colours
    return figure
