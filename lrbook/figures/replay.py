"""Accuracy by epoch that can be replayed, with the drop of the rate marked, from the records.

The same as ``by_epoch`` in motion; where scripts are off, the figure of that function stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook import style
from lrbook.figures.base import Histories, aligned
from lrbook.figures.element import PLAYER, element
from lrbook.stats import FEWEST

if TYPE_CHECKING:
    from IPython.display import HTML

DASHES = {"-": "none", "--": "8 4", "-.": "9 4 2 4"}
"""Line style of matplotlib -> dashes in SVG."""

_STYLE = """
#ID .lrbook-panels { display: flex; flex-wrap: wrap; gap: 1rem }
#ID figure { flex: 1 1 290px; min-width: 0; margin: 0 }
#ID .lrbook-images { text-align: right; font-size: .8em; margin: 0 }
#ID figcaption { text-align: center; margin: 0 0 .25rem }
#ID table { border-collapse: collapse; margin: .5rem 0; width: 100%; table-layout: auto }
#ID caption { caption-side: top; text-align: left; color: inherit; padding: .25rem 0 }
#ID th, #ID td { padding: .25rem .6rem .25rem 0; text-align: left; font-weight: normal;
  border: 0; border-bottom: 1px solid #8888; background: none; color: inherit }
#ID td span, #ID tbody th { white-space: nowrap }
#ID td, #ID caption { font-variant-numeric: tabular-nums }
#ID th svg { display: inline-block; width: 34px; vertical-align: middle }
"""


def replay(
    histories: Histories,
    columns: Mapping[str, str],
    drops: Sequence[int],
    levels: Mapping[str, Mapping[str, float]] | None = None,
    images: str = "",
) -> "HTML":
    """One panel per column, drawn up to the epoch of a slider, and the numbers as a table.

    Args:
        histories: arm -> one history per seed, in percent.
        columns: column -> the panel's title.
        drops: first epochs at a lower rate, each a grey line.
        levels: column -> label -> height of a dotted line.
        images: what the accuracies are on, said below the panels.
    """
    from IPython.display import HTML

    return HTML(html(histories, columns, drops, levels, images))


def html(
    histories: Histories,
    columns: Mapping[str, str],
    drops: Sequence[int],
    levels: Mapping[str, Mapping[str, float]] | None = None,
    images: str = "",
) -> str:
    """The text of ``replay``."""
    epoch, _ = aligned(next(iter(histories.values())), "epoch", next(iter(columns)))
    arms = [arm_data(arm, seeds, "epoch", columns, 2) for arm, seeds in histories.items()]
    panels = [
        {"title": title, "levels": (levels or {}).get(column, {}), **_axis(arms, i)}
        for i, (column, title) in enumerate(columns.items())
    ]
    data = {
        "epoch": epoch.tolist(),
        "ticks": [epoch.tolist()[0], *range(10, int(epoch[-1]) + 1, 10)],
        "drops": [drop for drop in drops if drop <= epoch[-1]],
        "drop_words": "the rate drops",
        "ylabel": "accuracy (%)",
        "seeds": _seeds(histories),
        "arms": arms,
        "panels": panels,
    }
    figures = "\n".join(_panel(title) for title in columns.values())
    heads = "".join(f'<th scope="col">{escape(title)}</th>' for title in columns.values())
    body = f"""{PLAYER}
<div class="lrbook-panels">
{figures}
</div>{f'<p class="lrbook-images">{escape(images)}</p>' if images else ""}
<table><caption></caption><thead><tr><th scope="col">arm</th>{heads}</tr>
</thead><tbody></tbody></table>"""
    return element(
        "replay",
        "Replay of accuracy by epoch",
        body,
        data,
        ["chart.js", "player.js", "replay.js"],
        _STYLE,
        "The replay needs JavaScript; the figure shows the same.",
    )


def arm_data(
    arm: str, seeds: Sequence[Any], x: str, columns: Iterable[str], digits: int
) -> dict[str, Any]:
    """What ``chart.js`` draws of an arm: per column mean, lowest and highest seed, by x.

    Of fewer seeds than ``stats.FEWEST``, told by ``few``, each one.
    """
    values, few = [], len(seeds) < FEWEST
    for column in columns:
        _, rows = aligned(seeds, x, column)
        shown = rows if few else np.stack([rows.mean(0), rows.min(0), rows.max(0)])
        values.append(np.round(shown, digits).tolist())
    dash = DASHES[style.arm_style(arm)["linestyle"]]
    look = {"color": style.arm_color(arm), "dash": dash}
    return {"arm": arm, **look, "few": few, "values": values}


def _seeds(histories: Histories) -> str:
    """How many seeds the arms have: one number, or the fewest and the most."""
    counts = sorted({len(seeds) for seeds in histories.values()})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _axis(arms: Sequence[Mapping[str, Any]], panel: int) -> dict[str, list[int]]:
    """Whole tens around all values, and ticks at every tenth or every twentieth."""
    values = np.concatenate([np.ravel(arm["values"][panel]) for arm in arms])
    low, high = int(10 * np.floor(values.min() / 10)), int(10 * np.ceil(values.max() / 10))
    high = max(high, low + 10)
    step = 10 if high - low <= 50 else 20
    return {"range": [low, high], "ticks": list(range(-(-low // step) * step, high + 1, step))}


def _panel(title: str) -> str:
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg role="img" aria-label="{escape(title)}: accuracy by epoch and arm, with an upright '
        'line where the rate drops; the table has the numbers"></svg></figure>'
    )
