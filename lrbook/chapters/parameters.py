"""The parameters of a chapter: what they are, and whether a value given for one can be used.

Names, types, defaults and help are read from the chapter's own cell of parameters, by papermill.
What a type cannot say is in ``rules.toml``, for the book's chapters. A notebook of the reader's own
is checked as far as its cell of parameters goes.
"""

import ast
import dataclasses
import json
import math
import tomllib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrbook.errors import ConfigError
from lrbook.spans import counted
from lrbook.unknown import unknown_name
from lrbook.vision.identity import FILES, parquet_files

TYPES = {"str": str, "int": int, "float": float, "bool": bool, "list": list}
WORDS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}
NAMES = {
    "str": "a word",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
}


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: its name, type, default and help, and the rule for its values."""

    name: str
    type: str
    default: Any
    help: str
    rule: Mapping[str, Any]


def read(chapter: Path, *, own: bool = False) -> dict[str, Parameter]:
    """The parameters of the notebook ``chapter``, in its order.

    Args:
        chapter: the notebook.
        own: it is the reader's own. It may have parameters of other types, and no rule is known:
            one for a chapter of the same name need not fit what the reader has made of it.

    Raises:
        ConfigError: a chapter of the book has a parameter of a type that is not in ``TYPES``; or
            the file is not a notebook.
    """
    import nbformat
    import papermill

    damage = (nbformat.ValidationError, ValueError, KeyError, TypeError, AttributeError)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its libraries, about other things
            found = papermill.inspect_notebook(str(chapter))
    except damage as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(
            f"{chapter} cannot be read as a notebook ({why}); open and save it in Jupyter."
        ) from None
    rules = tomllib.loads(Path(__file__).with_name("rules.toml").read_text(encoding="utf-8"))
    if own:
        return {n: _own(n, each, rules["common"].get(n, {})) for n, each in found.items()}
    known = rules["common"] | rules.get(chapter.stem, {})
    parameters = {}
    for name, each in found.items():
        kind = each["inferred_type_name"]
        if kind not in TYPES:
            raise ConfigError(
                f"{name} of {chapter.stem} has the type {kind}, not {_either(TYPES)}."
            )
        default = ast.literal_eval(each["default"])
        parameters[name] = Parameter(name, kind, default, each["help"], known.get(name, {}))
    return parameters


def _own(name: str, each: Mapping[str, str], common: Mapping[str, Any]) -> Parameter:
    """A parameter whose type may not be stated, or only as ``list[int]``, or be any other.

    Of the rule ``common`` to chapters no more is taken than what the items of an empty list are.
    """
    try:
        default = ast.literal_eval(each["default"])
    except (ValueError, SyntaxError):  # an expression; what it comes to is for the kernel to say
        default = None
    stated = each["inferred_type_name"].partition("[")[0]
    kind = type(default).__name__ if stated == "None" else stated
    rule = {"of": common["of"]} if default == [] and "of" in common else {}
    return Parameter(name, kind, default, each["help"], rule)


def check(parameters: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """The ``given`` values as what was meant, each of its parameter's type and range.

    Args:
        parameters: of the chapter.
        given: name -> value; words from a shell are read as the parameter's type: ``"true"``,
            ``"1e-3"``, and for a list ``"0,1"`` or ``"[0, 1]"``.

    Raises:
        ConfigError: a name or value that cannot be used, saying what is allowed.
    """
    for name in given:
        if name not in parameters:
            raise ConfigError(unknown_name(name, parameters, what="parameter"))
    values = {name: checked(parameters[name], value) for name, value in given.items()}
    _together({name: each.default for name, each in parameters.items()} | values, parameters)
    return values


def _together(values: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> None:
    """Refuse values that are allowed each by itself, but not beside another's."""
    for name, parameter in parameters.items():
        for other, allowed in parameter.rule.get("with", {}).items():
            fits = allowed.get(values[other], [values[name]])
            if isinstance(fits, dict):  # limits, of each item of a list
                for value in values[name]:
                    _within(name, value, values[name], fits)
            elif values[name] not in fits:
                others = [each for each, these in allowed.items() if values[name] in these]
                raise ConfigError(
                    f"{name} = {values[name]!r} does not go with {other} = {values[other]!r}: "
                    f"give {other} = {' or '.join(others)}, or {name} = {' or '.join(fits)}."
                )


def checked(parameter: Parameter, value: Any) -> Any:
    """``value`` as the type of ``parameter`` and within its rule. Raises ConfigError if neither."""
    name, rule = parameter.name, parameter.rule
    if parameter.type not in TYPES:
        raise ConfigError(
            f"{name} = {value!r} is not allowed: a value can be given for the types "
            f"{_either(TYPES)}, and {name} is none of them. Write it into the notebook's cell of "
            "parameters."
        )
    if parameter.type != "list":
        meant = _meant(name, parameter.type, value)
        _within(name, meant, meant, rule)
        return meant
    kind = rule.get("of") or _kind_of_items(parameter.default)
    items = [_meant(name, kind, item, whole=value) for item in _items(name, value, kind)]
    if not items and not rule.get("empty", True):
        raise ConfigError(f"{name} = [] is not allowed: give at least one {_noun(kind)}.")
    for item in items:
        _within(name, item, value, rule)
    twice = [item for item in items if items.count(item) > 1]
    if twice and rule.get("distinct"):
        raise ConfigError(f"{name} = {value!r} is not allowed: {twice[0]!r} is there twice.")
    return items


def _items(name: str, value: Any, kind: str) -> list[Any]:
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                found = json.loads(text.replace("'", '"'))
            except ValueError:
                # [L-S, S], as a shell leaves it
                found = text.removeprefix("[").removesuffix("]").split(",") if "]" in text else None
            if found is None:
                raise ConfigError(f"{name} = {value!r} is not allowed: the ] is missing.")
            return [item for item in found if item != ""]
        words = [word.strip() for word in text.split(",") if word.strip()]
        if kind != "int":
            return words
        return [number for word in words for number in counted(name, word)]
    return [value]  # one item is a list of one


def _kind_of_items(default: Any) -> str:
    """The type that the items of a list have in its ``default``; ``any`` if that does not tell."""
    items = default if isinstance(default, list) else []
    kinds = {type(item).__name__ for item in items}
    if kinds == {"int", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 and kinds <= TYPES.keys() - {"list"} else "any"


def _meant(name: str, kind: str, value: Any, whole: Any = None) -> Any:
    """``value`` as a ``kind``, where it can only mean that."""
    shown = value if whole is None else whole
    if kind == "any":
        return _as_it_reads(value.strip()) if isinstance(value, str) else value
    if kind == "str" and isinstance(value, str):
        return value.strip() if whole is not None else value
    if isinstance(value, str):
        value = _from_words(value.strip(), kind)
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind in ("int", "float") and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            finite = math.isfinite(value)
        except OverflowError:  # a whole number beyond all floats
            raise ConfigError(f"{name} = {shown!r} is not allowed: it is too large.") from None
        if not finite:
            raise ConfigError(f"{name} = {shown!r} is not allowed: give a finite number.")
        if kind == "float":
            return float(value)
        if value == int(value):
            return int(value)
    expected = NAMES[kind] if whole is None else f"{_noun(kind)}s, as in {_example(kind)}"
    raise ConfigError(f"{name} = {shown!r} is not allowed: give {expected}.")


def _from_words(text: str, kind: str) -> Any:
    if kind == "bool":
        return WORDS.get(text.lower(), text)
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _as_it_reads(text: str) -> Any:
    """A number where ``text`` is a finite one, else the text."""
    found = _from_words(text, "float")
    return text if isinstance(found, float) and not math.isfinite(found) else found


def _within(name: str, value: Any, shown: Any, rule: Mapping[str, Any]) -> None:
    choices = rule.get("choices")
    if choices and value not in choices:
        raise ConfigError(f"{name} = {shown!r} is not allowed: allowed are {', '.join(choices)}.")
    limits = {
        "minimum": (lambda limit: value >= limit, "at least"),
        "above": (lambda limit: value > limit, "more than"),
        "maximum": (lambda limit: value <= limit, "at most"),
        "below": (lambda limit: value < limit, "less than"),
        "multiple": (lambda limit: value % limit == 0, "a multiple of"),
    }
    for key, (holds, words) in limits.items():
        if key in rule and not holds(rule[key]):
            raise ConfigError(f"{name} = {shown!r} is not allowed: give {words} {rule[key]}.")
    images = rule.get("kind") == "images" and value not in ("", "digits", "cifar10")
    if images and not Path(value).is_dir():
        allowed = "digits, cifar10, or a folder of Parquet files that is there"
        raise ConfigError(f"{name} = {value!r} is not allowed: allowed are {allowed}.")
    if images:
        for split in FILES:
            parquet_files(Path(value), split)
    if rule.get("kind") == "folder" and value and Path(value).exists() and not Path(value).is_dir():
        raise ConfigError(f"{name} = {value!r} is a file: name a folder.")


def _noun(kind: str) -> str:
    return {"int": "whole number", "float": "number", "bool": "truth value"}.get(kind, "word")


def _example(kind: str) -> str:
    few = {"int": "0,1,2", "float": "0.1,0.35", "bool": "true,false"}
    return few.get(kind, "large,small")


def _either(names: Mapping[str, Any]) -> str:
    return ", ".join(names)
