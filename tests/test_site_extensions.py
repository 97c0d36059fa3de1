"""What the extensions under book/_ext do, on small pages made by hand."""

import re
import sys

import pytest
from conftest import ROOT
from docutils import nodes

sys.path.insert(0, str(ROOT / "book" / "_ext"))
import latex_words
import lrbook_head
import lrbook_links
import lrbook_pages
import lrbook_reference


@pytest.mark.parametrize(
    ("formula", "symbol"),
    [
        (r"\kappa", r"\kappa"),
        (r"\kappa^2 = d/N", r"\kappa"),
        (r"\kappa \ll 1", r"\kappa"),
        (r"d/\kappa^2", None),
        (r"\tau_0", r"\tau_0"),
        (r"\tau_\xi/2", None),
        (r"\widetilde{U}_t", r"tilde U"),
        (r"\tilde U", r"tilde U"),
        (r"w^\star", "w^*"),
        (r"\sigma(-y f)", r"\sigma()"),
        (r"f(u, U; x)", "f()"),
        (r"\lVert x_1 \rVert", "|x_1|"),
        (r"\mathcal{P}_y", "P_y"),
        ("10^{-5}", None),
        ("", None),
    ],
)
def test_the_symbol_that_a_formula_is_about(formula, symbol):
    assert latex_words.leading_symbol(formula) == symbol


def test_formulas_in_a_tooltip():
    assert latex_words.plain(r"\sqrt{d/N}") == "√(d/N)"
    assert latex_words.plain(r"\sqrt{\varepsilon_1 / q}") == "√(ε_1 / q)"
    assert latex_words.plain(r"1/\sqrt{m}") == "1/√m"
    assert latex_words.plain(r"1/\sqrt m") == "1/√ m"
    assert latex_words.plain(r"z \pm \zeta") == "z ± ζ"
    assert latex_words.plain(r"d^{-3/4}") == "d^(-3/4)"
    assert latex_words.plain(r"\varepsilon_1 + q \log 2") == "ε_1 + q log 2"
    assert latex_words.plain(r"r^2/\lambda \to 0") == "r^2/λ → 0"
    assert latex_words.plain(r"\Lambda + \varphi") == "Λ + φ"
    assert latex_words.plain(r"\Omega(p) \ll \omega") == "Ω(p) ≪ ω"
    assert latex_words.plain(r"\lVert \Delta \rVert \le \delta") == "‖ Δ ‖ ≤ δ"


def test_the_box_of_a_table_is_named_by_its_heading_and_its_columns():
    box = '<div class="pst-scrollable-table-container">'
    head = "<thead>\n<tr><th><p>arm &amp; rate</p></th>\n<th><p></p></th>\n<th><p>%s</p></th></tr>"
    table = f'{box}<table class="table">\n{head}</thead>'
    link = '<a class="headerlink" href="#x">#</a>'
    page = "\n".join([
        f'<h1><span class="section-number">3. </span>One{link}</h1>',
        table % r"<span>\(\kappa\)</span>",
        f"<h2>Two{link}</h2>",
        table % "ours",
        f"{box}<table><tbody></tbody></table>",
    ])  # fmt: skip
    context = {"body": page}
    lrbook_pages.name_tables(None, "page", "page.html", context, None)
    names = re.findall(r'table-container"( role="group" aria-label="(.*?)")?>', context["body"])
    assert [name for _, name in names] == [
        "Table under 3. One: arm &amp; rate, κ",
        "Table under Two: arm &amp; rate, ours",
        "",
    ]


def test_a_line_below_a_figure_that_is_one_emphasis_says_where_it_comes_from():
    def paragraph(*children):
        return nodes.paragraph("", "", *children)

    def origin():
        return paragraph(nodes.emphasis("", "30 runs"))

    half = paragraph(nodes.emphasis("", "30 runs"), nodes.Text(" and more"))
    output = nodes.container("", origin(), half, paragraph(), classes=["cell_output"])
    document = nodes.section("", output, origin())
    lrbook_pages.mark_provenance(None, document, "page")
    marked = [each["classes"] for each in document.findall(nodes.paragraph)]
    assert marked == [["provenance"], [], [], []]


def text_of(*children):
    paragraph = nodes.paragraph("", "", *children)
    return nodes.section("", paragraph), paragraph


def links(document):
    return [(link.astext(), link["refuri"]) for link in document.findall(nodes.reference)]


TERMS = [
    lrbook_links.Term("term-S", "small", "S"),
    lrbook_links.Term("term-L-S", "large", "L-S"),
    lrbook_links.Term("term-annealing", "lowering", "annealing"),
    lrbook_links.Term("term-annealing", "lowering", "anneal"),
    lrbook_links.Term("term-gradient-share", "part", "gradient share"),
]


def test_the_first_use_of_a_term_is_linked_and_no_other():
    words = "L-S is ahead of S. Annealing in L-S, to anneal; gradient shares\nand S."
    document, _ = text_of(nodes.Text(words))
    lrbook_links.link_terms(document, TERMS, "n.html")
    assert links(document) == [
        ("L-S", "n.html#term-L-S"),
        ("S", "n.html#term-S"),
        ("Annealing", "n.html#term-annealing"),
        ("gradient shares", "n.html#term-gradient-share"),
    ]
    assert document.astext() == words


def test_terms_inside_words_links_titles_and_code_are_left_alone():
    inside = [nodes.Text("SGD, S-curve, and unannealed "), nodes.literal("", "S")]
    document, paragraph = text_of(*inside)
    paragraph += nodes.reference("", "", nodes.Text("annealing"), refuri="x")
    document.insert(0, nodes.title("", "Annealing"))
    lrbook_links.link_terms(document, TERMS, "n.html")
    assert links(document) == [("annealing", "x")]


def test_symbols_mean_what_the_chapter_means():
    anywhere = lrbook_links.Symbol("z", "point", frozenset(), frozenset({"images"}))
    there = lrbook_links.Symbol("image-z", "patch", frozenset({"images"}), frozenset())
    for chapter, anchor in (("theory", "z"), ("images", "image-z")):
        document, _ = text_of(nodes.math("", "2 z"), nodes.math("", "z = 1"), nodes.math("", "z"))
        lrbook_links.link_symbols(document, {"z": [anywhere, there]}, chapter, "n.html")
        assert links(document) == [("z = 1", f"n.html#{anchor}")]
    document, _ = text_of(nodes.math("", "z"))
    lrbook_links.link_symbols(document, {"z": [there]}, "theory", "n.html")
    assert links(document) == []


def test_every_symbol_of_the_notation_has_an_anchor_and_every_term_one_entry():
    page = (ROOT / "book" / "notation.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith(("| $", "| [$"))]
    assert len(rows) > 40
    assert [row for row in rows if "{#sym-" not in row.split(" | ")[0]] == []
    anchors = re.findall(r"{#([\w-]+)", page)
    assert len({anchor.lower() for anchor in anchors}) == len(anchors)
    chapters = {path.stem for path in (ROOT / "book").glob("*.ipynb")}
    assert set(re.findall(r" \.(?:in|not)-(\w+)", page)) <= chapters
    glossary = page.partition("```{glossary}")[2].partition("```")[0].splitlines()
    forms = [line for line in glossary if line and not line.startswith(" ")]
    assert len(forms) > 20
    assert sorted(set(forms)) == sorted(forms)


def test_reading_time_counts_prose_only():
    prose = " ".join(["word"] * 460)
    document, paragraph = text_of(nodes.Text(prose))
    assert lrbook_head.minutes_to_read(document) == 2
    document += nodes.literal_block("", prose)
    document += nodes.math_block("", prose)
    document += nodes.raw("", f"<script>{prose}</script>", format="html")  # a figure one can move
    put_out = nodes.paragraph("", prose)
    document += nodes.container("", put_out, nb_element="mime_bundle")
    assert lrbook_head.minutes_to_read(document) == 2
    paragraph += nodes.emphasis("", prose)
    assert lrbook_head.minutes_to_read(document) == 4
    # a solution is folded away and a caption is below what a cell put out: both are read
    document += nodes.admonition("", nodes.paragraph("", prose), classes=["solution", "dropdown"])
    figure = nodes.figure("", nodes.caption("", prose))
    document += nodes.container("", figure, nb_element="cell_code_output")
    assert lrbook_head.minutes_to_read(document) == 8
    assert lrbook_head.minutes_to_read(text_of(nodes.Text("few words"))[0]) == 1


def test_facts_are_said_only_if_they_are_known():
    assert lrbook_head.facts(1, None, 2) == "Reading: about 1 minute."
    said = lrbook_head.facts(3, 42.4, 1)
    assert (
        said == "Reading: about 3 minutes. Running: 42 seconds on 1 core, when this page was built."
    )


def test_docstrings_keep_bars_and_displays():
    lines = [
        "Bound |x| as ``|y|``.",
        "",
        "    a = |b|",
        "",
        "Then.",
        "",
        ":param z: |w|",
        "    more",
    ]
    lrbook_reference.keep_formulas(None, "module", "m", None, None, lines)
    assert lines == [
        r"Bound \|x\| as ``|y|``.",
        "",
        "::",
        "",
        "    a = |b|",
        "",
        "Then.",
        "",
        r":param z: \|w\|",
        "    more",
    ]


def test_the_reference_lists_every_module_once():
    pages = [path.read_text() for path in (ROOT / "book").glob("api_*.md")]
    listed = [
        line.split()[-1] for page in pages for line in page.splitlines() if "automodule" in line
    ]
    there = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "lrbook").rglob("*.py")
        if not path.stem.startswith("__")
    }
    packages = {"lrbook.sweeps", "lrbook.study", "lrbook.figures", "lrbook.chapters"}
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) - packages == there
