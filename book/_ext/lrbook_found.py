"""Sphinx extension: how the pages are found from elsewhere, and what others are told of the book."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from docutils import nodes
from lrbook_head import describe

from lrbook import cite

TOLD = 'title, link[rel="canonical"], meta[name="description"], meta[property^="og:"], ' + (
    'meta[name^="twitter:"], script[type="application/ld+json"]'
)
NOT_FOUND = """<h1>Page not found</h1>
<p>There is no page of this book at this address. <a href="{first}">The first page</a> leads to all
chapters, and the <a href="search.html">search</a> finds words in them.</p>
"""


def describe_page(app: Any, document: nodes.document) -> None:
    """A page that is no chapter says itself what it is about: ``description`` above its title."""
    words = app.env.metadata[app.env.docname].get("description")
    if words:
        describe(app, document, words)


def hide_generated(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Indexes, the search and the page of what is missing are nothing that a search should find."""
    if pagename not in app.env.found_docs:
        context["metatags"] += '\n    <meta name="robots" content="noindex" />'


def add_book(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """On the first page, the book for machines (https://schema.org/Book)."""
    if pagename == app.config.root_doc:
        said = {
            "@context": "https://schema.org",
            "@type": "Book",
            "name": app.config.html_title,
            "url": context["pageurl"],
            "description": app.env.metadata[pagename]["og:description"],
            **book(cite.citation()),
        }
        words = json.dumps(said, ensure_ascii=False).replace("<", "\\u003c")
        context["metatags"] += f'<script type="application/ld+json">{words}</script>\n'


def book(cff: dict[str, Any]) -> dict[str, Any]:
    """What ``CITATION.cff`` says, in the words of schema.org; papers are cited and not our own."""
    return {
        "alternateName": cff["title"],
        "inLanguage": "en",
        "author": _authors(cff),
        "license": f"https://spdx.org/licenses/{cff['license']}.html",
        "citation": [
            {
                "@type": "ScholarlyArticle",
                "name": paper["title"],
                "author": _authors(paper),
                "datePublished": str(paper["year"]),
                "sameAs": f"https://arxiv.org/abs/{number['value'].removeprefix('arXiv:')}",
            }
            for paper in cff["references"]
            for number in paper["identifiers"]
        ],
    }


def _authors(work: dict[str, Any]) -> list[dict[str, str]]:
    return [
        {"@type": "Organization", "name": each["name"]}
        if "name" in each
        else {"@type": "Person", "name": f"{each['given-names']} {each['family-names']}"}
        for each in work["authors"]
    ]


def add_not_found(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The page that is shown for an address without one, at whatever depth that is.

    So its links are told where they begin: at the path of ``html.baseurl``. A link within the page
    leads to the page itself.
    """
    base = f'<base href="{urlsplit(app.config.html_baseurl).path}404.html" />\n'
    first = app.builder.get_target_uri(app.config.root_doc)
    body = NOT_FOUND.format(first=first)
    yield "404", {"title": "Page not found", "body": body, "metatags": base}, "page.html"


def write_root(app: Any, error: Exception | None) -> None:
    """At the address of the site itself, lead to the first page, with what that tells others."""
    if error or app.builder.name != "html":
        return
    first = app.builder.get_target_uri(app.config.root_doc)
    page = BeautifulSoup(Path(app.outdir, first).read_text(encoding="utf-8"), "html.parser")
    tags = "\n    ".join(str(tag) for tag in page.head.select(TOLD))
    said = {"first": first, "tags": tags, "title": app.config.html_title, "language": "en"}
    root = app.builder.templates.render("root.html", said)
    Path(app.outdir, "index.html").write_text(root, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    """Tags are added after the extension that writes those for other sites."""
    app.connect("doctree-read", describe_page, priority=850)
    app.connect("html-page-context", hide_generated, priority=910)
    app.connect("html-page-context", add_book, priority=910)
    app.connect("html-collect-pages", add_not_found)
    app.connect("build-finished", write_root)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
