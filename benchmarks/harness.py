"""Timing on one core, and the table and file that come of it."""

import dataclasses
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lrbook.provenance import collect, describe_cpu

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison; ``name`` says what is equal on both sides, ``ratio`` is ours over peer.

    In units of time a small ratio is good, in units per time a large one. ``hardware`` is the
    device that both sides ran on; empty means this processor.
    """

    name: str
    ours: float
    peer: float
    unit: str
    hardware: str = ""

    @property
    def ratio(self) -> float:
        return self.ours / self.peer


def one_core() -> None:
    """Keep this process, its libraries' threads included, to one core: before they are imported."""
    for name in THREADS:
        os.environ[name] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def seconds_per_step(
    loops: Mapping[str, Callable[[int], object]],
    rounds: int,
    seconds: float,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """Median seconds per step of each loop.

    Processor time and not the clock's: on a core of one's own they are equal, and on a shared one
    the other programs' turns do not count. The loops take turns, so that a slow spell meets all.

    Args:
        loops: name -> what takes a number of steps and returns when they are done.
        rounds: how often each is timed.
        seconds: about how long one timing takes (at least one step).
        clock: processor time; the wall's where a GPU does the work.
    """
    steps = {}
    for name, loop in loops.items():
        loop(1)  # compiles, allocates
        count, took = 1, _timed(loop, 1, clock)
        while took < seconds / 4 and count < 1_000_000:
            count *= 4
            took = _timed(loop, count, clock)
        steps[name] = max(1, round(count * seconds / took))
    times = {name: [] for name in loops}
    for _ in range(rounds):
        for name, loop in loops.items():
            times[name].append(_timed(loop, steps[name], clock) / steps[name])
    return {name: statistics.median(found) for name, found in times.items()}


def _timed(loop: Callable[[int], object], steps: int, clock: Callable[[], float]) -> float:
    began = clock()
    loop(steps)
    return max(clock() - began, 1e-9)


def table(rows: Sequence[Row]) -> str:
    """The rows, aligned, under a heading."""
    wide = max(len(row.name) for row in rows)
    lines = [f"{'':{wide}}  {'ours':>9}  {'peer':>9}  ours/peer"]
    for row in rows:
        numbers = f"{row.ours:9.4g}  {row.peer:9.4g}  {row.ratio:9.3g}"
        lines.append(f"{row.name:{wide}}  {numbers}  {row.unit}")
    return "\n".join(lines)


def write(rows: Sequence[Row], path: Path) -> None:
    """The rows as JSON, each with its hardware and the versions of the packages."""
    here = describe_cpu()
    versions = collect(here, threads=1)["versions"]
    found = [
        {
            "name": row.name,
            "ours": row.ours,
            "peer": row.peer,
            "ratio": row.ratio,
            "unit": row.unit,
            "hardware": row.hardware or here,
            "versions": versions,
        }
        for row in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
