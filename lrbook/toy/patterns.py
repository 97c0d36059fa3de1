"""The two patterns by themselves: how many examples P takes, and how few Q does."""

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from lrbook.toy import data, network, rays
from lrbook.toy.limits import linear_accuracy

TEST_POINTS = 4000  # fresh ones, of each linear learning curve


def alignments(
    key: jax.Array, count: int, d: int, c: float, gamma_c: float
) -> dict[str, np.ndarray]:
    """<w*, x1> of ``count`` fresh P examples, by label: what the best linear reader sees."""
    y, along = map(np.asarray, _along(key, count, d, c, gamma_c))
    return {"$y = -1$": along[y < 0], "$y = +1$": along[y > 0]}


# Drawn op by op, these would take seconds for every new shape
@partial(jax.jit, static_argnums=(1, 2))
def _along(
    key: jax.Array, count: int, d: int, c: float, gamma_c: float
) -> tuple[jax.Array, jax.Array]:
    keys = jax.random.split(key, 3)
    w_star = data.directions(keys[0], d, 1.0)[0]
    y = data.sample_labels(keys[1], count)
    return y, data.sample_p(keys[2], y, w_star, c, gamma_c) @ w_star


def linear_learning_curve(
    key: jax.Array,
    sizes: Sequence[int],
    d: int,
    c: float,
    gamma_c: float,
    test_points: int = TEST_POINTS,
) -> pd.DataFrame:
    """Test error on P of two linear classifiers against the number of examples.

    One is logistic regression (scikit-learn), the other the averaging rule w = sum_i y_i x1_i,
    whose error ``averaging_error`` gives in closed form.

    Args:
        key: a JAX key; all sizes share w*, the test points and (as prefixes) the examples.
        sizes: numbers of training examples.
        d, c, gamma_c: as in ``ToyConfig``.
        test_points: number of fresh test points.

    Returns:
        Columns examples, ratio (examples / d), logistic and averaging (errors, as fractions; nan
        for logistic regression where the examples are all of one label).
    """
    drawn = _p_examples(key, max(sizes), test_points, d, c, gamma_c)
    y, x1, test_y, test_x1 = map(np.asarray, drawn)
    rows = []
    for size in sizes:
        accuracy = linear_accuracy(y[:size], x1[:size], test_y, test_x1)
        right = test_y * (test_x1 @ (y[:size] @ x1[:size])) > 0
        row = {"examples": size, "ratio": size / d, "averaging": 1 - right.mean()}
        rows.append(row | {"logistic": math.nan if accuracy is None else 1 - accuracy})
    return pd.DataFrame(rows)


@partial(jax.jit, static_argnums=(1, 2, 3))
def _p_examples(
    key: jax.Array, count: int, test_points: int, d: int, c: float, gamma_c: float
) -> tuple[jax.Array, ...]:
    """Labels and x1 of training examples and of test points, with one w*."""
    keys = jax.random.split(key, 5)
    w_star = data.directions(keys[0], d, 1.0)[0]
    y, test_y = data.sample_labels(keys[1], count), data.sample_labels(keys[3], test_points)
    x1, test_x1 = (
        data.sample_p(k, labels, w_star, c, gamma_c)
        for k, labels in ((keys[2], y), (keys[4], test_y))
    )
    return y, x1, test_y, test_x1


def linear_error(cosine: float, gamma_c: float) -> float:
    r"""Error on P of a linear classifier whose direction has this cosine to w*.

    For a unit w at cosine rho to w*, y <w, x1> sqrt(d) / c = rho (|g| + gamma_c) +
    sqrt(1 - rho^2) h with independent standard normals g and h, so the error is
    E_g Phi(-rho (|g| + gamma_c) / sqrt(1 - rho^2)). It is 0 at rho = 1 (w* itself, for any margin
    above 0), 1/2 at rho = 0, and arccos(rho) / pi without a margin.

    Without a margin the integral is too narrow for its nodes within 1e-8 of rho = 1.

    Args:
        cosine: rho, in [-1, 1].
        gamma_c: margin in units of 1/sqrt(d).
    """
    from scipy.special import ndtr

    across = math.sqrt(max(1 - cosine**2, 0.0))
    if across == 0:
        return float(cosine < 0)
    # Gauss-Legendre on [0, 12]: the normal density beyond is below 1e-31
    nodes, weights = np.polynomial.legendre.leggauss(400)
    g = 6 * (nodes + 1)
    density = 6 * weights * np.sqrt(2 / np.pi) * np.exp(-(g**2) / 2)
    return float(density @ ndtr(-cosine * (g + gamma_c) / across))


def averaging_cosine(ratio: float, gamma_c: float) -> float:
    r"""Cosine of w = sum_i y_i x1_i to w*, for large d at ratio = N / d.

    In units of c / sqrt(d), y_i x1_i has |g_i| + gamma_c along w* and d - 1 standard normals
    across, independent of it. Their mean over N examples is along w*
    mu = E|g| + gamma_c = sqrt(2 / pi) + gamma_c, up to O(1/sqrt(N)); across, its squared length is
    (d - 1) / N, up to a relative O(1/sqrt(d)). With d / N = kappa^2 the cosine is therefore
    mu / sqrt(mu^2 + kappa^2): it depends on N and d by N / d alone.
    """
    mu = math.sqrt(2 / math.pi) + gamma_c
    return mu / math.sqrt(mu**2 + 1 / ratio)


def averaging_error(ratio: float, gamma_c: float) -> float:
    """Error on P of the averaging rule for large d at ratio = N / d = 1 / kappa^2.

    ``linear_error`` at ``averaging_cosine``: E_g Phi(-(mu / kappa) (|g| + gamma_c)). At N = d/2 it
    is a constant; without a margin it falls like kappa / (pi mu) for small kappa.
    """
    return linear_error(averaging_cosine(ratio, gamma_c), gamma_c)


def memoriser(z: np.ndarray, zeta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two neurons w, v that tell Q's three directions apart (Section 2 of the paper).

    w = -z - 2 zeta / ||zeta||^2 and v = -z + 2 zeta / ||zeta||^2, so that <w, z> = -1,
    <w, z - zeta> = 1, <w, z + zeta> = -3, and v the other way round.

    Args:
        z: unit vector, shape (d,).
        zeta: at right angles to z, shape (d,).
    """
    across = 2 * zeta / (zeta @ zeta)
    return -z - across, -z + across


def memorise(x2: np.ndarray, w: np.ndarray, v: np.ndarray, rho: float) -> np.ndarray:
    """f(x2) = rho - relu(<w, x2>) - relu(<v, x2>), shape (n,), for x2 (n, d).

    With ``memoriser``'s w and v, f(a z) = rho and f(a (z +- zeta)) = rho - a: the sign is right for
    every positive example, and for a negative one exactly if its length a exceeds rho.
    """
    return rho - np.maximum(x2 @ w, 0) - np.maximum(x2 @ v, 0)


def memorise_without_offset(x2: np.ndarray, w: np.ndarray, v: np.ndarray, rho: float) -> np.ndarray:
    """``memorise`` with rho relu(-<w + v, x2> / 2) in place of rho, shape (n,), for x2 (n, d).

    With ``memoriser``'s w and v that third neuron looks along z, so f(a z) = a rho and
    f(a (z +- zeta)) = a (rho - 1): for 0 < rho < 1 right at every length a > 0.
    """
    return memorise(x2, w, v, 0.0) + rho * np.maximum(-x2 @ (w + v) / 2, 0)


def all_rays_shown(k: int | np.ndarray) -> np.ndarray:
    """Chance that k examples of Q have shown all three directions.

    An example shows z with chance 1/2 and z - zeta and z + zeta with 1/4 each. By inclusion and
    exclusion: a given one is missing with chance (1/2)^k, (3/4)^k, (3/4)^k; a given two are with
    (1/2)^k, (1/4)^k, (1/4)^k. So 1 - 2 (3/4)^k + 2 (1/4)^k for k >= 1, and 0 for k = 0.
    """
    k = np.asarray(k, dtype=float)
    return np.where(k > 0, 1 - 2 * 0.75**k + 2 * 0.25**k, 0.0)


def few_examples_of_q(
    key: jax.Array,
    sizes: Sequence[int],
    r: float,
    s: float,
    *,
    draws: int = 40,
    m_v: int = 256,
    tau0: float = 10.0,
    eta: float = 0.1,
    steps: int = 2000,
) -> pd.DataFrame:
    """Accuracy on Q of the network's half N_V after gradient descent on k examples of Q.

    The network has no offset, so it is right on a whole ray or wrong on it, whatever the length a,
    and its accuracy on fresh points follows from its three signs exactly.

    Args:
        key: a JAX key; draw j has examples, of which the sizes are prefixes, and weights from
            ``fold_in(key, j)``.
        sizes: numbers k of examples.
        r, s: as in ``ToyConfig``; a = 1.
        draws: number of draws.
        m_v: number of neurons, starting in pairs (N_V = 0) from N(0, tau0^2).
        eta, steps: full-batch descent on the logistic loss, without noise or decay.

    Returns:
        One row per k and draw: k, draw, shown (whether all three rays are among the examples),
        accuracy and train_accuracy (fractions).
    """
    three = data.rays(r)
    v = network.output_weights(m_v)

    def trained(V: jax.Array, share: jax.Array) -> jax.Array:
        """N_V on the rays after training; share: of each ray among the examples."""
        sign = jnp.array([-1.0, 1.0, -1.0])

        def step(_: int, V: jax.Array) -> jax.Array:
            slope = -s * share * sign * jax.nn.sigmoid(-sign * s * rays.on_rays(V, three))
            active = jnp.stack(rays.before_relu(V, three)) > 0
            return V - eta * jnp.einsum("k,ka,km->am", slope, three, active * v)

        return rays.on_rays(jax.lax.fori_loop(0, steps, step, V), three) * sign

    def drawn(index: jax.Array) -> tuple[jax.Array, jax.Array]:
        keys = jax.random.split(jax.random.fold_in(key, index))
        V = network.pair(network.initial_weights(keys[1], m_v, 2, tau0)).T
        return _shown(keys[0], max(sizes)), V

    shown, V = jax.jit(jax.vmap(drawn))(jnp.arange(draws))
    run = jax.jit(jax.vmap(trained))
    chance = np.array([0.25, 0.5, 0.25])
    rows = []
    for k in sizes:
        share = np.asarray(shown[:, :k].mean(1))
        right = np.asarray(run(V, share)) > 0
        columns = {"shown": (share > 0).all(1), "accuracy": right @ chance}
        columns["train_accuracy"] = (right * share).sum(1)
        rows.append(pd.DataFrame({"k": k, "draw": range(draws), **columns}))
    return pd.concat(rows, ignore_index=True)


def _shown(key: jax.Array, count: int) -> jax.Array:
    """Which ray each of ``count`` examples of Q is on, as rows of zeros and a one, (count, 3)."""
    keys = jax.random.split(key)
    ray, _ = data.sample_q(keys[1], data.sample_labels(keys[0], count))
    return jax.nn.one_hot(ray, 3)
