"""The recordings that the book shows: what is wanted, what is there, and running the difference."""

import concurrent.futures
import dataclasses
import os
import queue
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lrbook import sweeps
from lrbook.config import Config, unknown_name
from lrbook.errors import ConfigError, RunError, UserError
from lrbook.provenance import available_cores
from lrbook.records import Record, Store, recordings_dir
from lrbook.study import machine
from lrbook.study.plan import KIND_WORDS

PLAN = Path(__file__).resolve().parent.parent / "recordings.toml"


@dataclasses.dataclass(frozen=True)
class Recording:
    """One entry of ``recordings.toml``: runs that belong together, under a name."""

    name: str
    what: str
    experiment: str
    profile: str
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    data: str | None = None
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    device: str | None = None
    grid: dict[str, list[Any]] | None = None
    points: list[dict[str, Any]] | None = None

    @property
    def is_sweep(self) -> bool:
        """Whether it is kept as one table, and not as one folder per run."""
        return self.grid is not None or self.points is not None

    def configs(self) -> list[Config]:
        """The configurations of its runs; points outermost, then grid, seeds and arms."""
        return sweeps.expand(
            self.experiment,
            self.profile,
            grid=self.grid,
            points=self.points,
            arms=self.arms,
            seeds=self.seeds,
            **self._identified(),
        )

    def run_sweep(self, results: str | Path, data: str | None = None) -> None:
        """Run what is missing of a sweep, in this process."""
        mine = {"data": data} if self.is_of(data) else {}
        sweeps.run(
            self.experiment,
            self.profile,
            grid=self.grid,
            points=self.points,
            arms=self.arms,
            seeds=self.seeds,
            folder=sweeps.folder_of(self.name, results),
            **(self._identified() | mine),
        )

    def is_of(self, data: str | None) -> bool:
        """Whether the folder ``data`` holds its images. DataError if it holds none."""
        if data is None or self.data is None:
            return False
        from lrbook.vision.identity import identify

        return identify(data) == identify(self.data)

    def _identified(self) -> dict[str, Any]:
        settings = dict(self.settings)
        if self.data is not None:
            from lrbook.vision.identity import identify

            settings["data"] = identify(self.data)
        return settings


def read(path: Path = PLAN, only: str | None = None) -> list[Recording]:
    """The recordings wanted, in order.

    Raises:
        ConfigError: ``only`` is not among them.
    """
    entries = tomllib.loads(path.read_text())["recording"]
    plan = [Recording(**entry) for entry in entries]
    if only is not None and only not in {recording.name for recording in plan}:
        raise ConfigError(unknown_name(only, [r.name for r in plan], what="recording"))
    return [recording for recording in plan if only in (None, recording.name)]


def load(name: str, results: str | Path | None = None) -> list[Record]:
    """The finished records of the recording ``name``, seeds outermost; [] if there are none.

    A folder of a reader's own may say in its ``recordings.toml`` which of its runs stand for the
    recording: an entry of that name, with the fields in which it differs from ours.

    Raises:
        ConfigError: that file is not TOML, or an entry of it cannot be one.
    """
    folder = Path(results or recordings_dir())
    [recording] = read(only=name)
    recording = _own(folder / PLAN.name).get(name, recording)
    store = Store(folder)
    found = [store.load(config) for config in recording.configs()]
    return [record for record in found if record is not None and record.done]


_TYPES = {"seeds": list, "arms": list, "settings": dict, "grid": dict, "points": list, "data": str}


def _own(path: Path) -> dict[str, Recording]:
    """The recordings that a folder's own plan changes; {} where it has none."""
    if not path.exists():
        return {}
    ours = {recording.name: recording for recording in read()}
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("recording", [])
        named = {entry["name"]: entry for entry in entries}
        for entry in entries:
            for field, value in entry.items():
                if field in _TYPES and not isinstance(value, _TYPES[field]):
                    kind = KIND_WORDS[_TYPES[field]]
                    raise ConfigError(
                        f"{path}: {field} = {value!r} is not allowed: {kind} it must be."
                    )
        return {name: dataclasses.replace(ours[name], **named[name]) for name in named}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except KeyError as error:
        raise ConfigError(f"{path}: {error} is missing, or is not a recording of ours.") from None
    except TypeError as error:
        raise ConfigError(f"{path}: {str(error).rpartition(') ')[2]}.") from None


def state_lines(plan: Sequence[Recording], results: str | Path) -> list[str]:
    """One line per recording: how many of its runs are there."""
    lines = []
    for recording in plan:
        configs = recording.configs()
        missing = len(_missing(recording, results))
        state = "complete" if not missing else f"{missing} missing"
        needs = f", needs {recording.device}" if recording.device and missing else ""
        done = f"{len(configs) - missing}/{len(configs)}"
        lines.append(f"{recording.name:32} {done:>7} {state}{needs}: {recording.what}")
    return lines


def run_missing(
    plan: Sequence[Recording], results: str | Path, *, data: str | None = None, jobs: int = 0
) -> int:
    """Run what is missing, each run in a process of its own; return the exit code.

    Where there are GPUs, runs on images are made one to a GPU. What fails is said, and keeps
    nothing else from running.

    Args:
        plan: the recordings.
        results: where the records go.
        data: folder of Parquet images for the recordings that name one.
        jobs: processes at a time, sharing the cores evenly; 0 means as many as make good
            use of them (``Config.cores``), or as there are GPUs.

    Raises:
        ConfigError: jobs is negative, or ``data`` holds images that none of them is of.
    """
    if jobs < 0:
        raise ConfigError(f"jobs = {jobs} is not allowed: 0 or more it must be.")
    on_images = [recording for recording in plan if recording.data is not None]
    if data is not None and on_images and not any(each.is_of(data) for each in on_images):
        from lrbook.vision.identity import identify

        known = sorted({f"{each.data}, {identify(each.data)}" for each in on_images})
        raise ConfigError(
            f"data = {data!r} holds other images ({identify(data)}) than these recordings are of "
            f"({'; '.join(known)}); lrbook run patch --data {data} trains on them as your own."
        )
    todo = [
        (recording, config)
        for recording in plan
        if not recording.is_sweep and _device_there(recording.device)
        for config in _missing(recording, results)
    ]
    commands = {"cores": [], "gpus": []}
    gpus = machine.gpus("auto") if todo else []
    for recording, config in todo:
        kind = "gpus" if gpus and recording.experiment != "toy" else "cores"
        commands[kind].append(_command(recording, config, results, data))
    cores = available_cores()
    by_cores = max(1, cores // max((config.cores for _, config in todo), default=1))
    with tqdm(total=len(todo), unit="run", desc="record", file=sys.stderr) as bar:
        failed = _in_processes(commands["gpus"], jobs or len(gpus) or 1, gpus, bar)
        failed |= _in_processes(commands["cores"], jobs or by_cores, [], bar)
    for recording in plan:  # a sweep shares the cores among its runs by itself
        try:
            if not (recording.is_sweep and _device_there(recording.device)):
                continue
            if _missing(recording, results) or not sweeps.sealed(recording.name, results):
                print(f"sweep {recording.name}", file=sys.stderr)
                recording.run_sweep(results, data)
        except (UserError, RunError) as error:
            print(f"lrbook: {recording.name}: {error}", file=sys.stderr)
            failed = True
    for line in state_lines(plan, results):
        print(line)
    return 1 if failed else 0


def _in_processes(commands: list[list[str]], jobs: int, gpus: list[str], bar: tqdm) -> bool:
    """Run the commands, ``jobs`` at a time, on ``gpus`` in turn; whether one of them failed."""
    threads = str(max(1, available_cores() // jobs))
    shared = os.environ | {"OMP_NUM_THREADS": threads, "NPROC": threads}
    free: queue.SimpleQueue[str] = queue.SimpleQueue()
    for i in range(jobs if gpus else 0):
        free.put(gpus[i % len(gpus)])

    def run(command: list[str]) -> int:
        gpu = free.get() if gpus else None
        own = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
        code = subprocess.run(command, env=shared | own).returncode
        if gpu is not None:
            free.put(gpu)
        bar.update()
        return code

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return any([*pool.map(run, commands)])


def _missing(recording: Recording, results: str | Path) -> list[Config]:
    configs = recording.configs()
    if recording.is_sweep:
        store = sweeps.SweepStore(sweeps.folder_of(recording.name, results), configs)
        store.read()
    else:
        store = Store(results)
    stored = {config: store.load(config) for config in configs}
    return [config for config, record in stored.items() if record is None or not record.done]


def _command(
    recording: Recording, config: Config, results: str | Path, data: str | None
) -> list[str]:
    command = [sys.executable, "-m", "lrbook", "run", recording.experiment]
    command += ["--profile", recording.profile, "--arms", config.arm, "--seeds", str(config.seed)]
    for name, value in recording.settings.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    if recording.data is not None:
        # A folder serves the recordings of its images, and no other.
        command += ["--data", data if recording.is_of(data) else recording.data]
    return [*command, "--results", str(results), "--quiet", "--json"]


def _device_there(device: str | None) -> bool:
    if device is None:
        return True
    import torch

    return device == "cuda" and torch.cuda.is_available()
