"""The experiments by name. Modules are imported only when they are asked for."""

import importlib
from types import ModuleType

from lrbook.config import Config, unknown_name
from lrbook.errors import ConfigError

_CONFIGS = {
    "patch": ("lrbook.vision.config", "PatchConfig"),
}

_SHELLS = {"patch": "lrbook.vision.experiment"}

NAMES = tuple(_CONFIGS)


def config_class(name: str) -> type[Config]:
    """The configuration class of an experiment; imports neither jax nor torch.

    Raises:
        ConfigError: no such experiment.
    """
    if name not in _CONFIGS:
        raise ConfigError(unknown_name(str(name), NAMES, what="experiment"))
    module, attribute = _CONFIGS[name]
    return getattr(importlib.import_module(module), attribute)


def shell(name: str) -> ModuleType:
    """The module with the experiment's ``run`` and ``summary``; imports its framework."""
    return importlib.import_module(_SHELLS[name])
