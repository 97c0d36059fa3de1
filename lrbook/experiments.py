"""The experiments by name. Modules are imported only when they are asked for.

Besides the book's there are a reader's own, by the place of their class (``lrbook.own``).
"""

import contextlib
import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lrbook import own
from lrbook.config import Config
from lrbook.errors import ConfigError
from lrbook.unknown import unknown_name

if TYPE_CHECKING:  # which imports torch
    from lrbook.record import Record
    from lrbook.vision.images import Images


_CONFIGS = {
    "toy": ("lrbook.toy.config", "ToyConfig"),
    "patch": ("lrbook.vision.config", "PatchConfig"),
    "cifar": ("lrbook.vision.cifar", "CifarConfig"),
}
_SHELLS = {
    "toy": "lrbook.toy.experiment",
    "patch": "lrbook.vision.experiment",
    "cifar": "lrbook.vision.experiment",
}

_FINDERS = {
    "toy": ("lrbook.toy.devices", "choose_devices"),
    "patch": ("lrbook.vision.devices", "choose_device"),
    "cifar": ("lrbook.vision.devices", "choose_device"),
}

NAMES = tuple(_CONFIGS)
ON_IMAGES = ("patch", "cifar")
DEVICES = ("auto", "cpu", "cuda", "mps")


def config_class(name: str | type[Config]) -> type[Config]:
    """The configuration class of an experiment; of the book's it imports neither jax nor torch.

    Args:
        name: one of ``NAMES``; or a subclass of one of their classes, or the place of one:
            ``FILE.py:CLASS`` or ``package.module:CLASS``.

    Raises:
        ConfigError: no such experiment; or it is a class whose runs would be taken for others.
    """
    if isinstance(name, str) and own.is_own(name):
        name = own.load(name)
    if isinstance(name, type):
        if name is not config_class(base(name)):
            own.check(name, NAMES)
        return name
    if name not in _CONFIGS:
        own_ones = " One of your own is given as its class, or as FILE.py:CLASS."
        raise ConfigError(unknown_name(name, NAMES, what="experiment") + own_ones)
    module, attribute = _CONFIGS[name]
    return getattr(importlib.import_module(module), attribute)


def base(cls: type[Config]) -> str:
    """The experiment of the book's that ``cls`` is, or is derived from.

    Raises:
        ConfigError: none.
    """
    for parent in cls.__mro__:
        for name, (module, attribute) in _CONFIGS.items():
            if (parent.__module__, parent.__qualname__) == (module, attribute):
                return name
    known = ", ".join(attribute for _, attribute in _CONFIGS.values())
    raise ConfigError(f"{cls.__name__} is no experiment: derive it from one of {known}.")


def timed(records: Iterable["Record"], cls: type[Config]) -> list[tuple[Any, float]]:
    """Configuration (a ``cls``) and seconds of the finished runs that say how long they took.

    Of an older record, fields that ``cls`` no longer has are passed over; so is the record itself
    where a value is no longer allowed.

    Args:
        records: runs of the experiment.
        cls: its configuration class.
    """
    found = []
    for record in records:
        if record.wall_s and record.status == "finished":
            known = {k: v for k, v in record.config.items() if k in cls.model_fields}
            with contextlib.suppress(ConfigError):
                found.append((cls(**known), record.wall_s))
    return found


def name_of(cls: type[Config]) -> str:
    """The name by which another process, in another folder, gets ``cls`` from ``config_class``."""
    name = base(cls)
    return name if cls is config_class(name) else own.name_of(cls)


def check_device(name: str) -> None:
    """Raise ConfigError if ``name`` is none of ``DEVICES``."""
    if name not in DEVICES:
        allowed = ", ".join(DEVICES)
        raise ConfigError(f"device = {name!r} is not allowed: allowed are {allowed}.")


def find_device(experiment: str, name: str) -> None:
    """Raise ConfigError if the device ``name`` is not there; imports the experiment's framework.

    ``auto`` and ``cpu`` are there everywhere, and nothing is imported for them.
    """
    if name not in ("auto", "cpu"):
        module, function = _FINDERS[experiment]
        getattr(importlib.import_module(module), function)(name)


def shell(name: str | type[Config]) -> ModuleType:
    """The module with the experiment's ``run`` and ``summary``; imports its framework."""
    return importlib.import_module(_SHELLS[base(config_class(name))])


def locate_data(
    cls: type[Config],
    profile: str,
    settings: Mapping[str, Any],
    images: "Images | None" = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give a folder of images its identity, which goes into the configuration and its run id.

    Args:
        cls: the configuration class of the experiment.
        profile: its profile.
        settings: fields that differ from the profile.
        images: images in memory; they are ``data`` where ``settings`` has none.

    Returns:
        The settings with ``data`` as ``identify`` names it, and what the experiment's ``run``
        needs besides: the folder itself, as a whole path, and the images in memory. Nothing is
        changed or added where the experiment has no ``data``.

    Raises:
        ConfigError: images for an experiment that has none, or that are no ``Images``; there is no
            such profile.
        DataError: the folder has no images that can be identified.
    """
    if images is not None:
        _check_images(cls, images)
        settings, extra = locate_data(cls, profile, {"data": images.data, **settings})
        return settings, {**extra, "images": images}
    if "data" not in cls.model_fields:
        return dict(settings), {}
    from lrbook.vision.identity import NAMES, identify

    default = cls.set_by(profile, settings).get("data", cls.model_fields["data"].default)
    typed = settings.get("data", default)
    data = identify(typed)
    named = typed in (data, *NAMES.values())
    # A worker that runs it elsewhere starts in another folder.
    folder = None if named else str(Path(typed).resolve())
    return {**settings, "data": data}, {"folder": folder}


def _check_images(cls: type[Config], images: object) -> None:
    """ConfigError if ``images`` are no ``Images``, or the experiment is not on images."""
    if "data" not in cls.model_fields:
        raise ConfigError(
            f"images are given, and {cls.experiment} is no experiment on images: leave images out, "
            f"or run one of {', '.join(ON_IMAGES)}."
        )
    from lrbook.vision.images import Images

    if not isinstance(images, Images):
        raise ConfigError(
            f"images is of type {type(images).__name__}; give an lrbook.vision.images.Images."
        )
