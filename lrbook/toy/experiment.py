"""The shell of the toy experiment: records, checkpoints, progress."""

import concurrent.futures
import contextlib
import hashlib
import importlib
import sys
import threading
from collections.abc import Sequence
from typing import Any, TypeGuard

import jax
import numpy as np
from tqdm import tqdm

from lrbook import asked, own
from lrbook.errors import ConfigError, RunError, UserError
from lrbook.keeper import Keeper
from lrbook.pace import Pace
from lrbook.provenance import available_cores, collect, describe_cpu, with_earlier
from lrbook.record import Record
from lrbook.toy import sharding
from lrbook.toy.batch import How, advance_all
from lrbook.toy.config import ToyConfig
from lrbook.toy.devices import choose_devices
from lrbook.toy.outcome import limits_of, outcome, summary
from lrbook.toy.progress import Progress, pack, unpack

CHECKPOINT_SECONDS = 15.0
CHECKPOINT_SHARE = 0.05  # of the time, at most, where a large batch takes long to write
MOST_CLAIMS = 500  # of a larger batch the rest is run unclaimed

__all__ = ["choose_devices", "outcome", "run", "summary"]


def run(
    configs: Sequence[ToyConfig],
    store: Keeper | None = None,
    *,
    device: str = "auto",
    force: bool = False,
    progress: bool = True,
) -> list[Record]:
    """Run, resume or load each configuration.

    On a CPU each run is a thread, as many at a time as there are cores; on GPUs the runs of one
    shape and length are one vectorised batch on each.

    Args:
        configs: the runs.
        store: where records are kept: ``lrbook.records.Store``, or a keeper of your own; None
            keeps nothing.
        device: ``auto``, ``cpu`` or ``cuda``.
        force: repeat finished runs.
        progress: show a bar on stderr.

    Returns:
        One record per configuration, in order. A run whose loss is no longer finite has status
        ``diverged``; the others go on.

    Raises:
        UserError: configuration, device or records are at fault, or JAX is set to 64 bits.
        RunError: a run broke off; the others were brought to their end first.
    """
    if jax.numpy.zeros(()).dtype != np.float32:
        raise ConfigError(
            "JAX is set to 64 bits here, and the toy computes in 32; unset JAX_ENABLE_X64, or call "
            'jax.config.update("jax_enable_x64", False) first.'
        )
    configs = asked.runs(configs, ToyConfig)
    store = asked.keeper(store)
    devices = choose_devices(device)
    with contextlib.ExitStack() as claims:
        stored = {config: store.load(config) for config in configs}
        wanted = {c for c in configs if force or not _done(stored[c])}
        if wanted:  # what is only loaded may lie where nothing can be written
            store.check_writable()
        # In the order of their names, so that two processes never wait for each other.
        for config in sorted(wanted, key=lambda config: config.run_id)[: _most_claims()]:
            claims.enter_context(store.claim(config))
        return _run_claimed(configs, store, devices, force, progress)


def _run_claimed(
    configs: Sequence[ToyConfig],
    store: Keeper,
    devices: Sequence[jax.Device],
    force: bool,
    progress: bool,
) -> list[Record]:
    stored = {config: store.load(config) for config in configs}
    done = {} if force else {c: record for c, record in stored.items() if _done(record)}
    todo = [config for config in stored if config not in done]
    if force:
        runs = [Progress(config) for config in todo]
    else:
        runs = [_resume(config, store) for config in todo]
    for words in dict.fromkeys(map(_never_annealed, todo)):
        if words:
            print(f"lrbook: {words}", file=sys.stderr)
    # All that is there has been read; from here on things are written
    for config in todo if force else ():
        store.forget(config)
    shell = _Shell(store, devices, stored if not force else {}, runs, progress)
    new = {record.run_id: record for record in shell.run_all()}
    return [done[config] if config in done else new[config.run_id] for config in configs]


class _Shell:
    """What the threads of one call of ``run`` share."""

    def __init__(
        self,
        store: Keeper,
        devices: Sequence[jax.Device],
        stored: dict[ToyConfig, Record | None],
        runs: list[Progress],
        progress: bool,
    ) -> None:
        self.store = store
        self.devices = devices
        self.vectorised = devices[0].platform != "cpu"
        self.turns = {device: threading.Lock() for device in devices}  # a batch fills its device
        self.stored = stored
        self.runs = runs
        self.stopped = threading.Event()
        self.bar = tqdm(
            total=sum(run.config.total_steps for run in runs),
            initial=sum(run.step for run in runs),
            desc="toy",
            unit="step",
            unit_scale=True,
            disable=not progress or not runs,
            file=sys.stderr,
            mininterval=1,
            delay=1,
        )

    def run_all(self) -> list[Record]:
        """Run every batch, each in a thread, and return the new records."""
        batches = sharding.batches(self.runs, self.devices, vectorised=self.vectorised)
        # On a card a thread waits for its device's turn, and must not keep others from theirs.
        workers = len(batches) if self.vectorised else max(len(self.devices), available_cores())
        failed: list[tuple[Progress, Exception]] = []
        with self.bar, concurrent.futures.ThreadPoolExecutor(max(1, workers)) as pool:
            jobs = [pool.submit(self._run_batch, *batch, failed) for batch in batches]
            try:
                importlib.import_module("sklearn.linear_model")  # for `limits`, while JAX compiles
                records = [r for job in concurrent.futures.as_completed(jobs) for r in job.result()]
            except BaseException:
                self.stopped.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        if failed:
            run, error = failed[0]
            raise RunError(f"{_words(run)}: {_reason(error)}") from error
        return records

    def _run_batch(
        self, runs: list[Progress], device: jax.Device, failed: list[tuple[Progress, Exception]]
    ) -> list[Record]:
        with self.turns[device] if self.vectorised else contextlib.nullcontext():
            return self._run_together(runs, device, failed)

    def _run_together(
        self, runs: list[Progress], device: jax.Device, failed: list[tuple[Progress, Exception]]
    ) -> list[Record]:
        if self.stopped.is_set():
            return []
        on_cpu = device.platform == "cpu"
        words = describe_cpu() if on_cpu else device.device_kind
        here = collect(words, available_cores() if on_cpu else None)
        origins = {
            run.config: here | own.origin(type(run.config)) | self._earlier(run) for run in runs
        }
        for run in runs:
            self.store.start(run.config, origins[run.config])
        pace = Pace(CHECKPOINT_SECONDS, CHECKPOINT_SHARE)
        beside = concurrent.futures.ThreadPoolExecutor(1)

        def pause(runs: Sequence[Progress], taken: int) -> bool:
            self.bar.update(taken)
            for run in runs if self.vectorised else ():  # the card is busy now, and the host is not
                run.limits = run.limits or beside.submit(limits_of, run.given)
            stop = self.stopped.is_set()
            if self.store.keeps and (stop or pace.due()):
                with pace.writing():
                    for run in runs:
                        self.store.save_checkpoint(run.config, pack(run))
            return stop

        try:
            how: How = "vmap" if self.vectorised else "map"
            advance_all(runs, device, how=how, pause=pause)
            ended = [self._end(run, origins[run.config], failed) for run in runs if run.over]
            return [record for record in ended if record is not None]
        except UserError:
            raise
        except Exception as error:  # one batch's misfortune is not the others'
            for run in runs:
                self.store.fail(run.config, _reason(error), origins[run.config])
            failed.append((runs[0], error))
            return []
        finally:
            beside.shutdown(cancel_futures=True)

    def _end(
        self, run: Progress, origin: dict[str, Any], failed: list[tuple[Progress, Exception]]
    ) -> Record | None:
        """The record of a run that is over; None if the last of its work failed."""
        try:
            return self._finish(run, origin)
        except UserError:
            raise
        except Exception as error:  # one run's misfortune is not the others'
            self.store.fail(run.config, _reason(error), origin)
            failed.append((run, error))
            return None

    def _finish(self, run: Progress, origin: dict[str, Any]) -> Record:
        message = None
        if run.diverged:
            message = f"the training loss became nan or inf at step {run.step}"
            tqdm.write(f"{_words(run)}: {message}", file=sys.stderr)
            self.bar.update(run.config.total_steps - run.step)
        fingerprint = hashlib.sha256()
        for leaf in run.given.train:
            fingerprint.update(np.ascontiguousarray(leaf).tobytes())
        record = self.store.finish(
            run.config,
            run.history,
            outcome(run),
            provenance=origin | {"data_fingerprint": fingerprint.hexdigest()[:16]},
            wall_s=run.wall_s,
            status="diverged" if run.diverged else "finished",
            message=message,
        )
        run.release()
        return record

    def _earlier(self, run: Progress) -> dict[str, Any]:
        """What a resumed run was begun with is part of its origin."""
        before = self.stored.get(run.config)
        return {"earlier": with_earlier(before.provenance)} if run.step and before else {}


def _never_annealed(config: ToyConfig) -> str:
    """That L-S ends at its large rate, in a sentence; empty if it does not, or by the rule only."""
    if config.arm != "L-S" or config.anneal == "loss" or config.anneal < config.steps_ls:
        return ""
    where = f"anneal = {config.anneal} is not below steps_ls = {config.steps_ls}"
    return f"{where}, so L-S keeps its large rate to the end."


def _most_claims() -> int:
    """How many runs to hold: each is an open file, and a process may open few (macOS: 256)."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST_CLAIMS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CLAIMS if soft == resource.RLIM_INFINITY else min(MOST_CLAIMS, soft // 2)


def _done(record: Record | None) -> TypeGuard[Record]:
    return record is not None and record.done


def _resume(config: ToyConfig, store: Keeper) -> Progress:
    payload = store.load_checkpoint(config)
    return Progress(config) if payload is None else unpack(config, payload)


def _words(run: Progress) -> str:
    return f"toy {run.config.arm}, seed {run.config.seed} ({run.config.run_id})"


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
