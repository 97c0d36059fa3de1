"""Many seeds of the toy's demo, both arms, on all cores or a GPU: ``python benchmarks/demo.py``.

Five seeds on a CPU, a thousand on a GPU (``--device cuda``). Everything counts from
the call to the last result: data, compilation, measurements, and the two linear classifiers of
every run. Beside it: the rate of a run alone on the same device, and what the device can do.
"""

import argparse
import functools
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
from harness import Row, add_arguments, hardware, report

from lrbook import sweeps
from lrbook.toy import experiment
from lrbook.toy.config import ToyConfig

ARMS = ("L-S", "S")
ALONE_STEPS = 50_000
ON_A_CARD = 1000  # seeds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, help=f"default: 5; on a GPU {ON_A_CARD}")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    add_arguments(parser, "bench_demo.json")
    arguments = parser.parse_args()
    seeds = arguments.seeds or (ON_A_CARD if arguments.device == "cuda" else 5)
    report(rows(seeds, arguments.device), arguments)


def rows(seeds: int, device: str, **changes: object) -> list[Row]:
    """The comparisons; ``changes`` are fields that differ from the profile ``demo``."""
    configs = sweeps.expand("toy", "demo", arms=ARMS, seeds=range(seeds), **changes)
    first = ToyConfig.for_profile(
        "demo", arm="S", seed=seeds, **{"steps": ALONE_STEPS, "steps_ls": ALONE_STEPS} | changes
    )
    began = time.perf_counter()
    done = experiment.run(configs, device=device, progress=False)
    wall = time.perf_counter() - began
    # Only now: it compiles the same programs, and its own time leaves that out
    [alone] = experiment.run([first], device=device, progress=False)
    assert all(record.status == "finished" for record in done)
    steps = sum(config.total_steps for config in configs)
    one_by_one = steps * alone.wall_s / first.total_steps
    gemm, copy, copied = roof(experiment.choose_devices(device)[0])
    on = hardware() if device == "cpu" else experiment.choose_devices(device)[0].device_kind
    name = f"demo, {seeds} seeds of both arms"
    return [
        Row(f"{name}: {steps:,} steps, beside as many one by one", wall, one_by_one, "s", on),
        Row(
            f"{name}: W's products, beside the best fp32 GEMM",
            steps * flops(first) / wall / 1e9,
            gemm,
            "GFLOP/s",
            on,
        ),
        Row(
            f"{name}: weights and examples, beside a copy of {copied} MiB",
            steps * bytes_moved(first) / wall / 1e9,
            copy,
            "GB/s",
            on,
        ),
    ]


def flops(config: ToyConfig) -> float:
    """Floating-point operations of W's two products in a step of one run; all else is left out."""
    p_only, both, _ = config.counts
    return 4.0 * config.m_w * config.d * (p_only + both)


def bytes_moved(config: ToyConfig) -> float:
    """Bytes that a step of one run moves at least: x1 once, the weights in and out."""
    p_only, both, _ = config.counts
    weights = config.m_w * config.d + 2 * config.m_v
    return 4.0 * ((p_only + both) * config.d + 2 * weights)


def roof(device: jax.Device, size: int = 4096, rounds: int = 5) -> tuple[float, float, int]:
    """Best GFLOP/s of a large product in single precision, GB/s of a copy (in and out), its MiB.

    The copy is of as many numbers as a factor of the product has, on a card sixteen times as many.
    """
    a = jax.device_put(jnp.ones((size, size), jnp.float32), device)
    mean = a / size  # a product with it leaves ones as they are
    matmul = jax.jit(functools.partial(jnp.matmul, precision="highest"))
    product = _shortest(lambda x: matmul(x, mean), a, rounds)
    b = a + 0 if device.platform == "cpu" else jnp.tile(a, (4, 4))
    moved = 2 * b.nbytes
    # in place: new memory would be counted too
    copied = _shortest(jax.jit(lambda x: x + 1, donate_argnums=0), b, rounds)
    return 2 * size**3 / product / 1e9, moved / copied / 1e9, moved // 2**21


def _shortest(call: Callable[[jax.Array], jax.Array], x: jax.Array, rounds: int) -> float:
    """Seconds of a call that is given its own result, the shortest of some rounds."""
    x = jax.block_until_ready(call(x))
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(3):
            x = call(x)
        jax.block_until_ready(x)
        times.append((time.perf_counter() - began) / 3)
    return min(times)


if __name__ == "__main__":
    main()
