"""A book of two small chapters, built by Sphinx with the extensions of ``book/_ext``."""

import json
import re
import sys

import nbformat
import pytest
from conftest import ROOT

from lrbook import card

sys.path.insert(0, str(ROOT / "book" / "_ext"))

TOC = "parts:\n- caption: Part\n  chapters: [{file: book/first}, {file: book/second}]\n"
NOTATION = r"""# Notation

| Symbol | Code | Meaning |
|:---|:---|:---|
| [$\kappa$]{#sym-kappa} | – | $\sqrt{d/N}$, a ratio |
| [$z$]{#sym-z .not-second} | – | a point |

```{glossary}
annealing
anneal
  Lowering the rate $\eta_1$.
```
"""
HEAD = """# {0}

*Why {0}?*

[badge](https://example.org)

**You will see** how $z$ and $\\kappa$ meet {{term}}`annealing`.

**Before this page:** nothing.

To anneal again, $\\kappa$ and *annealing* stay.
"""


def chapter(title):
    cells = nbformat.v4
    parameters = cells.new_code_cell(
        'profile: str = "demo"  # x', metadata={"tags": ["parameters"]}
    )
    picture = {"image/png": PNG, "text/plain": "<Figure>"}
    figure = cells.new_code_cell(
        "1",
        metadata={"mystnb": {"figure": {"caption": "A figure.", "name": f"fig-{title}"}}},
        outputs=[cells.new_output("display_data", picture)],
    )
    said = "Made from `toy-laptop` and `unknown`."
    footer = cells.new_code_cell(
        "2",
        metadata={"tags": ["footer", "remove-input"]},
        outputs=[cells.new_output("display_data", {"text/markdown": said, "text/plain": said})],
    )
    first = cells.new_markdown_cell(HEAD.format(title))
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    about = {"kernelspec": python, "language_info": {"name": "python", "pygments_lexer": "python"}}
    return cells.new_notebook(cells=[first, parameters, figure, footer], metadata=about)


# One pixel.
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built pages: name -> HTML, and the folder that they are in."""
    from sphinx.application import Sphinx

    root = tmp_path_factory.mktemp("book")
    (root / "book").mkdir()
    (root / "_toc.yml").write_text(TOC)
    toctree = "\n".join(f"book/{name}" for name in ("first", "second", "notation", "reproduce"))
    (root / "index.md").write_text(f"# Book\n\n```{{toctree}}\n{toctree}\n```\n")
    (root / "book/notation.md").write_text(NOTATION)
    (root / "book/reproduce.md").write_text("# Reproduce\n\n`toy-laptop`\n: How it was made.\n")
    for name in ("first", "second"):
        nbformat.write(chapter(name), root / "book" / f"{name}.ipynb")
    out = root / "_build" / "html"
    options = {
        "extensions": [
            "myst_nb",
            "sphinxext.opengraph",
            "lrbook_head",
            "lrbook_links",
            "lrbook_site",
        ],
        "nb_execution_mode": "off",
        "myst_enable_extensions": ["dollarmath", "attrs_inline", "deflist"],
        "html_theme": "basic",
        "html_sourcelink_suffix": "",
        "html_baseurl": "https://example.org/book/",
        "ogp_social_cards": {"enable": False},
        "suppress_warnings": ["config.cache"],
        "exclude_patterns": ["_build"],
    }
    arguments = {"confoverrides": options, "warningiserror": True, "status": None, "warning": None}
    app = Sphinx(root, None, out, root / "_build" / "doctrees", "html", **arguments)
    app.build()
    assert app.statuscode == 0
    pages = {path.stem: path.read_text() for path in (out / "book").glob("*.html")}
    return pages, out


def body(page):
    return re.search(r'<div class="body" role="main">(.*)<div class="clearer">', page, re.S)[1]


def test_first_uses_lead_to_their_explanation_with_its_words(site):
    page = body(site[0]["first"])
    [symbol] = re.findall(r'<a class="explained[^>]*href="notation.html#sym-kappa"[^>]*>', page)
    assert 'title="κ: √(d/N), a ratio"' in symbol
    assert page.count('href="notation.html#sym-z"') == 1
    # The chapter's own link, and that of the first use; all have the same words.
    terms = re.findall(r'<a [^>]*href="notation.html#term-annealing"[^>]*>', page)
    assert terms
    assert all('title="Lowering the rate η_1."' in term for term in terms)


def test_a_symbol_is_not_linked_where_it_means_something_else(site):
    assert "#sym-z" not in site[0]["second"]
    assert "#sym-kappa" in site[0]["second"]


def test_the_head_has_times_and_the_first_figure(site):
    page = body(site[0]["first"])
    head = page[page.index("chapter-head") : page.index("stay.")]
    assert "You will see" in head
    assert "Reading: about 1 minute." in head
    assert re.search(r'<a [^>]*href="#fig-first"[^>]*><img ', head)
    assert page.index("badge") < page.index("chapter-head")


def test_the_page_is_described_by_its_question_and_what_it_shows(site):
    words = "Why first? You will see how"
    descriptions = [tag for tag in re.findall(r"<meta [^>]*>", site[0]["first"]) if words in tag]
    assert sum('property="og:description"' in tag for tag in descriptions) == 1
    assert sum('name="description"' in tag for tag in descriptions) == 1
    assert not any("badge" in tag for tag in re.findall(r"<meta [^>]*>", site[0]["first"]))


def test_neighbours_have_their_questions(site):
    assert '<span class="prev-next-question">Why second?</span>' in site[0]["first"]
    assert '<span class="prev-next-question">Why first?</span>' in site[0]["second"]


def test_the_footer_leads_to_recordings_download_and_command(site):
    pages, out = site
    page = body(pages["second"])
    footer = page[page.index("tag_footer") :]
    assert 'href="reproduce.html#recording-toy-laptop"' in footer
    assert "recording-unknown" not in footer
    assert 'id="recording-toy-laptop"' in pages["reproduce"]
    words = re.sub(r"<[^>]+>", "", footer)
    assert (
        "papermill book/second.ipynb out.ipynb -p profile demo. Its parameters: profile." in words
    )
    assert 'href="../_sources/book/second.ipynb"' in footer
    offered = json.loads((out / "_sources/book/second.ipynb").read_text())
    assert offered["cells"][2]["outputs"][0]["data"]["image/png"].strip() == PNG


def test_other_sites_get_the_card(site):
    pages, out = site
    assert (out / "_static/social-card.png").read_bytes()[:4] == b"\x89PNG"
    for name, page in pages.items():
        assert (
            '<meta property="og:image" content="https://example.org/book/_static/social-card.png"'
            in page
        )
        assert (
            f'<meta property="og:url" content="https://example.org/book/book/{name}.html"' in page
        )
        assert f'<meta property="og:image:width" content="{card.SIZE[0]}"' in page
        assert '<meta name="twitter:card" content="summary_large_image"' in page
        assert page.count('property="og:image:alt"') == 1
