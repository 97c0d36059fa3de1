"""Sphinx extension: the link to a figure's data, below its picture and inside its figure.

A figure's cell has two outputs, the picture and the link (``lrbook.figures.offer``). MyST-NB would
make a figure of each, with one name. So the second is left out, and the link is made again from
the data that the picture carries. In the site the data is a file, which only those load who want it.
"""

import hashlib
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer
from myst_nb.sphinx_ import SphinxNbRenderer

from lrbook.figures import data


def is_link(output: Any) -> bool:
    """Whether an output of a notebook is nothing but the link to a figure's data."""
    return "".join(output.get("data", {}).get("text/html", "")).startswith(data.BEGINNING)


def written(env: Any, text: str, name: str) -> str:
    """Write a figure's data into the site; return the address, as the page that is being read has it."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:12]
    path = f"_static/data/{digest}-{name}"
    file = Path(env.app.outdir, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8", newline="")
    return "../" * env.docname.count("/") + path


def setup(app: Any) -> dict[str, Any]:
    """Wrap the two functions of MyST-NB that render outputs."""
    picture, outputs = NbElementRenderer.render_image, SphinxNbRenderer._render_nb_cell_code_outputs

    def picture_and_link(self: NbElementRenderer, found: MimeData) -> list[nodes.Element]:
        kept = found.output_metadata.get(found.mime_type, {})
        if "csv" not in kept:
            return picture(self, found)
        address = written(self.renderer.document.settings.env, kept["csv"], kept["csv_name"])
        link = data.link(address, kept["csv_name"])
        return [*picture(self, found), nodes.raw("", link, format="html")]

    def without_links(self: SphinxNbRenderer, token: Any, found: list[Any]) -> None:
        outputs(self, token, [output for output in found if not is_link(output)])

    NbElementRenderer.render_image = picture_and_link
    SphinxNbRenderer._render_nb_cell_code_outputs = without_links
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
