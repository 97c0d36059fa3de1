"""Experiments of one's own by name: ``FILE.py:CLASS``, or ``package.module:CLASS``.

The class is a subclass of a configuration of the book's, with the methods changed that it offers
for that; its runs are made by the experiment that it is derived from.
"""

import dataclasses
import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lrbook.config import Config
from lrbook.errors import ConfigError, NotHereError
from lrbook.unknown import unknown_name

if TYPE_CHECKING:
    from lrbook.record import Record

HOOKS = ("rate", "first_drop", "noise_level", "own_optimizer", "own_patch")
"""What runs ask of a configuration, and a subclass may answer in its own way."""

_modules: dict[Path, ModuleType] = {}  # of the files that were read
_names: dict[type[Config], str] = {}  # of the classes that were asked for


def is_own(name: str) -> bool:
    """Whether ``name`` can be of an experiment of one's own: the book's have no colon."""
    return ":" in name or name.endswith(".py")


def load(name: str) -> type[Config]:
    """The class that ``name`` stands for; its file is read once.

    Raises:
        ConfigError: there is no such file, module or class; importing it fails; or what it names
            is no configuration.
    """
    place, attribute = _split(name)
    if place.endswith(".py"):
        path = Path(place).expanduser().resolve()
        if not path.is_file():
            raise NotHereError(f"the experiment {name} is not there: there is no file {path}.")
        module = _imported(name, lambda: _read(path), path)
        whole = f"{path}:{attribute}"
    else:
        module, whole = _imported(name, lambda: importlib.import_module(place)), name
    found = getattr(module, attribute, None)
    if not (isinstance(found, type) and issubclass(found, Config)):
        there = [k for k, v in vars(module).items() if _is_there(v, module)]
        if not there:
            raise ConfigError(f"{place} has no subclass of a configuration of lrbook's.")
        if not attribute:
            raise ConfigError(f"{name} lacks the name of a class; give {name}:{there[0]}.")
        raise ConfigError(unknown_name(attribute, there, what=f"experiment in {place}"))
    _names[found] = whole
    return found


def name_of(cls: type[Config]) -> str:
    """The name by which another process, in another folder, can load ``cls``."""
    return _names.get(cls, f"{cls.__module__}:{cls.__qualname__}")


def beside(name: str, folder: Path) -> str:
    """``name`` with its file taken from ``folder`` where it names one without saying where."""
    place, attribute = _split(name)
    if not place.endswith(".py"):
        return name
    return f"{(folder / Path(place).expanduser()).resolve()}:{attribute}"


def check(cls: type[Config], taken: tuple[str, ...]) -> None:
    """ConfigError if the runs of ``cls`` could be taken for others, or not be named at all.

    Args:
        cls: a class that is not the book's.
        taken: the names of the book's experiments.
    """
    cls.check_own_name()
    if cls.experiment in taken or not re.fullmatch(r"[A-Za-z0-9]\w*", cls.experiment, re.ASCII):
        raise ConfigError(
            f"experiment = {cls.experiment!r} is not allowed in {cls.__name__}: it names the "
            f"folders of its runs, so give letters, digits and _, and none of {', '.join(taken)}."
        )
    _check_methods(cls)


def _check_methods(cls: type[Config]) -> None:
    """ConfigError if ``cls`` has a method that nothing would call: it may be one misspelt."""
    try:  # pydantic's own list, which another version of it may keep elsewhere or in another form
        told = cls.__pydantic_decorators__
        kinds = [getattr(told, kind.name) for kind in dataclasses.fields(told)]
        known = set().union(*(kind.keys() for kind in kinds))
    except (AttributeError, TypeError):
        return  # a validator could not be told from a method that nothing calls
    for name, value in vars(cls).items():
        new = inspect.isfunction(value) and not any(name in vars(base) for base in cls.__mro__[1:])
        if new and name not in known and not name.startswith("_"):
            hooks = [hook for hook in HOOKS if hasattr(cls.__mro__[1], hook)]
            these = (
                f"these are: {', '.join(hooks)}" if hooks else "no method is; give fields and arms"
            )
            raise ConfigError(
                f"{name} of {cls.__name__} would never be called: of such a subclass {these}. "
                "Let the name of a helper begin with _."
            )


def words_of(error: BaseException, cls: type[Config]) -> str:
    """What went wrong in a run: the error's words, and of one raised in the file of a class that is
    not the book's its type and line, too.
    """
    said = str(error) or type(error).__name__
    if cls.__module__.partition(".")[0] == __package__:
        return said
    try:
        path = inspect.getfile(cls)
    except (OSError, TypeError):  # typed into a notebook
        return f"{type(error).__name__}: {said}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
    where = f" (line {lines[-1]} of {Path(path).name})" if lines else ""
    return f"{type(error).__name__}: {said}{where}"


def origin(cls: type[Config]) -> dict[str, str]:
    """What a record says of a class that is not the book's; nothing of one that is.

    Returns:
        ``own_class``, its file and name, and ``own_class_sha256``, the first 16 digits of the
        file's hash, where there is a file. What the file imports is not in it.
    """
    if cls.__module__.partition(".")[0] == __package__:
        return {}
    try:
        path = Path(inspect.getfile(cls))
        data = path.read_bytes()
    except (OSError, TypeError):  # a class typed into a notebook has none
        return {"own_class": cls.__qualname__}
    named = f"{path.name}:{cls.__qualname__}"
    return {"own_class": named, "own_class_sha256": hashlib.sha256(data).hexdigest()[:16]}


def changed(cls: type[Config], records: "Iterable[Record]") -> list[str]:
    """The ids of runs that were made with another version of the file of ``cls``."""
    now = origin(cls).get("own_class_sha256")
    return [
        record.run_id
        for record in records
        if now and record.provenance.get("own_class_sha256", now) != now
    ]


def _split(name: str) -> tuple[str, str]:
    """The place and the name of the class, which is empty where only a file is named."""
    place, _, attribute = name.rpartition(":")
    return (name, "") if not place or attribute.endswith(".py") else (place, attribute)


def _is_there(value: Any, module: ModuleType) -> bool:
    mine = isinstance(value, type) and issubclass(value, Config)
    return mine and value.__module__ == module.__name__


def _imported(name: str, get: Callable[[], ModuleType], path: Path | None = None) -> ModuleType:
    """What ``get`` gives; whatever goes wrong in it is a ConfigError that says where, if it can in
    the file ``path``.
    """
    try:
        return get()
    except SystemExit:
        raise ConfigError(
            f"the experiment {name} cannot be imported: its file ends the program; put what it "
            'does besides defining classes under: if __name__ == "__main__":'
        ) from None
    except Exception as error:  # it is the user's code, in which anything can be wrong
        said = " ".join(str(error).split())
        frames = traceback.extract_tb(error.__traceback__)
        mine = [frame for frame in frames if frame.filename == str(path)]
        last = (mine or frames)[-1]
        where = f" (line {last.lineno} of {Path(last.filename).name})"
        raise ConfigError(
            f"the experiment {name} cannot be imported: {type(error).__name__}: {said}"
            + ("" if "importlib" in last.filename else where)
        ) from None


def _read(path: Path) -> ModuleType:
    if path not in _modules:
        if str(path.parent) not in sys.path:  # what it imports may lie beside it
            sys.path.append(str(path.parent))
        name = f"lrbook_own_{len(_modules)}_{path.stem}"  # two files may have one name
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None  # for it ends with .py
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # in which pydantic looks for the names in annotations
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
        _modules[path] = module
    return _modules[path]
