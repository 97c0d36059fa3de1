"""The page beside an executed chapter: no MyST, captions, no progress bars; and whose records."""

import base64
import copy
import json
import re
import shutil

import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from nbconvert.filters.markdown_mistune import markdown2html_mistune

from lrbook import chapters
from lrbook.chapters import page, targets
from lrbook.chapters.plain import Link, Targets, Work, plain

KNOWN = Targets(
    {"puzzle": Link("The puzzle", "https://book.invalid/puzzle.html")},
    {"lemma-x": Link("Lemma “X”", "https://book.invalid/#x"), "exercise-x": Link("Exercise “X”")},
    {"li": Work("Li & Ma", "2019", "https://paper.invalid"), "old": Work("Old", "1900")},
)
LEFT_OF_MYST = re.compile(r"\{[a-z:]+\}`|[`:]{3,}\{|^[> ]*:\w+:|_static", re.MULTILINE)

SAID = [
    ("See {doc}`puzzle`.", "See [The puzzle](https://book.invalid/puzzle.html)."),
    ("the {doc}`first\none <puzzle>`", "the [first one](https://book.invalid/puzzle.html)"),
    ("{doc}`gone` and {prf:ref}`gone-too`", "gone and gone-too"),
    ("{prf:ref}`lemma-x`", "[Lemma “X”](https://book.invalid/#x)"),
    ("{ref}`that one <lemma-x>`", "[that one](https://book.invalid/#x)"),
    (
        "so it is {cite:p}`li, old`.",
        "so it is ([Li & Ma, 2019](https://paper.invalid); Old, 1900).",
    ),
    ("{cite:t}`li` say", "[Li & Ma (2019)](https://paper.invalid) say"),
    ("{cite:t}`new` and {cite:p}`new`", "[new] and (new)"),
    ("`{doc}` `a` {doc}`gone` `b`", "`{doc}` `a` gone `b`"),
    ("[![Open](_static/badge.svg)](https://colab.invalid)", "[Open](https://colab.invalid)"),
    ("$a_{b}$ and `x` {math}`c`", "$a_{b}$ and `x` $c$"),
]

QUOTED = [
    ("```{admonition} The claim\n:class: tip\nAll.\n```", "**The claim**\n\nAll."),
    ("```{exercise} X\n:label: exercise-x\n\nWhy?\n```", "**Exercise: X**\n\nWhy?"),
    ("```{solution} exercise-x\n:class: dropdown\nSo.\n```", "**Solution to Exercise “X”**\n\nSo."),
    ("```{prf:theorem} Theorem 3 of all\n:label: t\nIt.\n```", "**Theorem 3 of all**\n\nIt."),
    ("```{prf:assumption} 3.1: small\nIt is.\n```", "**Assumption 3.1: small**\n\nIt is."),
    ("```{prf:proof}\nClear.\n```", "**Proof**\n\nClear."),
    ("```{note} By {doc}`puzzle`.\n```", f"**Note**\n\nBy {plain('{doc}`puzzle`', KNOWN)}."),
    (":::{tip}\nA\n\nB\n:::", "**Tip**\n\nA\n\nB"),
    (
        "````{admonition} Both\n```{note}\nIn.\n```\n```python\n{doc}`x`\n```\n````",
        "**Both**\n\n\n> **Note**\n>\n> In.\n\n```python\n{doc}`x`\n```",
    ),
]


@pytest.mark.parametrize(("text", "meant"), SAID)
def test_roles_become_words(text, meant):
    assert plain(text, KNOWN) == meant


@pytest.mark.parametrize(("text", "meant"), QUOTED)
def test_directives_become_quotations(text, meant):
    quoted = "\n".join(f"> {line}".rstrip() for line in meant.split("\n"))
    assert plain(f"Before.\n{text}\nAfter.", KNOWN) == f"Before.\n\n{quoted}\n\nAfter."


def test_code_and_unclosed_fences_stay():
    text = "```shell\nlrbook {doc}`puzzle`\n```"
    assert plain(text, KNOWN) == text
    assert plain("```{note}\nno end", KNOWN).strip() == "> **Note**\n>\n> no end"


def test_formulas_in_a_quotation_are_formulas():
    formula = "$$ \\begin{aligned}\na_{1} &= *b* \\\\\n+ c_{2} &< d_{3}\n\\end{aligned} $$"
    text = f"```{{prf:proof}}\nWith $a_i < b_i$\n\n{formula}\n\nQED.\n```"
    soup = BeautifulSoup(markdown2html_mistune(plain(text, KNOWN)), "html.parser")
    assert formula in soup.blockquote.get_text()
    assert "With $a_i < b_i$" in soup.blockquote.get_text()
    assert soup.blockquote.find("em") is None


@pytest.mark.parametrize("name", chapters.names())
def test_nothing_of_myst_is_left_of_a_chapter(name):
    for cell in nbformat.read(chapters.find(name), 4).cells:
        if cell.cell_type == "markdown":
            text = plain(cell.source, targets.read(ROOT))
            assert not LEFT_OF_MYST.search(text)


def test_roles_lead_to_the_site_or_else_to_the_repository(tmp_path):
    book = copy_of_the_book(tmp_path)
    text = "# Odd\n\n(part-x)=\n## Part X\n\n```{prf:lemma} Small\n:label: lemma-small\nSo.\n```"
    cells = [nbformat.v4.new_markdown_cell(each) for each in (text, "no `# title`")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), book / "odd.ipynb")
    (book / "on.md").write_text("(top)=\n# Title\n")
    site = "https://book.invalid/of/book/odd.html"
    (tmp_path / "_config.yml").write_text("html:\n  baseurl: https://book.invalid/of/\n")
    found = targets.read(tmp_path)
    assert found.pages["odd"] == ("Odd", site)
    assert found.labels["lemma-small"] == ("Lemma “Small”", f"{site}#lemma-small")
    assert found.labels["part-x"] == ("Part X", f"{site}#part-x")
    assert found.works["li2019towards"][:2] == ("Li, Wei & Ma", "2019")
    assert found.works["keskar2017large"].authors == "Keskar et al."
    config = "repository:\n  url: https://github.com/some/one\n  branch: trunk\n"
    (tmp_path / "_config.yml").write_text(config)
    found = targets.read(tmp_path)
    assert found.pages["on"] == ("Title", "https://github.com/some/one/blob/trunk/book/on.md")
    assert found.pages["odd"].address.endswith("/some/one/blob/trunk/book/odd.ipynb")


def test_a_picture_has_its_caption_below_and_its_alt():
    stream = {"output_type": "stream", "name": "stderr", "text": "50%"}
    size = {"image/png": {"width": 5, "csv": "a"}}
    picture = {"output_type": "display_data", "data": {"image/png": "AA\n"}, "metadata": size}
    link = {"output_type": "display_data", "data": {"text/html": "<p>data"}, "metadata": {}}
    said = {"output_type": "display_data", "data": {"text/markdown": "{doc}`puzzle`"}}
    about = {"image": {"alt": 'a "b"'}, "figure": {"caption": "See $x$."}}
    code = {"cell_type": "code", "source": "f()", "metadata": {"mystnb": about}}
    cells = [{**code, "outputs": [stream, picture, link]}, {**code, "outputs": [link, said]}]
    before = copy.deepcopy(cells)
    first, second = page.readable_cells({"cells": cells}, KNOWN)
    assert cells == before
    image, caption, after = (each["data"] for each in first["outputs"])
    drawn = BeautifulSoup(image["text/html"], "html.parser").img
    assert (drawn["alt"], drawn["src"], drawn["width"]) == (
        'a "b"',
        "data:image/png;base64,AA",
        "5",
    )
    assert caption == {"text/markdown": "**Figure 1.** See $x$."}
    assert after == link["data"]
    assert second["outputs"][1]["data"]["text/markdown"] == plain("{doc}`puzzle`", KNOWN)
    assert second["outputs"][2]["data"] == {"text/markdown": "**Figure 2.** See $x$."}


def copy_of_the_book(root):
    (root / "book").mkdir()
    shutil.copy(ROOT / "_config.yml", root)
    shutil.copy(ROOT / "book" / "references.bib", root / "book")
    return root / "book"


@pytest.fixture
def planted(tmp_path, monkeypatch):
    """A book of one chapter, which draws, warns and shows a record."""
    book = copy_of_the_book(tmp_path)
    dot = base64.b64encode(b"a picture").decode()
    code = (
        "import sys\nfrom IPython.display import display\nfrom lrbook import used\n"
        f"display({{'image/png': {dot!r}}}, raw=True)\nprint('half way', file=sys.stderr)\n"
        "from ipykernel.kernelapp import IPKernelApp\n"
        "IPKernelApp.instance().log.error('a stray line')\n"
        "used.note('shown', ['toy'][:shown])"
    )
    about = {"mystnb": {"figure": {"caption": "Seen {doc}`odd`."}, "image": {"alt": "a dot"}}}
    parameter = "shown: int = 1  # records"
    cells = [
        nbformat.v4.new_markdown_cell("# Odd\n\n```{note}\nSo {cite:p}`li2019towards`.\n```"),
        nbformat.v4.new_code_cell(parameter, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(code, metadata=about),
    ]
    kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), book / "odd.ipynb")
    monkeypatch.setattr(chapters, "folder", lambda: book)
    return tmp_path


def test_page_is_readable_and_the_notebook_as_executed(planted, capfd):
    out = chapters.run("odd", {}, out=planted / "out.ipynb", progress=False)
    assert "a stray line" not in capfd.readouterr().err
    soup = BeautifulSoup(out.with_suffix(".html").read_text(), "html.parser")
    text = " ".join(soup.main.get_text().split())
    assert soup.title.get_text() == "out"
    assert "(Li, Wei & Ma, 2019)" in text
    assert soup.blockquote.strong.get_text() == "Note"
    assert "Figure 1. Seen Odd." in text
    assert soup.main.img["alt"] == "a dot"
    assert "half way" not in [each.get_text().strip() for each in soup.find_all("pre")]
    notebook = nbformat.read(out, 4)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]
    assert "{cite:p}" in notebook.cells[0].source
    drawn, warned = notebook.cells[2].outputs
    assert "image/png" in drawn.data
    assert warned.text == "half way\n"


@pytest.mark.parametrize("shown", [1, 0])
def test_records_of_somebody_else_are_named_below_the_title(shown, planted):
    results = planted / "theirs"
    results.mkdir()
    out = planted / "out.ipynb"
    chapters.run("odd", {"shown": shown}, out=out, results=results, progress=False)
    nbformat.validate(nbformat.read(out, 4))
    second = json.loads(out.read_text())["cells"][1]
    said = f"show the records of* `{results}`; *the running text was written for the book's own."
    assert (said in "".join(second["source"])) == bool(shown)
    assert ("the running text was" in out.with_suffix(".html").read_text()) == bool(shown)
