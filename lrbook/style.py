"""How figures, tables and sentences of the book look. One place, so that every chapter agrees.

Importing this module is cheap and changes nothing; figure functions call ``use()`` themselves.
Colours have a middling luminance, so that one transparent picture reads on white and on dark.
"""

import inspect
import math
import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.typing import RcKeyType

NEUTRAL = "#757575"
"""Text, axes, ticks and grid. No colour has a contrast of 4.5 on both pages: this one has it on
white, and on dark once the book's style sheet has lightened the picture by ``DARK_BRIGHTNESS``.
"""

DARK_BRIGHTNESS = 1.2
"""By which pictures are lightened on the book's dark page (``brightness`` in lrbook.css)."""

# Okabe and Ito's colour-blind-safe blue (a little lighter), vermillion and bluish green.
_LARGE, _SMALL, _NOISE = "#2079bd", "#d55e00", "#009e73"

ARM_COLORS = {
    "L-S": _LARGE,
    "large": _LARGE,
    "S": _SMALL,
    "small": _SMALL,
    "S+noise": _NOISE,
    "noise": _NOISE,
}
"""Hex colour of each arm: the theory's and the CIFAR-10 experiment's twin share one hue."""

OTHER_COLORS = ("#8f66c9", "#c24f8e", NEUTRAL, "#8a7a2f")
"""For what is no arm, so that an arm's colour always means that arm."""

MIDDLE = "#b4b4b4"
"""Zero in maps from one colour to another; lightened, it still is no glaring white on dark."""

_SOLID = {"linestyle": "-", "marker": "o"}
_DASHED = {"linestyle": "--", "marker": "s"}
_DASH_DOT = {"linestyle": "-.", "marker": "^"}

ARM_STYLES = {
    "L-S": _SOLID,
    "large": _SOLID,
    "S": _DASHED,
    "small": _DASHED,
    "S+noise": _DASH_DOT,
    "noise": _DASH_DOT,
}
"""Line style and marker of each arm, so that a print in grey still tells them apart."""

DIFFUSING = "small rate, L-S's diffusion"
"""What figures and tables call the theory's arm S+noise. Its noise is in the gradient, and green is
for the noise before the relu.
"""

CONTROL_LOOKS: dict[str, dict[str, Any]] = {
    DIFFUSING: {"color": _SMALL, "linestyle": (0, (4, 1, 1, 1, 1, 1)), "marker": "D"},
    "large rate, no noise": {"color": _LARGE, "marker": "o", "markerfacecolor": "none"},
    "L-S, noise halved": {"color": _LARGE, "marker": "o"},
    "L-S, noise doubled": {"color": _LARGE, "marker": "o"},
}
"""Looks of the runs that take the rate and its noise apart: the colour is that of their rate, and a
mark is hollow where there is no noise.
"""

_LOOKS = (_DASH_DOT, _DASHED, _SOLID, {"linestyle": ":", "marker": "D"})
_own_arms: list[str] = []


def arm_color(arm: str) -> str:
    """Hex colour of an arm; one of an experiment of the reader's own gets the next of the others'.

    It keeps this colour for as long as the process lasts.
    """
    return ARM_COLORS.get(arm) or OTHER_COLORS[_place(arm) % len(OTHER_COLORS)]


def arm_style(arm: str) -> dict[str, str]:
    """Line style and marker of an arm, one of the reader's own included."""
    if arm in ARM_STYLES:
        return ARM_STYLES[arm]
    place = _place(arm)  # whose colour has been there before has another line than it had then
    return _LOOKS[(place + place // len(OTHER_COLORS)) % len(_LOOKS)]


def _place(arm: str) -> int:
    if arm not in _own_arms:
        _own_arms.append(arm)
    return _own_arms.index(arm)


HEAVY, LIGHT = 2.6, 1.1
"""Widths of lines, in points, where one panel shows two things of each arm."""

WIDTH = 5.6
"""Inches. A phone shows a figure about 350 pixels wide: 12 points are then 10 pixels high."""

_RC: dict["RcKeyType", Any] = {
    "figure.figsize": (WIDTH, 3.6),
    "figure.dpi": 100,
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "savefig.dpi": 200,
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "axes.facecolor": "none",
    "axes.edgecolor": NEUTRAL,
    "axes.labelcolor": NEUTRAL,
    "axes.titlecolor": NEUTRAL,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": NEUTRAL,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.8,
    "text.color": NEUTRAL,
    "xtick.color": NEUTRAL,
    "ytick.color": NEUTRAL,
    "lines.linewidth": 2.0,
    "lines.markersize": 5.0,
}


def use() -> None:
    """Set the book's matplotlib style, and sharp pictures where a notebook runs."""
    import matplotlib as mpl
    from matplotlib.rcsetup import cycler

    mpl.rcParams.update(_RC)
    mpl.rcParams["axes.prop_cycle"] = cycler(color=[_LARGE, _SMALL, _NOISE, NEUTRAL])
    if notebook() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # The layout has room for everything already; to look for it costs a drawing more
        set_matplotlib_formats("retina", bbox_inches=None)


def say(text: str) -> None:
    """Show Markdown ``text`` below the cell; outside a notebook, print it as it is.

    No tag in it counts: part of it is from records, which may be anybody's.
    """
    if notebook() is None:
        print(text)
        return
    from IPython.display import Markdown, display

    display(Markdown(without_tags(with_minus_signs(text))))


def source(function: Callable[..., Any]) -> None:
    """Show the code of a function of lrbook as it is, so that a chapter need not repeat it."""
    say(f"```python\n{inspect.getsource(function).rstrip()}\n```")


def with_minus_signs(text: str) -> str:
    """Markdown ``text`` with a minus sign, as wide as a plus, in place of a number's hyphen.

    Code and maths are left as they are.
    """
    return _in_prose(r"(?<![^\s(|*])-(?=\.?\d)", "\N{MINUS SIGN}", text)


def without_tags(text: str) -> str:
    """Markdown ``text`` with what would be HTML in it as plain text; code and maths as they are."""
    return _in_prose(r"<(?=[A-Za-z/!?])", "&lt;", text)


def _in_prose(pattern: str, instead: str, text: str) -> str:
    pieces = re.split(r"(```.*?```|`[^`]*`|\$[^$]*\$)", text, flags=re.DOTALL)
    pieces[::2] = [re.sub(pattern, instead, piece) for piece in pieces[::2]]
    return "".join(pieces)


def table(frame: "pd.DataFrame") -> None:
    """Show ``frame`` as a Markdown table without its index.

    Numbers are right-aligned, floats get four significant digits, a missing value is a dash.
    Headings and text may hold Markdown and ``$maths$``.
    """
    say(_markdown_table(frame))


def _markdown_table(frame: "pd.DataFrame") -> str:
    rows = [[_cell(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    rules = ["---:" if kind in "iuf" else ":---" for kind in (t.kind for t in frame.dtypes)]
    lines = [[_cell(name) for name in frame.columns], rules, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    # pandas marks a missing value as None, NaN, NaT or NA, by the column's type.
    if value is None or str(value) in ("nan", "NaT", "<NA>"):
        return "–"
    if isinstance(value, float) and math.isfinite(value):
        value = f"{value:z.4g}"  # without the sign of what rounds to zero
    # A bar or a line break would end the cell.
    return str(value).replace("|", r"\|").replace("\n", " ")


def notebook() -> Any:
    """The running notebook kernel, or None in a script, a test or a plain terminal.

    IPython is never imported for this: where it runs, it is loaded already.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell if hasattr(shell, "kernel") else None
