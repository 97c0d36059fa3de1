"""A study as a table with intervals, a figure, and Parquet."""

import io
from pathlib import Path
from typing import Any

import pandas as pd

from lrbook.atomic import write_atomically
from lrbook.errors import ConfigError, RecordError
from lrbook.record import Record
from lrbook.stats import mean_interval
from lrbook.sweeps import Sweep

HEADLINES = ("p_only_accuracy", "clean")  # what the figure shows where it is not told


def runs(records: list[Record]) -> tuple[pd.DataFrame, list[str]]:
    """One row per run with every number of its result, and the names of the swept fields."""
    sweep = Sweep(records)
    rows = [
        {"run_id": r.run_id}
        | {name: r.config[name] for name in [*sweep.swept, "arm", "seed"]}
        | {"status": r.status, "wall_s": r.wall_s}
        | _flat(r.result)
        for r in records
    ]
    frame = pd.DataFrame(rows)
    for name in sweep.swept:  # numbers beside words, as an annealing step beside a rule
        if frame[name].map(type).nunique() > 1 and not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = frame[name].astype(str)
    return frame, sweep.swept


def _flat(result: dict[str, Any], before: str = "") -> dict[str, float]:
    flat: dict[str, float] = {}
    for name, value in result.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            flat[f"{before}{name}"] = float(value)
    return flat


def table(frame: pd.DataFrame, swept: list[str]) -> pd.DataFrame:
    """Mean and half width of the 95 % interval of every number, by setting and arm.

    Returns:
        Rows: swept fields, arm, quantity, n (finished runs), mean, half (None for one run).
    """
    fixed = {"run_id", "arm", "seed", "status", "wall_s", *swept}
    quantities = [name for name in frame if name not in fixed]
    rows = []
    finished = frame[frame["status"] == "finished"]
    for place, group in finished.groupby([*swept, "arm"], sort=False, dropna=False):
        for name in quantities:
            numbers = group[name].dropna().tolist()
            if numbers:
                mean, half = mean_interval(numbers)
                place_of = dict(zip([*swept, "arm"], place, strict=True))
                rows.append(
                    place_of | {"quantity": name, "n": len(numbers), "mean": mean, "half": half}
                )
    columns = [*swept, "arm", "quantity", "n", "mean", "half"]
    return pd.DataFrame(rows, columns=columns)


def write(records: list[Record], out: Path, quantity: str | None = None) -> list[str]:
    """Write ``runs.parquet``, ``table.csv`` and ``figure.svg`` into ``out``; return lines to print.

    Raises:
        RecordError: no run has finished, or a file cannot be written.
        ConfigError: no such quantity.
    """
    if not any(record.status == "finished" for record in records):
        raise RecordError("no run of this study has finished; lrbook sweep runs it.")
    frame, swept = runs(records)
    means = table(frame, swept)
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
    drawing = _figure(means[means["quantity"] == chosen], swept, chosen)
    write_atomically(out / "figure.svg", drawing)
    shown = means[means["quantity"] == chosen].drop(columns="quantity")
    others = ", ".join(name for name in names if name != chosen)
    return [
        f"{chosen}: mean and half width of its 95 % interval over n seeds",
        shown.to_string(index=False, float_format=lambda x: f"{x:.4g}", na_rep="-"),
        f"also in {out / 'table.csv'}: {others}" if others else str(out / "table.csv"),
        str(out / "runs.parquet"),
        str(out / "figure.svg"),
    ]


def _figure(means: pd.DataFrame, swept: list[str], quantity: str) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    across = swept[0] if swept else None
    for place, group in means.groupby(["arm", *swept[1:]], sort=False, dropna=False):
        words = [place[0], *(f"{n} = {v}" for n, v in zip(swept[1:], place[1:], strict=True))]
        x = group[across] if across else pd.Series([place[0]] * len(group))
        if not pd.api.types.is_numeric_dtype(x):
            x = x.astype(str)
        half = group["half"].astype(float).fillna(0)
        axes.errorbar(x, group["mean"], half, marker="o", capsize=3, label=", ".join(words))
    if across and pd.api.types.is_numeric_dtype(means[across]) and _spans_decades(means[across]):
        axes.set_xscale("log")
    axes.set_xlabel(across or "arm")
    axes.set_ylabel(quantity)
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    return buffer.getvalue()


def _spans_decades(values: pd.Series) -> bool:
    return bool(values.min() > 0 and values.max() / values.min() >= 10)
