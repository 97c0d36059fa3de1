"""The phase diagram to walk through: three sliders, the recorded curves there, and where it lies.

Only recorded settings have curves. Between them nothing is made up: the reader is told, and offered
the nearest one. Where scripts are off, the maps and ``curve_grid`` stand.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from lrbook import style
from lrbook.figures.base import annealing_step, draw_arm, legend_above, new_figure
from lrbook.figures.element import element
from lrbook.figures.replay import arm_data

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.figure import Figure

Setting = tuple[float, float, float]  # eta1, r, noise
Settings = Mapping[Setting, Mapping[str, Sequence[pd.DataFrame]]]

NAMES = {"η₁": "large rate η₁", "r": "distance r", "noise": "noise"}
"""The three axes in the order of a setting: short -> long name."""

PLANES = ((0, 1), (0, 2))  # axes (x, y) of the two maps; the third is where its slider is
COLUMN = "p_only_accuracy"

WINS = {"L-S wins": "L-S is better", "S wins": "S is better"}
VERDICTS = WINS | {
    "too close": "neither: at most a point apart",
    "seeds disagree": "neither clearly: the seeds disagree",
    "one seed": "neither clearly: there is one seed only",
    "diverged": "not judged: a run diverged",
}
"""Outcome of a setting -> what is said of it."""

_STYLE = """
#ID .lrbook-sliders { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem }
#ID label { flex: 1 1 150px; min-width: 0; display: block }
#ID label b { font-variant-numeric: tabular-nums }
#ID input { width: 100%; display: block }
#ID .lrbook-views { display: flex; flex-wrap: wrap; gap: 1rem }
#ID figure { margin: 0; min-width: 0 }
#ID .lrbook-curves { flex: 3 1 290px }
#ID .lrbook-maps { flex: 2 1 250px }
#ID .lrbook-maps svg { margin-top: .5rem }
#ID rect.lrbook-cell { cursor: pointer }
#ID .lrbook-said { min-height: 6.5em; margin: .5rem 0 }
"""

_BODY = """<div class="lrbook-sliders">
{sliders}
</div>
<div class="lrbook-views">
<figure class="lrbook-curves"><figcaption>Test accuracy on P alone</figcaption>
<svg role="img" aria-label="Test accuracy on P alone by step, for L-S and S; the text below has \
the numbers"></svg>
<p class="lrbook-said" role="status"></p>
<button type="button" hidden>Go to the nearest recorded</button></figure>
<figure class="lrbook-maps"><figcaption>Where you are (framed), by S's error minus L-S's at the \
end, in points. Blue: L-S is better; in parentheses: neither.{hollow}</figcaption>
{maps}
</figure>
</div>"""


def explorer(settings: Settings, start: Setting, outcomes: Mapping[Setting, str]) -> "HTML":
    """Sliders over eta1, r and the noise, and the recorded curves of P-only test accuracy.

    Args:
        settings: (eta1, r, noise) -> arm -> one history per seed (``lrbook.phase.histories``).
        start: the setting shown first. The two maps are the planes (eta1, r) and (eta1, noise)
            through the setting shown.
        outcomes: which arm wins in each setting, if one does (``lrbook.phase.outcomes``).

    Raises:
        ValueError: ``start`` is not among the settings.
    """
    from IPython.display import HTML

    return HTML(html(settings, start, outcomes))


def html(settings: Settings, start: Setting, outcomes: Mapping[Setting, str]) -> str:
    """The text of ``explorer``."""
    if start not in settings:
        raise ValueError(f"{start} is not among the settings")
    axes = [sorted({setting[place] for setting in settings}) for place in range(len(NAMES))]
    steps: list[list[int]] = []
    found = [
        {
            "at": [values.index(value) for values, value in zip(axes, setting, strict=True)],
            "anneal": annealing_step(arms["L-S"][0]),
            "won": outcomes[setting] in WINS,
            "verdict": VERDICTS[outcomes[setting]],
            "arms": [_arm(arm, seeds, steps) for arm, seeds in arms.items()],
        }
        for setting, arms in settings.items()
    ]
    data = {
        "axes": [
            {"name": name, "values": values} for name, values in zip(NAMES, axes, strict=True)
        ],
        "planes": PLANES,
        "start": found[list(settings).index(start)]["at"],
        "steps": steps,
        "settings": found,
        "colors": [style.ARM_COLORS["S"], style.MIDDLE, style.ARM_COLORS["L-S"]],
    }
    sliders = "\n".join(
        f"<label>{escape(long)} = <b></b>\n"
        f'<input type="range" name="{escape(short)}" min="0" max="{len(values) - 1}" step="1">'
        "</label>"
        for (short, long), values in zip(NAMES.items(), axes, strict=True)
    )
    whole = math.prod(len(values) for values in axes) == len(settings)
    hollow = "" if whole else " Hollow: not recorded."
    names = list(NAMES.values())
    maps = "\n".join(
        f'<svg role="img" aria-label="Map over {names[x]} and {names[y]}"></svg>' for x, y in PLANES
    )
    return element(
        "explorer",
        "Explorer of the phase diagram",
        _BODY.format(sliders=sliders, maps=maps, hollow=hollow),
        data,
        ["chart.js", "blend.js", "explorer.js"],
        _STYLE,
        "The explorer needs JavaScript; the maps and the grid of curves show recorded runs too.",
    )


def _arm(arm: str, seeds: Sequence[pd.DataFrame], steps: list[list[int]]) -> dict[str, Any]:
    """An arm's curves without step 0; its steps are kept once, as a number in ``steps``."""
    later = [history[history.step > 0] for history in seeds]
    at = later[0].step.tolist()
    if at not in steps:
        steps.append(at)
    found = arm_data(arm, later, "step", [COLUMN], 4)
    return found | {"seeds": len(seeds), "steps": steps.index(at)}


def curve_grid(settings: Settings, rates: Sequence[float], distances: Sequence[float]) -> "Figure":
    """The recorded curves at noise 1 beside each other: a column per eta1, a row per r.

    Args:
        settings: as for ``explorer``.
        rates, distances: the values of eta1 and of r, ascending; each pair is recorded.
    """
    size = (style.WIDTH, 0.9 + 1.75 * len(distances))
    shape = {"figsize": size, "squeeze": False, "sharex": True, "sharey": True}
    figure, panels = new_figure(len(distances), len(rates), **shape)
    for row, r in zip(panels, reversed(distances), strict=True):
        for axes, eta1 in zip(row, rates, strict=True):
            for arm, seeds in settings[eta1, r, 1.0].items():
                draw_arm(axes, arm, [h[h.step > 0] for h in seeds], "step", COLUMN)
            axes.set_title(f"$\\eta_1$ = {eta1:g}, $r$ = {r:g}", fontsize=10.5)
            axes.set(xscale="log")
            axes.set_xticks([1, 100, 10_000], ["1", "100", "10,000"])
            axes.minorticks_off()
    figure.supylabel("test accuracy on P alone", fontsize=12)
    figure.supxlabel("step", fontsize=12)
    legend_above(figure, axes)
    return figure
