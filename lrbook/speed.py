"""How fast: the benchmarks that are kept, as tables of the book's page on speed.

``benchmarks/run.py --keep NAME`` and its two neighbours write ``results/benchmarks/NAME.json``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lrbook import origin, style
from lrbook.errors import RecordError
from lrbook.record import recordings_dir

FOLDER = "benchmarks"
"""Of the results folder: one file for each benchmark that was kept."""

LESS_IS_BETTER = ("s", "us", "MiB")
"""Units of which less is better; of all others more is."""


class Row(NamedTuple):
    """A comparison of this package with a peer, both measured in the same run.

    Attributes:
        name: what was done, and the peer.
        ours, peer: the medians.
        unit: of both.
        hardware: that both ran on.
        rounds: ours over peer in each round of timings; empty where there was one.
    """

    name: str
    ours: float
    peer: float
    unit: str
    hardware: str
    rounds: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Ours over peer."""
        return self.ours / self.peer


class Kept(NamedTuple):
    """A benchmark that was kept: its name, where it comes from, and its rows."""

    name: str
    provenance: Mapping[str, Any]
    rows: list[Row]


def kept(results: str | Path | None = None) -> list[Kept]:
    """The benchmarks in a results folder (None: the book's), by name.

    Raises:
        RecordError: a file is damaged.
    """
    return [_read(path) for path in _paths(results or recordings_dir())]


def problems(results: str | Path) -> tuple[int, list[str]]:
    """How many benchmarks a results folder has, and one sentence for each that is damaged."""
    paths, sentences = _paths(results), []
    for path in paths:
        try:
            _read(path)
        except RecordError as error:
            sentences.append(str(error))
    return len(paths), sentences


def _paths(results: str | Path) -> list[Path]:
    return sorted((Path(results) / FOLDER).glob("*.json"))


def _read(path: Path) -> Kept:
    """The benchmark in a file, which is known to be showable."""
    try:
        found = json.loads(path.read_bytes())
        rows = [Row(**row | {"rounds": tuple(row["rounds"])}) for row in found["rows"]]
        benchmark = Kept(path.stem, found["provenance"], rows)
        came_from(benchmark)
        tables(rows)
        return benchmark
    except (OSError, ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise RecordError(
            f"the benchmark {path} is damaged ({str(error)[:80]}). Restore it, or move it away and "
            "run the benchmark again."
        ) from None


def tables(rows: Sequence[Row]) -> str:
    """The rows as Markdown tables: what and beside whom, both numbers, their ratio.

    Rows whose names begin alike, up to a colon, are one table with that beginning as its heading.
    """
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_parts(row.name)[0], []).append(row)
    found = []
    for heading, group in groups.items():
        first = heading or "what"
        lines = [f"| {first} | ours | peer | unit | ours / peer |", "|:---|---:|---:|:---|:---|"]
        for row in group:
            scale, unit = _unit(row)
            ours, peer = (_number(value / scale) for value in (row.ours, row.peer))
            cells = (_parts(row.name)[1], ours, peer, unit, _ratio(row))
            lines.append(f"| {' | '.join(cells)} |")
        found.append("\n".join(lines))
    return "\n\n".join(found)


def came_from(benchmark: Kept) -> str:
    """Hardware, versions, day and code of a benchmark, as one Markdown line."""
    told = benchmark.provenance
    versions = told["versions"]
    packages = [
        f"{name} {versions[name]}" for name in ("jax", "torch", "numpy") if name in versions
    ]
    rounds = sorted({len(row.rounds) for row in benchmark.rows} - {0, 1})
    parts = [
        *sorted({row.hardware for row in benchmark.rows}),
        *(f"ratios of {count} rounds" for count in rounds),
        f"{', '.join(packages)}, Python {told['python']}",
        told["date"][:10],
        *(f"commit {commit}" for commit in origin.commits([told])),
    ]
    return f"*`{benchmark.name}`: {'; '.join(parts)}.*"


def show(start: str) -> None:
    """Show every kept benchmark whose name begins with ``start``, or say that there is none."""
    found = [each for each in kept() if each.name.startswith(start)]
    if not found:
        style.say("**Not measured yet**: no such benchmark is kept.")
    for benchmark in found:
        style.say(f"{tables(benchmark.rows)}\n\n{came_from(benchmark)}")


def _ratio(row: Row) -> str:
    """The ratio with its lowest and highest round, in bold where ours was better in every round."""
    if len(row.rounds) < 2:
        return _number(row.ratio)
    lowest, highest = min(row.rounds), max(row.rounds)
    better = highest < 1 if row.unit in LESS_IS_BETTER else lowest > 1
    words = f"**{_number(row.ratio)}**" if better else _number(row.ratio)
    return f"{words} ({_number(lowest)} to {_number(highest)})"


def _parts(name: str) -> tuple[str, str]:
    """What stands before and after the first colon of a name; without one, nothing before."""
    before, colon, after = name.partition(": ")
    return (before, after) if colon else ("", name)


def _unit(row: Row) -> tuple[float, str]:
    """What both numbers are divided by, and the unit then: microseconds may be many."""
    if row.unit != "us":
        return 1.0, row.unit
    for size, unit in ((1e6, "s"), (1e3, "ms")):
        if row.peer >= size:
            return size, unit
    return 1.0, "µs"


def _number(value: float) -> str:
    """Three digits, with commas from a thousand on."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"
