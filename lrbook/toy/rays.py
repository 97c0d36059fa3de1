"""Loss and gradient at a cost that does not depend on the number of x2: exact, for Q's three rays.

relu is positively homogeneous and x2 lies on three rays, so N_V(x2) = scale * N_V(ray): V meets
three inputs and not n. Those lie in the plane of z and zeta, so of V's d columns only the two
coordinates in that plane meet data; the others decay and diffuse on their own and are left out.
V is stored as (2, m_v), coordinates along z and zeta / r, the long axis last.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from lrbook.toy.data import Examples
from lrbook.toy.network import logistic_loss, output_weights


class Gradient(NamedTuple):
    """Gradient of the training loss; W's is the sum of its two parts.

    Attributes:
        W_p_only: what the P-only examples contribute to W's gradient, shape (m_w, d).
        W_both: what the examples with both patterns contribute, shape (m_w, d).
        V: gradient in the coordinates of V, shape (2, m_v).
    """

    W_p_only: jax.Array
    W_both: jax.Array
    V: jax.Array


class Prepared(NamedTuple):
    """Training examples laid out for many steps: the parts cut out, the rays as a matrix.

    Attributes:
        y: labels, shape (n,).
        x1_p_only: P parts of the examples with P alone, shape (p_only, d).
        x1_both: P parts of those with both patterns, shape (both, d).
        x1_p_only_T, x1_both_T: their transposes.
        places: ``placement`` of the examples, shape (3, n_q).
    """

    y: jax.Array
    x1_p_only: jax.Array
    x1_both: jax.Array
    x1_p_only_T: jax.Array
    x1_both_T: jax.Array
    places: jax.Array


def before_relu(V: jax.Array, rays: jax.Array) -> list[jax.Array]:
    """V at the three rays before the relu: three arrays (m_v,), for V (2, m_v), rays (3, 2)."""
    # written out, because as a matrix product of inner length 2 it is slower
    return [rays[k, 0] * V[0] + rays[k, 1] * V[1] for k in range(3)]


def on_rays(V: jax.Array, rays: jax.Array) -> jax.Array:
    """N_V(z - zeta), N_V(z), N_V(z + zeta), shape (3,), for V (2, m_v) and rays (3, 2)."""
    v = output_weights(V.shape[1])
    return jnp.stack([(jax.nn.relu(before) * v).sum() for before in before_relu(V, rays)])


def kinked(V: jax.Array, rays: jax.Array) -> jax.Array:
    """Whether each neuron's relu switches between z - zeta and z + zeta, shape (m_v,).

    Only such a neuron bends N_V there.
    """
    lower, _, upper = before_relu(V, rays)
    return (lower > 0) != (upper > 0)


def placement(examples: Examples) -> jax.Array:
    """Matrix (3, n_q) that takes values on the rays to the examples: the scale at its ray."""
    return jax.nn.one_hot(examples.ray, 3, axis=0, dtype=examples.scale.dtype) * examples.scale


def prepare(examples: Examples) -> Prepared:
    """Lay the training examples out for ``loss_and_gradient``, once for all steps."""
    cut = examples.p_only
    x1 = examples.x1
    p_only, both = x1[:cut], x1[cut:]
    return Prepared(examples.y, p_only, both, p_only.T, both.T, placement(examples))


def loss_and_gradient(
    W: jax.Array, V: jax.Array, train: Prepared, rays: jax.Array
) -> tuple[jax.Array, Gradient]:
    """Training loss (mean logistic loss) and its gradient, for W (m_w, d) and V (2, m_v)."""
    w, v = output_weights(W.shape[0]), output_weights(V.shape[1])
    n, p_only = train.y.shape[0], train.x1_p_only.shape[0]
    n_p = p_only + train.x1_both.shape[0]

    # The two kinds of example apart, and x1 also transposed: faster than one product
    before_w = [W @ x1_T for x1_T in (train.x1_p_only_T, train.x1_both_T)]
    before_v = before_relu(V, rays)
    on_x1 = jnp.concatenate([w @ jax.nn.relu(before) for before in before_w])
    on_x2 = jnp.stack([jax.nn.relu(before) for before in before_v]) @ v @ train.places
    f = jnp.pad(on_x1, (0, n - n_p)) + jnp.pad(on_x2, (p_only, 0))
    loss = logistic_loss(train.y, f).mean()

    slope = -train.y * jax.nn.sigmoid(-train.y * f) / n  # d loss / d f
    slopes = (slope[:p_only], slope[p_only:n_p])
    to_w = [
        jnp.where(before > 0, part * w[:, None], 0.0)
        for before, part in zip(before_w, slopes, strict=True)
    ]
    to_rays = train.places @ slope[p_only:]
    to_v = [jnp.where(before > 0, to_rays[k] * v, 0.0) for k, before in enumerate(before_v)]
    # Outer products: with a jnp.stack of two rows, XLA makes a scalar loop of V's whole update
    lower, middle, upper = (rays[k][:, None] * to_v[k] for k in range(3))
    return loss, Gradient(
        W_p_only=to_w[0] @ train.x1_p_only,
        W_both=to_w[1] @ train.x1_both,
        V=lower + middle + upper,
    )
