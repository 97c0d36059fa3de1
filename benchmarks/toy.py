"""A step of the toy: against its own parts, and against the loops of ``peers``."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import peers
import torch
from harness import Row, compared, seconds_per_step

from lrbook.toy import batch, data, noise, rays, tasks
from lrbook.toy.config import ToyConfig

SETTINGS = ("laptop", "trap")
CHECKED_STEPS = 5
TOLERANCE = 5e-3  # of the way that the weights went: a relu may be crossed a step sooner or later

PEERS: dict[str, Callable[[peers.Task], Any]] = {
    "NumPy on three rays, as many fresh normals": functools.partial(peers.NumpyLoop, noise="own"),
    "NumPy on three rays, its normals for free": functools.partial(peers.NumpyLoop, noise="given"),
    "PyTorch on three rays, as many fresh normals": functools.partial(peers.TorchLoop, noise="own"),
    "PyTorch on three rays, its normals for free": functools.partial(
        peers.TorchLoop, noise="given"
    ),
    "PyTorch autograd, all x2, in Q's plane": functools.partial(peers.AutogradLoop, in_plane=True),
    "PyTorch autograd, all x2, in R^d": functools.partial(peers.AutogradLoop, in_plane=False),
}


class Ours:
    """The compiled loop that ``lrbook run toy`` uses on a CPU, with one run; ``run(steps)``."""

    def __init__(self, config: ToyConfig) -> None:
        self.problem = tasks.make_problem(config)
        self.rule = tasks.make_rule(config)
        first = tasks.make_state(config, self.problem)
        self.program = batch.program(tasks.make_variant(config), "map")
        self.state, *self.rest = _as_batch((first, self.problem, self.rule))

    def run(self, steps: int) -> None:
        until = self.state.step + jnp.int32(steps)
        self.state = jax.block_until_ready(self.program(self.state, until, *self.rest))

    @property
    def W(self) -> np.ndarray:
        return np.asarray(self.state.W[0])

    @property
    def V(self) -> np.ndarray:
        return np.asarray(self.state.V[0])


def _as_batch(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], tree)


def make_config(setting: str, **changes: Any) -> ToyConfig:
    """A run of the large rate, which does not anneal while it is timed."""
    return ToyConfig.for_profile(setting, arm="L-S", seed=0, anneal=2_000_000_000, **changes)


def make_task(config: ToyConfig, ours: Ours) -> peers.Task:
    """What the peers are given: the same data, weights and rule."""
    problem, rule = ours.problem, ours.rule
    z, zeta = problem.plane[0], problem.plane[1] * config.r
    arrays = (
        problem.train.y,
        problem.train.x1,
        rays.placement(problem.train),
        problem.rays,
        data.plain_x2(problem.train, z, zeta),
        problem.plane,
        problem.W,
        problem.V,
    )
    numbers = (rule.eta1, rule.lam_w, rule.lam_v, rule.tau_xi_w, rule.tau_xi_v)
    return peers.Task(*(np.array(a, np.float32) for a in arrays), *map(float, numbers))


def check(config: ToyConfig) -> None:
    """All loops reach the same weights without noise, and noise of the same size moves them.

    Raises:
        SystemExit: not so.
    """
    # more decay than is used: beside rounding, a wrong one would not show in a few steps
    plain = {"noise": 0.0, "lam": 0.05, "lam_w": 0.05}
    quiet, loud = (config.model_copy(update=plain | {"noise": x}) for x in (0.0, 1.0))
    for name, make in PEERS.items():
        ours, peer = pair_of_loops(quiet, make, CHECKED_STEPS)
        for here, there, start in zip(
            weights(ours), weights(peer), weights(ours.problem), strict=True
        ):
            off = np.linalg.norm(there - here) / np.linalg.norm(here - start)
            _demand(off < TOLERANCE, f"{name}: weights are off by {off:.1e} of their way")
        pairs = [pair_of_loops(each, make, 1) for each in (quiet, loud)]
        ours_moved, peer_moved = (
            [np.std(b - a) for a, b in zip(weights(one), weights(other), strict=True)]
            for one, other in zip(*pairs, strict=True)
        )
        size = np.divide(peer_moved, ours_moved)
        _demand(np.all(np.abs(size - 1) < 0.5), f"{name}: its noise has {size} of our size")


def pair_of_loops(
    config: ToyConfig, make: Callable[[peers.Task], Any], steps: int
) -> tuple[Ours, Any]:
    """Our loop and a peer after ``steps`` steps."""
    ours = Ours(config)
    peer = make(make_task(config, ours))
    ours.run(steps)
    peer.run(steps)
    return ours, peer


def weights(holder: Any) -> list[np.ndarray]:
    """W and V as NumPy arrays."""
    arrays = (holder.W, holder.V)
    return [a.detach().numpy() if isinstance(a, torch.Tensor) else np.asarray(a) for a in arrays]


def _demand(fulfilled: bool, otherwise: str) -> None:
    if not fulfilled:
        raise SystemExit(otherwise)


def parts(ours: Ours) -> dict[str, Callable[[int], object]]:
    """The two parts of a step that cannot be left out, each alone in a compiled loop."""
    problem = ours.problem
    train = rays.prepare(problem.train)

    def products(W: jax.Array, steps: jax.Array, train: rays.Prepared) -> jax.Array:
        def body(_, W: jax.Array) -> jax.Array:
            p_only, both = W @ train.x1_p_only_T, W @ train.x1_both_T
            return 1e-3 * (p_only @ train.x1_p_only + both @ train.x1_both)

        return jax.lax.fori_loop(0, steps, body, W)

    def draws(totals: tuple, steps: jax.Array, key: jax.Array) -> tuple:
        def body(step: jax.Array, totals: tuple) -> tuple:
            V, W = totals
            xi = noise.normals(key, step, V.size + W.size)
            return V + xi[: V.size].reshape(V.shape), W + xi[V.size :].reshape(W.shape)

        return jax.lax.fori_loop(0, steps, body, totals)

    options = batch.cpu_options()
    compiled = (jax.jit(products, **options), jax.jit(draws, **options))
    key, totals = problem.noise_key, (problem.V, problem.W)
    return {
        "products": lambda n: jax.block_until_ready(compiled[0](problem.W, n, train)),
        "draws": lambda n: jax.block_until_ready(compiled[1](totals, n, key)),
    }


def rows(setting: str, rounds: int = 7, seconds: float = 0.2, **changes: Any) -> list[Row]:
    """All comparisons in one setting.

    Args:
        setting: a profile of the toy.
        rounds: timings of each loop.
        seconds: length of one timing.
        changes: fields of the configuration, to make it small.
    """
    config = make_config(setting, **changes)
    check(config)
    torch.set_num_threads(1)
    ours = Ours(config)
    task = make_task(config, ours)
    loops = {"ours": ours.run, **parts(ours)}
    loops |= {name: make(task).run for name, make in PEERS.items()}
    took = seconds_per_step(loops, rounds, seconds)
    both = [sum(pair) for pair in zip(took["products"], took["draws"], strict=True)]
    beside = {
        "its W products alone": took["products"],
        "its noise draw alone": took["draws"],
        "products + draw": both,
    }
    return [
        *(
            compared(
                f"{setting}: same steps, {name}",
                took["ours"],
                took[name],
                "steps/s",
                lambda seconds: 1 / seconds,
            )
            for name in PEERS
        ),
        *(
            compared(
                f"{setting}: a step over {name}",
                took["ours"],
                peer,
                "us",
                lambda seconds: 1e6 * seconds,
            )
            for name, peer in beside.items()
        ),
    ]
