"""Sphinx extension: small repairs to the pages that options of the theme cannot make.

What is repaired is found by how others write it. Where that has changed, so that the fault is on a
page after its repair, the build warns.
"""

import re
from collections.abc import Callable
from html import escape, unescape
from typing import Any

from docutils import nodes
from latex_words import plain
from sphinx.util import logging


def _lines(found: re.Match) -> str:
    lines = found[1].replace("<dd>", '<div class="sig-line">').replace("</dd>", "</div>")
    return f"<div>\n{lines}</div>"


REPAIRS: dict[str, tuple[str, str, str | Callable[[re.Match], str]]] = {
    "the bibliography's role": (
        r"<div[^>]*citation-list",
        r'<div role="list" class="citation-list">',
        "<div>",
    ),
    "the name of a fold of code": (
        r"<summary[^>]*aria-label",
        r'<summary aria-label="Toggle hidden content">',
        "<summary>",
    ),
    "ids of proofs, exercises and solutions": (
        r'id="(?:proof|(?:proof|exercise|solution)-content)"',
        r'(<div class="proof admonition"|<section[^>]*?) '
        r'id="(?:proof|(?:proof|exercise|solution)-content)"',
        r"\1",
    ),
    "a signature of several lines": (
        r'<dd[^>]*>\s*<em class="sig-param',
        r'(?s)<dl>\n(<dd><em class="sig-param">.*?)</dl>',
        _lines,
    ),
}
"""What is repaired -> the fault as loosely as can be, what is found exactly, and what it becomes."""

HEADING = r'<h[1-6]>(?P<heading>.*?)(?:<a class="headerlink"|</h[1-6]>)'
BOX = '<div class="pst-scrollable-table-container">'
TABLE = rf"{BOX}(?=<table[^>]*>\s*<thead>(?P<head>.*?)</thead>)"
HEADING_OR_TABLE = re.compile(f"{HEADING}|{TABLE}", re.DOTALL)
UNNAMED = re.compile(rf"{BOX[:-2]}(?![^>]*aria-label)[^>]*>(?:(?!</table>).)*?<thead", re.DOTALL)


def mend_roles(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Take away lists that are none, a name that hides what is written, and ids that several have.

    A fold of code is called by the words on it, which say what it shows; MyST-NB gives all of them
    one other name. Docutils gives the bibliography the role of a list and no items; Sphinx sets a
    signature of several lines as a list of definitions without terms. Each proof, exercise and solution
    has the same id, with which nothing is linked.
    """
    for what, (fault, found, mended) in REPAIRS.items() if "body" in context else ():
        context["body"] = re.sub(found, mended, context["body"])
        if re.search(fault, context["body"]):
            _warn(pagename, what)


def _warn(pagename: str, what: str) -> None:
    logging.getLogger(__name__).warning(
        "lrbook_pages does not find how %s is written now, and has not repaired it",
        what,
        location=pagename,
    )


def name_tables(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Give the box of each table a name: the heading that it stands under, and its columns.

    A box that is wider than the page is a stop of the Tab key, so that it can be scrolled.
    """
    heading = ""

    def named(found: re.Match) -> str:
        nonlocal heading
        if found["heading"] is not None:
            heading = _words(found["heading"])
            return found[0]
        columns = [_words(cell) for cell in found["head"].split("</th>")]
        name = f"Table under {heading}: {', '.join(filter(None, columns))}"
        return BOX.replace(">", f' role="group" aria-label="{escape(name)}">')

    if "body" in context:
        context["body"] = HEADING_OR_TABLE.sub(named, context["body"])
        heads = doctree is not None and any(doctree.findall(nodes.thead))
        if UNNAMED.search(context["body"]) or (heads and BOX[:-1] not in context["body"]):
            _warn(pagename, "the box of a table")


def _words(html: str) -> str:
    """What a piece of a page says, formulas in Unicode."""
    text = unescape(re.sub(r"<[^>]*>", "", html))
    return re.sub(r"\\\((.*?)\\\)", lambda formula: plain(formula[1]), text).strip()


def name_folds(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Give the arrows that fold the side bar's contents a name; the theme draws them without."""
    made = context.get("generate_toctree_html")
    name = '<summary aria-label="Pages of this section">'

    def named(*arguments: Any, **options: Any) -> str:
        html = str(made(*arguments, **options)).replace("<summary>", name)
        if html.count("<details") != html.count(name):
            _warn(pagename, "an arrow of the side bar")
        return html

    if made is not None:
        context["generate_toctree_html"] = named


def name_rows(app: Any, doctree: Any, docname: str) -> None:
    """Make the first cell of each row of a table its header, which is read before the others."""
    for group in doctree.findall(nodes.tgroup):
        if any(isinstance(part, nodes.thead) for part in group):
            group.next_node(nodes.colspec)["stub"] = 1


def mark_provenance(app: Any, doctree: Any, docname: str) -> None:
    """Give lines below figures that are one emphasis (``lrbook.words.provenance``) a class."""
    for cell in doctree.findall(nodes.container):
        if "cell_output" in cell["classes"]:
            for paragraph in cell.findall(nodes.paragraph):
                if [type(child) for child in paragraph] == [nodes.emphasis]:
                    paragraph["classes"].append("provenance")


def setup(app: Any) -> dict[str, Any]:
    """Register the hooks; that on the theme's contents after the theme has made them."""
    app.connect("doctree-resolved", name_rows)
    app.connect("doctree-resolved", mark_provenance)
    app.connect("html-page-context", mend_roles)
    app.connect("html-page-context", name_tables)
    app.connect("html-page-context", name_folds, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
