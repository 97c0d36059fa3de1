"""Films of N_V against the plain network, and the pattern heuristic against simulated neurons."""

import jax
import numpy as np
import pytest

from lrbook.errors import ConfigError
from lrbook.toy import experiment, pattern_memory, profile_along, rays, tasks
from lrbook.toy.config import ToyConfig
from lrbook.toy.network import output_weights, relu_part

L_S, S = ToyConfig.expand("smoke", seeds=[0], arms=["L-S", "S"])


@pytest.fixture(scope="module")
def film():
    return profile_along.film(L_S, frames=12, directions=41)


def test_frames_hold_start_annealing_and_end(film):
    assert film.step[0] == 0
    assert L_S.anneal in film.step
    assert film.step[-1] == L_S.total_steps
    assert (np.diff(film.step) > 0).all()
    assert film.rate[film.step < L_S.anneal] == pytest.approx(L_S.eta1)
    assert film.rate[film.step >= L_S.anneal] == pytest.approx(L_S.eta2)
    assert profile_along.frame_times(S, 12)[-1] == S.total_steps


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 6])
def test_few_frames_hold_annealing_and_end_too(frames):
    times = profile_along.frame_times(L_S, frames)
    assert {0, L_S.anneal, L_S.total_steps} <= set(times)
    assert {0, S.total_steps} <= set(profile_along.frame_times(S, frames))
    assert times == sorted(set(times))


def test_a_film_is_in_whole_digits_on_a_card_too(monkeypatch):
    asked, plain = [], profile_along._advance

    def spied(*arguments, **options):
        asked.append(jax.config.jax_default_matmul_precision)
        return plain(*arguments, **options)

    monkeypatch.setattr(profile_along, "_advance", spied)
    profile_along.film(S, frames=3, directions=5)
    assert set(asked) == {"highest"}


def test_values_are_the_plain_networks(film):
    problem = tasks.make_problem(L_S)
    assert film.values[0] == pytest.approx(0, abs=1e-4)  # paired weights
    V = np.array(problem.V, dtype=np.float32)
    V[0, ::3] *= -0.5  # no longer paired
    z, zeta = np.array([1.0, 0.0]), np.array([0.0, L_S.r])
    X, Y = np.cos(film.psi), np.sin(film.psi)
    points = X[:, None] * z + profile_along.REACH * Y[:, None] * zeta
    plain = relu_part(output_weights(V.shape[1]), V.T, points.astype(np.float32))
    found = profile_along.on_directions(V, points.astype(np.float32))
    assert np.asarray(found) == pytest.approx(np.asarray(plain), rel=1e-4, abs=1e-4)
    state = tasks.make_state(L_S, problem)._replace(V=V)
    rule = tasks.make_rule(L_S)
    _, values, between = profile_along._look(state, problem, rule, points.astype(np.float32))
    assert np.asarray(values) == pytest.approx(L_S.s * np.asarray(plain), rel=1e-4, abs=1e-3)
    lower, upper = (V[0] + side * L_S.r * V[1] > 0 for side in (-1, 1))
    assert np.array_equal(between, lower != upper)
    assert 0 < (lower != upper).sum() < V.shape[1]


def test_the_line_is_read_off_by_homogeneity():
    psi = np.linspace(-np.pi / 2, np.pi / 2, 2001)
    reach = profile_along.REACH
    # N(X z + reach Y zeta) = |X + 2 reach Y|, positively homogeneous
    values = np.abs(np.cos(psi) + 2 * reach * np.sin(psi))[None]
    V = np.zeros((1, 2, 4))
    film = profile_along.Film(L_S, np.zeros(1), np.zeros(1), psi, values, np.zeros((1, 4), bool), V)
    t = np.linspace(-3, 3, 25)
    assert profile_along.along_line(film, t)[0] == pytest.approx(np.abs(1 + 2 * t), abs=5e-3)


def test_a_film_needs_the_annealing_step():
    [config] = ToyConfig.expand("smoke", seeds=[0], arms=["L-S"], anneal="loss")
    with pytest.raises(ConfigError, match="in advance"):
        profile_along.film(config)


@pytest.mark.parametrize("r", [0.05, 0.15, 0.6])
def test_kinked_share_of_isotropic_neurons(r):
    V = np.random.default_rng(1).normal(size=(2, 400_000))
    drawn = ((V[0] - r * V[1] > 0) != (V[0] + r * V[1] > 0)).mean()
    assert pattern_memory.kinked_share(r) == pytest.approx(drawn, abs=4 * np.sqrt(r / 400_000))
    directions = np.stack([np.ones(3), [-r, 0, r]], axis=1)
    assert float(rays.kinked(V, directions).mean()) == pytest.approx(drawn, abs=1e-5)


def test_rows_of_the_activation_patterns_are_the_same_neurons_at_both_moments():
    films = profile_along.films("smoke", 0, longest=10_000)
    t = np.linspace(-1.5, 1.5, 31)
    found = profile_along.on_and_off(films, t, most=6)
    half, end = L_S.anneal // 2, L_S.anneal
    for arm, one in films.items():
        assert list(found[arm]) == [f"step {half:,}", f"step {end:,}"]
        first, last = (one.step.tolist().index(step) for step in (half, end))
        switching = {}
        for j in range(one.V.shape[2]):  # neuron by neuron, point by point
            rows = [
                [one.V[f, 0, j] + x * one.config.r * one.V[f, 1, j] > 0 for x in t]
                for f in (first, last)
            ]
            ends = [one.V[first, 0, j] + x * one.config.r * one.V[first, 1, j] > 0 for x in (-1, 1)]
            if ends[0] != ends[1]:
                switching[ends[1], -one.V[first, 0, j] / one.V[first, 1, j]] = rows
        then, now = found[arm].values()
        in_order = [switching[place] for place in sorted(switching)]
        assert len(then) == min(6, len(in_order))
        picked = [in_order[i] for i in np.linspace(0, len(in_order) - 1, len(then)).astype(int)]
        assert then.tolist() == [rows[0] for rows in picked]
        assert now.tolist() == [rows[1] for rows in picked]
        assert (then[:, 5] != then[:, 25]).all()  # t = -1 and 1


def test_neurons_that_stay_between_the_rays_one_by_one():
    r, frames = 0.4, 3
    weights = np.random.default_rng(4).normal(size=(frames, 2, 200))
    directions = np.stack([np.ones(3), [-r, 0, r]], axis=1)
    between = np.stack([np.asarray(rays.kinked(V, directions)) for V in weights])
    then = still = 0
    for j in range(200):
        signs = [
            [weights[k, 0, j] + side * r * weights[k, 1, j] > 0 for side in (-1, 1)] for k in (0, 2)
        ]
        was, is_now = signs[0][0] != signs[0][1], signs[1][0] != signs[1][1]
        then += was
        still += was and is_now
    assert 0 < still < then
    assert profile_along.kept(between, 0, 2) == pytest.approx(still / then)
    assert profile_along.kept(between, 1, 1) == 1
    assert profile_along.kept(np.zeros((2, 5), bool), 0, 1) == 0


def test_noise_floor_of_drawn_networks():
    r, tau0, s = 0.1, 3.0, 8.0
    a, b = tau0 * np.random.default_rng(2).normal(size=(2, 1_000_000))
    relu = lambda x: np.maximum(x, 0)  # noqa: E731
    kink = relu(a - b * r) + relu(a + b * r) - 2 * relu(a)
    drawn = s * np.sqrt((kink**2).mean())  # of a sum with weights +-1/sqrt(m)
    assert pattern_memory.noise_floor(r, tau0, s) == pytest.approx(drawn, rel=0.03)


def test_memory_against_simulated_neurons():
    # neurons that only diffuse, pulls that stay as they are, the paper's update step by step
    rng, r, decay, m = np.random.default_rng(3), 0.4, 0.01, 20_000
    rays = np.array([[1, -r], [1, 0], [1, r]])
    pulls = {"balanced": np.array([-0.25, 0.5, -0.25]), "one_sided": np.full(3, 1 / 3)}
    noise = rng.normal(size=(m, 2))
    signal = {name: np.zeros((m, 2)) for name in pulls}
    found = {name: [] for name in pulls}
    for step in range(900):
        active = noise @ rays.T > 0
        for name, pull in pulls.items():
            signal[name] = (1 - decay) * signal[name] + decay * (active * pull) @ rays
        spread = np.sqrt(decay * (2 - decay))
        noise = (1 - decay) * noise + spread * rng.normal(size=(m, 2))
        if step >= 600:
            active = noise @ rays.T > 0
            for name in pulls:
                on_rays = (active * (signal[name] @ rays.T)).mean(axis=0)
                found[name].append(on_rays @ [1, -2, 1])
    for name, pull in pulls.items():
        assert pattern_memory.memory(r, pull) == pytest.approx(np.mean(found[name]), rel=0.06)


def test_orders_in_r():
    for function, order in ((pattern_memory.balanced, 3), (pattern_memory.one_sided, 2)):
        slope = np.log(function(2e-3) / function(1e-3)) / np.log(2)
        assert slope == pytest.approx(order, abs=0.02)


def test_pull_is_the_mean_slope():
    margin = np.array([0.3, 2.0])
    loss, slope = np.log1p(np.exp(-margin)), 1 / (1 + np.exp(margin))
    found = pattern_memory.pull_on_q(loss[0], loss[1], 0.25, 0.6)
    assert found == pytest.approx(0.25 * slope[0] + 0.6 * slope[1], rel=1e-12)


def test_the_prediction_is_the_memory_of_a_pull_that_is_up_on_z_and_down_beside_it():
    pull = 0.3 * np.array([-0.25, 0.5, -0.25])
    wanted = 8.0**2 / 1e-3 * abs(pattern_memory.memory(0.1, pull))
    assert pattern_memory.predicted(0.1, 1e-3, 8.0, 0.3) == pytest.approx(wanted)


def test_films_of_a_profile():
    made = profile_along.films("smoke", 0, longest=50)
    assert made["S"].step[-1] == 50
    names = ["start", "end of large rate", "end"]
    assert list(profile_along.moments(made["L-S"])) == names
    assert list(profile_along.moments(made["S"])) == ["start", "end"]
    assert made["L-S"].step[profile_along.moments(made["L-S"])[names[1]]] == L_S.anneal
    assert profile_along.kinked_table(made)["steps"].tolist()[-1] == "0 to 50"
    longer = profile_along.films("smoke", 0, longest=300)
    assert {0, L_S.anneal, L_S.total_steps} <= set(longer["S"].step.tolist())
    table = profile_along.kinked_table(longer)
    assert table["arm"].tolist() == ["L-S", "L-S", "S", "S", "S"]
    assert table["steps"].tolist()[-2:] == ["80 to 200", "200 to 300"]
    assert table["rate"].tolist() == ["0.35", "0.02", "0.02", "0.02", "0.02"]
    assert profile_along.largest(made) > 0


@pytest.mark.parametrize(
    "settings",
    [{}, {"batch": 4}, {"momentum": 0.9}, {"preactivation_noise": 1.0, "preactivation_until": 50}],
)
def test_a_film_is_of_the_run_that_its_configuration_means(settings):
    [config] = ToyConfig.expand("smoke", seeds=[3], arms=["S"], steps=60, **settings)
    [record] = experiment.run([config], progress=False)
    film = profile_along.film(config, frames=5)
    along, across = film.V[-1].astype(float)
    v = np.asarray(output_weights(len(along)))
    left, middle, right = (v @ np.maximum(along + t * config.r * across, 0) for t in (-1, 0, 1))
    seen = config.s * abs(left + right - 2 * middle)
    assert seen == pytest.approx(record.history.nonlinearity.iloc[-1], rel=1e-3, abs=1e-4)


def test_patterns_of_a_film_that_ends_before_annealing():
    found = profile_along.on_and_off(profile_along.films("smoke", 0, longest=40), [-1, 0, 1])
    assert [list(moments) for moments in found.values()] == [["step 20", "step 40"]] * 2


def test_a_rate_that_is_lowered_by_a_fifth_is_lowered():
    [config] = ToyConfig.expand("smoke", seeds=[0], arms=["L-S"], eta1=0.1, eta2=0.08)
    rate, V = np.array([0.1, 0.1, 0.08, 0.08]), np.zeros((4, 2, 4))
    psi, between = np.zeros(3), np.zeros((4, 4), bool)
    film = profile_along.Film(config, np.arange(4), rate, psi, np.zeros((4, 3)), between, V)
    assert profile_along.moments(film) == {"start": 0, "end of large rate": 2, "end": 3}


def test_a_film_of_no_step_is_refused_in_a_sentence():
    with pytest.raises(ConfigError, match="longest = 0 leaves S without a step"):
        profile_along.films("smoke", 0, longest=0)


def test_a_film_that_diverges_has_no_later_frames():
    [config] = ToyConfig.expand("smoke", seeds=[0], arms=["S"], tau0_v=1e37, paired_v=False)
    with pytest.raises(FloatingPointError, match="diverged at step 0"):
        profile_along.film(config, frames=6, directions=11)


def test_films_of_a_profile_that_anneals_by_the_loss_are_refused():
    with pytest.raises(ConfigError, match="in advance"):
        profile_along.films("paper", 0, 100)
