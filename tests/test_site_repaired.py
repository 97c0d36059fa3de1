"""What ``lrbook_pages`` repairs is found, and where others write it anew the build is told."""

import logging
import sys

import pytest
from conftest import ROOT
from docutils import nodes

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import lrbook_pages

# What is repaired -> as it is written today, as it is repaired, and as it might be written one day.
WRITTEN = {
    "the bibliography's role": (
        '<div role="list" class="citation-list">',
        "<div>",
        '<div class="citation-list" role="list">',
    ),
    "the name of a fold of code": (
        '<summary aria-label="Toggle hidden content">',
        "<summary>",
        '<summary class="x" aria-label="Toggle what is hidden">',
    ),
    "ids of proofs, exercises and solutions": (
        '<section class="exercise-content" id="exercise-content">',
        '<section class="exercise-content">',
        '<div class="exercise-content" id="exercise-content">',
    ),
    "a signature of several lines": (
        '<dl>\n<dd><em class="sig-param">x</em></dd>\n</dl>',
        '<div>\n<div class="sig-line"><em class="sig-param">x</em></div>\n</div>',
        '<dl class="x">\n<dd><em class="sig-param n">x</em></dd>\n</dl>',
    ),
}
BOX, HEAD = '<div class="pst-scrollable-table-container">', "<thead><tr><th>arm</th></tr></thead>"


@pytest.fixture
def warnings():
    """What Sphinx is warned of, each with the page."""
    found = []

    class Kept(logging.Handler):
        def emit(self, record):
            found.append((record.location, record.getMessage()))

    logger, kept = logging.getLogger("sphinx.lrbook_pages"), Kept(logging.WARNING)
    logger.addHandler(kept)
    logger.propagate = False  # not to what a build in this process has left, which knows no pages
    yield found
    logger.propagate = True
    logger.removeHandler(kept)


def told(warnings, what):
    words = f"lrbook_pages does not find how {what} is written now, and has not repaired it"
    return warnings == [("page", words)]


def mended(repair, body, doctree=None):
    context = {"body": f"<p>before</p>{body}<p>after</p>"}
    repair(None, "page", "page.html", context, doctree)
    return context["body"].removeprefix("<p>before</p>").removesuffix("<p>after</p>")


def test_every_repair_is_tried_here():
    assert list(WRITTEN) == list(lrbook_pages.REPAIRS)


@pytest.mark.parametrize("what", WRITTEN)
def test_what_is_written_as_today_is_repaired(what, warnings):
    now, then, _ = WRITTEN[what]
    assert mended(lrbook_pages.mend_roles, now + now) == then + then
    assert warnings == []


@pytest.mark.parametrize("what", WRITTEN)
def test_what_is_written_anew_is_told(what, warnings):
    now, then, other = WRITTEN[what]
    assert mended(lrbook_pages.mend_roles, now + other) == then + other
    assert told(warnings, what)


@pytest.mark.parametrize(
    "other",
    [
        f'<div class="pst-scrollable-table-container wide"><table>{HEAD}</table></div>',
        f"{BOX}<table><colgroup></colgroup>{HEAD}</table></div>",
        f"<div><table>{HEAD}</table></div>",
    ],
)
def test_a_table_in_another_box_is_told(other, warnings):
    page = nodes.document(None, None, "", nodes.table("", nodes.tgroup("", nodes.thead(""))))
    today = f"{BOX}<table>{HEAD}</table></div>{BOX}<table></table></div>"
    assert 'aria-label="Table under : arm"' in mended(lrbook_pages.name_tables, today, page)
    assert warnings == []
    assert mended(lrbook_pages.name_tables, other, page) == other
    assert told(warnings, "the box of a table")


def test_an_arrow_of_the_side_bar_that_stays_without_a_name_is_told(warnings):
    def contents(html):
        context = {"generate_toctree_html": lambda kind: html}
        lrbook_pages.name_folds(None, "page", "page.html", context, None)
        return context["generate_toctree_html"]("sidebar")

    fold = "<details><summary><i></i></summary></details>"
    named = '<details><summary aria-label="Pages of this section"><i></i></summary></details>'
    assert contents(fold + fold) == named + named
    assert warnings == []
    assert contents(fold + fold.replace("<summary>", '<summary class="x">')).startswith(named)
    assert told(warnings, "an arrow of the side bar")


def test_proofs_lose_the_id_that_they_share(warnings):
    context = {"body": '<div class="proof admonition" id="proof"><p>by hand</p></div>'}
    lrbook_pages.mend_roles(None, "page", "page.html", context, None)
    assert context["body"] == '<div class="proof admonition"><p>by hand</p></div>'
    assert warnings == []
