r"""What the theory leaves out: one step of descent with any of the toy's variants switched on.

A plain run never comes here: it takes ``descent.one_step``, which is the same step with all of this
switched off, and faster. Which parts there are is a ``Variant``, known when the step is compiled;
how strong they are is in the ``Rule``.

Noise before the relu breaks homogeneity: with g_ij ~ N(0, sigma^2) added for example i, neuron j,

    N_V(x2_i) = sum_j v_j relu(scale_i <V_j, ray_i> + g_ij)
    d N_V(x2_i) / d V_j = v_j 1(scale_i <V_j, ray_i> + g_ij > 0) scale_i ray_i

so V meets as many inputs as there are examples, unless they share g and have one length.
"""

import functools
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lrbook.toy import descent, rays
from lrbook.toy.data import Examples
from lrbook.toy.descent import Problem, Rule, State
from lrbook.toy.network import logistic_loss, output_weights, relu_part
from lrbook.toy.noise import normals, threefry
from lrbook.toy.rays import Prepared

OUTPUT, BATCH, PREACTIVATION = range(1, 4)  # streams of random numbers besides xi's own


class Variant(NamedTuple):
    """Which variants are on: what a program is compiled for.

    Attributes:
        convolutional: one set of filters, W, reads both parts; V is W in the plane of Q.
        train_output: the output weights w and v are trained too.
        momentum: heavy ball.
        batch: number of examples drawn per step; 0 for all.
        preactivation: no noise before V's relu, one draw per neuron for all examples, that on
            examples whose x2 have one length, or one draw per neuron and example.
    """

    convolutional: bool = False
    train_output: bool = False
    momentum: bool = False
    batch: int = 0
    preactivation: Literal["none", "shared", "shared, one length", "own"] = "none"


PLAIN = Variant()


class Weights(NamedTuple):
    """All weights of the network: W (m_w, d), V (2, m_v), and the output weights w and v."""

    W: jax.Array
    V: jax.Array
    w: jax.Array
    v: jax.Array


class Full(NamedTuple):
    """Gradient of the training loss; W's in two parts, as in ``rays.Gradient``."""

    W_p_only: jax.Array
    W_both: jax.Array
    V: jax.Array
    w: jax.Array
    v: jax.Array


def weights(state: State) -> Weights:
    """The weights in ``state``; the output weights are the fixed ones unless they are trained."""
    if "w" in state.extra:
        return Weights(state.W, state.V, state.extra["w"], state.extra["v"])
    return Weights(state.W, state.V, output_weights(len(state.W)), output_weights(len(state.V[0])))


def on_rays(weights: Weights, directions: jax.Array) -> jax.Array:
    """``rays.on_rays`` with any output weights: N_V at the three ``directions`` (3, 2)."""
    before_relu = rays.before_relu(weights.V, directions)
    return jnp.stack([(jax.nn.relu(before) * weights.v).sum() for before in before_relu])


def outputs(
    weights: Weights, examples: Examples, directions: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """``rays.outputs`` with any output weights: N_W (n_p,) and N_V (n_q,)."""
    on_x1 = relu_part(weights.w, weights.W, examples.x1)
    return on_x1, on_rays(weights, directions) @ rays.placement(examples)


def network(weights: Weights, examples: Examples, directions: jax.Array) -> jax.Array:
    """``rays.network`` with any output weights: f of every example, shape (n,)."""
    on_x1, on_x2 = outputs(weights, examples, directions)
    return jnp.pad(on_x1, (0, examples.q_only)) + jnp.pad(on_x2, (examples.p_only, 0))


def trained(variant: Variant) -> tuple[str, ...]:
    """Which weights follow a gradient of their own; in the convolutional network V is W's image."""
    own = ("W",) if variant.convolutional else ("W", "V")
    return own + tuple(name.lower() for name in own) if variant.train_output else own


def extra_names(variant: Variant) -> list[str]:
    """What the state of such a run holds besides W and V."""
    velocities = [f"velocity_{name}" for name in trained(variant)] if variant.momentum else []
    return (["w", "v"] if variant.train_output else []) + velocities


def first_extra(variant: Variant, problem: Problem) -> dict[str, jax.Array] | tuple[()]:
    """``State.extra`` before the first step: output weights, velocities at rest."""
    start = weights(descent.first_state(problem, 0))._asdict()
    return {
        name: jnp.zeros_like(start[name.removeprefix("velocity_")]) if "_" in name else start[name]
        for name in extra_names(variant)
    } or ()


def stream(key: jax.Array, number: int) -> jax.Array:
    """The key of another stream of random numbers, from the two words of ``noise_key``."""
    # the second counter word is a step elsewhere, and no step is as large as this
    first = jnp.full((1,), number, jnp.uint32)
    return jnp.concatenate(threefry(key, first, jnp.full_like(first, 2**32 - 1)))


def drawn(key: jax.Array, step: jax.Array, batch: int, n: int) -> jax.Array:
    """Each example's share in the mini-batch of a step, shape (n,), summing to 1.

    ``batch`` examples are drawn evenly (up to n / 2^32) and with replacement, so the shares are
    unbiased for 1/n.
    """
    index = jnp.arange(batch, dtype=jnp.uint32)
    words, _ = threefry(stream(key, BATCH), index, jnp.full_like(index, step))
    return jnp.zeros(n).at[words % np.uint32(n)].add(1 / batch)


def loss_and_gradient(
    weights: Weights,
    train: Prepared,
    directions: jax.Array,
    share: jax.Array,
    add: jax.Array | None = None,
    one_length: jax.Array | None = None,
) -> tuple[jax.Array, Full]:
    """Training loss of all examples, and the gradient of the mini-batch's, by all weights.

    Args:
        weights: the weights.
        train: the training examples.
        directions: Q's three rays in their plane, shape (3, 2).
        share: each example's share in the gradient, shape (n,); 1/n each for the full batch.
        add: what is added before V's relu, shape (m_v,) or (n_q, m_v); None adds nothing.
        one_length: the length of all x2, where they have one and share ``add``; else None.
    """
    W, V, w, v = weights
    n, p_only = train.y.shape[0], train.x1_p_only.shape[0]
    n_p = p_only + train.x1_both.shape[0]
    if add is None:  # homogeneous: three inputs serve examples of any length
        inputs, places = directions, train.places
    elif one_length is not None:
        inputs, places = one_length * directions, train.places / one_length
    else:
        inputs, places = train.places.T @ directions, None
    before_w = [W @ x1_T for x1_T in (train.x1_p_only_T, train.x1_both_T)]
    before_v = inputs[:, :1] * V[0] + inputs[:, 1:] * V[1] + (0.0 if add is None else add)
    after_w, after_v = [jax.nn.relu(before) for before in before_w], jax.nn.relu(before_v)
    on_x2 = after_v @ v if places is None else (after_v @ v) @ places
    on_x1 = jnp.concatenate([w @ after for after in after_w])
    f = jnp.pad(on_x1, (0, n - n_p)) + jnp.pad(on_x2, (p_only, 0))

    slope = -train.y * jax.nn.sigmoid(-train.y * f) * share  # d loss / d f
    slopes = (slope[:p_only], slope[p_only:n_p])
    to_w = [
        jnp.where(before > 0, part * w[:, None], 0.0)
        for before, part in zip(before_w, slopes, strict=True)
    ]
    to_inputs = slope[p_only:] if places is None else places @ slope[p_only:]
    to_v = jnp.where(before_v > 0, to_inputs[:, None] * v, 0.0)
    return logistic_loss(train.y, f).mean(), Full(
        W_p_only=to_w[0] @ train.x1_p_only,
        W_both=to_w[1] @ train.x1_both,
        V=inputs.T @ to_v,
        w=sum(after @ part for after, part in zip(after_w, slopes, strict=True)),
        v=to_inputs @ after_v,
    )


def _at(variant: Variant, state: State, problem: Problem, rule: Rule, train: Prepared):
    """Loss and gradient as the step from ``state`` sees them: mini-batch, noise and all."""
    n, key, now = train.y.shape[0], problem.noise_key, weights(state)
    share = drawn(key, state.step, variant.batch, n) if variant.batch else jnp.full(n, 1 / n)
    look = functools.partial(loss_and_gradient, now, train, problem.rays, share)
    if variant.preactivation == "none":
        return look()

    def noisy() -> tuple[jax.Array, Full]:
        shape = (
            (train.places.shape[1], len(now.v)) if variant.preactivation == "own" else now.v.shape
        )
        xi = normals(stream(key, PREACTIVATION), state.step, int(np.prod(shape))).reshape(shape)
        one_length = problem.s if variant.preactivation == "shared, one length" else None
        return look(rule.preactivation * xi, one_length)

    return jax.lax.cond(state.step < rule.preactivation_until, noisy, look)


def one_step(
    variant: Variant, state: State, problem: Problem, rule: Rule, train: Prepared
) -> tuple[State, jax.Array]:
    """As ``descent.one_step``, with the variants of ``variant``.

    The annealing rule looks at the loss of all training examples, with the noise before the relu.
    """
    loss, gradient = _at(variant, state, problem, rule, train)
    fires = (state.step < state.annealed) & (loss < rule.anneal_below)
    go_on = ~fires & jnp.isfinite(loss)
    annealed = jnp.where(fires, state.step, state.annealed)
    eta = jnp.where(go_on, descent.rate(state, rule), 0.0)

    xi = _xi(variant, state, problem)
    to = {"W": gradient.W_p_only + gradient.W_both, "V": gradient.V}
    to |= {"w": gradient.w, "v": gradient.v}
    if variant.convolutional:  # both parts of x pull at one set of filters
        to |= {"W": to["W"] + gradient.V.T @ problem.plane, "w": gradient.w + gradient.v}
    decay = {"W": rule.lam_w, "V": rule.lam_v, "w": rule.lam_w, "v": rule.lam_v}
    width = {"W": rule.tau_xi_w, "V": rule.tau_xi_v, "w": rule.tau_xi_w, "v": rule.tau_xi_v}
    unit = {"W": 1.0, "V": 1.0, "w": rule.unit_w, "v": rule.unit_v}
    after, extra = weights(state)._asdict(), dict(state.extra)
    for name in trained(variant):
        # an output weight moves as u / unit does, which is trained in its place
        ahead = unit[name] ** 2 * to[name] + unit[name] * width[name] * xi[name]
        ahead = ahead + decay[name] * after[name]
        if variant.momentum:
            ahead = ahead + rule.momentum * extra[f"velocity_{name}"]
            extra[f"velocity_{name}"] = jnp.where(go_on, ahead, extra[f"velocity_{name}"])
        after[name] = after[name] - eta * ahead
    if variant.convolutional:
        after |= {"V": problem.plane @ after["W"].T, "v": after["w"]}
    if variant.train_output:
        extra |= {name: after[name] for name in ("w", "v")}
    work = descent.add_work(state, eta, gradient)
    step = state.step + go_on
    return State(step, annealed, after["W"], after["V"], *work, extra or ()), go_on


def _xi(variant: Variant, state: State, problem: Problem) -> dict[str, jax.Array]:
    """The noise on each gradient; on W's and V's the same as without variants."""
    split = 0 if variant.convolutional else state.V.size
    xi = normals(problem.noise_key, state.step, split + state.W.size)
    found = {"W": xi[split:].reshape(state.W.shape), "V": xi[:split].reshape(-1, state.V.shape[1])}
    if variant.train_output:
        m_w, m_v = len(state.extra["w"]), len(state.extra["v"])
        xi = normals(stream(problem.noise_key, OUTPUT), state.step, m_w + m_v)
        found |= {"w": xi[:m_w], "v": xi[m_w:]}
    return found


def full_gradient(state: State, problem: Problem) -> Full | rays.Gradient:
    """Gradient of the training loss at ``state``: all examples, no noise before the relu."""
    train = rays.prepare(problem.train)
    if state.extra == ():
        return rays.loss_and_gradient(state.W, state.V, train, problem.rays)[1]
    n = train.y.shape[0]
    return loss_and_gradient(weights(state), train, problem.rays, jnp.full(n, 1 / n))[1]


def step_of(variant: Variant) -> Callable:
    """The step of a run: ``descent.one_step`` where nothing is on."""
    return descent.one_step if variant == PLAIN else functools.partial(one_step, variant)
