"""One run on images, from its start or its checkpoint to its record."""

import functools
import math
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import pandas as pd
import torch
from tqdm import tqdm

from lrbook import own
from lrbook.errors import RunError, UserError
from lrbook.keeper import Keeper
from lrbook.pace import Pace
from lrbook.provenance import collect, with_earlier
from lrbook.record import INTERRUPTED, Record
from lrbook.vision import checkpoint, devices, train
from lrbook.vision.beside import Beside
from lrbook.vision.images import Images
from lrbook.vision.memory import is_lacking, kept, let_go
from lrbook.vision.outcome import outcome
from lrbook.vision.settings import ImageConfig

CHECKPOINT_SHARE = 0.01  # of the time, at most, for checkpoints that take long to write
SMALL = 8_000_000  # bytes; a checkpoint up to here is written after every epoch
MEASURED = ("clean", "mixed", "patch_only")  # in the order of ``train.evaluate``


class Job(NamedTuple):
    """A configuration, and what it is run on."""

    config: ImageConfig
    images: Images
    device: torch.device
    precision: str

    @property
    def words(self) -> str:
        """What messages call it."""
        return f"{self.config.experiment} {self.config.arm}, seed {self.config.seed}"

    @property
    def bound_to(self) -> dict[str, str]:
        """What a checkpoint must agree with for the run to go on from it."""
        return {
            "data_fingerprint": self.images.fingerprint,
            "precision": self.precision,
            "device_kind": self.device.type,  # whose random streams are its own
        }

    def origin(self) -> dict[str, Any]:
        """What the run's record says of where it was computed."""
        return collect(devices.describe(self.device), torch.get_num_threads()) | {
            "compiled": self.device.type == "cuda",
            "data": self.images.name,
            **self.bound_to,
            **own.origin(type(self.config)),
        }


def carry_out(
    job: Job, store: Keeper, bar: tqdm, before_batch: Callable[[], None] | None = None
) -> Record:
    """Run ``job``, or go on from its checkpoint; what another process has finished is loaded.

    Args:
        job: what to run.
        store: where its record is kept.
        bar: moved on by an epoch at a time.
        before_batch: called before each batch and while another process has the run; what it
            raises ends the run.

    Raises:
        UserError: its checkpoint or record is at fault, or cannot be written; what there is of the
            run stays.
        RunError: it broke off.
        KeyboardInterrupt: noted with the run, which another call goes on with.
    """
    with store.claim(job.config, before_batch):
        meanwhile = store.load(job.config)
        if meanwhile and meanwhile.done:
            bar.update(job.config.epochs)
            return meanwhile
        try:
            return _run(job, store, bar, before_batch)
        except RunError as error:  # which is kept until the other runs are over
            let_go(error)
            raise


def _run(job: Job, store: Keeper, bar: tqdm, before_batch: Callable[[], None] | None) -> Record:
    config, device, origin = job.config, job.device, job.origin()
    if store.has_checkpoint(config) and (before := store.load(config)):
        origin["earlier"] = with_earlier(before.provenance)  # of a run too that fails at once
    try:
        task = train.make_task(config, job.images, device, job.precision)
        whole = devices.whole_precision(job.precision, device)
        with whole, devices.fastest_convolutions(device), Beside(task) as beside:
            return _train(task, origin, store, bar, before_batch, beside)
    except UserError:
        raise
    except (Exception, KeyboardInterrupt) as error:  # of a compiler too, whatever it may raise
        broken = isinstance(error, KeyboardInterrupt)
        reason = INTERRUPTED if broken else own.words_of(error, type(config))
        if is_lacking(error):
            size = f"batch = {config.batch}, widen = {config.widen}"
            reason = f"out of memory with {size}; give a smaller --batch or --widen"
        store.fail(config, reason, origin)
        if broken:
            raise
        raise RunError(
            f"run {config.run_id} ({config.arm}, seed {config.seed}): {reason}"
        ) from error
    finally:
        kept.release()


def _train(
    task: train.Task,
    origin: dict[str, Any],
    store: Keeper,
    bar: tqdm,
    before_batch: Callable[[], None] | None,
    beside: Beside,
) -> Record:
    config = task.config
    training = _Training(task, origin, store, beside)
    if training.rows:
        bar.update(len(training.rows))
    store.start(config, origin)
    training.began = time.perf_counter()
    pace = Pace(0.0, CHECKPOINT_SHARE)
    status, message = "finished", None

    def save(pack: Callable[[], bytes]) -> None:
        with pace.writing():
            payload = pack()
            store.save_checkpoint(config, payload)
        if len(payload) <= SMALL:
            pace.took = 0.0

    for epoch in range(len(training.rows) + 1, config.epochs + 1):
        if broken := training.epoch(epoch, beside.between(before_batch)):
            status, message = "diverged", f"{broken} in epoch {epoch} at rate {config.rate(epoch)}"
            named = f"{config.experiment} {config.arm}, seed {config.seed}"
            tqdm.write(f"{named}: {message}", file=sys.stderr)
            bar.update(config.epochs - len(training.rows))
            break
        bar.update()
        if store.keeps and epoch < config.epochs and pace.due():
            beside.then(functools.partial(save, training.packing()))
    beside.settle()
    wall_s, history = training.wall_s, pd.DataFrame(training.rows)
    return store.finish(
        config,
        history,
        outcome(history, config),
        provenance=origin,
        wall_s=wall_s,
        status=status,
        message=message,
    )


class _Training:
    """Network and optimizer of a run on its way, new or from its checkpoint.

    Attributes:
        rows: the history so far, a row per epoch.
        began: when it was gone on with, by the clock of ``time.perf_counter``.
    """

    def __init__(
        self, task: train.Task, origin: dict[str, Any], store: Keeper, beside: Beside
    ) -> None:
        config = task.config
        self.task, self.origin, self.beside = task, origin, beside
        self.watch = config.watch
        self.rows: list[dict[str, Any]] = []
        self.wall_before = 0.0
        saved = store.load_checkpoint(config)
        self.model = train.make_model(config, task.device)
        if origin["compiled"] and (why := train.try_to_compile(task, self.model, _say)):
            origin["compiled"] = False
            _say(f"the training step runs uncompiled ({why})")
        self.optimizer = train.make_optimizer(self.model, config)
        self.scaler = torch.amp.GradScaler(task.device.type) if task.precision == "fp16" else None
        if saved is not None:
            self.rows, self.wall_before, earlier = checkpoint.restore(
                saved,
                self.model,
                self.optimizer,
                self.scaler,
                origin,
                config.run_id,
                store.checkpoint_path(config),
            )
            if earlier:  # who computed these rows, and not who failed to go on with them since
                origin["earlier"] = earlier
        self.began = 0.0

    @property
    def wall_s(self) -> float:
        """Seconds of training up to now, those before the checkpoint included."""
        return self.wall_before + time.perf_counter() - self.began

    def epoch(self, epoch: int, before_batch: Callable[[], None] | None) -> str:
        """Train for one epoch and evaluate, into a new row.

        Returns:
            What is no longer finite, in words, and then there is no row; empty if all is.
        """
        task, config, model = self.task, self.task.config, self.model
        tally = torch.zeros((3, 3), device=task.device) if self.watch else None
        trained = train.train_epoch(
            task, model, self.optimizer, epoch, self.scaler, tally, before_batch
        )
        # What the last step leaves is in no loss of this epoch, running statistics in none at all.
        whole = model.is_finite()
        # In one reading, the only one in an epoch: each makes the host wait for the device.
        tested = train.evaluate(task, model, epoch)
        loss, correct, sound, *found = torch.cat([trained, whole, tested]).tolist()
        if not math.isfinite(loss):
            return f"the training loss became {loss}"
        if not sound:
            return "weights or running statistics became nan or inf"
        row = {
            "epoch": epoch,
            "rate": config.rate(epoch),
            "noise": config.noise_level(epoch),
            "train_loss": loss,
            "train_accuracy": 100 * correct,
        }
        self.rows.append(row | dict(zip(MEASURED, found, strict=False)))
        if tally is not None:
            self.beside.observe(self.rows[-1], model, epoch, tally)
        return ""

    def packing(self) -> Callable[[], bytes]:
        """What packs the checkpoint after the last row, once that is whole."""
        state = (self.model, self.optimizer, self.scaler, self.rows, self.wall_s, self.origin)
        return checkpoint.packing(*state, later=self.beside.looking)


def _say(words: str) -> None:
    tqdm.write(f"lrbook: {words}", file=sys.stderr)
