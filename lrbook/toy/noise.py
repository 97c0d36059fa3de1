"""Normal noise as a pure function of (key, step): a resumed run sees the noise of an unbroken one.

The bits are Threefry-2x32 with 20 rounds (Salmon et al., 2011), the cipher behind ``jax.random``,
with the counter (index, step). It is written out here because XLA compiles ``jax.random.normal``
on a CPU to something slower, and the noise is a large part of a step's work.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = np.uint32(0x1BD11BDA)


def threefry(key: jax.Array, first: jax.Array, second: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Encrypt the counters (first, second) with the key.

    Args:
        key: two words, uint32, shape (2,).
        first: first counter words, uint32.
        second: second counter words, uint32, same shape.

    Returns:
        Two arrays of random words, uint32, of the counters' shape.
    """
    words = (key[0], key[1], key[0] ^ key[1] ^ PARITY)
    first, second = first + words[0], second + words[1]
    for block in range(5):
        for bits in ROTATIONS[block % 2]:
            first = first + second
            second = first ^ ((second << np.uint32(bits)) | (second >> np.uint32(32 - bits)))
        first = first + words[(block + 1) % 3]
        second = second + words[(block + 2) % 3] + np.uint32(block + 1)
    return first, second


def _bits(key: jax.Array, step: ArrayLike, count: int) -> jax.Array:
    index = jnp.arange((count + 1) // 2, dtype=jnp.uint32)
    return jnp.concatenate(threefry(key, index, jnp.full_like(index, step)))[:count]


@functools.partial(jax.jit, static_argnames="count")
def normals(key: jax.Array, step: jax.Array, count: int) -> jax.Array:
    """Standard normal draws of one step, float32, shape (count,).

    Args:
        key: two words, uint32, shape (2,).
        step: step number, a scalar.
        count: how many, static.
    """
    bits = _bits(key, step, count)
    # 23 bits, centred: uniform on (-1, 1), symmetric, never +-1, so the normal is always finite
    uniform = (bits >> 9).astype(jnp.float32) * np.float32(2**-22) + np.float32(2**-23 - 1)
    return np.float32(2**0.5) * jax.lax.erf_inv(uniform)


@functools.partial(jax.jit, static_argnames="shape")
def normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Standard normal draws like ``jax.random.normal(key, shape)``, float32, from this cipher.

    Args:
        key: a JAX key (threefry2x32), used for nothing else.
        shape: static.
    """
    return normals(jax.random.key_data(key), np.uint32(0), math.prod(shape)).reshape(shape)


@functools.partial(jax.jit, static_argnames="shape")
def uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Uniform draws from [0, 1), like ``jax.random.uniform(key, shape)``; see ``normal``."""
    bits = _bits(jax.random.key_data(key), np.uint32(0), math.prod(shape))
    return ((bits >> 9).astype(jnp.float32) * np.float32(2**-23)).reshape(shape)
