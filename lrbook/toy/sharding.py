"""Which runs are advanced together, and on which device."""

import math
import sys
from collections.abc import Sequence

import jax

from lrbook.toy.config import ToyConfig
from lrbook.toy.progress import Progress
from lrbook.toy.tasks import make_variant

MEMORY_SHARE = 0.5  # of a device's memory, for the runs of one batch


def batches(
    runs: Sequence[Progress], devices: Sequence[jax.Device], *, vectorised: bool
) -> list[tuple[list[Progress], jax.Device]]:
    """Share ``runs`` out over all ``devices``; every run is in exactly one batch.

    Args:
        runs: any number, of any shapes.
        devices: at least one.
        vectorised: whether runs of one shape and length go together, as many as fit in memory and
            no more than the device's even share of them. Otherwise each is a batch of its own.

    Returns:
        Pairs of runs and device, the longest runs first, so that nobody waits long at the end.
    """
    longest_first = sorted(runs, key=lambda run: run.step - run.config.total_steps)
    if not vectorised:
        return [([run], devices[i % len(devices)]) for i, run in enumerate(longest_first)]
    groups: dict[tuple, list[Progress]] = {}
    for run in longest_first:
        groups.setdefault(shape_of(run.config), []).append(run)
    shared = []
    for group in groups.values():
        fit = runs_that_fit(group[0].config, min(map(_memory, devices)))
        size = min(math.ceil(len(group) / len(devices)), fit)
        shared += [group[start : start + size] for start in range(0, len(group), size)]
    return [(batch, devices[i % len(devices)]) for i, batch in enumerate(shared)]


def shape_of(config: ToyConfig) -> tuple:
    """What has to be equal for runs to be advanced as one array: sizes, steps, and the variant."""
    c = config
    sizes = (c.counts, c.d, c.m_w, c.m_v, c.paired_v, c.test_points, c.total_steps)
    return (*sizes, make_variant(config))


def runs_that_fit(config: ToyConfig, memory: float) -> int:
    """How many runs like ``config`` fit into ``MEMORY_SHARE`` of ``memory`` bytes; at least 1."""
    if memory == math.inf:
        return sys.maxsize
    return max(1, int(MEMORY_SHARE * memory / bytes_of_run(config)))


def bytes_of_run(config: ToyConfig) -> int:
    """Upper estimate of the memory that one run takes on its device, in bytes.

    Examples (training twice, as they are and transposed), weights with their initial values,
    gradients and noise, and what lies between the layers; single precision.
    """
    p_only, both, q_only = config.counts
    n_p, n_q = p_only + both, both + q_only
    examples = 3 * n_p * config.d + 4 * n_q + config.test_points * (config.d + 4)
    weights = 8 * (config.m_w * config.d + 2 * config.m_v)
    between = 4 * config.m_w * (n_p + config.test_points) + 8 * 3 * config.m_v
    if make_variant(config).preactivation in ("shared", "own"):  # V meets every example
        between += 8 * n_q * config.m_v
    return 4 * (examples + weights + between)


def _memory(device: jax.Device) -> float:
    """Bytes that the device has; infinite where it does not say, as a CPU."""
    stats = device.memory_stats() or {}
    return stats.get("bytes_limit", math.inf)
