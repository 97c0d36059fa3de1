"""A study as a table with intervals, a figure, and Parquet."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook.atomic import write_atomically
from lrbook.errors import ConfigError, RecordError
from lrbook.origin import distinct, origins_of
from lrbook.provenance import device_kind
from lrbook.record import Record
from lrbook.stats import mean_interval
from lrbook.sweeps import Sweep

HEADLINES = ("p_only_accuracy", "clean")  # what the figure shows where it is not told
ORIGIN = ("precision", "device")  # of a record's provenance, what goes into the table of runs


def runs(records: list[Record]) -> tuple[pd.DataFrame, list[str]]:
    """One row per run with every number of its result, and the names of the swept fields.

    The arithmetic and the device of each run are there too, as ``precision`` and ``device``, where
    the records know them; a study that sweeps the field ``precision`` has that one in its place.
    """
    sweep = Sweep(records)
    places = [name for name in ORIGIN if name not in sweep.swept]
    rows = [
        {"run_id": r.run_id}
        | {name: r.config[name] for name in [*sweep.swept, "arm", "seed"]}
        | {"status": r.status, "wall_s": r.wall_s}
        | {name: "; ".join(distinct(origins_of([r]), name)) or None for name in places}
        | _flat(r.result)
        for r in records
    ]
    frame = pd.DataFrame(rows)
    frame = frame.drop(columns=[name for name in places if frame[name].isna().all()])
    for name in sweep.swept:  # numbers beside words, as an annealing step beside a rule
        if frame[name].map(type).nunique() > 1 and not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype(str)
    return frame, sweep.swept


def _flat(result: dict[str, Any], before: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            flat |= _flat(value, "limit_" if name == "limits" else f"{before}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[f"{before}{name}"] = float(value)
    return flat


def table(frame: pd.DataFrame, swept: list[str]) -> pd.DataFrame:
    """Mean and half width of the 95 % interval of every number, by setting and arm.

    Returns:
        Rows: swept fields, arm, quantity, n (finished runs; the column is ``finished`` where the
        toy's field n is swept), diverged (runs, which are in no mean), mean (nan where no run
        finished), half (None for fewer than two).
    """
    count = _count(swept)
    quantities = _quantities(frame, swept)
    rows = []
    over = frame[frame["status"].isin(["finished", "diverged"])]
    for place, group in over.groupby([*swept, "arm"], sort=False, dropna=False):
        place_of = dict(zip([*swept, "arm"], place, strict=True))
        lost = group["status"] == "diverged"
        for name in quantities:
            numbers = group.loc[~lost, name].dropna().tolist()
            if numbers or lost.all():
                mean, half = mean_interval(numbers)
                counts = {"quantity": name, count: len(numbers), "diverged": int(lost.sum())}
                rows.append(place_of | counts | {"mean": mean, "half": half})
    columns = [*swept, "arm", "quantity", count, "diverged", "mean", "half"]
    return pd.DataFrame(rows, columns=columns)


def differences(frame: pd.DataFrame, swept: list[str]) -> pd.DataFrame:
    """The first arm minus each other one, over the seeds that both have finished.

    Returns:
        Rows: swept fields, first, other (arms), quantity, pairs, mean, half (None for fewer than
        two pairs). Settings without a pair are left out; no rows where there is one arm.
    """
    finished = frame[frame["status"] == "finished"]
    arms = list(dict.fromkeys(frame["arm"]))
    quantities = _quantities(frame, swept)
    rows = []
    for place, group in _places(finished, swept):
        by_arm = {arm: found.set_index("seed") for arm, found in group.groupby("arm")}
        for other in (arm for arm in arms[1:] if arms[0] in by_arm and arm in by_arm):
            for name in quantities:
                gaps = (by_arm[arms[0]][name] - by_arm[other][name]).dropna().tolist()
                if gaps:
                    mean, half = mean_interval(gaps)
                    row = {"first": arms[0], "other": other, "quantity": name, "pairs": len(gaps)}
                    rows.append(place | row | {"mean": mean, "half": half})
    columns = [*swept, "first", "other", "quantity", "pairs", "mean", "half"]
    return pd.DataFrame(rows, columns=columns)


def _quantities(frame: pd.DataFrame, swept: list[str]) -> list[str]:
    """The columns that hold numbers of results, of which a finished run has one."""
    fixed = {"run_id", "arm", "seed", "status", "wall_s", *ORIGIN, *swept}
    finished = frame[frame["status"] == "finished"]
    return [name for name in frame if name not in fixed and finished[name].notna().any()]


def _places(frame: pd.DataFrame, swept: list[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The values of the swept fields, and the rows there."""
    if not swept:
        yield {}, frame
        return
    for place, group in frame.groupby(swept, sort=False, dropna=False):
        yield dict(zip(swept, place, strict=True)), group


def _count(swept: list[str]) -> str:
    return "finished" if "n" in swept else "n"


def write(records: list[Record], out: Path, quantity: str | None = None) -> list[str]:
    """Write ``runs.parquet``, ``table.csv``, ``figure.svg`` and, where there are several arms,
    ``differences.csv`` into ``out``; return lines to print.

    Raises:
        RecordError: no run has finished, or a file cannot be written.
        ConfigError: no such quantity.
    """
    if not any(record.status == "finished" for record in records):
        if records and all(record.status == "diverged" for record in records):
            raise RecordError(f"no run of this study has finished: all {len(records)} diverged.")
        raise RecordError("no run of this study has finished; lrbook sweep runs it.")
    frame, swept = runs(records)
    means, gaps = table(frame, swept), differences(frame, swept)
    names = list(dict.fromkeys(means["quantity"]))
    chosen = quantity or next((name for name in HEADLINES if name in names), names[0])
    if chosen not in names:
        raise ConfigError(f"there is no quantity {chosen!r}; there are {', '.join(names)}.")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"{out} cannot be written ({error.strerror}); name a folder.") from None
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    write_atomically(out / "runs.parquet", buffer.getvalue())
    write_atomically(out / "table.csv", means.to_csv(index=False).encode())
    if len(gaps):
        write_atomically(out / "differences.csv", gaps.to_csv(index=False).encode())
    else:
        _drop(out / "differences.csv")  # of an earlier report, with more arms
    drawing = _figure(means[means["quantity"] == chosen], _axes(frame, swept), chosen)
    write_atomically(out / "figure.svg", drawing)
    shown = means[means["quantity"] == chosen].drop(columns="quantity")
    others = ", ".join(name for name in names if name != chosen)
    return [
        f"{chosen}: mean and half width of its 95 % interval over {_count(swept)} seeds",
        _lines(shown),
        *_gap_lines(gaps[gaps["quantity"] == chosen], chosen),
        *_diverged_words(records),
        *_precision_words(records),
        f"also in {out / 'table.csv'}: {others}" if others else str(out / "table.csv"),
        *([str(out / "differences.csv")] if len(gaps) else []),
        str(out / "runs.parquet"),
        str(out / "figure.svg"),
    ]


def _drop(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise RecordError(f"{path} cannot be removed ({error.strerror}).") from None


def _lines(shown: pd.DataFrame) -> str:
    dashed = shown.astype(object).where(shown.notna(), "-")  # a None would be written as it is
    return dashed.to_string(index=False, float_format=lambda x: f"{x:.4g}")


def _gap_lines(gaps: pd.DataFrame, quantity: str) -> list[str]:
    if not len(gaps):
        return []
    return [
        f"{quantity}: first minus other over paired seeds",
        _lines(gaps.drop(columns="quantity")),
    ]


def _diverged_words(records: list[Record]) -> list[str]:
    lost = sum(record.status == "diverged" for record in records)
    if not lost:
        return []
    return [f"diverged, and in no mean: {lost} of {len(records)} runs"]


def _precision_words(records: list[Record]) -> list[str]:
    """A warning where runs that were to be computed alike were not: ``auto`` on mixed machines.

    Or where runs on images were on devices of several kinds, which draw other random numbers.
    """
    done = [r for r in records if r.status == "finished" and r.provenance.get("precision")]
    mixed = len({device_kind(record.provenance) for record in done} - {None}) > 1
    used: dict[str, dict[str, int]] = {}
    for record in done:
        words = record.provenance["precision"]
        if mixed:
            words += f" on {device_kind(record.provenance) or 'some device'}"
        counts = used.setdefault(str(record.config.get("precision")), {})
        counts[words] = counts.get(words, 0) + 1
    what = "arithmetic and kind of device" if mixed else "arithmetic"
    return [
        f"warning: not all in one {what}, so arms and seeds are not compared alone (precision = "
        f"{wanted}: {', '.join(f'{n} in {each}' for each, n in sorted(counts.items()))})"
        for wanted, counts in used.items()
        if len(counts) > 1
    ]


def _axes(frame: pd.DataFrame, swept: list[str]) -> list[list[str]]:
    """The swept fields, those that vary together in one list, such as n and p0 of a kappa."""
    axes: list[list[str]] = []
    for name in swept:
        for axis in axes:
            pairs = len(frame[[axis[0], name]].drop_duplicates())
            if pairs == frame[axis[0]].nunique(dropna=False) == frame[name].nunique(dropna=False):
                axis.append(name)
                break
        else:
            axes.append([name])
    return axes


def _figure(means: pd.DataFrame, axes_of: list[list[str]], quantity: str) -> bytes:
    """Along the first axis, one series for each arm and place on the other axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    first, *others = axes_of or [[]]
    across, beside = (first[0] if first else None), [axis[0] for axis in others]
    for place, group in means.groupby(["arm", *beside], sort=False, dropna=False):
        words = [place[0], *(f"{n} = {v}" for n, v in zip(beside, place[1:], strict=True))]
        if lost := group["diverged"].sum():
            words.append(f"{lost} diverged")
        if across and pd.api.types.is_numeric_dtype(group[across]):
            group = group.sort_values(across)
        x = group[across] if across else pd.Series([place[0]] * len(group))
        if not pd.api.types.is_numeric_dtype(x):
            x = x.astype(str)
        half = group["half"].astype(float)  # nan where one seed has no interval: no bar is drawn
        axes.errorbar(x, group["mean"], half, marker="o", capsize=3, label=", ".join(words))
    if across and pd.api.types.is_numeric_dtype(means[across]) and _spans_decades(means[across]):
        axes.set_xscale("log")
    axes.set_xlabel(f"{across} (with {', '.join(first[1:])})" if first[1:] else across or "arm")
    axes.set_ylabel(quantity)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue()


def _spans_decades(values: pd.Series) -> bool:
    return bool(values.min() > 0 and values.max() / values.min() >= 10)
