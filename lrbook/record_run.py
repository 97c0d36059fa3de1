"""Running what is missing of the recordings: single runs as processes, sweeps in this one."""

import concurrent.futures
import os
import queue
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from lrbook import orphans, recordings, sweeps
from lrbook.config import Config
from lrbook.errors import ConfigError, RunError, UserError
from lrbook.provenance import available_cores, device_kind
from lrbook.recordings import Recording
from lrbook.study import machine


def run_missing(
    plan: Sequence[Recording], results: str | Path, *, data: str | None = None, jobs: int = 0
) -> int:
    """Run what is missing, single runs in processes of their own; return the exit code.

    Where there are GPUs, single runs on images are made one to a GPU, and the arms of a seed one
    after the other in one process: images are decoded and the step is compiled once for all of
    them. Sweeps come after these, in this process, one after the other: a run of theirs that is cut
    off starts anew. What fails or is damaged is said, and keeps no other recording from running.

    Args:
        plan: the recordings.
        results: where the records go.
        data: folder of Parquet images for the recordings that name one.
        jobs: processes of single runs at a time, sharing the cores evenly; 0 means as many as make
            good use of them (``Config.cores``), or as there are GPUs. Sweeps have no use for it.

    Raises:
        ConfigError: jobs is negative, or ``data`` holds images that none of them is of.
    """
    if jobs < 0:
        raise ConfigError(f"jobs = {jobs} is not allowed: it must be 0 or more.")
    _check_images(plan, data)
    barred = {recording.name: _barred(recording, results, data) for recording in plan}
    for name, why in barred.items():
        if why:
            print(f"lrbook: {name}: {why}", file=sys.stderr)
    free = [each for each in plan if not barred[each.name] and _device_there(each.device)]
    failed = _run_single([each for each in free if not each.is_sweep], results, data, jobs)
    failed |= _run_sweeps([each for each in free if each.is_sweep], results, data)
    for line in recordings.state_lines(plan, results):
        print(line)
    return 1 if failed or any(barred.values()) else 0


def _check_images(plan: Sequence[Recording], data: str | None) -> None:
    """ConfigError if ``data`` holds images that none of the recordings is of."""
    names = dict.fromkeys(each.data for each in plan if each.data is not None)
    if data is None or not names or any(each.is_of(data) for each in plan):
        return
    from lrbook.vision.identity import identify

    known = sorted(f"{name}, {identify(name)}" for name in names)
    raise ConfigError(
        f"data = {data!r} holds other images ({identify(data)}) than these recordings are of "
        f"({'; '.join(known)}); lrbook run patch --data {data} trains on them as your own."
    )


def _run_single(
    plan: Sequence[Recording], results: str | Path, data: str | None, jobs: int
) -> bool:
    """Run what is missing of recordings that are no sweeps; whether a process failed."""
    todo = {recording.name: recordings.missing(recording, results) for recording in plan}
    runs = [config for configs in todo.values() for config in configs]
    gpus = machine.gpus("auto") if runs else []
    on_gpus: list[tuple[list[str], int]] = []
    on_cores: list[tuple[list[str], int]] = []
    for recording in plan:
        on_gpu = bool(gpus) and recording.experiment != "toy"
        groups = _together(todo[recording.name], on_gpu)
        images = _images_of(recording, data) if groups else None
        for configs in groups:
            command = _command(recording, configs, results, images)
            (on_gpus if on_gpu else on_cores).append((command, len(configs)))
    by_cores = max(1, available_cores() // max((config.cores for config in runs), default=1))
    with tqdm(total=len(runs), unit="run", desc="record", file=sys.stderr) as bar:
        failed = _in_processes(on_gpus, jobs or len(gpus) or 1, gpus, bar)
        failed |= _in_processes(on_cores, jobs or by_cores, [], bar)
    return failed


def _run_sweeps(plan: Sequence[Recording], results: str | Path, data: str | None) -> bool:
    """Run what is missing of sweeps; whether one failed. Each shares the cores among its runs."""
    failed = False
    for recording in plan:
        try:
            if recordings.missing(recording, results) or not sweeps.sealed(recording.name, results):
                print(f"sweep {recording.name}", file=sys.stderr)
                recording.run_sweep(results, data)
        except (UserError, RunError) as error:
            print(f"lrbook: {recording.name}: {error}", file=sys.stderr)
            failed = True
    return failed


def _together(configs: Sequence[Config], on_gpu: bool) -> list[list[Config]]:
    """The configurations that share a process: on a GPU all arms of a seed, else each alone."""
    if not on_gpu:
        return [[config] for config in configs]
    groups: dict[int, list[Config]] = {}
    for config in configs:
        groups.setdefault(config.seed, []).append(config)
    return list(groups.values())


def _in_processes(
    commands: Sequence[tuple[list[str], int]], jobs: int, gpus: Sequence[str], bar: tqdm
) -> bool:
    """Run the commands, ``jobs`` at a time, on ``gpus`` in turn; whether one of them failed.

    With each command comes the number of its runs.
    """
    threads = str(max(1, available_cores() // jobs))
    shared = os.environ | {"OMP_NUM_THREADS": threads, "NPROC": threads}
    free: queue.SimpleQueue[str] = queue.SimpleQueue()
    for i in range(jobs if gpus else 0):
        free.put(gpus[i % len(gpus)])

    def run(job: tuple[list[str], int]) -> int:
        command, runs = job
        gpu = free.get() if gpus else None
        own = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
        code = orphans.call(command, shared | own)
        if gpu is not None:
            free.put(gpu)
        bar.update(runs)
        return code

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return any([*pool.map(run, commands)])


def _barred(recording: Recording, results: str | Path, data: str | None) -> str:
    """Why none of its runs may be started; empty if they may."""
    try:
        return (
            recordings.damage(recording, results)
            or _lacks_images(recording, results, data)
            or _would_mix(recording, results)
        )
    except UserError as error:
        return str(error)


def _lacks_images(recording: Recording, results: str | Path, data: str | None) -> str:
    """That a folder of images is needed and not given; empty otherwise."""
    if data is not None or recording.data is None:
        return ""
    from lrbook.vision.identity import identify, needed_words

    if not identify(recording.data).startswith("parquet:"):
        return ""
    if not _device_there(recording.device) or not recordings.missing(recording, results):
        return ""
    return needed_words(recording.data)


def _would_mix(recording: Recording, results: str | Path) -> str:
    """Why runs of this machine cannot be set beside those that are there; empty if they can.

    Arms and seeds are compared with each other, so all are to be computed in the same digits, and
    from the random numbers of one kind of device. What a record does not know bars nothing.
    """
    if recording.experiment == "toy" or not _device_there(recording.device):
        return ""
    from lrbook.vision.settings import ImageConfig

    missing = [c for c in recordings.missing(recording, results) if isinstance(c, ImageConfig)]
    there = [*recordings.stored(recording, results).values()]
    for other in recordings.read(only=recording.beside) if recording.beside else ():
        there += recordings.stored(other, results).values()
    origins = [record.provenance for record in recordings.over(there)]
    done = {(origin.get("precision"), device_kind(origin)) for origin in origins} - {(None, None)}
    if not (missing and done):
        return ""
    from lrbook.vision import devices

    device = devices.choose_device("auto")
    ours = (devices.choose_precision(missing[0].precision, device), device.type)
    if all(known in (None, own) for each in done for known, own in zip(each, ours, strict=True)):
        return ""
    here, theirs = _words(*ours), " and ".join(sorted(_words(*each) for each in done))
    beside = f", or those of {recording.beside} beside them," if recording.beside else ""
    return (
        f"its runs{beside} are in {theirs}, and this machine would add some in {here}; complete "
        f"it on a machine that computes in {theirs}, or make all of it afresh with --results DIR"
    )


def _words(precision: str | None, kind: str | None) -> str:
    """``bf16 on a CPU``; without what is not known."""
    kinds = {"cpu": " on a CPU", "cuda": " on a graphics card", "mps": " on an Apple GPU"}
    return (precision or "digits of some kind") + kinds.get(kind or "", "")


def _images_of(recording: Recording, data: str | None) -> str | None:
    """The images that its runs are told to take: a folder serves the recordings of its images, and
    no other. Asked once for all runs, as all of the folder is read to know it.
    """
    return data if recording.is_of(data) else recording.data


def _command(
    recording: Recording, configs: Sequence[Config], results: str | Path, data: str | None
) -> list[str]:
    """What runs ``configs``, which are of one seed, on ``data``, as ``_images_of`` has it."""
    arms, seed = ",".join(config.arm for config in configs), str(configs[0].seed)
    command = [sys.executable, "-m", "lrbook", "run", recording.experiment]
    command += ["--profile", recording.profile, "--arms", arms, "--seeds", seed]
    for name, value in recording.settings.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    if data is not None:
        command += ["--data", data]
    return [*command, "--results", str(results), "--quiet", "--json"]


def _device_there(device: str | None) -> bool:
    if device in (None, "auto", "cpu"):  # there everywhere
        return True
    import torch

    kind = {"cuda": torch.cuda, "mps": torch.backends.mps}.get(device)
    return kind is not None and kind.is_available()
