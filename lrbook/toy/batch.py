"""Several runs in step with one another, from their start or checkpoint to their last row.

On a CPU a batch is one run, and batches share the cores as threads: what a run computes then does
not depend on its companions. On a GPU a batch is all runs of one shape, vectorised.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import numpy as np

from lrbook.toy import descent, tasks, variants
from lrbook.toy.config import ToyConfig
from lrbook.toy.measure import COLUMNS, GRADIENT_SHARES, measure, next_measurement
from lrbook.toy.progress import Progress

CALL_SECONDS = 1.0  # aim of one call of the compiled program: how late an interrupt is noticed
_FIRST_CALL = 500  # steps
How = Literal["map", "vmap"]  # runs one after the other, or vectorised

_compiling = threading.Lock()  # else two threads compile the same program at once


def _over_runs(function: Callable, how: How, **options: Any) -> Callable:
    """``function`` over a leading axis of runs, compiled with the options of ``jax.jit``."""
    if how == "vmap":
        return jax.jit(jax.vmap(function), **options)
    return jax.jit(lambda *runs: jax.lax.map(lambda run: function(*run), runs), **options)


@functools.cache
def program(variant: variants.Variant, how: How) -> Callable:
    """``descent.advance`` for runs of one variant, compiled; every argument has an axis of runs."""
    step = variants.step_of(variant)
    options = cpu_options() if how == "map" else gpu_options()
    return _over_runs(functools.partial(descent.advance, step=step), how, **options)


def cpu_options() -> dict[str, Any]:
    """What ``jax.jit`` is told for a CPU; nothing where it, or XLA, does not know it."""
    # XLA's own choice is half the width of AVX-512; the noise gains most from the whole
    return _where_known({"xla_cpu_prefer_vector_width": 512})


def gpu_options() -> dict[str, Any]:
    """What ``jax.jit`` is told for a GPU; nothing where it, or XLA, does not know it."""
    # XLA's own choice and WHILE: without it the card asks the host after each step
    kinds = "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,DYNAMIC_SLICE_FUSION,CONDITIONAL,WHILE"
    return _where_known({"xla_gpu_enable_command_buffer": kinds})


def _where_known(compiler_options: dict[str, Any]) -> dict[str, Any]:
    try:
        jax.jit(lambda: 0, compiler_options=compiler_options).lower().compile()
    except (TypeError, RuntimeError):
        return {}
    return {"compiler_options": compiler_options}


_MEASURE = {how: _over_runs(measure, how) for how in ("map", "vmap")}


def advance_all(
    runs: Sequence[Progress],
    device: jax.Device,
    *,
    how: How,
    pause: Callable[[Sequence[Progress], int], bool],
) -> None:
    """Take ``runs`` (of equal shapes) to their end, or until told to stop.

    Each run gets its problem, rows, state, wall time and, where its loss is no longer finite,
    ``diverged``. The numbers do not depend on how the steps are cut into calls.

    Args:
        runs: at least one.
        device: where to compute.
        how: one after the other, or vectorised.
        pause: called between calls of the program, with the runs up to date and the number of
            steps just taken by all together; true stops.
    """
    with _whole_digits(how):
        batch = _begin(runs, device, how)
    taken, call = 0, _FIRST_CALL
    while not pause(runs, taken) and not all(run.over for run in runs):
        began = time.perf_counter()
        on_the_way = [run for run in runs if not run.over]
        with _whole_digits(how):
            taken = _advance(runs, batch, call)
        elapsed = time.perf_counter() - began
        call = int(np.clip(call * CALL_SECONDS / elapsed, call / 2, 2 * call)) + 1
        for run in on_the_way:
            run.wall_s += elapsed / len(on_the_way)


def _whole_digits(how: How) -> contextlib.AbstractContextManager:
    """For a card, which would multiply float32 matrices in fewer digits. Of this thread alone."""
    whole = how == "vmap"
    return jax.default_matmul_precision("highest") if whole else contextlib.nullcontext()


@dataclasses.dataclass
class _Batch:
    """What runs in step have on their device, stacked, and the programs for it."""

    advance: Callable
    measure: Callable
    problems: descent.Problem
    rules: descent.Rule
    states: descent.State


def _begin(runs: Sequence[Progress], device: jax.Device, how: How) -> _Batch:
    """Compile, and give each run its problem, its state and its first row where it has none."""
    with _compiling:
        for run in runs:
            # To the host: a batch is put together there, in far less time than on a card
            run.problem = jax.device_get(tasks.make_problem(run.config, device))
        begun = jax.device_get(
            [run.state or tasks.make_state(run.config, run.given) for run in runs]
        )
        batch = _Batch(
            program(tasks.make_variant(runs[0].config), how),
            _MEASURE[how],
            _stack([run.problem for run in runs], device),
            _stack([tasks.make_rule(run.config) for run in runs], device),
            _stack(begun, device),
        )
        now = np.array([run.step for run in runs], np.int32)

        def measure_first() -> dict[str, jax.Array]:
            with _whole_digits(how):
                return batch.measure(batch.states, batch.problems, batch.rules)

        # No step is taken: this compiles both programs, side by side
        with concurrent.futures.ThreadPoolExecutor(1) as other:
            measured = other.submit(measure_first)
            jax.block_until_ready(batch.advance(batch.states, now, batch.problems, batch.rules))
            first = _rows(measured.result(), runs[0].config)
    for run, state, row in zip(runs, begun, first, strict=True):
        run.state = state
        if not run.rows:
            run.rows.append(row)
    return batch


def _advance(runs: Sequence[Progress], batch: _Batch, most: int) -> int:
    """Take ``most`` steps, or as many as there are to a measurement; how many all took together."""
    on_the_way = [index for index, run in enumerate(runs) if not run.over]
    due = [_next(run) for run in runs]
    until = [min(run.step + most, at) for run, at in zip(runs, due, strict=True)]
    given = (batch.problems, batch.rules)
    batch.states = batch.advance(batch.states, np.array(until, np.int32), *given)
    # All runs' at once: a slice on the device for each would take longer than their steps.
    # Copies, so that a run that is over does not keep the others' states in memory.
    here = jax.device_get(batch.states)
    rows, taken = None, 0
    for index in on_the_way:
        run, before = runs[index], runs[index].now
        run.state = jax.tree.map(lambda leaf, i=index: leaf[i].copy(), here)
        taken += run.step - int(before.step)
        annealed = int(run.now.annealed) != int(before.annealed)
        run.diverged = run.step < until[index] and not annealed
        if annealed or run.diverged or run.step == due[index]:
            rows = rows or _rows(batch.measure(batch.states, *given), runs[0].config)
            _append(run.rows, rows[index])
            # The next step would find it out, but after the last there is none
            run.diverged |= not math.isfinite(rows[index]["loss"])
    return taken


def _append(rows: list[dict[str, float]], row: dict[str, float]) -> None:
    # the step at which the rule anneals may have been measured already, at the old rate
    if rows[-1]["step"] == row["step"]:
        rows.pop()
    rows.append(row)


def _next(run: Progress) -> int:
    """The step at which to measure next; where the run is, if it is over."""
    if run.over:
        return run.step
    later = next_measurement(run.step, int(run.now.annealed), run.config.total_steps)
    return run.config.total_steps if later is None else later


def _stack(trees: Sequence[Any], device: jax.Device) -> Any:
    stacked = jax.tree.map(lambda *leaves: np.stack([np.asarray(x) for x in leaves]), *trees)
    return jax.device_put(stacked, device)


def _rows(measured: dict[str, jax.Array], config: ToyConfig) -> list[dict[str, float]]:
    columns = {name: np.asarray(measured[name], np.float64) for name in COLUMNS}
    if config.network == "convolutional":  # W gets a gradient from x2 too, which has no such parts
        for name in GRADIENT_SHARES:
            columns[name] = np.full_like(columns[name], np.nan)
    count = len(columns["step"])
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(count)]
