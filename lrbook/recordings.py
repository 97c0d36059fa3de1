"""The recordings that the book shows: what is wanted, and what is there."""

import contextlib
import dataclasses
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lrbook import sweeps
from lrbook.arms import by_arm, seeds_of
from lrbook.config import Config
from lrbook.errors import ConfigError, RecordLookupError, UserError
from lrbook.keeper import Keeper
from lrbook.record import Record, made_by, recordings_dir
from lrbook.records import Store
from lrbook.study.plan import check_kinds, with_seeds
from lrbook.unknown import unknown_name

PLAN = Path(__file__).resolve().parent.parent / "recordings.toml"

_TEXTS = ("name", "what", "experiment", "profile", "data", "device", "beside")
_KINDS = dict.fromkeys(_TEXTS, str) | {
    "arms": list,
    "seeds": list,
    "settings": dict,
    "grid": dict,
    "points": list,
}


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
    beside: str | None = None  # the recording that its runs are compared with

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
        ConfigError: ``only`` is not among them, lrbook was installed without its plan, or that is
            not TOML or has an entry that cannot be a recording.
    """
    if not path.exists():
        raise ConfigError("the recordings are not here: run lrbook from a clone of its repository.")
    with _told_of(path):
        plan = [Recording(**entry) for entry in _entries(path)]
    if only is not None and only not in {recording.name for recording in plan}:
        raise ConfigError(unknown_name(only, [r.name for r in plan], what="recording"))
    return [recording for recording in plan if only in (None, recording.name)]


def load(name: str, results: str | Path | None = None) -> list[Record]:
    """The records of the recording ``name`` that are over, in the order of ``Recording.configs``;
    [] if there are none.

    Raises:
        ConfigError: as ``there``.
    """
    return there(name, results)[0]


def there(name: str, results: str | Path | None = None) -> tuple[list[Record], bool]:
    """The records of the recording ``name`` that are over, and whether they are all of its runs.

    A folder of a reader's own may say in its ``recordings.toml`` which of its runs stand for the
    recording: an entry of that name, with the fields in which it differs from ours.

    Raises:
        ConfigError: there is no recording of this name; or that file is not TOML, or an entry of
            it cannot be one.
        RecordError: a record is damaged.
    """
    folder = Path(results or recordings_dir())
    [recording] = read(only=name)
    recording = _own(folder / PLAN.name).get(name, recording)
    found = stored(recording, folder)
    done = over(found.values())
    return done, len(done) == len(found)


def own_entry(name: str) -> str:
    """How runs of a reader's own are made to stand for the recording ``name``, in a sentence.

    An entry takes from ours what it does not give, images and arms included, and finds no run where
    that is another's.
    """
    [ours] = read(only=name)
    few = ("profile", "seeds", "arms", "data", "settings")
    given = {field: value for field in few if (value := getattr(ours, field))}
    said = [f"{k} = {list(v) if isinstance(v, tuple) else v!r}" for k, v in given.items()]
    said += [f"{field} of its own" for field in ("grid", "points") if getattr(ours, field)]
    return (
        f"if runs of your own are to stand for {name}, give it an entry in {PLAN.name} there, with "
        f"its name and all in which they differ from ours, which has {', '.join(said)}"
    )


def over(records: Iterable[Record | None]) -> list[Record]:
    """Those of the records that are there, of runs that are over."""
    return [record for record in records if record is not None and record.done]


def need_arms(name: str, records: Sequence[Record], arms: Sequence[str]) -> None:
    """Check that the recording ``name`` has ``arms`` to be compared, seed by seed.

    Raises:
        RecordLookupError: an arm has no finished run among ``records``, or no seed has all of
            the arms.
    """
    found = by_arm(records)
    seeds = [seeds_of(found.get(arm, [])) for arm in arms]
    missing = [arm for arm, there in zip(arms, seeds, strict=True) if not there]
    if missing:
        lack = f"no finished run of the arm {' and '.join(missing)}"
    elif arms and not set.intersection(*seeds):
        lack = f"no seed with finished runs of all the arms {' and '.join(arms)}"
    else:
        return
    raise RecordLookupError(
        f"the recording {name} has {lack} in {recordings_dir()}, and is read for the difference of "
        f"{' and '.join(arms)}; what is missing is made by: {made_by(name)}"
    )


def _own(path: Path) -> dict[str, Recording]:
    """The recordings that a folder's own plan changes; {} where it has none."""
    if not path.exists():
        return {}
    ours = {recording.name: recording for recording in read()}
    with _told_of(path):
        named = {entry["name"]: entry for entry in _entries(path)}
        return {name: dataclasses.replace(ours[name], **named[name]) for name in named}


def _entries(path: Path) -> list[dict[str, Any]]:
    """The tables ``[[recording]]`` of a plan, their values each of its kind."""
    entries = tomllib.loads(path.read_bytes().decode("utf-8-sig")).get("recording", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ConfigError("recording is a list of tables; write each under [[recording]].")
    entries = [with_seeds(entry) for entry in entries]
    for entry in entries:
        check_kinds(entry, _KINDS)
    return entries


@contextlib.contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """What can be wrong with a plan is a ConfigError that names the file."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except KeyError as error:
        raise ConfigError(f"{path}: {error} is missing, or is not a recording of ours.") from None
    except TypeError as error:
        raise ConfigError(f"{path}: {str(error).rpartition(') ')[2]}.") from None


def state_lines(plan: Sequence[Recording], results: str | Path) -> list[str]:
    """One line per recording: how many of its runs are there, or what of it is damaged."""
    return [_state_line(recording, results) for recording in plan]


def _state_line(recording: Recording, results: str | Path) -> str:
    try:
        configs, lost = recording.configs(), len(missing(recording, results))
    except UserError as error:
        return f"{recording.name:32} {'?':>7} damaged: {error}"
    state = "complete" if not lost else f"{lost} missing"
    needs = f", needs {recording.device}" if recording.device and lost else ""
    done = f"{len(configs) - lost}/{len(configs)}"
    return f"{recording.name:32} {done:>7} {state}{needs}: {recording.what}"


def damage(recording: Recording, results: str | Path) -> str:
    """Why it cannot be told what is there of it, in a sentence; empty if it can."""
    try:
        missing(recording, results)
    except UserError as error:
        return str(error)
    return ""


def missing(recording: Recording, results: str | Path) -> list[Config]:
    """The configurations with no finished or diverged record. RecordError if one is damaged."""
    there = stored(recording, results)
    return [config for config, record in there.items() if record is None or not record.done]


def stored(recording: Recording, results: str | Path) -> dict[Config, Record | None]:
    """What is there of each configuration, whatever its status. RecordError if one is damaged."""
    configs = recording.configs()
    store: Keeper = Store(results)
    if recording.is_sweep:
        store = sweeps.SweepStore(sweeps.folder_of(recording.name, results), configs)
        store.read()
    return {config: store.load(config) for config in configs}
