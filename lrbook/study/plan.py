"""A study: which runs, from a TOML file, such as::

    experiment = "toy"            # toy, patch or cifar; or your own, as "mine.py:Mine"
    profile = "demo"
    seeds = [0, 1, 2]             # or "0-2"
    arms = ["L-S", "S"]           # left out: the experiment's own

    [settings]                    # common to all runs
    tau0_w = 0.01

    [grid]                        # all combinations
    eta1 = [0.1, 0.2]

    [[points]]                    # fields that go together
    n = 200
    p0 = 0.2

The names at the top are those of ``Study``; only ``experiment`` is needed.
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lrbook import experiments, own, sweeps
from lrbook.config import Config
from lrbook.errors import ConfigError
from lrbook.spans import numbers
from lrbook.unknown import unknown_name

_WORDS = {list: "a list", dict: "a table", str: "a text", int: "a whole number"}
_KINDS = {
    "name": str,
    "experiment": str,
    "profile": str,
    "device": str,
    "seeds": list,
    "arms": list,
    "settings": dict,
    "grid": dict,
    "points": list,
    "most_runs": int,
}
_AT_THE_TOP = ("experiment", "profile", "seeds", "arms", "grid", "points", "most_runs")


@dataclasses.dataclass(frozen=True)
class Study:
    """One study file.

    Attributes:
        name: of the study; the file's own where it gives none.
        experiment, profile, seeds, arms, settings, grid, points, most_runs: as ``sweeps.expand``.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    name: str
    experiment: str
    profile: str = "demo"
    device: str = "auto"
    seeds: tuple[int, ...] | None = None
    arms: tuple[str, ...] | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    grid: dict[str, list[Any]] | None = None
    points: list[dict[str, Any]] | None = None
    most_runs: int = sweeps.MOST_RUNS

    def configs(self, data: str | None = None) -> tuple[list[Config], dict[str, Any]]:
        """The configurations, and what the experiment's ``run`` needs besides.

        Args:
            data: folder of Parquet images, where the experiment has images.

        Raises:
            ConfigError: as ``sweeps.expand``.
        """
        cls = experiments.config_class(self.experiment)
        settings = self.settings | ({} if data is None else {"data": data})
        if data is not None and "data" not in cls.model_fields:
            raise ConfigError(
                f"the {self.experiment} experiment reads no images; leave --data out."
            )
        settings, extra = experiments.locate_data(cls, self.profile, settings)
        configs = sweeps.expand(
            self.experiment,
            self.profile,
            grid=self.grid,
            points=self.points,
            arms=self.arms,
            seeds=self.seeds,
            most_runs=self.most_runs,
            **settings,
        )
        return configs, extra


def read(path: str | Path) -> Study:
    """The study in the file ``path``.

    Raises:
        ConfigError: no such file, not TOML, an unknown name or a value of the wrong kind.
    """
    path = Path(path)
    try:
        fields = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"the study {path} cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the study {path} is not TOML: {error}.") from None
    for name in fields:
        if name not in _KINDS:
            hint = " Settings of the experiment go under [settings] or [grid]."
            raise ConfigError(unknown_name(name, _KINDS, what="part of a study") + hint)
    fields = with_seeds(fields)
    check_kinds(fields, _KINDS)
    _check_tables(path, fields)
    experiments.check_device(fields.get("device", "auto"))
    if "experiment" not in fields:
        raise ConfigError(f"the study {path} names no experiment: {', '.join(experiments.NAMES)}.")
    name = fields.setdefault("name", path.stem)
    if Path(name).name != name or name in ("", ".."):
        raise ConfigError(
            f"name = {name!r} is not allowed: it names the folder of the study's report; give one "
            "name and no path, such as 'rate-and-angle'."
        )
    fields["experiment"] = own.beside(fields["experiment"], path.parent)
    for name in ("seeds", "arms"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return Study(**fields)


def with_seeds(fields: Mapping[str, Any]) -> dict[str, Any]:
    """``fields`` with seeds that are given as one text, such as ``"0-9"``, as numbers.

    Raises:
        ConfigError: the text has anything else.
    """
    seeds = fields.get("seeds")
    return {**fields, "seeds": numbers("seeds", seeds)} if isinstance(seeds, str) else {**fields}


def _check_tables(path: Path, fields: Mapping[str, Any]) -> None:
    """ConfigError where a name of the study itself got into a table: TOML has those last."""
    tables = [(f"[{name}]", fields.get(name, {})) for name in ("settings", "grid")]
    for table, there in [*tables, *(("[[points]]", point) for point in fields.get("points", []))]:
        for name in there:
            if name in _AT_THE_TOP:
                raise ConfigError(
                    f"{name} stands under {table} in the study {path}; write it at the top of the "
                    "file, above all tables."
                )


def check_kinds(fields: Mapping[str, Any], kinds: Mapping[str, type]) -> None:
    """Check what TOML gave for ``fields``, each to be of its kind; others are not looked at.

    Raises:
        ConfigError: a value, or an item of seeds, arms, grid or points, is of another kind.
    """
    for name, kind in kinds.items():
        value = fields.get(name, kind())
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ConfigError(f"{name} = {value!r} is not allowed: it must be {_WORDS[kind]}.")
    for name, values in fields.get("grid", {}).items():
        if not isinstance(values, list):
            raise ConfigError(f"grid.{name} = {values!r} is not allowed: give a list of values.")
    for name, kind, words in (
        ("seeds", int, 'whole numbers; spans are one text, as in seeds = "0-4,7"'),
        ("arms", str, "names"),
    ):
        if not all(type(item) is kind for item in fields.get(name, [])):
            raise ConfigError(f"{name} = {fields[name]!r} is not allowed: give a list of {words}.")
    if not all(isinstance(point, dict) for point in fields.get("points", [])):
        raise ConfigError("points is a list of tables; write each under [[points]].")
