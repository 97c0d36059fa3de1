"""Signal and noise against a NumPy loop in double precision, and against the run itself."""

import jax
import numpy as np
import pandas as pd
import pytest
from plain_toy import plain_x1

from lrbook.toy import decomposition, descent, stationarity, tasks
from lrbook.toy.config import ToyConfig
from lrbook.toy.identities import identities
from lrbook.toy.noise import normals


def small(arm="L-S", **settings):
    settings = {"anneal": 30, "steps_ls": 60, "steps": 60, "lam": 0.01, "lam_w": 0.02} | settings
    return ToyConfig.for_profile("smoke", **{"arm": arm, "seed": 3} | settings)


def run(config, steps):
    problem, rule = tasks.make_problem(config), tasks.make_rule(config)
    split = decomposition.first_split(tasks.make_state(config, problem))
    split, arrived = decomposition.advance(split, np.int32(steps), problem, rule)
    assert bool(arrived)
    return split, problem, rule


def apart(got, want):
    """Largest difference, relative to the largest entry."""
    assert got.shape == want.shape
    return np.abs(got - want).max() / np.abs(want).max()


def numpy_loop(config, problem, rule, steps):
    """Ubar and Utilde of W and V from scratch: example by example, in float64."""
    x1 = np.asarray(plain_x1(problem.train), float)
    rays, y = np.asarray(problem.rays, float), np.asarray(problem.train.y, float)
    x2 = np.zeros((len(y), 2))
    on = np.asarray(problem.train.ray)
    x2[len(y) - len(on) :] = np.asarray(problem.train.scale, float)[:, None] * rays[on]
    noise = {"W": np.asarray(problem.W, float), "V": np.asarray(problem.V, float).T}
    signal = {name: np.zeros_like(value) for name, value in noise.items()}
    lam = {"W": config.lam_w, "V": config.lam}
    tau_xi = {"W": float(rule.tau_xi_w), "V": float(rule.tau_xi_v)}
    for step in range(steps):
        eta = config.eta1 if config.arm == "L-S" and step < config.anneal else config.eta2
        U = {name: signal[name] + noise[name] for name in noise}
        f = np.zeros(len(y))
        for name, x in (("W", x1), ("V", x2)):
            out = np.repeat([1, -1], len(U[name]) // 2) / np.sqrt(len(U[name]))
            f += np.maximum(x @ U[name].T, 0) @ out
        xi = np.asarray(normals(problem.noise_key, np.int32(step), U["V"].size + U["W"].size))
        drawn = {"V": xi[: U["V"].size].reshape(2, -1).T}
        drawn["W"] = xi[U["V"].size :].reshape(U["W"].shape)
        for name, x in (("W", x1), ("V", x2)):
            out = np.repeat([1, -1], len(U[name]) // 2) / np.sqrt(len(U[name]))
            gradient = np.zeros_like(U[name])
            for i in range(len(y)):
                active = (U[name] @ x[i] > 0) * out
                gradient -= y[i] / (1 + np.exp(y[i] * f[i])) / len(y) * np.outer(active, x[i])
            decay = 1 - eta * lam[name]
            signal[name] = decay * signal[name] - eta * gradient
            noise[name] = decay * noise[name] - eta * tau_xi[name] * drawn[name]
    return signal, noise


@pytest.mark.parametrize("arm", ["L-S", "S"])
def test_parts_are_those_of_a_plain_loop_through_the_annealing_step(arm):
    config = small(arm, m_v=16, m_w=4)
    split, problem, rule = run(config, 50)
    signal, noise = numpy_loop(config, problem, rule, 50)
    assert np.abs(signal["V"]).max() > 0.01
    for name, turn in (("W", False), ("V", True)):
        pairs = ((f"signal_{name}", signal[name], 1e-3), (f"noise_{name}", noise[name], 1e-5))
        for field, want, tolerance in pairs:
            got = np.asarray(getattr(split, field))
            assert apart(got.T if turn else got, want) < tolerance, field


@pytest.mark.parametrize("arm", ["L-S", "S"])
def test_parts_add_up_to_the_weights_of_the_run(arm):
    config = small(arm)
    split, problem, rule = run(config, 60)
    whole = jax.jit(descent.advance)(tasks.make_state(config, problem), np.int32(60), problem, rule)
    assert int(whole.step) == 60
    for part, U in (("W", whole.W), ("V", whole.V)):
        total = np.asarray(getattr(split, f"signal_{part}") + getattr(split, f"noise_{part}"))
        assert apart(total, np.asarray(U)) < 3e-5
    assert decomposition.measure(split, problem)["gap"] < 1e-4


def test_tracked_width_is_the_closed_form_within_its_sampling_error():
    at = [0, 10, 30, 60]
    config = small(m_v=4096, paired_v=False, lam=0.1)
    found = decomposition.track(config, at)
    assert found.step.tolist() == at
    assert found.noise_v.to_numpy() == pytest.approx(found.expected_v, rel=5 / np.sqrt(4 * 4096))
    assert found.expected_v[:3].to_numpy() == pytest.approx(config.tau0_v)  # Assumption 3.1
    assert found.expected_v[3] < 0.95 * config.tau0_v  # and not at the small rate
    assert found.expected_w[:3].to_numpy() == pytest.approx(config.tau0_w)
    assert found.noise_w.to_numpy() == pytest.approx(found.expected_w, rel=5 / np.sqrt(2 * 80))


def test_runs_side_by_side_are_those_one_by_one_and_in_order():
    configs = [small(arm, seed=seed) for seed in (1, 2) for arm in ("L-S", "S")]
    for config, found in zip(configs, decomposition.track_all(configs, [10, 60]), strict=True):
        alone = decomposition.track(config, [10, 60])
        pd.testing.assert_frame_equal(found, alone, check_exact=True)


def test_widths_and_gap_of_parts_made_by_hand():
    config = small(m_v=8, m_w=2)
    problem = tasks.make_problem(config)
    state = tasks.make_state(config, problem)
    parts = {
        "signal_W": np.full(state.W.shape, 3.0),
        "signal_V": np.full(state.V.shape, 1.0),
        "noise_W": np.full(state.W.shape, 1.0),
        "noise_V": np.full(state.V.shape, 4.0),
    }
    parts["signal_W"][0] = -4.0  # mean square (9 + 16) / 2
    W, V = parts["signal_W"] + parts["noise_W"], parts["signal_V"] + parts["noise_V"]
    W[1, 2] += 0.5  # one entry of U is not the sum of its parts
    split = decomposition.Split(state._replace(W=W, V=V), **parts)
    found = decomposition.measure(split, problem)
    widths = [found[name] for name in ("signal_w", "signal_v", "noise_w", "noise_v")]
    assert widths == pytest.approx([np.sqrt(12.5), 1, 1, 4])
    assert found["gap"] == pytest.approx(0.5 / np.sqrt((W**2).mean()))


def test_the_width_at_the_small_rate_settles_where_it_should():
    eta, lam, tau_xi = 0.02, 0.1, 3.0
    late = stationarity.noise_std(100_000, eta, lam, tau_xi, 50.0)
    assert stationarity.settled_std(eta, lam, tau_xi) == pytest.approx(float(late))
    # Assumption 3.1 read backwards: at eta1 it settles at tau0
    xi = descent.stationary_noise(0.3, lam, 7.0)
    assert stationarity.settled_std(0.3, lam, xi) == pytest.approx(7.0)


def test_fresh_noise_reaches_the_width_it_is_asked_for():
    steps = stationarity.fresh_noise_steps(0.1, 2.0, 3.0)
    assert stationarity.noise_std(steps, 0.1, 0.0, 2.0, 0.0) == pytest.approx(3.0)


def test_tracking_goes_on_after_the_loss_rule_has_fired():
    config = small(anneal="loss", eps1=0.4, steps_ls=400, noise=0.0)
    found = decomposition.track(config, [0, 400])
    assert found.step.tolist() == [0, 400]
    assert found.expected_v[1] < config.tau0_v


def test_kinks_kept_counts_neurons_that_switch_between_the_outer_rays():
    config = small(m_v=8, m_w=2)
    split, problem, _ = run(config, 0)
    r = float(problem.rays[2, 1])
    V = np.array([[0.5 * r, -0.5 * r, 2 * r, 1.0], [1.0, 1.0, 1.0, 0.0]], np.float32)
    V = np.concatenate([V, V], axis=1)
    moved = V.copy()
    moved[0, 0] = 3 * r  # one of the four leaves the band
    start, later = problem._replace(V=V), split.state._replace(V=moved)
    assert decomposition.measure(split._replace(state=later), start)["kinks_kept"] == 0.75
    none = start._replace(V=later.V * 0 + np.array([[1.0], [0.0]]))  # all on at all of Q
    assert np.isnan(decomposition.measure(split, none)["kinks_kept"])


def test_neurons_that_come_between_the_rays_are_not_counted_as_kept():
    config = small(m_v=8, m_w=2)
    split, problem, _ = run(config, 0)
    r = float(problem.rays[2, 1])
    then = np.array([[0.5 * r, -0.5 * r, 2 * r, 2 * r], [1.0, 1.0, 1.0, 1.0]], np.float32)
    now = then.copy()
    now[0] = [0.5 * r, 3 * r, 0.5 * r, -0.5 * r]  # one of two stays, one goes, and two come
    then, now = (np.tile(V, 2) for V in (then, now))  # in pairs
    start, later = problem._replace(V=then), split.state._replace(V=now)
    assert decomposition.measure(split._replace(state=later), start)["kinks_kept"] == 0.5


def test_identities_hold_to_rounding_and_the_control_does_not():
    found = identities(jax.random.key(1)).deviation
    assert found.drop(2).max() < 1e-5
    assert found[2] > 0.1


def test_identities_are_not_kept_by_a_network_with_another_nonlinearity(monkeypatch):
    monkeypatch.setattr(jax.nn, "relu", jax.nn.softplus)
    found = identities(jax.random.key(1)).deviation
    assert (found.drop(1) > 1e-3).all()  # the pattern's linearity does not use the relu


def test_parts_of_a_variant_are_refused():
    [config] = ToyConfig.expand("smoke", seeds=[0], arms=["S"], batch=4)
    with pytest.raises(ValueError, match="leave variants out"):
        decomposition.track(config, [1])


def test_runs_without_a_neuron_between_the_rays_are_counted_in_a_sentence():
    some = pd.DataFrame({"kinks_kept": [1.0, 0.5]})
    none = pd.DataFrame({"kinks_kept": [np.nan, np.nan]})
    assert decomposition.without_kinks({"L-S": [some], "S": [some]}) == ""
    words = decomposition.without_kinks({"L-S": [some, none], "S": [some, some]})
    assert words.startswith("In 1 of 4 runs no neuron of $V$ has its kink between the rays")
    assert "leaves them out" in words
    assert "shows nothing" in decomposition.without_kinks({"L-S": [none], "S": [none]})


def test_steps_that_do_not_rise_are_refused():
    [config] = ToyConfig.expand("smoke", seeds=[0], arms=["S"])
    for at in ([5, 3], [5, 5]):
        with pytest.raises(ValueError, match="has to rise"):
            decomposition.track(config, at)


def test_no_steps_are_refused_and_later_ones_than_the_runs_are_not():
    with pytest.raises(ValueError, match="names no step"):
        decomposition.track(small(), [])
    assert decomposition.track(small(), [3, 70]).step.tolist() == [3, 70]


def test_tracking_is_in_whole_digits_on_a_card_too(monkeypatch):
    asked, plain = [], decomposition.advance

    def spied(*arguments):
        asked.append(jax.config.jax_default_matmul_precision)
        return plain(*arguments)

    monkeypatch.setattr(decomposition, "advance", spied)
    decomposition.track(small(), [1, 2])
    assert asked == ["highest"] * 2
