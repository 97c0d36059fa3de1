"""In a notebook, a link below every figure to the data that it shows.

The picture carries the same data, from which the book makes its link (``lrbook_figures``).
"""

from typing import TYPE_CHECKING, Any

from lrbook.figures import data
from lrbook.style import notebook

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_links: list[str] = []


def offer() -> None:
    """Let pictures carry their data (``csv`` and ``csv_name`` in their metadata), and show links.

    Does nothing outside a notebook. Call it after ``lrbook.style.use``, which sets the format.
    """
    shell = notebook()
    if shell is None:
        return
    from matplotlib.figure import Figure

    pictures = shell.display_formatter.formatters["image/png"]
    draw = pictures.type_printers.get(Figure)
    if draw is not None and not hasattr(draw, "draws"):
        pictures.for_type(Figure, _WithData(draw))
    # After matplotlib's own hook, so that links are below the pictures.
    shell.events.register("post_execute", _show)


class _WithData:
    """A function that draws figures for IPython, and adds what they show."""

    def __init__(self, draws: Any) -> None:
        self.draws = draws

    def __call__(self, figure: "Figure") -> Any:
        picture = self.draws(figure)
        text = data.csv(figure)
        if picture is None or not text:
            return picture
        picture, size = picture if isinstance(picture, tuple) else (picture, {})
        name = data.file_name(figure)
        link = data.link(data.carried(text), name)
        if link not in _links:  # a cell can show a figure twice, as its result and at its end
            _links.append(link)
        return picture, size | {"csv": text, "csv_name": name}


def _show() -> None:
    from IPython.display import HTML, display

    while _links:
        display(HTML(_links.pop(0)))
