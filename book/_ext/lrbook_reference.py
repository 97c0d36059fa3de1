"""Sphinx extension: the reference of the package, from its docstrings.

Settings of autodoc and napoleon stand here, beside what makes them fit this package.
"""

import re
from typing import Any

from lrbook.config import Config

OTHERS = [("py:.*", r"(?!lrbook\b).*")]
"""Names of other packages are not linked: their addresses would have to be fetched."""


def set_options(app: Any, config: Any) -> None:
    """Set what the reference needs; options of the same name in ``_config.yml`` are not read."""
    config.autodoc_default_options = {"members": True, "show-inheritance": True}
    config.autodoc_member_order = "bysource"
    config.autodoc_typehints_format = "short"
    config.autodoc_preserve_defaults = True  # the name of a constant says more than its value
    config.python_use_unqualified_type_names = True
    config.python_maximum_signature_line_length = 60  # then one parameter a line, as on a phone
    config.napoleon_numpy_docstring = False
    config.napoleon_use_ivar = True
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, *OTHERS]


def finish_configurations(app: Any) -> None:
    """Configurations put off building their validators, which autodoc cannot look at then."""
    import lrbook.toy.config
    import lrbook.vision.cifar
    import lrbook.vision.config  # noqa: F401

    for cls in _below(Config):
        cls.model_rebuild(force=True)


def shorten_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> tuple[str, str] | None:
    """A configuration's fields are listed below it, with their limits; not twice."""
    if what == "class" and issubclass(obj, Config):
        return "(*, arm, seed, **settings)", ""
    return None


def keep_sentences(app: Any, what: str, name: str, *rest: Any) -> None:
    """Of a field, napoleon takes what stands before a colon for its type: keep what was written."""
    if what == "attribute":
        _written[name] = list(rest[-1])


def restore_sentences(app: Any, what: str, name: str, *rest: Any) -> None:
    """The words that ``keep_sentences`` kept, after napoleon has had its turn."""
    if what == "attribute":
        rest[-1][:] = _written.pop(name)


_written: dict[str, list[str]] = {}


def skip_pydantic(app: Any, what: str, name: str, *rest: Any) -> bool | None:
    """Leave out what a configuration has from its library."""
    return True if name == "model_config" else None


def keep_formulas(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Formulas of the docstrings as they were typed: a bar is an absolute value and never markup,
    and lines set in from the text before the first section are a display and no quotation.
    """
    kept, display = [], False
    text = True
    for at, line in enumerate(lines):
        text = text and not line.startswith((":", ".."))
        inside = text and line.startswith("    ")
        if inside and not display and not (at and lines[at - 1]):
            kept += ["::", ""]
            display = True
        display = display and (inside or not line)
        kept.append(line if display else _escape_bars(line))
    lines[:] = kept


def _escape_bars(line: str) -> str:
    parts = re.split(r"(``.*?``)", line)
    return "".join(p if p.startswith("``") else p.replace("|", r"\|") for p in parts)


def _below(cls: type) -> list[type]:
    return [cls, *(each for child in cls.__subclasses__() for each in _below(child))]


def setup(app: Any) -> dict[str, Any]:
    """Options before anything is read; nothing of the package is run."""
    app.connect("config-inited", set_options)
    app.connect("builder-inited", finish_configurations)
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("autodoc-skip-member", skip_pydantic)
    app.connect("autodoc-process-docstring", keep_sentences, priority=400)
    app.connect("autodoc-process-docstring", restore_sentences, priority=600)  # napoleon has 500
    app.connect("autodoc-process-docstring", keep_formulas, priority=700)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
