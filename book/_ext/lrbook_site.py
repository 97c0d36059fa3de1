"""Sphinx extension: what a page offers besides its text, and what it tells other sites.

Each chapter's download is the notebook as it was executed, with its outputs. Its footer says how to
run it again, and its recordings lead to how they were made. The address of the site is
``html.baseurl`` in ``_config.yml`` and nowhere else; the social card is drawn when the book is built.
"""

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from lrbook_head import is_chapter

from lrbook import card, recordings
from lrbook.chapters import parameters

CARD = "_static/social-card.png"
REPRODUCE = "book/reproduce"


def use_base_address(app: Any, config: Any) -> None:
    """Give the site's address to the extension that writes the tags for other sites."""
    config.ogp_site_url = config.html_baseurl
    config.ogp_image = CARD
    config.ogp_image_alt = card.ALT
    config.ogp_custom_meta_tags = [
        *config.ogp_custom_meta_tags,
        f'<meta property="og:image:width" content="{card.SIZE[0]}" />',
        f'<meta property="og:image:height" content="{card.SIZE[1]}" />',
        '<meta name="twitter:card" content="summary_large_image" />',
    ]


def finish_footer(app: Any, document: nodes.document, page: str) -> None:
    """Link the recordings in a chapter's footer, and add how to have and to run the page."""
    if page == REPRODUCE:
        for term in document.findall(nodes.term):
            term["ids"] = [f"recording-{term.astext()}"]
    if not is_chapter(app, page):
        return
    names = {each.name for each in recordings.read()}
    where = app.builder.get_relative_uri(page, REPRODUCE)
    for cell in document.findall(nodes.container):
        if "tag_footer" not in cell.get("classes", []):
            continue
        for word in list(cell.findall(nodes.literal)):
            if word.astext() in names:
                link = _link(f"{where}#recording-{word.astext()}", word.deepcopy())
                word.parent.replace(word, link)
        cell += again(Path(app.env.doc2path(page)))


def again(chapter: Path) -> list[nodes.Node]:
    """Two lines: where the executed notebook is, and the command that runs the page again."""
    known = ", ".join(parameters.read(chapter))
    command = f"papermill book/{chapter.name} out.ipynb -p profile demo"
    download = _link(f"../_sources/book/{chapter.name}", nodes.Text("notebook with all outputs"))
    return [
        nodes.paragraph("", "", nodes.Text("Take this page with you: "), download, nodes.Text(".")),
        nodes.paragraph(
            "",
            "",
            nodes.Text("Run it again with other parameters: "),
            nodes.literal("", command),
            nodes.Text(f". Its parameters: {known}."),
        ),
    ]


def name_download(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Say what the download button gives; a notebook that is no chapter has none."""
    for group in context.get("header_buttons", []):
        for button in group.get("buttons", []):
            if button.get("label") == "download-source-button" and is_chapter(app, pagename):
                button["tooltip"] = "Download this page as a notebook, with its outputs"


def drop_launch(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """No button to open a page on Colab that is not a chapter: it would open a text file."""
    if pagename in app.env.found_docs and not is_chapter(app, pagename):
        buttons = context.get("header_buttons", [])
        context["header_buttons"] = [
            group for group in buttons if group.get("label") != "launch-buttons"
        ]


def put_files(app: Any, error: Exception | None) -> None:
    """Copy the executed notebooks over the sources that the pages offer, and draw the card."""
    if error or app.builder.name != "html":
        return
    executed = Path(app.outdir).parent / "jupyter_execute"
    for page in app.env.found_docs:
        made = executed / f"{page}.ipynb"
        if is_chapter(app, page) and made.exists():
            shutil.copy2(made, Path(app.outdir, "_sources", f"{page}.ipynb"))
    Path(app.outdir, CARD).write_bytes(card.png())


def _link(address: str, child: nodes.Node) -> nodes.reference:
    return nodes.reference("", "", child, internal=True, refuri=address)


def setup(app: Any) -> dict[str, Any]:
    """Buttons are changed after the theme has made them."""
    app.connect("config-inited", use_base_address)
    app.connect("doctree-resolved", finish_footer, priority=850)
    app.connect("html-page-context", name_download, priority=950)
    app.connect("html-page-context", drop_launch, priority=950)
    app.connect("build-finished", put_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
