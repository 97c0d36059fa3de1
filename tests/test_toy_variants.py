"""The variants of the toy's step: against the plain loop, and what each of them must keep."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import plain_toy
import pytest
from toy_loop import FILTERS, MOST, OWN, loop, make, to

from lrbook.errors import ConfigError, RecordError
from lrbook.records import Store
from lrbook.toy import (
    batch,
    data,
    descent,
    experiment,
    four_weights,
    network,
    noise,
    noise_on_v,
    progress,
    rays,
    tasks,
    variants,
)
from lrbook.toy.config import ToyConfig

EACH = {
    "plain": {},
    "momentum": {"momentum": 0.9},
    "batch": {"batch": 4},
    "train_output": {"train_output": True},
    "train_output_small_tau0": {"train_output": True, "tau0_v": 0.1, "lam": 0.01},
    "shared": {"preactivation_noise": 0.4},
    "shared_one_length": {"preactivation_noise": 0.4, "alpha_min": 1.0},
    "own": {"preactivation_noise": 0.4} | OWN,
    "convolutional": FILTERS,
    "convolutional_paired": FILTERS | {"paired_v": True},
    "convolutional_noise": FILTERS | {"preactivation_noise": 0.5} | OWN,
    "fading": {"noise_v": "fading"},
    "example": {"noise_v": "example", "noise": 1.5},
    "steady_example": {"noise_v": "steady_example", "noise": 1.5},
    "no_noise_on_v": {"noise_v": "none"},
    "fading_momentum_outputs": {"noise_v": "fading", "momentum": 0.8, "train_output": True},
    "example_outputs": {"noise_v": "example", "train_output": True},
    "all": MOST,
    "all_own": MOST | OWN,
    "all_convolutional": MOST | FILTERS,
}


@pytest.mark.parametrize("settings", EACH.values(), ids=EACH)
def test_every_variant_is_the_plain_loop(settings):
    made = make(**settings)
    expected = loop(*made, 10)
    state = made[3]
    if not settings:  # the general step with everything off, not the fast one
        _, problem, rule, _ = made
        train = rays.prepare(problem.train)
        step = jax.jit(variants.one_step, static_argnums=0)
        for _ in range(10):
            state, go_on = step(variants.PLAIN, state, problem, rule, train)
            assert go_on
    else:
        state = to(10, *made)
    assert int(state.step) == 10
    for got, wanted in zip(four_weights.weights(state), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=3e-4, atol=3e-4)


def test_a_run_without_variants_has_the_fast_step_and_nothing_extra():
    config, _, _, state = make()
    assert tasks.make_variant(config) == variants.PLAIN
    assert variants.step_of(variants.PLAIN) is descent.one_step
    assert state.extra == ()


def test_the_step_at_which_the_rule_fires_is_not_taken():
    config, problem, rule, state = make("L-S", anneal="loss", momentum=0.5, train_output=True)
    rule = rule._replace(anneal_below=np.float32(np.inf))
    one, train = tasks.make_variant(config), rays.prepare(problem.train)
    step = jax.jit(variants.one_step, static_argnums=0)
    after, go_on = step(one, state, problem, rule, train)
    assert not go_on
    assert int(after.annealed) == int(after.step) == 0
    for name, value in {"W": state.W, "V": state.V, **state.extra}.items():
        now = after.extra[name] if name in after.extra else getattr(after, name)
        assert np.array_equal(now, value), name


def test_noise_before_the_relu_is_gone_from_its_last_step_on():
    """From the removal on, the steps are those of a run that never had it."""
    config, problem, rule, state = make(preactivation_noise=0.5, preactivation_until=4)
    at = to(4, config, problem, rule, state)
    end = to(9, config, problem, rule, at)
    plain = make()
    same = to(9, *plain[:3], at)
    np.testing.assert_allclose(end.W, same.W, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(end.V, same.V, rtol=1e-5, atol=1e-5)
    assert np.abs(at.V - to(4, *plain).V).max() > 1e-3


def test_shared_noise_on_one_length_is_that_on_examples_one_by_one():
    config, problem, rule, state = make(alpha_min=1.0, preactivation_noise=0.4)
    fast = tasks.make_variant(config)
    assert fast.preactivation == "shared, one length"
    train = rays.prepare(problem.train)
    by_example = fast._replace(preactivation="shared")
    step = jax.jit(variants.one_step, static_argnums=0)
    one, other = (step(kind, state, problem, rule, train)[0] for kind in (fast, by_example))
    np.testing.assert_allclose(one.V, other.V, rtol=1e-5, atol=1e-6)


def test_mini_batches_are_unbiased_and_of_the_right_spread():
    """The shares are those of a multinomial: mean 1/n, variance (1 - 1/n) / (n batch)."""
    n, size, steps = 12, 4, 20_000
    key = jnp.array([3, 7], jnp.uint32)
    shares = np.asarray(
        jax.jit(jax.vmap(lambda step: variants.drawn(key, step, size, n)))(jnp.arange(steps))
    )
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-6)
    variance = (1 - 1 / n) / (n * size)
    error = math.sqrt(variance / steps)
    np.testing.assert_allclose(shares.mean(0), 1 / n, atol=5 * error)
    np.testing.assert_allclose(shares.var(0), variance, rtol=0.1)


def test_the_noise_of_an_example_is_that_of_a_mini_batch_of_one():
    """With the full gradient before it, V steps as it does on one drawn example."""
    quiet = {"lam_w": 0.0, "tau0_w": 0.0}  # then W has no noise in either
    with_noise, batched = make(noise_v="example", **quiet), make(batch=1, noise=0.0, **quiet)
    one, other = (to(1, *made) for made in (with_noise, batched))
    np.testing.assert_allclose(one.V, other.V, rtol=1e-5, atol=1e-6)
    assert np.abs(one.V - to(1, *make(noise=0.0, **quiet)).V).max() > 1e-2


def test_noise_that_fades_is_whole_at_the_start_and_gone_where_all_is_fitted():
    _, problem, _, state = make(paired_v=True, tau0_w=0.0)
    train = rays.prepare(problem.train)
    now = four_weights.weights(state)
    f = four_weights.network(now, problem.train, problem.rays)
    np.testing.assert_allclose(f, 0, atol=1e-4)
    start = noise_on_v.slopes(now, train, problem.rays)
    np.testing.assert_allclose(start, 0.5, rtol=1e-4)
    assert float(noise_on_v.faded(start, train)) == pytest.approx(1, rel=1e-4)
    only_p_is_left = jnp.where(jnp.arange(len(train.y)) < train.x1_p_only.shape[0], 0.5, 0.0)
    assert float(noise_on_v.faded(only_p_is_left, train)) == 0


def test_a_run_without_noise_is_the_plain_one_whatever_its_kind():
    config = make(noise=0.0, noise_v="steady_example")[0]
    assert tasks.make_variant(config) == variants.PLAIN
    assert "noise_v" in config.unread


def test_mini_batch_gradient_is_the_full_one_on_average():
    config, problem, _, state = make(batch=3)
    train, now, steps = rays.prepare(problem.train), four_weights.weights(state), 4000

    def gradient(share):
        return four_weights.loss_and_gradient(now, train, problem.rays, share)[1]

    full = jax.jit(gradient)(jnp.full(config.n, 1 / config.n))
    shares = jax.vmap(lambda step: variants.drawn(problem.noise_key, step, 3, config.n))
    each = jax.jit(jax.vmap(gradient))(jax.jit(shares)(jnp.arange(steps)))
    # the loss is that of all examples, whichever were drawn
    f = np.asarray(four_weights.network(now, problem.train, problem.rays), float)
    drawn = variants.drawn(problem.noise_key, 0, 3, config.n)
    loss, _ = four_weights.loss_and_gradient(now, train, problem.rays, drawn)
    losses = np.log1p(np.exp(-np.asarray(problem.train.y) * f))
    assert float(loss) == pytest.approx(losses.mean(), rel=1e-5)
    for mine, whole in zip(each, full, strict=True):
        spread = np.asarray(mine).std(0) / math.sqrt(steps)
        assert np.all(np.abs(np.asarray(mine).mean(0) - whole) <= 6 * spread + 1e-6)


def test_convolutional_gradient_is_that_of_the_network_written_out():
    config, problem, _, state = make(**FILTERS)
    plane = problem.plane
    x1 = plain_toy.plain_x1(problem.train)
    x2 = data.plain_x2(problem.train, plane[0], config.r * plane[1])
    u = network.output_weights(config.m_w)

    def loss(U):
        f = network.relu_part(u, U, x1) + network.relu_part(u, U, x2)
        return network.logistic_loss(problem.train.y, f).mean()

    found = jax.jit(four_weights.full_gradient)(state, problem)
    total = found.W_p_only + found.W_both + found.V.T @ plane
    np.testing.assert_allclose(total, jax.jit(jax.grad(loss))(state.W), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(plane @ plane.T, np.eye(2), atol=1e-6)


def test_streams_differ_from_each_other_and_from_the_noise_of_every_step():
    key = jnp.array([1, 2], jnp.uint32)
    numbers = (variants.OUTPUT, variants.BATCH, variants.PREACTIVATION)
    keys = [np.asarray(key), *(np.asarray(variants.stream(key, k)) for k in numbers)]
    drawn = [np.asarray(noise.normals(jnp.asarray(k), 5, 1000)) for k in keys]
    for one, other in itertools.combinations(drawn, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.15


@pytest.mark.parametrize("settings", [MOST, MOST | OWN, MOST | FILTERS], ids=["m", "own", "conv"])
def test_a_resumed_variant_is_the_unbroken_one(settings, tmp_path):
    until = {"preactivation_until": 50, "steps": 90, "steps_ls": 90, "anneal": 40}
    config = make(arm="L-S", **(settings | until))[0]
    [whole] = experiment.run([config], None, device="cpu", progress=False)
    run = progress.Progress(config)
    calls = []

    def pause(runs, taken):
        calls.append(taken)
        return len(calls) > 4

    batch.advance_all([run], jax.devices("cpu")[0], how="map", pause=pause)
    assert 0 < run.step < 90
    store = Store(tmp_path)
    store.start(config, {})
    store.save_checkpoint(config, progress.pack(run))
    [resumed] = experiment.run([config], store, device="cpu", progress=False)
    for name in whole.history:
        assert (
            whole.history[name].to_numpy().tobytes() == resumed.history[name].to_numpy().tobytes()
        )
    assert resumed.result == whole.result
    with pytest.raises(RecordError, match="not one of this run"):  # one without its velocities
        progress.unpack(config, progress.pack(progress.Progress(config, run.rows, make()[3])))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"preactivation_noise": 1.0}, ("preactivation_noise", "preactivation_until", "both")),
        ({"preactivation_until": 9}, ("preactivation_noise", "preactivation_until")),
        ({"preactivation_shared": False}, ("preactivation_shared", "preactivation_noise")),
        ({"momentum": 1.0}, ("momentum = 1.0",)),
        ({"momentum": -0.1}, ("momentum = -0.1",)),
        ({"batch": -1}, ("batch = -1",)),
        ({"noise_v": "pink"}, ("noise_v = 'pink'", "steady_example")),
        ({"noise_v": "example", "batch": 4}, ("noise_v = 'example'", "batch = 0", "4")),
        ({"noise_v": "none"} | FILTERS, ("noise_v = 'none'", "network = 'two_halves'")),
        (
            {"noise_v": "fading", "preactivation_noise": 0.3, "preactivation_until": 5},
            ("noise_v = 'fading'", "preactivation_noise = 0"),
        ),
        ({"network": "deep"}, ("network = 'deep'", "convolutional")),
        ({"network": "convolutional"}, ("m_w = 8", "m_v = 2048", "filters")),
    ],
)
def test_combinations_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(ConfigError) as caught:
        ToyConfig.for_profile("demo", arm="S", seed=0, **settings)
    for word in words:
        assert word in str(caught.value)


def test_defaults_leave_run_ids_alone():
    config = ToyConfig.for_profile("laptop", arm="S", seed=1)
    assert set(config.canonical()) == {"experiment", "meaning", "arm", "seed"}
    off = {"momentum": 0.0, "batch": 0, "train_output": False, "network": "two_halves"}
    assert ToyConfig.for_profile("laptop", arm="S", seed=1, **off).run_id == config.run_id


def test_the_convolutional_network_has_no_share_of_gradients():
    """Its W has a gradient from x2 too, which does not come in those parts."""
    for settings in (FILTERS, {}):
        [config] = ToyConfig.expand("smoke", arms=["S"], seeds=[0], steps=20, **settings)
        [record] = experiment.run([config], progress=False)
        shares = record.history[["p_only_gradient_share", "p_only_gradient_share_now"]]
        assert shares.isna().all(axis=None) == bool(settings)
        assert (record.result["p_only_gradient_share"] is None) == bool(settings)
