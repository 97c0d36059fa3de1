"""What a sweep runs: configurations from points and a grid, checked, with their cost in words."""

import itertools
import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lrbook import experiments
from lrbook.config import Config, listed
from lrbook.errors import ConfigError
from lrbook.sweeps.cost import cost_words
from lrbook.unknown import unknown_name

MOST_RUNS = 20_000
"""A sweep of more runs than this is refused, with its cost, unless ``most_runs`` allows it."""
PLACES = 1_000  # of a grid that is too large, from which its cost is told


def expand(
    experiment: str | type[Config],
    profile: str = "demo",
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    arms: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    most_runs: int = MOST_RUNS,
    **settings: Any,
) -> list[Config]:
    """The configurations of a sweep: every point, at every place of the grid, arm and seed.

    Args:
        experiment: ``toy``, ``patch`` or ``cifar``; or one of your own, a subclass of one of their
            configurations or the place of it, as ``mine.py:Mine``.
        profile: the experiment's profile.
        grid: field -> values; all combinations are run. For the toy also ``kappa``, which stands
            for the n and p0 that the paper gives it.
        points: fields that go together, one mapping each.
        arms, seeds: None takes the profile's.
        most_runs: refuse more.
        **settings: fields common to all runs.

    Raises:
        ConfigError: unknown field, empty grid, one value where a list belongs, a value out of
            range, a field given twice, two runs alike, or too many runs (the message tells their
            cost).
    """
    cls = experiments.config_class(experiment)
    grid = {name: listed(name, values) for name, values in _mapping("grid", grid or {}).items()}
    points = listed("points", [{}] if points is None else points)
    points = [dict(_mapping("points", point)) for point in points]
    _check_fields(cls, grid, points, settings)
    seeds = listed("seeds", cls.default_seeds.get(profile, ()) if seeds is None else seeds)
    arms = listed("arms", cls.default_arms if arms is None else arms)
    count = len(points) * math.prod(map(len, grid.values())) * len(seeds) * len(arms)
    if count > most_runs:
        some = [
            config
            for place in _some_places(points, grid)
            for config in cls.expand(profile, seeds=seeds[:1], arms=arms, **settings, **place)
        ]
        raise ConfigError(
            f"the sweep has {count:,} runs, more than {most_runs:,}; {cost_words(some, count)}. "
            f"Make the grid smaller, or allow it with most_runs={count}."
        )
    configs = [
        config
        for point in points
        for place in itertools.product(*grid.values())
        for config in cls.expand(
            profile,
            seeds=seeds,
            arms=arms,
            **settings,
            **point,
            **dict(zip(grid, place, strict=True)),
        )
    ]
    [(twice, times)] = Counter(configs).most_common(1)
    if times > 1:
        raise ConfigError(
            f"the sweep names one run twice ({twice.arm}, seed {twice.seed}); "
            "two points or values of the grid are alike."
        )
    return configs


def _mapping(name: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        form = "{field: [values]}" if name == "grid" else "[{field: value}, ...]"
        raise ConfigError(f"{name} has {given!r} where fields belong; give {name}={form}.")
    return given


def _check_fields(
    cls: type[Config],
    grid: Mapping[str, Sequence[Any]],
    points: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
) -> None:
    if not points:
        raise ConfigError("points is empty; give at least one, or leave it out.")
    for name, values in grid.items():
        if not values:
            raise ConfigError(f"the grid has no value for {name}; give at least one.")
    seen = [*settings, *grid, *dict.fromkeys(name for point in points for name in point)]
    for name in seen:
        if name in ("arm", "seed", "arms", "seeds"):
            raise ConfigError(
                f"{name} is not swept by the grid; give {name.removesuffix('s')}s=[…] instead, "
                "beside the grid; in a study's file it stands at the top, above all [tables]."
            )
        if name not in cls.model_fields and name not in cls.shorthands:
            raise ConfigError(unknown_name(name, cls.model_fields, what="setting"))
        if name == "data" and (name in grid or any(name in point for point in points)):
            raise ConfigError("data is not swept; make one sweep for each set of images.")
        if seen.count(name) > 1:
            raise ConfigError(f"{name} is set in two places; give it once.")


def _some_places(
    points: Sequence[Mapping[str, Any]], grid: Mapping[str, Sequence[Any]]
) -> Iterator[dict[str, Any]]:
    """Points at places of the grid: all, or one drawn from each of ``PLACES`` equal stretches.

    Drawn, since equal steps could meet the same value of an inner field again and again.
    """
    axes = [points, *grid.values()]
    count, draw = math.prod(map(len, axes)), random.Random(0)
    stretch = max(1.0, count / PLACES)
    for start in range(min(count, PLACES)):
        at, chosen = int((start + draw.random()) * stretch) if stretch > 1 else start, []
        for values in reversed(axes):
            at, i = divmod(at, len(values))
            chosen.append(values[i])
        point, *place = reversed(chosen)
        yield dict(point) | dict(zip(grid, place, strict=True))
