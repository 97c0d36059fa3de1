"""Sphinx extension: small repairs to the pages that options of the theme cannot make."""

from typing import Any


def drop_thebe(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Leave out the scripts and styles of Thebe, which this book does not use.

    Jupyter Book adds them to every page, some twice, and the browser then reports that
    ``THEBE_JS_URL`` has already been declared.
    """
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not _is_thebe(file)]


def _is_thebe(file: Any) -> bool:
    body = getattr(file, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(file, 'filename', None) or file} {body}".lower()


def free_of_wrong_roles(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Take the role of a list from the bibliography, whose entries are not items of a list.

    Docutils writes it, and a screen reader would announce a list of nothing.
    """
    if "body" in context:
        wrong = '<div role="list" class="citation-list">'
        context["body"] = context["body"].replace(wrong, '<div class="citation-list">')


def setup(app: Any) -> dict[str, Any]:
    """Register the hook late, after the theme has added its own files."""
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", free_of_wrong_roles)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
