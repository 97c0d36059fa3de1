"""Sphinx extension: symbols and terms link to where they are explained, and say it when pointed at.

The page ``book/notation`` is the source. A symbol there is a span with an id, ``[$\\kappa$]{#kappa}``,
in the first column of a table; terms are in its glossary. In every chapter the first use of each
becomes a link to it, and every such link, written by hand or not, has the explanation as its title.
A symbol with the class ``in-CHAPTER`` has that meaning in the chapters named so and in no other;
with ``not-CHAPTER`` it is not linked there.

So the chapters carry no links of this kind themselves, and nothing is missed when they change.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from docutils import nodes
from latex_words import leading_symbol, plain, spoken
from lrbook_head import is_chapter

NOTATION = "book/notation"
SKIPPED = (
    nodes.reference,
    nodes.title,
    nodes.rubric,
    nodes.literal,
    nodes.literal_block,
    nodes.figure,
    nodes.term,
    nodes.thead,
)


class Symbol(NamedTuple):
    """A row of the notation tables: where it is, what it means, and in which chapters."""

    anchor: str
    meaning: str
    within: frozenset[str]
    without: frozenset[str]

    def holds_in(self, chapter: str) -> bool:
        """Whether this is what the symbol means in ``chapter``."""
        return chapter not in self.without and (not self.within or chapter in self.within)


class Term(NamedTuple):
    """A term of the glossary, in one of the forms that it is listed in."""

    anchor: str
    meaning: str
    form: str

    def pattern(self) -> re.Pattern:
        """Finds the term as a word of its own, with a plural's s and, if in small letters, with a
        capital.
        """
        word = re.escape(self.form).replace(r"\ ", r"\s")
        if self.form.islower():
            word = f"[{self.form[0]}{self.form[0].upper()}]{word[1:]}"
        return re.compile(rf"(?<![\w$-]){word}s?(?![\w-])")


def collect(app: Any, document: nodes.document) -> None:
    """Read the symbols and terms when the notation page is read."""
    if app.env.docname == NOTATION:
        app.env.lrbook_symbols = dict(_symbols(document))
        app.env.lrbook_terms = list(_terms(document))


def link_first_uses(app: Any, document: nodes.document, page: str) -> None:
    """Make the links in a chapter, and give a title to all links to the notation page."""
    symbols = getattr(app.env, "lrbook_symbols", {})
    terms = getattr(app.env, "lrbook_terms", [])
    if is_chapter(app, page):
        address = app.builder.get_relative_uri(page, NOTATION)
        link_symbols(document, symbols, page.rpartition("/")[2], address)
        link_terms(document, terms, address)
    # Browsers leave a formula out of a link's name and take its title, which so begins with it.
    meanings = {
        each.anchor: f"{plain(name)}: {each.meaning}"
        for name, group in symbols.items()
        for each in group
    }
    meanings |= {term.anchor: term.meaning for term in terms}
    for link in document.findall(nodes.reference):
        target, _, anchor = link.get("refuri", "").partition("#")
        own = page == NOTATION and not link.get("refuri")
        anchor = anchor or (link.get("refid", "") if own else "")
        if anchor in meanings and (own or target.endswith("notation.html")):
            link["reftitle"] = meanings[anchor]


def link_symbols(
    document: nodes.document, symbols: dict[str, list[Symbol]], chapter: str, address: str
) -> None:
    """Link the first formula of a chapter that is a symbol, or begins with one and a relation."""
    linked = set()
    for formula in list(document.findall(nodes.math)):
        name = leading_symbol(formula.astext())
        here = [each for each in symbols.get(name, []) if each.holds_in(chapter)]
        here.sort(key=lambda each: not each.within)  # a meaning of the chapter's own comes first
        if here and name not in linked and not _is_skipped(formula):
            linked.add(name)
            _wrap(formula, [formula.deepcopy()], f"{address}#{here[0].anchor}")


def link_terms(document: nodes.document, terms: list[Term], address: str) -> None:
    """Link the first use of each term in the running text of a chapter."""
    linked = set()
    for text in list(document.findall(nodes.Text)):
        if not _is_prose(text):
            continue
        left = [term for term in terms if term.anchor not in linked]
        pieces: list[nodes.Node] = []
        rest = text.astext()
        while found := _first(left, rest):
            term, match = found
            linked.add(term.anchor)
            left = [other for other in left if other.anchor != term.anchor]
            link = _link(f"{address}#{term.anchor}", [nodes.Text(match[0])])
            pieces += [nodes.Text(rest[: match.start()]), link]
            rest = rest[match.end() :]
        if pieces:
            text.parent.replace(text, [*pieces, nodes.Text(rest)])


def _first(terms: list[Term], text: str) -> tuple[Term, re.Match] | None:
    """The term used first in ``text``; of those that begin at one place the longest."""
    found = [(term, match) for term in terms if (match := term.pattern().search(text))]
    return min(found, key=lambda each: (each[1].start(), -len(each[1][0])), default=None)


def _symbols(document: nodes.document) -> Iterator[tuple[str, list[Symbol]]]:
    groups: dict[str, list[Symbol]] = {}
    for span in document.findall(nodes.inline):
        formula = next(iter(span.findall(nodes.math)), None)
        if not span["ids"] or formula is None:
            continue
        row = span.parent
        while not isinstance(row, nodes.row):
            row = row.parent
        scope = [kind.partition("-") for kind in span["classes"]]
        within, without = (
            frozenset(chapter for word, _, chapter in scope if word == which)
            for which in ("in", "not")
        )
        symbol = Symbol(span["ids"][0], spoken(row.children[-1]), within, without)
        groups.setdefault(leading_symbol(formula.astext()), []).append(symbol)
    yield from groups.items()


def _terms(document: nodes.document) -> Iterator[Term]:
    for item in document.findall(nodes.definition_list_item):
        definition = spoken(next(iter(item.findall(nodes.definition))))
        forms = [child for child in item.children if isinstance(child, nodes.term)]
        for form in forms:
            if form["ids"]:
                # All forms of one entry lead to its first: they have one explanation.
                yield Term(forms[0]["ids"][0], definition, form.astext())


def _is_prose(text: nodes.Text) -> bool:
    return isinstance(text.parent, nodes.paragraph | nodes.emphasis | nodes.strong) and (
        not _is_skipped(text)
    )


def _is_skipped(node: nodes.Node) -> bool:
    while node is not None:
        classes = node.attributes.get("classes", []) if isinstance(node, nodes.Element) else []
        if isinstance(node, SKIPPED) or "cell_output" in classes or "chapter-facts" in classes:
            return True
        node = node.parent
    return False


def _link(address: str, children: list[nodes.Node]) -> nodes.reference:
    return nodes.reference("", "", *children, internal=True, refuri=address, classes=["explained"])


def _wrap(node: nodes.Node, children: list[nodes.Node], address: str) -> None:
    node.parent.replace(node, _link(address, children))


def setup(app: Any) -> dict[str, Any]:
    """Collect before the chapters are resolved; the links come after all others are known."""
    app.connect("doctree-read", collect, priority=800)
    app.connect("doctree-resolved", link_first_uses, priority=800)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
