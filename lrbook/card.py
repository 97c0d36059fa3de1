"""The picture that other sites show beside a link to the book, drawn from the puzzle's records."""

import io

from lrbook import book, home, style
from lrbook.whatif import pairs

SIZE = (1200, 630)
"""Pixels: what readers of og:image expect."""
TITLE = "The large initial learning rate"
QUESTION = "Why does the network that\nlooks worse end up better?"
INK, PALE = "#1c2530", "#5a6572"
ALT = (
    "Accuracy on new images by epoch, for a network that begins with a large learning rate and one "
    "with a small rate; a line marks where the large rate drops."
)


def png() -> bytes:
    """The card as PNG: title and question on the left, the puzzle's picture on the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style.use()
    runs = home.puzzle_runs()
    figure = Figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor="white")
    figure.set_layout_engine("none")
    figure.text(0.05, 0.9, TITLE, fontsize=40, fontweight="bold", color=INK, va="top")
    figure.text(0.05, 0.66, QUESTION, fontsize=22, color=INK, va="top", linespacing=1.4)
    below = f"an executable book\n{book.data_of(runs)} with a patch, {len(pairs(runs))} seeds"
    figure.text(0.05, 0.12, below, fontsize=14, color=PALE, linespacing=1.7)
    axes = figure.add_axes((0.5, 0.13, 0.46, 0.6))
    home.draw(axes, runs)
    axes.set(xlabel="epoch", ylabel="right on new images (%)")
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
