"""P and Q by themselves, and the noise's width, against closed forms and plain loops."""

import itertools

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
    few, some, many = curve.logistic
    assert 0.4 > few > some > many
    assert few > 0.1
    assert many < 0.03
    assert curve.ratio.tolist() == [0.5, 5, 50]


@given(
    r=st.floats(1e-3, 0.5), a=st.floats(0.0, 1.0), rho=st.floats(0.01, 0.9), seed=st.integers(0, 99)
)
def test_memoriser_is_right_exactly_where_its_docstring_says(r, a, rho, seed):
    z, zeta = q_directions(r=r, seed=seed)
    w, v = patterns.memoriser(z, zeta)
    f = patterns.memorise(a * np.stack([z - zeta, z, z + zeta]), w, v, rho)
    assert f == pytest.approx([rho - a, rho, rho - a], abs=1e-9)


def test_two_neurons_can_do_with_a_quarter_of_its_squared_length_and_not_with_less():
    """As two_patterns says: by the second difference over the three points, which is 2 in size."""
    z, zeta = q_directions(r=0.15)
    w, v = patterns.memoriser(z, zeta)
    short = -zeta / 0.15**2, zeta / 0.15**2
    points = [a * (z + side * zeta) for a in (0.1, 0.5, 1.0) for side in (-1, 0, 1)]
    values = [patterns.memorise(np.array(points), *pair, 0.2) for pair in ((w, v), short)]
    assert values[1] == pytest.approx(values[0], abs=1e-9)
    long, least = (sum(x @ x for x in pair) for pair in ((w, v), short))
    assert least == pytest.approx(long / 4, rel=0.01)
    at_one = values[1][6:]
    bend = abs(at_one[0] + at_one[2] - 2 * at_one[1])
    # A relu's second difference is at most |<w, zeta>|, so bend <= r (|w| + |v|)
    assert least == pytest.approx(2 * (bend / 0.15 / 2) ** 2)


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
    rng, weights = np.random.default_rng(0), 20_000
    eta, lam, tau_xi, start = 0.3, 0.05, 0.7, 2.0
    u = rng.normal(0, start, weights)
    for step in range(101):
        want = stationarity.noise_std(step, eta, lam, tau_xi, start)
        assert u.std() == pytest.approx(want, rel=5 / np.sqrt(2 * weights))
        u = (1 - eta * lam) * u - eta * rng.normal(0, tau_xi, weights)


def test_the_averaging_rule_errs_as_its_closed_form_says():
    d, gamma_c = 400, 0.25
    for ratio in (0.5, 4.0):
        curves = [
            patterns.linear_learning_curve(
                jax.random.key(seed), [int(ratio * d)], d, 1.0, gamma_c, test_points=2000
            )
            for seed in range(12)
        ]
        found = np.array([curve.averaging.item() for curve in curves])
        error_of_mean = found.std(ddof=1) / np.sqrt(len(found))
        # the cosine's own correction is of relative order 1/sqrt(d), and of either sign
        slack = 4 * error_of_mean + 0.05 * found.mean()
        assert abs(found.mean() - patterns.averaging_error(ratio, gamma_c)) < slack


def test_averaging_cosine_is_that_of_drawn_examples():
    rng = np.random.default_rng(3)
    d, gamma_c, ratio = 3000, 0.4, 2.0
    n = int(ratio * d)
    total = np.zeros(d)
    for _ in range(n):  # y x1 in units of c / sqrt(d): w* is the first axis
        row = rng.normal(size=d)
        row[0] = abs(row[0]) + gamma_c
        total += row
    cosine = total[0] / np.linalg.norm(total)
    assert cosine == pytest.approx(patterns.averaging_cosine(ratio, gamma_c), rel=0.02)


@pytest.mark.parametrize(("cosine", "gamma_c"), [(0.3, 0.0), (0.8, 0.25), (-0.6, 0.5), (0.97, 1.0)])
def test_linear_error_is_the_share_of_draws_on_the_wrong_side(cosine, gamma_c):
    rng = np.random.default_rng(5)
    g, h = rng.normal(size=(2, 400_000))
    wrong = (cosine * (np.abs(g) + gamma_c) + np.sqrt(1 - cosine**2) * h < 0).mean()
    assert patterns.linear_error(cosine, gamma_c) == pytest.approx(wrong, abs=4e-3)


def test_linear_error_at_its_ends():
    assert patterns.linear_error(1.0, 0.25) == 0
    assert patterns.linear_error(0.0, 0.25) == pytest.approx(0.5)
    assert patterns.linear_error(-1.0, 0.25) == 1
    assert patterns.linear_error(0.6, 0.0) == pytest.approx(np.arccos(0.6) / np.pi, abs=1e-12)


def test_three_neurons_without_offset_are_right_at_every_length():
    z, zeta = q_directions()
    w, v = patterns.memoriser(z, zeta)
    for a in (1e-3, 0.2, 1.0):
        x2 = a * np.stack([z - zeta, z, z + zeta])
        f = patterns.memorise_without_offset(x2, w, v, 0.4)
        assert f == pytest.approx([-0.6 * a, 0.4 * a, -0.6 * a])


def test_chance_of_all_rays_is_that_of_every_sequence_enumerated():
    for k in range(7):
        total = 0.0
        for sequence in itertools.product(((0, 0.25), (1, 0.5), (2, 0.25)), repeat=k):
            if {ray for ray, _ in sequence} == {0, 1, 2}:
                total += np.prod([chance for _, chance in sequence])
        assert patterns.all_rays_shown(k) == pytest.approx(total)


def test_few_examples_of_q_suffice_once_all_rays_were_shown():
    found = patterns.few_examples_of_q(jax.random.key(0), [1, 4, 12], 0.15, 8.0, draws=60)
    fitted = found.train_accuracy == 1
    assert fitted.mean() > 0.95
    assert (found[found.shown & fitted].accuracy == 1).all()
    assert (found[~found.shown].accuracy <= 0.75).all()
    assert (found.accuracy % 0.25 == 0).all()  # a quarter for each outer ray, half for the middle
    one, four, twelve = (group.shown.mean() for _, group in found.groupby("k"))
    assert one == 0
    assert abs(four - patterns.all_rays_shown(4)) < 4 * np.sqrt(0.25 / 60)
    assert twelve > 0.8


def test_of_a_draw_the_first_k_examples_are_those_of_size_k(monkeypatch):
    """Three times z, then the one and the other beside it: all three are there from 5 on."""
    rays = np.eye(3)[[1, 1, 1, 0, 2, 1]]
    monkeypatch.setattr(patterns, "_shown", lambda key, count: jax.numpy.asarray(rays[:count]))
    sizes = [1, 3, 4, 5, 6]
    found = patterns.few_examples_of_q(jax.random.key(0), sizes, 0.15, 8.0, draws=2, m_v=8, steps=2)
    for draw in (0, 1):
        shown = found[found.draw == draw].set_index("k").shown
        assert shown.to_dict() == {1: False, 3: False, 4: False, 5: True, 6: True}
