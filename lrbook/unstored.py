"""The store of a run that is not to be kept, as in a notebook."""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import pandas as pd

from lrbook.config import Config
from lrbook.record import Record
from lrbook.records import Store


class Unstored(Store):
    """A store that keeps nothing: what a runner uses where the disk must not be touched."""

    keeps = False

    def __init__(self):
        super().__init__(os.devnull)

    def check_writable(self) -> None:
        """There is nothing to write to."""

    def load(self, config: Config) -> None:
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
            table=history,
        )

    def fail(self, config: Config, message: str, provenance: dict[str, Any]) -> None:
        """Note nothing."""

    def forget(self, config: Config) -> None:
        """There is nothing to remove."""

    def save_checkpoint(self, config: Config, payload: bytes) -> None:
        """Keep nothing."""

    def has_checkpoint(self, config: Config) -> bool:
        """There is none."""
        return False

    def load_checkpoint(self, config: Config) -> None:
        """There is none."""
