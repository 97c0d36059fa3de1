"""Sphinx extension: the link to a figure's data, below its picture and inside its figure."""

import os
from typing import Any

from docutils import nodes
from myst_nb.core.render import MimeData, NbElementRenderer

from lrbook.figures import data, offer


def setup(app: Any) -> dict[str, Any]:
    """Tell kernels to put a figure's data into its metadata, and read them there."""
    os.environ[offer.VARIABLE] = "metadata"
    picture = NbElementRenderer.render_image

    def picture_and_link(self: NbElementRenderer, found: MimeData) -> list[nodes.Element]:
        kept = found.output_metadata.get(found.mime_type, {})
        if "csv" not in kept:
            return picture(self, found)
        link = nodes.raw("", data.link(kept["csv"], kept["csv_name"]), format="html")
        return [*picture(self, found), link]

    NbElementRenderer.render_image = picture_and_link
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
