r"""Other noise than the paper's on V's gradient: which of its properties hides Q?

The paper's xi_t differs in two ways from the noise of a mini-batch, for which it stands. It is
drawn for each neuron by itself, whereas a drawn example i moves all of V together, by multiples of

    slope_i v_j 1(<V_j, ray_i> > 0) ray_i,   slope_i = 1 / (1 + exp(y_i f(x_i)))

And it stays as it is, whereas the slopes go to zero as the examples are fitted. Each kind of noise
here has one of the two properties, or neither, or both. W's noise is the paper's in all of them.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from lrbook.toy import four_weights, rays
from lrbook.toy.four_weights import Weights
from lrbook.toy.rays import Prepared

NoiseOnV = Literal["gaussian", "fading", "example", "steady_example", "none"]
AT_THE_START = 0.5  # the slope of an example while f is 0


def slopes(now: Weights, train: Prepared, directions: jax.Array) -> jax.Array:
    """How much each training example still pulls, shape (n,): 1/2 at f = 0, 0 when it is fitted.

    Args:
        now: the weights.
        train: the training examples.
        directions: Q's three rays in their plane, shape (3, 2).
    """
    W, _, w, _ = now
    parts = (train.x1_p_only_T, train.x1_both_T)
    on_x1 = jnp.concatenate([w @ jax.nn.relu(W @ x1_T) for x1_T in parts])
    on_x2 = four_weights.on_rays(now, directions) @ train.places
    cut, n = train.x1_p_only.shape[0], train.y.shape[0]
    f = jnp.pad(on_x1, (0, n - len(on_x1))) + jnp.pad(on_x2, (cut, 0))
    return jax.nn.sigmoid(-train.y * f)


def faded(slope: jax.Array, train: Prepared) -> jax.Array:
    """What the slopes leave of a noise that fades as they do: 1 at the start, a scalar.

    Their root mean square over the examples with Q, which is what the noise of a mini-batch on V is
    multiplied by.
    """
    with_q = slope[train.x1_p_only.shape[0] :]
    return jnp.sqrt(jnp.mean(with_q**2)) / AT_THE_START


def of_examples(
    now: Weights, train: Prepared, directions: jax.Array, share: jax.Array, slope: jax.Array
) -> jax.Array:
    """V's gradient on some examples minus that on all, shape (2, m_v): the noise of a mini-batch.

    Args:
        now: the weights.
        train: the training examples.
        directions: Q's three rays in their plane, shape (3, 2).
        share: each example's share in the mini-batch, shape (n,).
        slope: their slopes (n,), or others in place of them.
    """
    pull = -train.y * slope * (share - 1 / len(train.y))
    on_each = train.places @ pull[train.x1_p_only.shape[0] :]
    active = rays.before_relu(now.V, directions)
    parts = (
        directions[k][:, None] * jnp.where(active[k] > 0, on_each[k] * now.v, 0.0) for k in range(3)
    )
    return sum(parts, jnp.zeros_like(now.V))


def on_v(
    kind: NoiseOnV,
    gaussian: jax.Array,
    now: Weights,
    train: Prepared,
    directions: jax.Array,
    share: jax.Array,
) -> jax.Array:
    """The noise on V's gradient, shape (2, m_v).

    Args:
        kind: ``gaussian`` as it is; ``fading``, the same times ``faded``; ``example``, that of a
            mini-batch; ``steady_example``, that with all slopes as at the start; or ``none``.
        gaussian: the paper's noise, tau_xi included, shape (2, m_v).
        now: the weights.
        train: the training examples.
        directions: Q's three rays in their plane, shape (3, 2).
        share: each example's share in the mini-batch, shape (n,); used by the two of an example.
    """
    if kind == "gaussian":
        return gaussian
    if kind == "none":
        return jnp.zeros_like(gaussian)
    slope = slopes(now, train, directions)
    if kind == "fading":
        return faded(slope, train) * gaussian
    if kind == "steady_example":
        slope = jnp.full_like(slope, AT_THE_START)
    return of_examples(now, train, directions, share, slope)
