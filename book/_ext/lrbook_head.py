"""Sphinx extension: the head of a chapter, made from the chapter itself when the book is built.

Below the title stand the question, what the page will show, what comes before it, how long it
takes to read (its words are counted) and to run (its execution is timed), and beside them the
page's first figure in small. Previous and next at the foot carry their chapters' questions.
"""

import html
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector

from lrbook.chapters import contents
from lrbook.origin import time_words
from lrbook.provenance import available_cores

WORDS_A_MINUTE = 230
# Raw nodes are the HTML of figures one can move: tags, styles, scripts and all the data within.
NOT_PROSE = (
    nodes.literal_block,
    nodes.math_block,
    nodes.math,
    nodes.comment,
    nodes.table,
    nodes.raw,
)


def minutes_to_read(document: nodes.Node) -> int:
    """Minutes that the prose of a page takes, at least 1.

    Solutions and captions are prose; code, what it puts out, formulas and tables are left out.
    """
    words = 0
    for text in document.findall(nodes.Text):
        if not any(_is_no_prose(above) for above in _ancestors(text)):
            words += len(text.astext().split())
    return max(1, round(words / WORDS_A_MINUTE))


def facts(minutes: int, seconds: float | None, cores: int) -> str:
    """``Reading: about 5 minutes. Running: 41 seconds on 2 cores.``"""
    read = f"Reading: about {minutes} minute{'s' if minutes > 1 else ''}."
    if seconds is None:
        return read
    machine = f"{cores} core{'s' if cores > 1 else ''}"
    return f"{read} Running: {time_words(seconds)} on {machine}, when this page was built."


def make_head(app: Any, document: nodes.document) -> None:
    """Rearrange the first section of a chapter: words on one side, the first figure on the other."""
    if not is_chapter(app):
        return
    section = next(iter(document.findall(nodes.section)))
    see = _paragraph(section, "You will see")
    before = _paragraph(section, "Before this page")
    if see is None or before is None:
        return
    describe(app, document, f"{_question(section)} {see.astext()}")
    times = NbMetadataCollector.get_exec_data(app.env, app.env.docname) or {}
    said = facts(minutes_to_read(document), times.get("runtime"), available_cores())
    words = nodes.container(classes=["chapter-words"])
    head = nodes.container("", words, classes=["chapter-head"])
    section.insert(section.index(see), head)
    for paragraph in (see, before):
        section.remove(paragraph)
        words += paragraph
    words += nodes.paragraph("", said, classes=["chapter-facts"])
    small = small_figure(document)
    if small is not None:
        head += small


def describe(app: Any, document: nodes.document, words: str) -> None:
    """What search engines and other sites say about the page: its question, and what it shows."""
    words = " ".join(words.split())
    app.env.metadata[app.env.docname]["og:description"] = words
    document += nodes.meta(name="description", content=words)


def small_figure(document: nodes.document) -> nodes.Node | None:
    """The first figure again, in small, as a link to it; None on a page without a picture."""
    for figure in document.findall(nodes.figure):
        image = next(iter(figure.findall(nodes.image)), None)
        if image is not None and figure["ids"]:
            copy = image.deepcopy()
            copy["ids"], copy["names"] = [], []
            copy["alt"] = "To the figure on this page"  # the figure itself has the long text
            link = nodes.reference("", "", copy, internal=True, refid=figure["ids"][0])
            link["reftitle"] = "To the figure on this page"
            return nodes.container("", nodes.paragraph("", "", link), classes=["chapter-figure"])
    return None


def is_chapter(app: Any, name: str | None = None) -> bool:
    """Whether the page ``name``, or the one that is being read, is a notebook among the chapters."""
    name = name or app.env.docname
    return str(app.env.doc2path(name)).endswith(".ipynb")


def add_questions(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Put its question below the title of the previous and of the next chapter."""
    asked = {f"book/{entry.name}": entry.question for entry in contents.contents(app.srcdir)}
    neighbours = app.env.collect_relations().get(pagename, (None, None, None))[1:]
    for where, name in zip(("prev", "next"), neighbours, strict=True):
        if context.get(where) and name in asked:
            question = f'<span class="prev-next-question">{html.escape(asked[name])}</span>'
            context[where] = context[where] | {"title": f"{context[where]['title']} {question}"}


def _paragraph(section: nodes.section, start: str) -> nodes.paragraph | None:
    for child in section.children:
        if isinstance(child, nodes.paragraph) and child.astext().startswith(start):
            return child
    return None


def _question(section: nodes.section) -> str:
    return next(iter(section.findall(nodes.emphasis))).astext()


def _is_no_prose(node: nodes.Element) -> bool:
    # A cell's output is in the tree in each of its formats, of which the page will show one.
    return isinstance(node, NOT_PROSE) or node.get("nb_element") == "mime_bundle"


def _ancestors(node: nodes.Node) -> list[nodes.Node]:
    found = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def setup(app: Any) -> dict[str, Any]:
    """Register after the collectors, so that images are known when one is shown again."""
    app.connect("doctree-read", make_head, priority=800)
    app.connect("html-page-context", add_questions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
