"""A film of N_V during training, as one piece of HTML: data, script and style inside, no network.

It never starts by itself; a button, a slider and the arrow keys move it. Where scripts are off, its
controls stay hidden and a sentence points to the still frames (``lrbook.figures.stills``).
"""

import hashlib
import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook import style

if TYPE_CHECKING:
    from IPython.display import HTML

    from lrbook.toy.profile_along import Film

_LEVELS = 2000  # steps of the stored integers from 0 to the limit: finer than a screen shows
_MIDDLE = "#d8d8d8"

_STYLE = """
#ID .lrbook-movie-pair { display: flex; flex-wrap: wrap; gap: 1rem; }
#ID figure { flex: 1 1 280px; margin: 0; min-width: 0; }
#ID canvas { width: 100%; height: auto; display: block; }
#ID figcaption { font-variant-numeric: tabular-nums; margin-bottom: .25rem; }
#ID .lrbook-movie-keys { display: flex; gap: .75rem; align-items: center; margin-top: .5rem; }
#ID button { font: inherit; min-width: 5.5rem; min-height: 2.75rem; cursor: pointer;
  color: inherit; background: transparent; border: 2px solid currentColor; border-radius: .3rem; }
#ID input { flex: 1; min-width: 0; min-height: 2.75rem; accent-color: ACCENT; }
#ID button:focus-visible, #ID input:focus-visible { outline: 3px solid ACCENT; outline-offset: 2px }
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
        "colors": [style.ARM_COLORS["S"], _MIDDLE, style.ARM_COLORS["L-S"]],
        "neutral": style.NEUTRAL,
        "films": [_film(arm, film, limit) for arm, film in films.items()],
    }
    # "<" only as an escape: no text in the data can end the script element
    packed = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    name = f"lrbook-movie-{hashlib.sha256(packed.encode()).hexdigest()[:8]}"
    script = resources.files("lrbook.figures").joinpath("movie.js").read_text(encoding="utf-8")
    css = _STYLE.replace("ID", name).replace("ACCENT", style.ARM_COLORS["L-S"])
    pair = "\n".join(_panel(arm) for arm in films)
    return f"""<div id="{name}" role="group" aria-label="Film of the network on Q's plane">
<style>{css}</style>
<div class="lrbook-movie-stage" hidden>
<div class="lrbook-movie-pair">
{pair}
</div>
<div class="lrbook-movie-keys">
<button type="button">Play</button>
<input type="range" min="0" max="0" value="0" step="1" aria-label="Moment of the training">
</div>
</div>
<noscript>The film needs JavaScript; the still frames show the same.</noscript>
<script type="application/json">{packed}</script>
<script>{script.replace("MOVIE_ID", name)}</script>
</div>"""


def _film(arm: str, film: "Film", limit: float) -> dict[str, Any]:
    values = np.round(film.values / limit * _LEVELS).astype(int)
    return {
        "arm": arm,
        "color": style.ARM_COLORS[arm],
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
