"""In a notebook a picture carries its table as a link; elsewhere nothing is offered."""

import base64
import re
from html.parser import HTMLParser
from urllib.parse import unquote

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from made_runs import patch_history

from lrbook import figures, style
from lrbook.figures import data, offer

mpl.use("Agg")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


class Link(HTMLParser):
    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found = dict(attrs)


def test_the_link_carries_the_text_as_it_is():
    text = 'panel,series\n"a, b",50 % & <c> "d" #1?\n'
    parser = Link()
    parser.feed(data.link(data.carried(text), 'x".csv'))
    kind, _, body = parser.found["href"].partition(",")
    assert kind == "data:text/csv;charset=utf-8"
    assert unquote(body) == text
    assert parser.found["download"] == 'x".csv'
    assert not re.search(r"[\s\"<>#]", parser.found["href"])


@pytest.fixture
def shell(monkeypatch):
    """IPython, taken for a notebook's."""
    from IPython.core.interactiveshell import InteractiveShell

    made = InteractiveShell()
    monkeypatch.setattr(offer, "notebook", lambda: made)
    return made


def test_pictures_in_a_notebook_carry_their_data(shell):
    from IPython.core.pylabtools import select_figure_formats

    select_figure_formats(shell, {"retina"})
    offer._links.clear()
    offer.offer()
    offer.offer()  # once is enough
    figure = figures.by_epoch({"large": [patch_history(0.0)]}, {"clean": "New"}, [2])
    shell.display_formatter.format(figure)
    formats, metadata = shell.display_formatter.format(figure)  # once more, and one link
    assert base64.b64decode(formats["image/png"]).startswith(b"\x89PNG")
    about = metadata["image/png"]
    assert about["csv"] == data.csv(figure)
    assert about["csv_name"] == "accuracy-by-epoch.csv"
    assert about["width"] > 0
    assert offer._links == [data.link(data.carried(about["csv"]), about["csv_name"])]
    assert offer._links[0].startswith(data.BEGINNING)  # by which the book knows it
    offer._links.clear()


def test_outside_a_notebook_nothing_is_offered():
    assert style.notebook() is None
    offer.offer()
    assert offer._links == []


@pytest.mark.slow
def test_a_notebook_shows_the_link_below_the_picture():
    """In a kernel, as on Colab: one picture, then its link; nothing for a drawing without data."""
    import nbclient
    import nbformat

    cells = [
        "import numpy as np\nfrom lrbook import figures",
        'figures.histograms({"a": np.arange(9.0), "b": np.arange(9.0)}, "x");',
        "figures.three_directions(0.1);",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, kernel_name="python3").execute()
    _, drawn, without = ([output.data for output in cell.outputs] for cell in notebook.cells)
    picture, link = drawn
    assert "image/png" in picture
    assert link["text/html"].startswith(data.BEGINNING)
    assert ["image/png" in output for output in without] == [True]
