"""Records on disk: one folder per run, written so that nothing is half there and nothing is lost.

    RESULTS/RUN_ID/record.json       config, status, provenance, result; hash of the history and
                                     of all these
    RESULTS/RUN_ID/history.parquet   one row per measurement
    RESULTS/RUN_ID/checkpoint        only while a run is unfinished

Every file is written under a temporary name and renamed. A file that cannot be trusted is reported
by name, and is neither used nor overwritten.
"""

import contextlib
import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook import experiments
from lrbook.atomic import make_writable, write_atomically
from lrbook.config import Config
from lrbook.errors import ConfigError, RecordError
from lrbook.locks import claim, is_held
from lrbook.recomputed import check_result
from lrbook.record import (
    Record,
    check_config,
    check_run_id,
    hashed,
    read_record,
    run_folders,
)
from lrbook.unknown import unknown_name


class Store:
    """The runs in one results folder.

    Attributes:
        keeps: whether checkpoints given to it are kept, so that it is worth making them.
        root: the folder.
        named: by what the user named the folder, an option or a parameter.
    """

    keeps = True

    def __init__(self, root: str | Path, named: str = "--results") -> None:
        self.root = Path(root)
        self.named = named

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r})"

    def check_writable(self) -> None:
        """Make the folder; raise RecordError, before any work is done, if nothing can be kept."""
        try:
            make_writable(self.root)
        except OSError as error:
            raise RecordError(
                f"the results folder {self.root} cannot be written ({error.strerror}); "
                f"name another with {self.named}."
            ) from None

    def load(self, config: Config) -> Record | None:
        """The stored record of ``config``, whatever its status; None if there is none.

        Where the run is over, a checkpoint that lies there still is removed.

        Raises:
            RecordError: the record is damaged, or belongs to another configuration.
            ConfigError: the configuration's class has no run ids of its own.
        """
        config.check_own_name()
        folder = self.root / config.run_id
        return self._read(config) if (folder / "record.json").exists() else None

    def _read(self, config: Config) -> Record:
        """As ``load``, of a record that is there."""
        folder = self.root / config.run_id
        record = read_record(folder)
        check_config(record, config, folder / "record.json")
        if record.done:  # ``finish`` may have been killed before it did so, or been kept from it
            with contextlib.suppress(OSError):
                (folder / "checkpoint").unlink(missing_ok=True)
        return record

    @contextlib.contextmanager
    def claim(self, config: Config, go_on: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold this run while it is worked on; another process that wants it waits, and says so.

        What a process killed while it wrote has left, as large as a checkpoint, is removed.

        Args:
            config: the run.
            go_on: called again and again during the wait, which ends with what it raises.
        """
        with claim(self._lock(config.run_id), f"run {config.run_id}", go_on):
            for path in (self.root / config.run_id).glob(".*.tmp"):
                with contextlib.suppress(OSError):  # it takes room, and does no other harm
                    path.unlink()
            yield

    def start(self, config: Config, provenance: dict[str, Any]) -> None:
        """Write a record with status ``running``."""
        self._write(config, "running", provenance=provenance)

    def finish(
        self,
        config: Config,
        history: pd.DataFrame,
        result: dict[str, Any],
        *,
        provenance: dict[str, Any],
        wall_s: float,
        status: str = "finished",
        message: str | None = None,
    ) -> Record:
        """Write history, then record, then drop the checkpoint: in this order nothing is lost."""
        buffer = io.BytesIO()
        history.to_parquet(buffer, index=False)
        data = buffer.getvalue()
        write_atomically(self.root / config.run_id / "history.parquet", data)
        self._write(
            config,
            status,
            provenance=provenance,
            result=result,
            history_sha256=hashlib.sha256(data).hexdigest(),
            wall_s=round(wall_s, 2),
            message=message,
        )
        return self._read(config)  # which drops the checkpoint; that it cannot is no failure

    def fail(self, config: Config, message: str, provenance: dict[str, Any]) -> None:
        """Note that a run broke off; its checkpoint stays, and the next start resumes from it.

        A run whose record says that it is over broke off after that was written, and stays so.
        """
        record = self.load(config)
        if not (record and record.done):
            self._write(config, "failed", provenance=provenance, message=message)

    def forget(self, config: Config) -> None:
        """Remove the run's folder (``--force``).

        Raises:
            RecordError: what would be loaded or gone on from is there still.
        """
        folder = self.root / config.run_id
        shutil.rmtree(folder, ignore_errors=True)
        for path in (folder / "record.json", folder / "checkpoint"):
            if path.exists():
                raise RecordError(
                    f"{path} cannot be removed; remove the folder {folder.name} and run again."
                )

    def checkpoint_path(self, config: Config) -> Path:
        """Where the checkpoint of an unfinished run lies."""
        return self.root / config.run_id / "checkpoint"

    def save_checkpoint(self, config: Config, payload: bytes) -> None:
        """Keep ``payload`` with its SHA-256 in front, replacing the previous checkpoint."""
        digest = hashlib.sha256(payload).digest()
        write_atomically(self.checkpoint_path(config), digest + payload)

    def has_checkpoint(self, config: Config) -> bool:
        """Whether there is a checkpoint, sound or not."""
        return self.checkpoint_path(config).exists()

    def load_checkpoint(self, config: Config) -> bytes | None:
        """The payload last saved, or None.

        Raises:
            RecordError: the file's bytes do not match their SHA-256.
        """
        path = self.checkpoint_path(config)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise RecordError(f"the checkpoint {path} cannot be read ({error.strerror}).") from None
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            raise RecordError(
                f"the checkpoint {path} is damaged; delete it to start this run afresh."
            )
        return data[32:]

    def records(self) -> Iterator[Record]:
        """All records, by run id. Raises RecordError at the first damaged one."""
        for folder in self.folders():
            yield read_record(folder)

    def folders(self) -> list[Path]:
        """The run folders: those that hold a record.json, or may and do not let us see it.

        Raises:
            RecordError: the folder of them cannot be read.
        """
        return run_folders(self.root)

    def held(self, run_id: str) -> bool | None:
        """Whether a process works on this run now; None where that cannot be known."""
        return is_held(self._lock(run_id))

    def _lock(self, run_id: str) -> Path:
        return self.root / f".{run_id}.lock"

    def find(self, experiment: str | type[Config], **settings: Any) -> list[Record]:
        """Records of ``experiment`` whose config has all the ``settings``, by seed.

        One of your own is named by its class, or as ``FILE.py:CLASS``, as in ``lrbook run``.
        Of runs that are over, finished or diverged, and whose settings mean what those of the class
        do now: not from before a change of its ``meaning``, which ``records`` has, too.
        ``lrbook.sweeps.Sweep(found).runs`` makes one table of them.

        Raises:
            ConfigError: there is no such experiment, or it has no such field.
        """
        cls = experiments.config_class(experiment)
        known = cls.model_fields
        for name in settings:
            if name not in known:
                raise ConfigError(unknown_name(name, known, what="field"))
        found = [
            record
            for record in self.records()
            if (record.experiment, record.meaning) == (cls.experiment, cls.meaning)
            and record.done
            and all(record.config.get(name) == value for name, value in settings.items())
        ]
        return sorted(found, key=lambda record: record.config["seed"])

    def problems(self) -> list[str]:
        """One sentence for each record that is damaged or lost; empty if all is well.

        Damaged is, too, one whose result is not what the run's history gives.
        """
        sentences = []
        for folder in self.folders():
            try:
                record = read_record(folder)
                check_run_id(record, folder / "record.json")
                if record.done:
                    check_result(record, record.history, folder / "record.json")
            except RecordError as error:
                sentences.append(str(error))
        for path in sorted(self.root.glob("*/history.parquet")):
            if not (path.parent / "record.json").exists():
                sentences.append(
                    f"{path} has no record.json beside it. Restore that, or move the folder "
                    f"{path.parent.name} away and run again."
                )
        return sentences

    def _write(self, config: Config, status: str, **fields: Any) -> None:
        record = {
            "run_id": config.run_id,
            "experiment": config.experiment,
            "status": status,
            "config": config.model_dump(mode="json"),
            "result": {},
            "history_sha256": None,
            "wall_s": None,
            "message": None,
        } | fields
        if config.meaning != 1:
            record["meaning"] = config.meaning
        text = json.dumps(hashed(record), indent=1, allow_nan=False) + "\n"
        write_atomically(self.root / config.run_id / "record.json", text.encode())
