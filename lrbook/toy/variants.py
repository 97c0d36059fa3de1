r"""What the theory leaves out: one step of descent with any of the toy's variants switched on.

A plain run never comes here: it takes ``descent.one_step``, which is the same step with all of this
switched off, and faster. Which parts there are is a ``Variant``, known when the step is compiled;
how strong they are is in the ``Rule``.
"""

import functools
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from lrbook.toy import descent
from lrbook.toy.descent import Problem, Rule, State
from lrbook.toy.four_weights import Full, loss_and_gradient, weights
from lrbook.toy.noise import normals, threefry
from lrbook.toy.noise_on_v import NoiseOnV, on_v
from lrbook.toy.rays import Prepared

OUTPUT, BATCH, PREACTIVATION = range(1, 4)  # streams of random numbers besides xi's own

Preactivation = Literal["none", "shared", "shared, one length", "own"]


class Variant(NamedTuple):
    """Which variants are on: what a program is compiled for.

    Attributes:
        convolutional: one set of filters, W, reads both parts; V is W in the plane of Q.
        train_output: the output weights w and v are trained too.
        momentum: heavy ball.
        batch: number of examples drawn per step; 0 for all.
        preactivation: no noise before V's relu, one draw per neuron for all examples, that on
            examples whose x2 have one length, or one draw per neuron and example.
        noise_v: the kind of noise on V's gradient (``lrbook.toy.noise_on_v``).
    """

    convolutional: bool = False
    train_output: bool = False
    momentum: bool = False
    batch: int = 0
    preactivation: Preactivation = "none"
    noise_v: NoiseOnV = "gaussian"


PLAIN = Variant()


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


def _at(
    variant: Variant, state: State, problem: Problem, rule: Rule, train: Prepared
) -> tuple[jax.Array, Full]:
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
    added = {name: width[name] * xi[name] for name in trained(variant)}
    if variant.noise_v != "gaussian":
        added["V"] = _on_v(variant, added["V"], state, problem, rule, train)
    after, extra = weights(state)._asdict(), dict(state.extra)
    for name in trained(variant):
        # an output weight moves as u / unit does, which is trained in its place
        ahead = unit[name] ** 2 * to[name] + unit[name] * added[name]
        ahead = ahead + decay[name] * after[name]
        if variant.momentum:
            ahead = ahead + rule.momentum * extra[f"velocity_{name}"]
            extra[f"velocity_{name}"] = jnp.where(go_on, ahead, extra[f"velocity_{name}"])
        after[name] = after[name] - eta * ahead
    if variant.convolutional:
        after |= {"V": problem.plane @ after["W"].T, "v": after["w"]}
    if variant.train_output:
        extra |= {name: after[name] for name in ("w", "v")}
    work = descent.add_work(state, eta, gradient.W_p_only, gradient.W_both)
    step = state.step + go_on
    return State(step, annealed, after["W"], after["V"], *work, extra or ()), go_on


def _on_v(
    variant: Variant,
    gaussian: jax.Array,
    state: State,
    problem: Problem,
    rule: Rule,
    train: Prepared,
) -> jax.Array:
    """The noise on V's gradient where it is not the paper's."""
    share = drawn(problem.noise_key, state.step, 1, train.y.shape[0])
    found = on_v(variant.noise_v, gaussian, weights(state), train, problem.rays, share)
    return rule.noise * found if "example" in variant.noise_v else found


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


def step_of(variant: Variant) -> Callable:
    """The step of a run: ``descent.one_step`` where nothing is on."""
    return descent.one_step if variant == PLAIN else functools.partial(one_step, variant)
