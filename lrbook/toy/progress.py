"""One run on its way, and the bytes that it is kept as and gone on from."""

import concurrent.futures
import dataclasses
import io
import math
import zipfile

import numpy as np
import pandas as pd

from lrbook.errors import RecordError
from lrbook.toy import descent, tasks, variants
from lrbook.toy.config import ToyConfig

_OWN = [name for name in descent.State._fields if name != "extra"]


@dataclasses.dataclass
class Progress:
    """One run on its way: its rows so far, and the state that it goes on from (None: the start).

    ``wall_s`` is the run's share of the seconds that its batch took, so that those of all runs add
    up. ``problem`` has NumPy arrays. ``limits`` computes the limits of its data beside its steps;
    None if nothing does.
    """

    config: ToyConfig
    rows: list[dict[str, float]] = dataclasses.field(default_factory=list)
    state: descent.State | None = None
    wall_s: float = 0.0
    problem: descent.Problem | None = None
    diverged: bool = False
    limits: concurrent.futures.Future | None = None
    let_go: bool = False

    @property
    def now(self) -> descent.State:
        """``state`` of a run that is resumed or begun (``advance_all``)."""
        assert self.state is not None
        return self.state

    @property
    def given(self) -> descent.Problem:
        """``problem`` of a run that is begun (``advance_all``)."""
        assert self.problem is not None
        return self.problem

    @property
    def step(self) -> int:
        """Steps taken."""
        return 0 if self.state is None else int(self.state.step)

    @property
    def over(self) -> bool:
        """Whether there is no step left to take."""
        return self.let_go or self.diverged or self.step >= self.config.total_steps

    def release(self) -> None:
        """Keep neither data nor state of a run that is over: megabytes, and runs are thousands."""
        self.problem, self.state, self.let_go = None, None, True

    @property
    def history(self) -> pd.DataFrame:
        """One row per measurement."""
        return pd.DataFrame(self.rows).astype({"step": np.int64})


def pack(run: Progress) -> bytes:
    """The run's state, rows and time as the bytes of an ``.npz`` file."""
    arrays = {name: np.asarray(value) for name, value in zip(_OWN, run.now, strict=False)}
    arrays |= {f"extra.{name}": np.asarray(value) for name, value in dict(run.now.extra).items()}
    buffer = io.BytesIO()
    np.savez(
        buffer,
        **arrays,  # type: ignore[arg-type]  # NumPy's stub fears that one is named allow_pickle
        columns=np.array(list(run.rows[0])),
        rows=np.array([list(row.values()) for row in run.rows], dtype=np.float64),
        wall_s=np.float64(run.wall_s),
    )
    return buffer.getvalue()


def unpack(config: ToyConfig, payload: bytes) -> Progress:
    """The run that ``pack`` made ``payload`` from.

    Raises:
        RecordError: it is not such a file, or of other shapes.
    """
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as saved:
            names = variants.extra_names(tasks.make_variant(config))
            extra = {name: saved[f"extra.{name}"] for name in names}
            state = descent.State(**{name: saved[name] for name in _OWN}, extra=extra or ())
            columns = saved["columns"].tolist()
            rows = [dict(zip(columns, row, strict=True)) for row in saved["rows"].tolist()]
            wall_s = float(saved["wall_s"])
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile):
        raise _unreadable(config) from None
    if state.W.shape != (config.m_w, config.d) or state.V.shape != (2, config.m_v):
        raise _unreadable(config)
    run = Progress(config, rows, state, wall_s)
    # In the middle of a run the next step would find it out again
    run.diverged = run.over and not math.isfinite(rows[-1]["loss"])
    return run


def _unreadable(config: ToyConfig) -> RecordError:
    return RecordError(
        f"the checkpoint of run {config.run_id} is not one of this run; "
        "delete it to start the run afresh."
    )
