"""A film of N_V during training; where scripts are off, ``lrbook.figures.stills`` stands."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook import style
from lrbook.figures.element import PLAYER, element

if TYPE_CHECKING:
    from IPython.display import HTML

    from lrbook.toy.profile_along import Film

_LEVELS = 2000  # steps of the stored integers from 0 to the limit: finer than a screen shows

_STYLE = """
#ID .lrbook-movie-pair { display: flex; flex-wrap: wrap; gap: 1rem; }
#ID figure { flex: 1 1 280px; margin: 0; min-width: 0; }
#ID canvas { width: 100%; height: auto; display: block; }
#ID figcaption { font-variant-numeric: tabular-nums; margin-bottom: .25rem; }
"""


def movie(films: Mapping[str, "Film"], limit: float) -> "HTML":
    """Films side by side, on a phone one above the other, behind one slider.

    Args:
        films: arm -> film; shown together from first to last frame, each at its own steps.
        limit: |value| of the darkest colour and of the curve's border.
    """
    from IPython.display import HTML

    return HTML(html(films, limit))


def html(films: Mapping[str, "Film"], limit: float) -> str:
    """The text of ``movie``."""
    from lrbook.toy.profile_along import REACH

    data = {
        "limit": limit,
        "reach": REACH,
        "unit": limit / _LEVELS,
        "colors": [style.ARM_COLORS["S"], style.MIDDLE, style.ARM_COLORS["L-S"]],
        "neutral": style.NEUTRAL,
        "films": [_film(arm, film, limit) for arm, film in films.items()],
    }
    panels = "\n".join(_panel(arm) for arm in films)
    return element(
        "movie",
        "Film of the network on Q's plane",
        f'<div class="lrbook-movie-pair">\n{panels}\n</div>\n{PLAYER}',
        data,
        ["blend.js", "player.js", "movie.js"],
        _STYLE,
        "The film needs JavaScript; the still frames show the same.",
    )


def _film(arm: str, film: "Film", limit: float) -> dict[str, Any]:
    values = np.round(film.values / limit * _LEVELS).astype(int)
    return {
        "arm": arm,
        "color": style.arm_color(arm),
        "step": [int(step) for step in film.step],
        "rate": [float(f"{rate:.4g}") for rate in film.rate],
        "values": values.tolist(),
    }


def _panel(arm: str) -> str:
    label = (
        f"{arm}: left, the output on the plane of z and zeta as colour, with Q's three rays; "
        "right, the same on the line z + t zeta as a curve"
    )
    return (
        f"<figure><figcaption>{escape(arm)}</figcaption>"
        f'<canvas width="560" height="320" role="img" aria-label="{escape(label)}"></canvas>'
        "</figure>"
    )
