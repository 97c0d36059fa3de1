"""The numbers behind a figure, read back from what matplotlib has drawn, as one tidy table.

So a figure and its table cannot disagree, and a new kind of figure needs no code here. One row per
point; texts, arrows and photographs have none.
"""

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

import pandas as pd

from lrbook.figures import artists
from lrbook.figures.labels import category, category_names, panel_names, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = ["panel", "series", "kind", "x", "x_to", "y", "low", "high", "value"]
"""All columns that a table can have; empty ones are left out, and x and y have the axes' names."""


BEGINNING = '<p class="lrbook-data"'
"""How the HTML of every link begins."""


def table(figure: "Figure") -> pd.DataFrame:
    """The drawn data: columns as in ``COLUMNS``, in the order in which they were drawn.

    ``kind`` is line, points, band (low to high), interval (y within low to high, or x where the bar
    lies along it), bar (a mean's stroke), histogram (x to x_to), cell (of an image; a large one is
    thinned, and says so), or mark (a line across a panel).
    """
    panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    rows = []
    for axes, name in zip(panels, panel_names(panels), strict=True):
        names = {"x": category_names(axes.xaxis), "y": category_names(axes.yaxis)}
        for row in artists.rows(axes):
            for column, known in names.items():
                if known and column in row:
                    row[column] = category(row[column], known)
            rows.append({"panel": name, **row})
    found = pd.DataFrame(rows, columns=COLUMNS).dropna(axis="columns", how="all")
    if set(found.get("kind", ())) <= {"mark"}:
        return found.iloc[:0]
    labels = {
        "x": {plain(axes.get_xlabel()) for axes in panels} - {""},
        "y": {plain(axes.get_ylabel()) for axes in panels} - {""},
    }
    return found.rename(columns={c: s.pop() for c, s in labels.items() if len(s) == 1})


def csv(figure: "Figure") -> str:
    """``table`` as text, numbers with six digits; empty if the figure shows no numbers."""
    found = table(figure)
    if found.empty:
        return ""
    return found.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def file_name(figure: "Figure") -> str:
    """A name for the CSV file, from what the axes say."""
    parts = [
        next((words for axes in figure.axes if (words := plain(getter(axes)))), "")
        for getter in (lambda axes: axes.get_ylabel(), lambda axes: axes.get_xlabel())
    ]
    slug = re.sub(r"[^a-z0-9]+", "-", " by ".join(filter(None, parts)).lower()).strip("-")
    return f"{slug[:60].strip('-') or 'figure'}.csv"


def carried(text: str) -> str:
    """An address that is the CSV ``text`` itself."""
    return f"data:text/csv;charset=utf-8,{quote(text, safe=',.-+_()/: ')}".replace(" ", "%20")


def link(address: str, name: str) -> str:
    """HTML of a link that saves the CSV at ``address`` as a file called ``name``."""
    look = "margin: .25rem 0; text-align: center; font-size: .875em"
    words = "Data of this figure (CSV)"
    shows = name.removesuffix(".csv").replace("-", " ")  # among all links of a page, which one
    return (
        f'{BEGINNING} style="{look}"><a href="{address}" download="{escape(name)}" '
        f'aria-label="{words}: {escape(shows)}">{words}</a></p>'
    )
