"""The facts about relu networks that the theory rests on, tried on random weights."""

import jax
import jax.numpy as jnp
import pandas as pd

from lrbook.toy import network


def identities(key: jax.Array, m: int = 64, d: int = 20, inputs: int = 500) -> pd.DataFrame:
    r"""How far each identity about N_U and N_A is off, for random A, B, C (m, d) and inputs.

    The third row is no identity: without the pattern held fixed, N is not linear in its weights.

    Args:
        key: a JAX key.
        m: number of neurons, even.
        d: input dimension.
        inputs: number of inputs, standard normal.

    Returns:
        Columns identity (maths, N(U) standing for N_U) and deviation: the largest over the inputs,
        relative to the largest output of N(A).
    """
    keys = jax.random.split(key, 4)
    A, B, C = (network.initial_weights(one, m, d, 1.0) for one in keys[:3])
    x = jax.random.normal(keys[3], (inputs, d))
    u = network.output_weights(m)

    def N(U: jax.Array, at: jax.Array = x) -> jax.Array:
        return network.relu_part(u, U, at)

    def N_A(U: jax.Array) -> jax.Array:
        return network.pattern_part(u, U, A, x)

    slopes = jax.jacobian(N)(A)
    off = {
        r"$N_A(A) = N(A)$": N_A(A) - N(A),
        r"$N_A(2B - 3C) = 2N_A(B) - 3N_A(C)$": N_A(2 * B - 3 * C) - 2 * N_A(B) + 3 * N_A(C),
        r"$N(2B - 3C) = 2N(B) - 3N(C)$": N(2 * B - 3 * C) - 2 * N(B) + 3 * N(C),
        r"$N(A; x/3) = N(A; x)/3$": N(A, x / 3) - N(A) / 3,
        r"$\langle\nabla N(A), A\rangle = N(A)$": (slopes * A).sum((1, 2)) - N(A),
    }
    scale = jnp.abs(N(A)).max()
    rows = [(name, float(jnp.abs(gap).max() / scale)) for name, gap in off.items()]
    return pd.DataFrame(rows, columns=["identity", "deviation"])
