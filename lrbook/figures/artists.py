"""What matplotlib has drawn on axes, as rows of numbers in the units of the data."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lrbook.figures.labels import plain

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

NOT_DATA = "not data"
"""Group id (``gid``) of artists that have no rows."""

BAND_OF = "_band of "
"""How the label of a band begins that belongs to the line named after it; no legend shows it. Other
artists have such a label where the rest is a name for the figure's table alone.
"""

RUN = "run: "
"""How the ``gid`` of a single run's line begins; the rest is the name of its series. The legend has
one entry for all runs of an arm, and so no such name.
"""

MOST_CELLS = 600  # of one image; larger ones give every second, third, ... row and column


def rows(axes: "Axes") -> Iterator[dict[str, Any]]:
    """One row per point: series, kind, and those of x, x_to, y, low, high and value that it has."""
    from matplotlib.container import BarContainer, ErrorbarContainer

    spent: set[Artist] = set()
    for container in axes.containers:
        if isinstance(container, ErrorbarContainer):
            line, caps, bars = container
            spent |= {line, *caps, *bars}
            own = _series(container, axes) or _series(line, axes)
            along = 0 if container.has_xerr and not container.has_yerr else 1
            yield from _intervals(own, line, bars, along)
        elif isinstance(container, BarContainer):
            series = _series(container[0], axes)
            for patch in container.patches:
                left, right = patch.get_x(), patch.get_x() + patch.get_width()
                shown = {"x": left, "x_to": right, "y": patch.get_height()}
                yield {"series": series, "kind": "histogram", **shown}
    for artist in [*axes.lines, *axes.collections, *axes.images]:
        if artist not in spent and artist.get_gid() != NOT_DATA:
            yield from _artist(artist, axes)


def _artist(artist: "Artist", axes: "Axes") -> Iterator[dict[str, Any]]:
    from matplotlib.collections import LineCollection, PathCollection, PolyCollection
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

    gid = str(artist.get_gid())
    series = plain(gid.removeprefix(RUN)) if gid.startswith(RUN) else _series(artist, axes)
    if isinstance(artist, Line2D):
        yield from _line(series, artist, axes)
    elif isinstance(artist, PolyCollection):
        for path in artist.get_paths():
            around = np.asarray(path.vertices)
            count = (len(around) - 3) // 2  # there, back, and three corners
            there, back = around[1 : count + 1], around[count + 2 : -1][::-1]
            for (x, one), (_, other) in zip(there, back, strict=True):
                low, high = sorted((one, other))
                yield {"series": series, "kind": "band", "x": x, "low": low, "high": high}
    elif isinstance(artist, LineCollection):
        for (x0, y0), (x1, y1) in artist.get_segments():
            yield {"series": series, "kind": "bar", "x": (x0 + x1) / 2, "y": (y0 + y1) / 2}
    elif isinstance(artist, PathCollection):
        for x, y in np.asanyarray(artist.get_offsets()):  # masked ones stay masked
            yield {"series": series, "kind": "points", "x": x, "y": y}
    elif isinstance(artist, AxesImage):
        values = artist.get_array()
        if values is not None and values.ndim == 2:  # no photograph
            yield from _cells(artist)


def _line(series: str, line: Any, axes: "Axes") -> Iterator[dict[str, Any]]:
    x, y = (np.asarray(line.get_data(orig=False)[at], dtype=float) for at in (0, 1))
    x_counts, y_counts = line.get_transform().contains_branch_seperately(axes.transData)
    if not (x_counts and y_counts):  # right across the panel
        if x_counts or y_counts:
            along, place = (0, x[0]) if x_counts else (1, y[0])
            name = _mark_name(line, axes, along, place)
            yield {"series": name, "kind": "mark", "xy"[along]: place}
        return
    stroke = line.get_marker() in ("|", "_")
    kind = "bar" if stroke else "points" if line.get_linestyle() == "None" else "line"
    for one, other in zip(x, y, strict=True):
        if np.isfinite(one) and np.isfinite(other):
            yield {"series": series, "kind": kind, "x": one, "y": other}


def _mark_name(line: Any, axes: "Axes", along: int, place: float) -> str:
    """A mark's own label, or the text that begins at its place along x (0) or y (1); its grey is
    not a name.
    """
    if not str(line.get_label()).startswith("_"):
        return plain(str(line.get_label()))
    texts = [
        text for text in axes.texts if np.isclose(getattr(text, "xy", (np.nan,) * 2)[along], place)
    ]
    return plain(texts[0].get_text()) if texts else ""


def _intervals(series: str, line: Any, bars: Any, along: int) -> Iterator[dict[str, Any]]:
    """``low`` and ``high`` are on the axis ``along``: 0 for x, 1 for y."""
    x, y = (np.asarray(values, dtype=float) for values in line.get_data(orig=False))
    # Of a missing value there is no segment to speak of
    ends = [s[:, along] if len(s) else (np.nan, np.nan) for bar in bars for s in bar.get_segments()]
    for i, (at, value) in enumerate(zip(x, y, strict=True)):
        span = dict(zip(("low", "high"), ends[i], strict=True)) if ends else {}
        yield {"series": series, "kind": "interval", "x": at, "y": value, **span}


def _cells(image: Any) -> Iterator[dict[str, Any]]:
    values = np.ma.filled(image.get_array().astype(float), np.nan)
    left, right, bottom, top = image.get_extent()
    rows, columns = values.shape
    if image.origin == "upper":  # the first row lies at the top, whichever way the axis goes
        bottom, top = top, bottom
    every = int(np.ceil(np.sqrt(values.size / MOST_CELLS)))
    kind = "cell" if every == 1 else f"cell, one of {every} x {every}"
    for i in range(0, rows, every):
        for j in range(0, columns, every):
            x = left + (j + 0.5) * (right - left) / columns
            y = bottom + (i + 0.5) * (top - bottom) / rows
            yield {"kind": kind, "x": x, "y": y, "value": values[i, j]}


def _series(artist: Any, axes: "Axes") -> str:
    """An artist's own label, or that of another one of its colour in the panel."""
    own = str(artist.get_label()).removeprefix(BAND_OF)
    if own and not own.startswith("_"):
        return plain(own)
    color = _color(artist)
    for other in [*axes.lines, *axes.collections, *(c[0] for c in axes.containers if c)]:
        label = _label(other, axes)
        if label and color is not None and _color(other) == color:
            return plain(label)
    return ""


def _label(artist: Any, axes: "Axes") -> str:
    holders = [c for c in axes.containers if c and c[0] is artist]
    labels = [str(found.get_label()) for found in (*holders, artist)]
    return next((label for label in labels if label and not label.startswith("_")), "")


def _color(artist: Any) -> tuple[float, ...] | None:
    from matplotlib.colors import to_rgba_array

    for name in ("get_color", "get_facecolor"):
        if hasattr(artist, name):
            colors = to_rgba_array(getattr(artist, name)())
            return tuple(np.round(colors[0, :3], 4)) if len(colors) else None
    return None
