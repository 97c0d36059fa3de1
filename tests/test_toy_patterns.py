"""P and Q by themselves, and the noise's width, against closed forms and plain loops."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrbook.toy import patterns, stationarity


def q_directions(d=7, r=0.1, seed=0):
    rng = np.random.default_rng(seed)
    z = rng.normal(size=d)
    z /= np.linalg.norm(z)
    zeta = rng.normal(size=d)
    zeta -= (zeta @ z) * z
    return z, r * zeta / np.linalg.norm(zeta)


def test_alignments_are_half_normals_beyond_the_margin():
    d, c, gamma_c = 50, 2.0, 0.5
    found = patterns.alignments(jax.random.key(0), 20_000, d, c, gamma_c)
    for sign, values in zip((-1, 1), found.values(), strict=True):
        scaled = sign * values * np.sqrt(d) / c - gamma_c
        assert scaled.min() >= -1e-5
        assert scaled.mean() == pytest.approx(np.sqrt(2 / np.pi), rel=0.03)


def test_more_examples_generalise_better_and_few_do_not():
    curve = patterns.linear_learning_curve(jax.random.key(1), [50, 500, 5000], 100, 1.0, 0.25)
    few, some, many = curve.accuracy
    assert 0.6 < few < some < many
    assert few < 0.9
    assert many > 0.97


@given(
    r=st.floats(1e-3, 0.5), a=st.floats(0.0, 1.0), rho=st.floats(0.01, 0.9), seed=st.integers(0, 99)
)
def test_memoriser_is_right_exactly_where_its_docstring_says(r, a, rho, seed):
    z, zeta = q_directions(r=r, seed=seed)
    w, v = patterns.memoriser(z, zeta)
    f = patterns.memorise(a * np.stack([z - zeta, z, z + zeta]), w, v, rho)
    assert f == pytest.approx([rho - a, rho, rho - a], abs=1e-9)


def test_memoriser_has_the_signs_of_the_paper():
    z, zeta = q_directions()
    w, v = patterns.memoriser(z, zeta)
    assert w @ z < 0 < w @ (z - zeta)
    assert v @ z < 0 < v @ (z + zeta)


def test_noise_std_is_the_recursion_step_by_step():
    eta, lam, tau_xi, variance = 0.3, 0.05, 0.7, 4.0
    for step in range(6):
        got = stationarity.noise_std(step, eta, lam, tau_xi, 2.0)
        assert got == pytest.approx(np.sqrt(variance), rel=1e-12)
        variance = (1 - eta * lam) ** 2 * variance + (eta * tau_xi) ** 2
    without_decay = stationarity.noise_std(9, eta, 0.0, tau_xi, 2.0)
    assert without_decay == pytest.approx(np.sqrt(4 + 9 * (eta * tau_xi) ** 2))


def test_simulated_noise_agrees_within_its_own_error():
    at = [0, 10, 100]
    rng = np.random.default_rng(0)
    got = stationarity.simulated_noise_std(at, 0.3, 0.05, 0.7, 2.0, rng=rng, weights=20_000)
    want = stationarity.noise_std(np.array(at), 0.3, 0.05, 0.7, 2.0)
    assert got == pytest.approx(want, rel=5 / np.sqrt(2 * 20_000))
