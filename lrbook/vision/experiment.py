"""The shell of the experiments on images: device, records, checkpoints, progress."""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from lrbook.errors import ConfigError, RunError, UserError
from lrbook.pace import Pace
from lrbook.provenance import collect, with_earlier
from lrbook.record import Record
from lrbook.records import Store
from lrbook.unstored import Unstored
from lrbook.vision import checkpoint, devices, sources, together, train
from lrbook.vision.beside import Beside
from lrbook.vision.memory import kept, let_go
from lrbook.vision.outcome import outcome, summary
from lrbook.vision.settings import ImageConfig, said_of_drops

CHECKPOINT_SHARE = 0.01  # of the time, at most, for checkpoints that take long to write
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
SMALL = 8_000_000  # bytes; a checkpoint up to here is written after every epoch

__all__ = ["outcome", "run", "summary"]


def run(
    configs: Sequence[ImageConfig],
    store: Store | None = None,
    *,
    device: str = "auto",
    folder: str | None = None,
    images: sources.Images | None = None,
    force: bool = False,
    progress: bool = True,
) -> list[Record]:
    """Run, resume or load each configuration.

    On a CPU small networks run side by side (``lrbook.vision.together``); all else one by one.

    Args:
        configs: the runs; any mixture of data and sizes that ``folder`` serves.
        store: where records are kept; None keeps nothing.
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
    given = {} if images is None else {images.data: images}  # by name, which takes time to tell
    if given and not any(config.data in given for config in configs):
        raise ConfigError(f"no run is on the images given: they are data = {next(iter(given))!r}.")
    torch_device = devices.choose_device(device)
    precisions = {c: devices.choose_precision(c.precision, torch_device) for c in configs}
    store = store or Unstored()
    store.check_writable()
    stored = {config: store.load(config) for config in configs}
    records = {c: stored[c] for c in configs if stored[c] and stored[c].done and not force}
    todo = [config for config in dict.fromkeys(configs) if config not in records]
    if not todo:
        return [records[config] for config in configs]
    for words in dict.fromkeys(words for config in todo for words in said_of_drops(config)):
        print(f"lrbook: {words}", file=sys.stderr)
    needed = dict.fromkeys(_images_of(config) for config in todo)
    sets = {which: _load(which, folder, given) for which in needed}
    for config in () if force else todo:  # one that bars the way is met now, not with others begun
        if saved := store.load_checkpoint(config):
            fingerprint = sets[_images_of(config)].fingerprint
            here = {"data_fingerprint": fingerprint, "precision": precisions[config]}
            checkpoint.read(saved, here, store.checkpoint_path(config))
    # All that is there has been read; from here on things are written. All old records go at once:
    # when this call is interrupted, one without force must not find those that it did not get to.
    for config in todo if force else ():
        with store.claim(config):
            store.forget(config)
    epochs = sum(config.epochs for config in todo)
    with tqdm(
        total=epochs, unit="epoch", disable=not progress, file=sys.stderr, mininterval=1, delay=1
    ) as bar:

        def one(config: ImageConfig, before_batch: Callable[[], None] | None = None) -> Record:
            with store.claim(config, before_batch):
                meanwhile = store.load(config)
                if meanwhile and meanwhile.done:  # by another process, since the first look
                    bar.update(config.epochs)
                    return meanwhile
                place = (torch_device, precisions[config])
                which = _images_of(config)
                try:
                    return _run_one(config, sets[which], *place, store, bar, before_batch)
                except RunError as error:  # which is kept until the other runs are over
                    let_go(error)
                    raise

        bar.set_description(todo[0].experiment, refresh=False)
        failed: list[RunError] = []
        try:
            records |= together.take([c for c in todo if not together.alone(c, torch_device)], one)
        except RunError as error:  # one run's misfortune is not the others'
            failed.append(error)
        for config in todo:
            if together.alone(config, torch_device):
                words = f"{config.experiment} {config.arm}, seed {config.seed}"
                bar.set_description(words, refresh=False)
                try:
                    records[config] = one(config)
                except RunError as error:
                    failed.append(error)
    if failed:
        raise failed[0]
    return [records[config] for config in configs]


def _images_of(config: ImageConfig) -> tuple[str, int, int]:
    return config.data, config.train_size, config.test_size


def _load(
    which: tuple[str, int, int], folder: str | None, given: Mapping[str, sources.Images]
) -> sources.Images:
    data, *sizes = which
    if data in given:
        return sources.first(given[data], *sizes)
    return sources.load(*which, folder)


def _run_one(
    config: ImageConfig,
    images: sources.Images,
    device: torch.device,
    precision: str,
    store: Store,
    bar: tqdm,
    before_batch: Callable[[], None] | None,
) -> Record:
    origin = collect(devices.describe(device), torch.get_num_threads()) | {
        "precision": precision,
        "compiled": device.type == "cuda",
        "data": images.name,
        "data_fingerprint": images.fingerprint,
    }
    if store.has_checkpoint(config) and (before := store.load(config)):
        origin["earlier"] = with_earlier(before.provenance)  # of a run too that fails at once
    try:
        task = train.make_task(config, images, device, precision)
        whole = devices.whole_precision(precision, device)
        with whole, devices.fastest_convolutions(device), Beside(task) as beside:
            return _train(task, origin, store, bar, before_batch, beside)
    except UserError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # of a compiler too, whatever it may raise
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        reason = reason or type(error).__name__
        if any(words in reason for words in NO_MEMORY):
            size = f"batch = {config.batch}, widen = {config.widen}"
            reason = f"out of memory with {size}; give a smaller --batch or --widen"
        store.fail(config, reason, origin)
        if isinstance(error, KeyboardInterrupt):
            raise
        raise RunError(
            f"run {config.run_id} ({config.arm}, seed {config.seed}): {reason}"
        ) from error
    finally:
        kept.release()


def _train(
    task: train.Task,
    origin: dict[str, Any],
    store: Store,
    bar: tqdm,
    before_batch: Callable[[], None] | None,
    beside: Beside,
) -> Record:
    config = task.config
    saved = store.load_checkpoint(config)
    model = train.make_model(config, task.device)
    if origin["compiled"] and (why := train.try_to_compile(task, model)):
        origin["compiled"] = False
        tqdm.write(f"lrbook: the training step runs uncompiled ({why})", file=sys.stderr)
    optimizer = train.make_optimizer(model, config)
    scaler = torch.amp.GradScaler("cuda") if task.precision == "fp16" else None
    watch = getattr(config, "watch", False)
    rows: list[dict[str, Any]] = []
    wall_before = 0.0
    if saved is not None:
        rows, wall_before, earlier = checkpoint.restore(
            saved, model, optimizer, scaler, origin, store.checkpoint_path(config)
        )
        if earlier:  # who computed these rows, and not who failed to go on with them since
            origin["earlier"] = earlier
        bar.update(len(rows))
    store.start(config, origin)
    began, pace = time.perf_counter(), Pace(0.0, CHECKPOINT_SHARE)

    status, message = "finished", None
    for epoch in range(len(rows) + 1, config.epochs + 1):
        tally = torch.zeros((3, 3), device=task.device) if watch else None
        trained = train.train_epoch(task, model, optimizer, epoch, scaler, tally, before_batch)
        # What the last step leaves is in no loss of this epoch, running statistics in none at all.
        whole = model.is_finite()
        # In one reading, the only one in an epoch: each makes the host wait for the device.
        tested = train.evaluate(task, model, epoch)
        loss, correct, sound, *found = torch.cat([trained, whole, tested]).tolist()
        if not (math.isfinite(loss) and sound):
            status = "diverged"
            inside = "weights or running statistics became nan or inf"
            what = inside if math.isfinite(loss) else f"the training loss became {loss}"
            message = f"{what} in epoch {epoch} at rate {config.rate(epoch)}"
            named = f"{config.experiment} {config.arm}, seed {config.seed}"
            tqdm.write(f"{named}: {message}", file=sys.stderr)
            bar.update(config.epochs - len(rows))
            break
        accuracies = dict(zip(("clean", "mixed", "patch_only"), found, strict=False))
        rows.append(
            {
                "epoch": epoch,
                "rate": config.rate(epoch),
                "noise": config.noise_level(epoch),
                "train_loss": loss,
                "train_accuracy": 100 * correct,
            }
            | accuracies
        )
        if watch:
            beside.observe(rows[-1], model, epoch, tally)
        bar.update()
        if store.keeps and epoch < config.epochs and pace.due():
            beside.settle()
            with pace.writing():
                wall = wall_before + time.perf_counter() - began
                payload = checkpoint.pack(model, optimizer, scaler, rows, wall, origin)
                store.save_checkpoint(config, payload)
            if len(payload) <= SMALL:
                pace.took = 0.0

    beside.settle()
    wall = wall_before + time.perf_counter() - began
    history = pd.DataFrame(rows)
    result = outcome(history, config)
    return store.finish(
        config,
        history,
        result,
        provenance=origin,
        wall_s=wall,
        status=status,
        message=message,
    )
