"""What is looked at in a run: losses and accuracies by subset, and what the theorem turns on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from lrbook.toy import four_weights, rays
from lrbook.toy.data import Examples
from lrbook.toy.descent import Problem, Rule, State, rate
from lrbook.toy.network import logistic_loss

ROWS = 60

GRADIENT_SHARES = ("p_only_gradient_share", "p_only_gradient_share_now")

# The columns of a history, in this order
COLUMNS = (
    "step",
    "rate",
    "loss",
    "p_only_train_loss",
    "both_loss",
    "q_only_loss",
    "p_only_train_accuracy",
    "p_only_accuracy",
    "both_accuracy",
    "q_only_accuracy",
    "nonlinearity",
    "cosine_to_w_star",
    "p_only_gradient_share",
    "p_only_gradient_share_now",
    "changed_patterns_w",
    "changed_patterns_v",
)


def measure(state: State, problem: Problem, rule: Rule) -> dict[str, jax.Array]:
    """One row of measurements; every value a scalar, losses in nats, accuracies as fractions.

    An output of exactly 0 is a tie, and counts as wrong.

    Returns:
        One value by name:

        - step: number of steps taken; rate: of the next one.
        - loss: mean logistic loss of all training examples.
        - p_only_train_loss, both_loss, q_only_loss: the same over the training examples of one kind
          (nan where there is none).
        - p_only_train_accuracy: of the P-only training examples.
        - p_only_accuracy, both_accuracy, q_only_accuracy: on the test points, with x1 alone, with
          both parts, with x2 alone.
        - nonlinearity: ``|N_V(z - zeta) + N_V(z + zeta) - 2 N_V(z)|`` times s, that is at the
          examples' own scale (a = 1), to compare with outputs; the key lemma bounds it at s = 1.
        - cosine_to_w_star: of ``sum_i w_i W_i`` with ``w*``.
        - p_only_gradient_share_now: ``||G_p|| / (||G_p|| + ||G_b||)``, G_p and G_b being the parts
          of W's gradient from the P-only examples and from those with both patterns.
        - p_only_gradient_share: the same with both norms summed over the steps so far, times rate.
          Neither means anything in the convolutional network, whose W reads x2 as well; the
          histories of its runs have nan there.
        - changed_patterns_w, changed_patterns_v: share of (example, neuron) pairs whose activation
          differs from that at the start.
    """
    train, test = problem.train, problem.test
    now = four_weights.weights(state)
    f = four_weights.network(now, train, problem.rays)
    losses = logistic_loss(train.y, f)
    n_p, cut = train.x1.shape[0], train.p_only
    on_x1, on_x2 = four_weights.outputs(now, test, problem.rays)
    three = four_weights.on_rays(now, problem.rays)
    gradient = four_weights.full_gradient(state, problem)
    parts = jnp.stack([jnp.linalg.norm(gradient.W_p_only), jnp.linalg.norm(gradient.W_both)])
    share_now = parts[0] / parts.sum()
    direction = now.w @ now.W
    return {
        "step": state.step,
        "rate": rate(state, rule),
        "loss": losses.mean(),
        "p_only_train_loss": losses[:cut].mean(),
        "p_only_train_accuracy": _accuracy(train.y[:cut], f[:cut]),
        "both_loss": losses[cut:n_p].mean(),
        "q_only_loss": losses[n_p:].mean(),
        "p_only_accuracy": _accuracy(test.y, on_x1),
        "both_accuracy": _accuracy(test.y, on_x1 + on_x2),
        "q_only_accuracy": _accuracy(test.y, on_x2),
        "nonlinearity": jnp.abs(three[0] + three[2] - 2 * three[1]) * problem.s,
        "cosine_to_w_star": direction @ problem.w_star / jnp.linalg.norm(direction),
        "p_only_gradient_share_now": share_now,
        "p_only_gradient_share": jnp.where(
            state.step > 0, state.work[0] / state.work.sum(), share_now
        ),
        "changed_patterns_w": _changed_w(state.W, problem.W, train),
        "changed_patterns_v": _changed_v(state.V, problem.V, problem.rays, train),
    }


def next_measurement(step: int, annealed: int, steps: int) -> int | None:
    """The first step after ``step`` at which to measure; None after the last.

    Geometric times of about ``ROWS`` rows in all: over the whole run, or, if the rate falls on the
    way, one half up to that step and one half counted from it.
    """
    later = [time for time in measurement_times(annealed, steps) if time > step]
    return later[0] if later else None


def measurement_times(annealed: int, steps: int, rows: int = ROWS) -> list[int]:
    """All steps at which to measure, with 0, ``annealed`` (if it is on the way) and ``steps``."""
    if not 0 < annealed < steps:
        return list(_geometric(steps, rows))
    late = _geometric(steps - annealed, rows // 2)[1:]
    return [*_geometric(annealed, rows // 2), *(annealed + time for time in late)]


# Every run of a batch asks after every call of the program.
@functools.lru_cache(maxsize=4096)
def _geometric(steps: int, rows: int) -> tuple[int, ...]:
    return (0, *np.unique(np.geomspace(1, steps, rows).round().astype(int)).tolist())


def _accuracy(y: jax.Array, f: jax.Array) -> jax.Array:
    """Share of outputs with the sign of their label; 0, a tie, counts as wrong."""
    return (y * f > 0).mean(dtype=f.dtype)


def _changed_w(W: jax.Array, W0: jax.Array, examples: Examples) -> jax.Array:
    now, then = (examples.x1 @ weights.T > 0 for weights in (W, W0))
    return (now != then).mean(dtype=W.dtype)


def _changed_v(V: jax.Array, V0: jax.Array, directions: jax.Array, examples: Examples) -> jax.Array:
    pairs = zip(rays.before_relu(V, directions), rays.before_relu(V0, directions), strict=True)
    per_ray = jnp.stack([((now > 0) != (then > 0)).mean(dtype=V.dtype) for now, then in pairs])
    return per_ray[examples.ray].mean()
