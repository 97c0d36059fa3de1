"""What an experiment's ``run`` was given, checked before anything starts."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lrbook import experiments
from lrbook.config import Config
from lrbook.errors import ConfigError
from lrbook.keeper import Keeper, Unstored


def runs(configs: Any, kind: type[Config]) -> list[Any]:
    """``configs`` as a list, each of one class or derived from it.

    Args:
        configs: what was given for the runs.
        kind: the class that the experiment's ``run`` can run.

    Raises:
        ConfigError: they are one alone, no configurations, or some are of another experiment.
    """
    # A configuration can be iterated over, too: it gives its fields
    if isinstance(configs, Config) or not isinstance(configs, Iterable):
        given = type(configs).__name__
        raise ConfigError(f"configs is of type {given}; give a list of configurations: [config].")
    found = list(configs)
    for config in found:
        if isinstance(config, kind):
            continue
        given = type(config).__name__
        if not isinstance(config, Config):
            raise ConfigError(
                f"configs has a {given} in it; give configurations, as {kind.__name__} and its "
                "expand make them."
            )
        other = experiments.shell(type(config)).__name__
        raise ConfigError(
            f"configs has a {given} in it, and this runs {kind.__name__}; {other}.run takes it."
        )
    return found


def keeper(store: Any) -> Keeper:
    """The keeper that was given as ``store``; for None the one that keeps nothing.

    Raises:
        ConfigError: it is none, such as the path of a folder.
    """
    if store is None:
        return Unstored()
    if isinstance(store, Keeper):
        return store
    folder = str(store) if isinstance(store, str | Path) else "runs"
    raise ConfigError(
        f"store = {store!r} cannot keep runs; give lrbook.records.Store({folder!r}), or None to "
        "keep nothing."
    )
