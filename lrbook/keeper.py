"""What an experiment's ``run`` asks of whoever keeps its runs, and the keeper that keeps nothing.

``lrbook.records.Store`` keeps them in folders. To keep them elsewhere, write a class with the
methods of ``Keeper`` and hand an instance to ``run``.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from lrbook.config import Config
from lrbook.record import Record


@runtime_checkable
class Keeper(Protocol):
    """What ``run`` calls: from several threads at once, each with runs of its own.

    An error that concerns the keeper, and not one run, should be a ``UserError``: it ends the call.
    Any other, raised while a run is under way, counts as that run's failure.

    Attributes:
        keeps: whether checkpoints given to it are kept, so that it is worth making them.
    """

    keeps: bool

    def check_writable(self) -> None:
        """Raise a ``UserError``, before any work is done, if nothing can be kept.

        It is not asked where all runs are over and are only loaded.
        """

    def load(self, config: Config) -> Record | None:
        """What is known of ``config`` now, whatever its status; a run that is over is not repeated.

        It is asked again within ``claim``, and then knows what another process has finished.
        """

    def claim(
        self, config: Config, go_on: Callable[[], None] | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Within it no other process works on this run.

        One thread may be within the claims of many runs at once; of a large batch of the toy not
        all runs are claimed.

        Args:
            config: the run.
            go_on: called again and again during the wait, which must end with what it raises.
        """

    def start(self, config: Config, provenance: dict[str, Any]) -> None:
        """Note that the run is under way, and what it runs on."""

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
        """Keep a run that is over, then drop its checkpoint; return its record."""

    def fail(self, config: Config, message: str, provenance: dict[str, Any]) -> None:
        """Note that the run broke off; its checkpoint stays. A run that is over stays over."""

    def forget(self, config: Config) -> None:
        """Drop what there is of the run, its checkpoint too: it is to be repeated."""

    def checkpoint_path(self, config: Config) -> Path | str:
        """Where the run's checkpoint is, for messages."""

    def save_checkpoint(self, config: Config, payload: bytes) -> None:
        """Keep the checkpoint of an unfinished run in place of the one before."""

    def has_checkpoint(self, config: Config) -> bool:
        """Whether there is one."""

    def load_checkpoint(self, config: Config) -> bytes | None:
        """The payload last saved; None if there is none. RecordError if it is damaged."""


class Unstored:
    """A keeper that keeps nothing: for runs in a notebook, where the disk must not be touched."""

    keeps = False

    def check_writable(self) -> None:
        """There is nothing to write to."""

    def load(self, config: Config) -> Record | None:
        """No run is known."""

    def claim(
        self, config: Config, go_on: Callable[[], None] | None = None
    ) -> contextlib.AbstractContextManager[None]:
        """Nobody else can want what is not kept."""
        return contextlib.nullcontext()

    def start(self, config: Config, provenance: dict[str, Any]) -> None:
        """Note nothing."""

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
        """The record that a store would have written, with its history in ``table``."""
        return Record(
            run_id=config.run_id,
            experiment=config.experiment,
            config=config.model_dump(mode="json"),
            status=status,
            provenance=provenance,
            result=result,
            history_sha256=None,
            wall_s=round(wall_s, 2),
            message=message,
            meaning=config.meaning,
            table=history,
        )

    def fail(self, config: Config, message: str, provenance: dict[str, Any]) -> None:
        """Note nothing."""

    def forget(self, config: Config) -> None:
        """There is nothing to remove."""

    def checkpoint_path(self, config: Config) -> Path:
        """There is none."""
        return Path(os.devnull)

    def save_checkpoint(self, config: Config, payload: bytes) -> None:
        """Keep nothing."""

    def has_checkpoint(self, config: Config) -> bool:
        """There is none."""
        return False

    def load_checkpoint(self, config: Config) -> bytes | None:
        """There is none."""
