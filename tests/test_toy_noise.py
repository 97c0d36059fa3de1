"""The counter-based noise: the published cipher, the right law, and nothing shared."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.extend.random import threefry_2x32

from lrbook.toy import noise

WORD = st.integers(0, 2**32 - 1)


def key(*words):
    return jnp.array(words, jnp.uint32)


def test_known_answers_of_threefry():
    """From the Random123 distribution (kat_vectors, threefry2x32 with 20 rounds)."""
    vectors = [
        ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ]
    for words, counter, want in vectors:
        first, second = (jnp.array([word], jnp.uint32) for word in counter)
        got = noise.threefry(key(*words), first, second)
        assert tuple(int(word[0]) for word in got) == want


@given(a=WORD, b=WORD, first=WORD, second=WORD)
@settings(max_examples=25, deadline=None)
def test_threefry_is_jax_own(a, b, first, second):
    counter = jnp.array([first, second], jnp.uint32)
    want = threefry_2x32(key(a, b), counter)
    got = jnp.concatenate(noise.threefry(key(a, b), counter[:1], counter[1:]))
    assert got.tolist() == want.tolist()


def test_draws_are_standard_normal():
    from scipy import stats

    draws = np.asarray(noise.normals(key(1, 2), jnp.int32(5), 200_001))
    assert draws.shape == (200_001,)
    assert draws.dtype == np.float32
    assert np.isfinite(draws).all()
    assert stats.kstest(draws.astype(float), "norm").pvalue > 1e-3
    assert draws.var() == pytest.approx(1, abs=0.02)
    assert (draws.astype(float) ** 4).mean() == pytest.approx(3, abs=0.1)


def test_steps_keys_and_places_are_independent():
    count = 50_000
    base = np.asarray(noise.normals(key(1, 2), jnp.int32(5), count))
    for other in (
        noise.normals(key(1, 2), jnp.int32(6), count),
        noise.normals(key(1, 3), jnp.int32(5), count),
        np.roll(base, 1),
        np.roll(base, count // 2),
    ):
        assert abs(np.corrcoef(base, np.asarray(other))[0, 1]) < 5 / np.sqrt(count)


def test_a_draw_follows_from_key_and_step_alone():
    inside_a_loop = jax.lax.map(lambda t: noise.normals(key(3, 4), t, 11), jnp.arange(4))
    for step in range(4):
        alone = noise.normals(key(3, 4), jnp.int32(step), 11)
        assert np.array_equal(np.asarray(inside_a_loop[step]), np.asarray(alone))


def test_uniform_draws():
    draws = np.asarray(noise.uniform(jax.random.key(0), (3, 20_000)))
    assert draws.shape == (3, 20_000)
    assert 0 <= draws.min() < 1e-3
    assert 0.999 < draws.max() < 1
    assert draws.mean() == pytest.approx(0.5, abs=0.005)
    assert draws.var() == pytest.approx(1 / 12, abs=0.002)


def test_normal_has_the_shape_asked_for():
    assert noise.normal(jax.random.key(0), (3, 5)).shape == (3, 5)
    assert noise.normal(jax.random.key(0), (0, 5)).shape == (0, 5)
