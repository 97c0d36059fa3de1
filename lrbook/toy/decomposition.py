r"""Signal and noise, U_t = Ubar_t + Utilde_t, tracked in a run (Section 4 of the paper).

    Ubar_{t+1}   = (1 - gamma_t lambda) Ubar_t   - gamma_t grad L(U_t),   Ubar_0 = 0
    Utilde_{t+1} = (1 - gamma_t lambda) Utilde_t - gamma_t xi_t,          Utilde_0 = U_0

The gradient is taken at U_t and the noise is the run's own, so the parts add up to the weights of
``descent.advance`` but for rounding. Utilde knows nothing of the data: its width has a closed form.
"""

import concurrent.futures
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lrbook.provenance import available_cores
from lrbook.toy import descent, rays, tasks, variants
from lrbook.toy.config import ToyConfig
from lrbook.toy.noise import normals
from lrbook.toy.stationarity import noise_std


class Split(NamedTuple):
    """A run's state, and its weights once more in two parts.

    Attributes:
        state: as of ``descent``, with U = (W, V).
        signal_W, signal_V: Ubar, shapes (m_w, d) and (2, m_v).
        noise_W, noise_V: Utilde, of the same shapes.
    """

    state: descent.State
    signal_W: jax.Array
    signal_V: jax.Array
    noise_W: jax.Array
    noise_V: jax.Array


def first_split(state: descent.State) -> Split:
    """The parts before the first step: no signal, and all weights are noise."""
    return Split(state, jnp.zeros_like(state.W), jnp.zeros_like(state.V), state.W, state.V)


def one_step(
    split: Split, problem: descent.Problem, rule: descent.Rule, train: rays.Prepared
) -> tuple[Split, jax.Array]:
    """The next state with its parts, and whether to go on; as ``descent.one_step``."""
    state = split.state
    following, go_on = descent.one_step(state, problem, rule, train)
    eta = jnp.where(go_on, descent.rate(state, rule), 0.0)
    _, gradient = rays.loss_and_gradient(state.W, state.V, train, problem.rays)
    xi = normals(problem.noise_key, state.step, state.V.size + state.W.size)
    xi_v, xi_w = jnp.split(xi, [state.V.size])  # in the order of descent.one_step
    xi_w, xi_v = xi_w.reshape(state.W.shape), xi_v.reshape(state.V.shape)
    gradient_w = gradient.W_p_only + gradient.W_both

    # Not (1 - eta lam) * U: in single precision that factor, so close to 1, is off at every step
    def moved(U: jax.Array, lam: descent.Scalar, push: jax.Array) -> jax.Array:
        return U - eta * (lam * U + push)

    return Split(
        following,
        signal_W=moved(split.signal_W, rule.lam_w, gradient_w),
        signal_V=moved(split.signal_V, rule.lam_v, gradient.V),
        noise_W=moved(split.noise_W, rule.lam_w, rule.tau_xi_w * xi_w),
        noise_V=moved(split.noise_V, rule.lam_v, rule.tau_xi_v * xi_v),
    ), go_on


@jax.jit
def advance(
    split: Split, until: jax.Array, problem: descent.Problem, rule: descent.Rule
) -> tuple[Split, jax.Array]:
    """Take steps until ``until``, or until the rule anneals or the loss is not finite.

    Returns:
        The split, and whether it got there.
    """
    train = rays.prepare(problem.train)

    def unfinished(carry: tuple[Split, jax.Array]) -> jax.Array:
        return (carry[0].state.step < until) & carry[1]

    def body(carry: tuple[Split, jax.Array]) -> tuple[Split, jax.Array]:
        return one_step(carry[0], problem, rule, train)

    return jax.lax.while_loop(unfinished, body, (split, jnp.asarray(True)))


def measure(split: Split, problem: descent.Problem) -> dict[str, float]:
    """The parts' widths; a width is the root mean square over a matrix' entries.

    Returns:
        One value by name:

        - step: number of steps taken.
        - signal_w, signal_v, noise_w, noise_v: widths of Ubar and Utilde.
        - gap: largest |Ubar + Utilde - U| over all entries of W and V, relative to U's width.
        - kinks_kept: of the neurons of V whose relu switched between z - zeta and z + zeta at the
          start, the share whose relu still does, nan if there was none. Only such a neuron can bend
          N_V there.
    """
    state = split.state
    gaps = [
        np.abs(np.asarray(signal + noise - U)).max() / _width(U)
        for signal, noise, U in (
            (split.signal_W, split.noise_W, state.W),
            (split.signal_V, split.noise_V, state.V),
        )
    ]
    then, now = (np.asarray(rays.kinked(V, problem.rays)) for V in (problem.V, state.V))
    return {
        "step": int(state.step),
        "signal_w": _width(split.signal_W),
        "signal_v": _width(split.signal_V),
        "noise_w": _width(split.noise_W),
        "noise_v": _width(split.noise_V),
        "gap": max(gaps),
        "kinks_kept": (then & now).sum() / then.sum() if then.any() else float("nan"),
    }


def track(config: ToyConfig, at: Sequence[int]) -> pd.DataFrame:
    """The run of ``config`` up to the last of the rising steps ``at``, with a row of ``measure``
    at each, and the closed form beside it (``expected_w``, ``expected_v``).

    Raises:
        FloatingPointError: the training loss is no longer finite.
        ValueError: the run is of a variant that the theory leaves out, whose parts do not add up;
            or there are no steps, or they do not rise. They may lie beyond the end of a run.
    """
    if not at:
        raise ValueError("at = [] names no step to look at")
    if any(one >= other for one, other in itertools.pairwise(at)):
        raise ValueError(f"at = {list(at)} has to rise")
    if tasks.make_variant(config) != variants.PLAIN:
        raise ValueError("signal and noise are those of plain noisy descent; leave variants out")
    rows = []
    with jax.default_matmul_precision("highest"):  # the run's own digits, on a card too
        problem, rule = tasks.make_problem(config), tasks.make_rule(config)
        split = first_split(tasks.make_state(config, problem))
        for until in at:
            arrived = False
            while not arrived:
                annealed = int(split.state.annealed)
                split, arrived = advance(split, np.int32(until), problem, rule)
                if not arrived and int(split.state.annealed) == annealed:
                    raise FloatingPointError(f"the loss is not finite at step {split.state.step}")
            rows.append(measure(split, problem))
    found = pd.DataFrame(rows)
    annealed = int(split.state.annealed)
    lams, taus = (config.lam_w, config.lam), (config.tau0_w, config.tau0_v)
    for part, lam, tau0 in zip("wv", lams, taus, strict=True):
        tau_xi = float(getattr(rule, f"tau_xi_{part}"))
        found[f"expected_{part}"] = expected_width(
            found.step.to_numpy(), annealed, config.eta1, config.eta2, lam, tau_xi, tau0
        )
    return found


def track_all(configs: Sequence[ToyConfig], at: Sequence[int]) -> list[pd.DataFrame]:
    """``track`` for each of ``configs``, in order, as many side by side as there are cores."""
    with concurrent.futures.ThreadPoolExecutor(available_cores()) as pool:
        return list(pool.map(lambda config: track(config, at), configs))


def without_kinks(tracked: Mapping[str, Sequence[pd.DataFrame]]) -> str:
    """How many tracked runs have no neuron to lose, as a sentence; "" if every one has some.

    Args:
        tracked: arm -> tables of ``track``.
    """
    runs = [table for tables in tracked.values() for table in tables]
    count = sum(table.kinks_kept.isna().any() for table in runs)
    if not count:
        return ""
    shown = "shows nothing" if count == len(runs) else "leaves them out"
    return (
        f"In {count} of {len(runs)} runs no neuron of $V$ has its kink between the rays at the "
        f"start: the bottom panel {shown}. Among more `neurons` some have."
    )


def expected_width(
    steps: np.ndarray,
    annealed: int,
    eta1: float,
    eta2: float,
    lam: float,
    tau_xi: float,
    tau0: float,
) -> np.ndarray:
    """Standard deviation of an entry of Utilde after ``steps`` steps, through the annealing step.

    ``stationarity.noise_std`` at eta1 up to step ``annealed`` (0 in the arm S), from there at eta2.
    """
    early, late = np.minimum(steps, annealed), np.maximum(steps - annealed, 0)
    return noise_std(late, eta2, lam, tau_xi, noise_std(early, eta1, lam, tau_xi, tau0))


def _width(U: jax.Array) -> float:
    return float(np.sqrt(np.square(np.asarray(U, np.float64)).mean()))
