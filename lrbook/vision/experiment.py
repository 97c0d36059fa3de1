"""The shell of the experiments on images: which runs are wanted, what they need, in which order."""

import sys
from collections.abc import Callable, Mapping, Sequence

from tqdm import tqdm

from lrbook import asked
from lrbook.errors import ConfigError, RunError
from lrbook.keeper import Keeper
from lrbook.record import Record
from lrbook.vision import checkpoint, devices, sources, together
from lrbook.vision.images import Images, first
from lrbook.vision.one_run import Job, carry_out
from lrbook.vision.outcome import outcome, summary
from lrbook.vision.settings import ImageConfig, said_of_drops

__all__ = ["outcome", "run", "summary"]


def run(
    configs: Sequence[ImageConfig],
    store: Keeper | None = None,
    *,
    device: str = "auto",
    folder: str | None = None,
    images: Images | None = None,
    force: bool = False,
    progress: bool = True,
) -> list[Record]:
    """Run, resume or load each configuration.

    On a CPU small networks run side by side (``lrbook.vision.together``); all else one by one.

    Args:
        configs: the runs; any mixture of data and sizes that ``folder`` serves.
        store: where records are kept, a ``lrbook.records.Store`` or a keeper of your own; None
            keeps nothing.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        folder: where the images of a Parquet folder lie.
        images: for the configurations whose ``data`` is ``images.data``: images in memory.
        force: repeat finished runs.
        progress: show a bar on stderr.

    Returns:
        One record per configuration, in order. A run whose loss is no longer finite has status
        ``diverged``; the others go on.

    Raises:
        UserError: configuration, data, device or records are at fault; nothing was changed.
        RunError: a run broke off; the others were brought to their end first.
    """
    configs = asked.runs(configs, ImageConfig)
    store = asked.keeper(store)
    given = {} if images is None else {images.data: images}  # by name, which takes time to tell
    if given and not any(config.data in given for config in configs):
        raise ConfigError(f"no run is on the images given: they are data = {next(iter(given))!r}.")
    place = devices.choose_device(device)
    stored = {config: store.load(config) for config in configs}
    over = {c: record for c, record in stored.items() if record is not None and record.done}
    records = {} if force else over
    todo = [config for config in dict.fromkeys(configs) if config not in records]
    # A run that is over is loaded wherever it was made, in a precision too that is not had here.
    precisions = {c: devices.choose_precision(c.precision, place) for c in todo}
    if todo:  # what is only loaded may lie where nothing can be written
        store.check_writable()
    for words in dict.fromkeys(words for config in todo for words in said_of_drops(config)):
        print(f"lrbook: {words}", file=sys.stderr)
    sets = {w: _load(w, folder, given) for w in dict.fromkeys(map(_images_of, todo))}
    jobs = [Job(c, sets[_images_of(c)], place, precisions[c]) for c in todo]
    if not force:
        _check_checkpoints(jobs, store)
    # All that is there has been read; from here on things are written. All old records go at once:
    # when this call is interrupted, one without force must not find those that it did not get to.
    for config in todo if force else ():
        with store.claim(config):
            store.forget(config)
    records |= _run_all(jobs, store, progress)
    return [records[config] for config in configs]


def _images_of(config: ImageConfig) -> tuple[str, int, int]:
    return config.data, config.train_size, config.test_size


def _load(which: tuple[str, int, int], folder: str | None, given: Mapping[str, Images]) -> Images:
    data, *sizes = which
    if data in given:
        return first(given[data], *sizes)
    return sources.load(*which, folder)


def _check_checkpoints(jobs: Sequence[Job], store: Keeper) -> None:
    """A checkpoint that bars its run's way is met now, and not with other runs under way."""
    for job in jobs:
        if saved := store.load_checkpoint(job.config):
            path = store.checkpoint_path(job.config)
            checkpoint.read(saved, job.bound_to, job.config.run_id, path)


def _run_all(jobs: Sequence[Job], store: Keeper, progress: bool) -> dict[ImageConfig, Record]:
    """The records of ``jobs``. RunError once all are over, if one of them broke off."""
    if not jobs:
        return {}
    by_config = {job.config: job for job in jobs}
    alone = [job for job in jobs if together.alone(job.config, job.device)]
    side_by_side = [job.config for job in jobs if not together.alone(job.config, job.device)]
    failed: list[RunError] = []
    records: dict[ImageConfig, Record] = {}
    with tqdm(
        desc=jobs[0].config.experiment,
        total=sum(job.config.epochs for job in jobs),
        unit="epoch",
        disable=not progress,
        file=sys.stderr,
        mininterval=1,
        delay=1,
    ) as bar:

        def one(config: ImageConfig, before_batch: Callable[[], None]) -> Record:
            return carry_out(by_config[config], store, bar, before_batch)

        try:
            records |= together.take(side_by_side, one)
        except RunError as error:  # one run's misfortune is not the others'
            failed.append(error)
        for job in alone:
            bar.set_description(job.words, refresh=False)
            try:
                records[job.config] = carry_out(job, store, bar)
            except RunError as error:
                failed.append(error)
    if failed:
        raise failed[0]
    return records
