"""Sweeps: many runs over any fields of an experiment, kept together in one folder.

    FOLDER/sweep.json          what is common, the runs with their results, provenance, a hash
    FOLDER/histories.parquet   the histories of all runs, one under the other
    FOLDER/parts/RUN_ID.json   a finished run, while others are still to come

A part is written when its run ends, so a killed sweep goes on with the runs that are missing.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrbook import colab, experiments, used
from lrbook.config import Config
from lrbook.locks import claim
from lrbook.sweeps.cost import cost_words
from lrbook.sweeps.plan import MOST_RUNS, expand
from lrbook.sweeps.store import SweepStore
from lrbook.sweeps.table import Sweep, folder_of, load, problems, recorded, sealed

if TYPE_CHECKING:  # which imports torch
    from lrbook.vision.images import Images

__all__ = [
    "MOST_RUNS",
    "Sweep",
    "SweepStore",
    "cost_words",
    "expand",
    "folder_of",
    "load",
    "problems",
    "recorded",
    "run",
    "sealed",
]


def run(
    experiment: "str | type[Config]",
    profile: str = "demo",
    *,
    grid: Mapping[str, Sequence[Any]] | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    arms: Iterable[str] | None = None,
    seeds: Iterable[int] | None = None,
    most_runs: int = MOST_RUNS,
    folder: str | Path = "",
    device: str = "auto",
    images: "Images | None" = None,
    progress: bool = True,
    **settings: Any,
) -> Sweep:
    """Run a sweep, or what is missing of it, and return its table; arguments as ``expand``.

    Args:
        folder: where it is kept and resumed from; empty keeps nothing. There measurements have
            single precision, but for counts: a rate of .02 reads .0199999996.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        images: images in memory for all runs, of an experiment on images; ``data`` need not be
            given then.
        progress: show a bar on stderr, with rate and time left.
        **settings: as for ``expand``; ``data`` may be a folder of Parquet files, too, which
            ``expand`` knows by its hash only.

    Raises:
        UserError: as ``expand``; the images are not those that ``data`` names; or the folder holds
            another sweep, or is damaged.
        RunError: a run broke off; the others are kept.
    """
    cls = experiments.config_class(experiment)
    settings, extra = experiments.locate_data(cls, profile, settings, images)
    configs = expand(
        experiment,
        profile,
        grid=grid,
        points=points,
        arms=arms,
        seeds=seeds,
        most_runs=most_runs,
        **settings,
    )
    shell = experiments.shell(experiment)
    used.note("live", [config.run_id for config in configs])
    colab.advise(experiments.base(cls), device)
    if not folder:
        found = Sweep(shell.run(configs, None, device=device, progress=progress, **extra))
        used.keep("live", f"{cls.experiment}, {profile}", found.records)
        return found
    folder = Path(folder)
    with claim(folder.parent / f".{folder.name}.lock", f"sweep {folder.name}"):
        store = SweepStore(folder, configs)
        store.seal(shell.run(configs, store, device=device, progress=progress, **extra))
    found = load(folder)
    used.keep("live", f"{cls.experiment}, {profile}", found.records)
    return found
