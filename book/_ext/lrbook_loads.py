"""Sphinx extension: a page loads what it uses and no more, and the site holds no file besides."""

import re
import shutil
from itertools import count
from pathlib import Path
from typing import Any

VIEWPORT = re.compile(r'<meta name="viewport"[^>]*>\s*')
FIGURE = re.compile(
    r"(?P<before><figure [^>]*>\s*)?(?P<image><img [^>]*?) "
    r'style="width: (?P<width>\d+)px; height: (?P<height>\d+)px;"'
)
UNUSED = (
    "scripts/fontawesome.js*",  # book/_templates/layout.html leaves it out
    "sphinx-thebe.*",
    "*webpack-macros.html",  # the themes' own templates
    "**/*.map",
    "locales",
)
"""Files below ``_static`` that the theme brings and no page asks for."""


def drop_scripts(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Leave out the scripts and styles of Thebe, which this book does not use, and MathJax on a page
    without a formula.

    Jupyter Book adds Thebe to every page, some of it twice, and the browser then reports that
    ``THEBE_JS_URL`` has already been declared. Sphinx adds MathJax where a page below has a formula.
    """
    unused = ["thebe"] if 'class="math' in context.get("body", "") else ["thebe", "mathjax"]
    for kind in ("script_files", "css_files"):
        files = context.get(kind, [])
        context[kind] = [file for file in files if not any(name in _said(file) for name in unused)]


def _said(file: Any) -> str:
    body = getattr(file, "attributes", {}).get("body") or ""
    return f"{getattr(file, 'filename', None) or file} {body}".lower()


def keep_one_viewport(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Docutils names the viewport, which Sphinx has named already."""
    context["metatags"] = VIEWPORT.sub("", context.get("metatags") or "")


def keep_room(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Sides of a picture as attributes, by which a browser keeps room for it until it is there.

    Docutils writes them as a style, which a page narrower than the picture has to overrule. Figures
    after the first are loaded when they come near the window.
    """
    number = count()

    def sized(found: re.Match) -> str:
        later = ' loading="lazy"' if found["before"] and next(number) else ""
        sides = f'width="{found["width"]}" height="{found["height"]}"'
        return f"{found['before'] or ''}{found['image']} {sides}{later}"

    if "body" in context:
        context["body"] = FIGURE.sub(sized, context["body"])


def leave_out_files(app: Any, error: Exception | None) -> None:
    """Delete what no page asks for."""
    if error or app.builder.name != "html":
        return
    static = Path(app.outdir, "_static")
    for pattern in UNUSED:
        for path in static.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def setup(app: Any) -> dict[str, Any]:
    """Register the hooks late, after the theme has added its own files."""
    app.connect("html-page-context", drop_scripts, priority=900)
    app.connect("html-page-context", keep_one_viewport, priority=900)
    app.connect("html-page-context", keep_room)
    app.connect("build-finished", leave_out_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
