r"""The network with all four weights free: W and V, and the output weights w and v.

A run that trains W and V only takes ``rays`` and ``network``: the same functions at fixed output
weights, and faster. Here is what the variants need (``lrbook.toy.variants``).

Noise before the relu breaks homogeneity: with g_ij ~ N(0, sigma^2) added for example i, neuron j,

    N_V(x2_i) = sum_j v_j relu(scale_i <V_j, ray_i> + g_ij)
    d N_V(x2_i) / d V_j = v_j 1(scale_i <V_j, ray_i> + g_ij > 0) scale_i ray_i

so V meets as many inputs as there are examples, unless they share g and have one length.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lrbook.toy import rays
from lrbook.toy.data import Examples
from lrbook.toy.descent import Problem, State
from lrbook.toy.network import logistic_loss, output_weights, relu_part
from lrbook.toy.rays import Prepared


class Weights(NamedTuple):
    """All weights of the network: W (m_w, d), V (2, m_v), and the output weights w and v."""

    W: jax.Array
    V: jax.Array
    w: jax.Array
    v: jax.Array


class Full(NamedTuple):
    """Gradient of the training loss; W's in two parts, as in ``rays.Gradient``."""

    W_p_only: jax.Array
    W_both: jax.Array
    V: jax.Array
    w: jax.Array
    v: jax.Array


def weights(state: State) -> Weights:
    """The weights in ``state``; the output weights are the fixed ones unless they are trained."""
    if "w" in state.extra:
        return Weights(state.W, state.V, state.extra["w"], state.extra["v"])
    return Weights(state.W, state.V, output_weights(len(state.W)), output_weights(len(state.V[0])))


def on_rays(weights: Weights, directions: jax.Array) -> jax.Array:
    """``rays.on_rays`` with any output weights: N_V at the three ``directions`` (3, 2)."""
    before_relu = rays.before_relu(weights.V, directions)
    return jnp.stack([(jax.nn.relu(before) * weights.v).sum() for before in before_relu])


def outputs(
    weights: Weights, examples: Examples, directions: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """N_W of the examples with a P part (n_p,) and N_V of those with a Q part (n_q,)."""
    on_x1 = relu_part(weights.w, weights.W, examples.x1)
    return on_x1, on_rays(weights, directions) @ rays.placement(examples)


def network(weights: Weights, examples: Examples, directions: jax.Array) -> jax.Array:
    """f of every example, shape (n,): ``lrbook.toy.network.network`` with any output weights, and
    without x2 written out.
    """
    on_x1, on_x2 = outputs(weights, examples, directions)
    return jnp.pad(on_x1, (0, examples.q_only)) + jnp.pad(on_x2, (examples.p_only, 0))


def loss_and_gradient(
    weights: Weights,
    train: Prepared,
    directions: jax.Array,
    share: jax.Array,
    add: jax.Array | None = None,
    one_length: jax.Array | None = None,
) -> tuple[jax.Array, Full]:
    """Training loss of all examples, and the gradient of the mini-batch's, by all weights.

    Args:
        weights: the weights.
        train: the training examples.
        directions: Q's three rays in their plane, shape (3, 2).
        share: each example's share in the gradient, shape (n,); 1/n each for the full batch.
        add: what is added before V's relu, shape (m_v,) or (n_q, m_v); None adds nothing.
        one_length: the length of all x2, where they have one and share ``add``; else None.
    """
    W, V, w, v = weights
    n, p_only = train.y.shape[0], train.x1_p_only.shape[0]
    n_p = p_only + train.x1_both.shape[0]
    if add is None:  # homogeneous: three inputs serve examples of any length
        inputs, places = directions, train.places
    elif one_length is not None:
        inputs, places = one_length * directions, train.places / one_length
    else:
        inputs, places = train.places.T @ directions, None
    before_w = [W @ x1_T for x1_T in (train.x1_p_only_T, train.x1_both_T)]
    before_v = inputs[:, :1] * V[0] + inputs[:, 1:] * V[1] + (0.0 if add is None else add)
    after_w, after_v = [jax.nn.relu(before) for before in before_w], jax.nn.relu(before_v)
    on_x2 = after_v @ v if places is None else (after_v @ v) @ places
    on_x1 = jnp.concatenate([w @ after for after in after_w])
    f = jnp.pad(on_x1, (0, n - n_p)) + jnp.pad(on_x2, (p_only, 0))

    slope = -train.y * jax.nn.sigmoid(-train.y * f) * share  # d loss / d f
    slopes = (slope[:p_only], slope[p_only:n_p])
    to_w = [
        jnp.where(before > 0, part * w[:, None], 0.0)
        for before, part in zip(before_w, slopes, strict=True)
    ]
    to_inputs = slope[p_only:] if places is None else places @ slope[p_only:]
    to_v = jnp.where(before_v > 0, to_inputs[:, None] * v, 0.0)
    return logistic_loss(train.y, f).mean(), Full(
        W_p_only=to_w[0] @ train.x1_p_only,
        W_both=to_w[1] @ train.x1_both,
        V=inputs.T @ to_v,
        w=after_w[0] @ slopes[0] + after_w[1] @ slopes[1],
        v=to_inputs @ after_v,
    )


def full_gradient(state: State, problem: Problem) -> Full | rays.Gradient:
    """Gradient of the training loss at ``state``: all examples, no noise before the relu."""
    train = rays.prepare(problem.train)
    if state.extra == ():
        return rays.loss_and_gradient(state.W, state.V, train, problem.rays)[1]
    n = train.y.shape[0]
    return loss_and_gradient(weights(state), train, problem.rays, jnp.full(n, 1 / n))[1]
