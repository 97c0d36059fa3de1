"""The two patterns by themselves: how many examples P takes, and two neurons that fit Q."""

from collections.abc import Sequence

import jax
import numpy as np
import pandas as pd

from lrbook.toy import data
from lrbook.toy.limits import linear_accuracy


def alignments(
    key: jax.Array, count: int, d: int, c: float, gamma_c: float
) -> dict[str, np.ndarray]:
    """<w*, x1> of ``count`` fresh P examples, by label: what the best linear reader sees."""
    keys = jax.random.split(key, 3)
    w_star = data.directions(keys[0], d, 1.0)[0]
    y = data.sample_labels(keys[1], count)
    along = np.asarray(data.sample_p(keys[2], y, w_star, c, gamma_c) @ w_star)
    signs = np.asarray(y)
    return {"$y = -1$": along[signs < 0], "$y = +1$": along[signs > 0]}


def linear_learning_curve(
    key: jax.Array,
    sizes: Sequence[int],
    d: int,
    c: float,
    gamma_c: float,
    test_points: int = 4000,
) -> pd.DataFrame:
    """Test accuracy of logistic regression on P against the number of examples.

    Args:
        key: a JAX key; all sizes share w*, the test points and (as prefixes) the examples.
        sizes: numbers of training examples.
        d, c, gamma_c: as in ``ToyConfig``.
        test_points: number of fresh test points.

    Returns:
        Columns examples, accuracy (a fraction).
    """
    keys = jax.random.split(key, 5)
    w_star = data.directions(keys[0], d, 1.0)[0]
    y = data.sample_labels(keys[1], max(sizes))
    x1 = np.asarray(data.sample_p(keys[2], y, w_star, c, gamma_c))
    test_y = data.sample_labels(keys[3], test_points)
    test_x1 = np.asarray(data.sample_p(keys[4], test_y, w_star, c, gamma_c))
    y, test_y = np.asarray(y), np.asarray(test_y)
    rows = [
        {"examples": size, "accuracy": linear_accuracy(y[:size], x1[:size], test_y, test_x1)}
        for size in sizes
    ]
    return pd.DataFrame(rows)


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
