"""Samplers of P, Q and the mixture: the laws that the theory uses."""

import jax
import numpy as np
import plain_toy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbook.toy import data, tasks
from lrbook.toy.config import ToyConfig

DRAWN = [4070199207, 4202968722, 1427181096]  # from key 0, where threefry is partitionable
directions = jax.jit(data.directions, static_argnums=1)
sample_examples = jax.jit(data.sample_examples, static_argnums=1)


def draw(seed=0, counts=(30, 50, 20), d=12, r=0.2, **law):
    keys = jax.random.split(jax.random.key(seed))
    w_star, z, zeta = directions(keys[0], d, r)
    return sample_examples(keys[1], counts, w_star, **law), w_star, z, zeta


@given(d=st.sampled_from([2, 17]), r=st.floats(0.01, 2.0), seed=st.integers(0, 2**31 - 1))
@settings(max_examples=15, deadline=None)
def test_directions_have_the_papers_geometry(d, r, seed):
    w_star, z, zeta = map(np.asarray, directions(jax.random.key(seed), d, r))
    assert np.linalg.norm(w_star) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(z) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(zeta) == pytest.approx(r, rel=1e-5)
    assert abs(z @ zeta) < 1e-5 * r + 1e-6


def test_p_has_the_margin_and_is_normal_elsewhere():
    d, c, gamma_c, n = 50, 2.0, 0.25, 20_000
    key = jax.random.key(3)
    w_star = directions(key, d, 1.0)[0]
    y = data.sample_labels(jax.random.key(4), n)
    x1 = np.asarray(data.sample_p(jax.random.key(5), y, w_star, c, gamma_c), float)
    signed = np.asarray(y) * (x1 @ np.asarray(w_star, float)) * np.sqrt(d) / c
    assert signed.min() > gamma_c - 1e-4
    # |g| of a standard normal g: mean sqrt(2/pi), variance 1 - 2/pi
    assert (signed - gamma_c).mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.02)
    assert (signed - gamma_c).var() == pytest.approx(1 - 2 / np.pi, abs=0.02)
    rest = x1 - np.outer(x1 @ np.asarray(w_star), np.asarray(w_star))
    assert (rest**2).sum(1).mean() * d / c**2 == pytest.approx(d - 1, rel=0.01)
    assert abs(rest.mean(0)).max() < 5 * c / np.sqrt(d * n)


def test_labels_are_balanced_signs():
    y = np.asarray(data.sample_labels(jax.random.key(0), 40_000))
    assert set(np.unique(y)) == {-1.0, 1.0}
    assert abs(y.mean()) < 0.02


def test_q_is_the_middle_ray_exactly_for_positive_labels():
    n = 40_000
    y = data.sample_labels(jax.random.key(0), n)
    ray, scale = map(np.asarray, data.sample_q(jax.random.key(1), y, s=3.0, alpha_min=0.5))
    y = np.asarray(y)
    assert (ray[y > 0] == data.MIDDLE).all()
    assert set(np.unique(ray[y < 0])) == {data.LOWER, data.UPPER}
    assert (ray[y < 0] == data.LOWER).mean() == pytest.approx(0.5, abs=0.02)
    assert 1.5 <= scale.min() < 1.51
    assert 2.99 < scale.max() <= 3.0
    assert scale.mean() == pytest.approx(2.25, abs=0.01)


def test_a_fixed_length_is_exactly_fixed():
    y = data.sample_labels(jax.random.key(0), 100)
    _, scale = data.sample_q(jax.random.key(1), y, s=8.0, alpha_min=1.0)
    assert (np.asarray(scale) == 8.0).all()


@pytest.mark.parametrize("counts", [(3, 4, 5), (0, 4, 5), (3, 0, 5), (3, 4, 0), (0, 0, 1)])
def test_examples_come_in_order_with_the_right_parts(counts):
    examples, _, z, zeta = draw(counts=counts)
    p_only, both, q_only = counts
    assert (examples.p_only, examples.both, examples.q_only) == counts
    x1 = np.asarray(plain_toy.plain_x1(examples))
    x2 = np.asarray(data.plain_x2(examples, z, zeta))
    assert x1.shape == x2.shape == (sum(counts), 12)
    has_x1, has_x2 = (x1 != 0).any(1), (x2 != 0).any(1)
    assert has_x1.tolist() == [True] * (p_only + both) + [False] * q_only
    assert has_x2.tolist() == [False] * p_only + [True] * (both + q_only)


def test_plain_x2_is_the_papers_formula_row_by_row():
    examples, _, z, zeta = draw(s=8.0, alpha_min=0.3)
    x2 = np.asarray(data.plain_x2(examples, z, zeta))
    z, zeta = np.asarray(z), np.asarray(zeta)
    for row, y in zip(
        x2[examples.p_only :], np.asarray(examples.y)[examples.p_only :], strict=True
    ):
        a, across = row @ z, row @ zeta / (zeta @ zeta)
        assert 0.3 * 8 - 1e-4 <= a <= 8 + 1e-4
        b = 0 if y > 0 else round(float(across / a))
        assert abs(b) == (y < 0)
        np.testing.assert_allclose(row, a * (z + b * zeta), atol=1e-4)


def test_rays_are_the_three_directions_in_their_plane():
    _, _, z, zeta = draw(r=0.4)
    basis = np.stack([z, zeta / np.linalg.norm(zeta)])
    three = np.stack([z - zeta, z, z + zeta])
    np.testing.assert_allclose(np.asarray(data.rays(0.4)) @ basis, three, atol=1e-6)


@pytest.mark.skipif(
    not hasattr(jax, "threefry_partitionable"), reason="this JAX has no such setting any more"
)
def test_a_seed_means_the_same_data_whatever_jax_is_set_to():
    [config] = ToyConfig.expand("smoke", seeds=[0], arms=["S"])
    wanted = tasks.make_problem(config)
    with jax.threefry_partitionable(False):
        found = tasks.make_problem(config)
        assert jax.random.bits(jax.random.key(0), (3,)).tolist() != DRAWN  # it does matter
    assert jax.random.bits(jax.random.key(0), (3,)).tolist() == DRAWN
    for one, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(found), strict=True):
        np.testing.assert_array_equal(one, other)


def test_data_are_drawn_without_that_setting_of_jax(monkeypatch):
    [config] = ToyConfig.expand("smoke", seeds=[0], arms=["S"])
    wanted = tasks.make_problem(config)
    monkeypatch.delattr(jax, "threefry_partitionable", raising=False)
    found = tasks.make_problem(config)
    for one, other in zip(jax.tree.leaves(wanted), jax.tree.leaves(found), strict=True):
        np.testing.assert_array_equal(one, other)
