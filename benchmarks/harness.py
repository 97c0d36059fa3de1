"""Timing on one core, and the table and files that come of it."""

import argparse
import dataclasses
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lrbook.atomic import write_atomically
from lrbook.provenance import collect, describe_cpu

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "_build"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclasses.dataclass(frozen=True)
class Row:
    """One comparison; ``name`` says what is equal on both sides, ``ratio`` is ours over peer.

    In units of time a small ratio is good, in units per time a large one. ``hardware`` is the
    device that both sides ran on; empty means this processor. ``rounds`` has the ratio of every
    round of timings, where there were several.
    """

    name: str
    ours: float
    peer: float
    unit: str
    hardware: str = ""
    rounds: tuple[float, ...] = ()

    @property
    def ratio(self) -> float:
        return self.ours / self.peer


def one_core() -> None:
    """Keep this process, its libraries' threads included, to one core: before they are imported."""
    for name in THREADS:
        os.environ[name] = "1"
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def compared(
    name: str,
    ours: Sequence[float],
    peer: Sequence[float],
    unit: str,
    value: Callable[[float], float],
) -> Row:
    """A row from the timings of two loops, round by round.

    Args:
        name: what is equal on both sides.
        ours: seconds per step in each round.
        peer: the other loop's, in the same rounds.
        unit: of ``value``.
        value: seconds per step in that unit.
    """
    both = [(value(a), value(b)) for a, b in zip(ours, peer, strict=True)]
    medians = (statistics.median(side) for side in zip(*both, strict=True))
    return Row(name, *medians, unit, rounds=tuple(a / b for a, b in both))


def seconds_per_step(
    loops: Mapping[str, Callable[[int], object]],
    rounds: int,
    seconds: float,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, list[float]]:
    """Seconds per step of each loop, one number a round.

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
    return times


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


def add_arguments(parser: argparse.ArgumentParser, output: str) -> None:
    """The options that say where the rows go; ``output`` is a name in the folder ``_build``."""
    parser.add_argument("--output", type=Path, default=BUILT / output)
    parser.add_argument(
        "--keep", metavar="NAME", help="keep the rows for the book's page too, under this name"
    )


def report(rows: Sequence[Row], arguments: argparse.Namespace) -> None:
    """Print the rows and write them where ``add_arguments`` let the caller say."""
    print(table(rows))
    keep(rows, arguments.output)
    if arguments.keep:
        from lrbook import speed  # only now: NumPy counts the cores when it is imported

        keep(rows, ROOT / "results" / speed.FOLDER / f"{arguments.keep}.json")


def keep(rows: Sequence[Row], path: Path) -> None:
    """The rows with their origin, as ``lrbook.speed`` reads them."""
    here = hardware()
    found = {
        "provenance": collect(here),
        "rows": [dataclasses.asdict(row) | {"hardware": row.hardware or here} for row in rows],
    }
    write_atomically(path, (json.dumps(found, indent=1) + "\n").encode())


def hardware() -> str:
    """This processor in words, with the instructions that PyTorch finds on it."""
    import torch  # only now: it counts the cores when it is imported

    from lrbook.vision import devices

    found = torch.backends.cpu.get_cpu_capability()
    if devices.choose_precision("auto", torch.device("cpu")) == "bf16":
        ask = getattr(torch.cpu, "get_capabilities", dict)  # an older PyTorch does not tell
        found += ", bf16 in matrix units (AMX)" if ask().get("amx_bf16") else " and bf16"
    return f"{describe_cpu()}, {found}"
