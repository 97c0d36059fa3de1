r"""Noisy gradient descent, and the algorithms L-S and S (Section 3 of the paper).

    U_{t+1} = (1 - gamma_t lambda) U_t - gamma_t (grad L(U_t) + xi_t),   xi_t ~ N(0, tau_xi^2)

One program serves every arm, seed and rate: they are arguments, only the shapes are compiled in.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from lrbook.toy import data, network, rays
from lrbook.toy.noise import normals

Scalar = jax.Array | np.number | float
NEVER = 2**31 - 1  # the step of an annealing that has not happened


class Problem(NamedTuple):
    """What a run is given: all that does not change from step to step, and does not name the arm.

    Attributes:
        train: the training examples, the same at every step (full batch).
        test: fresh points, each with both parts.
        w_star: P's direction, shape (d,).
        rays: Q's three directions in their plane, shape (3, 2).
        plane: orthonormal basis z, zeta / r of the rays' plane in R^d, shape (2, d).
        s: scale of x2, a scalar.
        W: initial weights on x1, shape (m_w, d).
        V: initial weights on x2, shape (2, m_v).
        noise_key: two words, uint32, shape (2,).
    """

    train: data.Examples
    test: data.Examples
    w_star: jax.Array
    rays: jax.Array
    plane: jax.Array
    s: jax.Array
    W: jax.Array
    V: jax.Array
    noise_key: jax.Array


class Rule(NamedTuple):
    """What distinguishes the arms: rates, decays, noise and the annealing rule; all scalars.

    Attributes:
        eta1: rate before annealing.
        eta2: rate from the annealing step on.
        lam_w: decay of W.
        lam_v: decay of V.
        tau_xi_w: standard deviation of the noise on W's gradient.
        tau_xi_v: standard deviation of the noise on V's gradient.
        anneal_below: anneal once the training loss is below this.
        momentum, unit_w, unit_v, noise, preactivation, preactivation_until: for
            ``lrbook.toy.variants``: share of the last direction that is kept; output weight over
            the weight that is trained in its place, for w and v; factor on the noise of single
            examples; standard deviation of the noise before V's relu, and the step (int32) from
            which there is none.
    """

    eta1: Scalar
    eta2: Scalar
    lam_w: Scalar
    lam_v: Scalar
    tau_xi_w: Scalar
    tau_xi_v: Scalar
    anneal_below: Scalar
    momentum: Scalar = 0.0
    unit_w: Scalar = 1.0
    unit_v: Scalar = 1.0
    noise: Scalar = 1.0
    preactivation: Scalar = 0.0
    preactivation_until: Scalar = 0


class State(NamedTuple):
    """What changes from step to step.

    Attributes:
        step: number of steps taken, int32.
        annealed: step from which the rate is eta2, int32; NEVER while that is not known.
        W: weights on x1, shape (m_w, d).
        V: weights on x2, shape (2, m_v).
        work: sums over the steps of rate * norm of W's gradient from the P-only examples and from
            those with both patterns, shape (2,).
        work_rest: what rounding left out of ``work``, shape (2,).
        extra: what variants keep besides: name -> array, or () if nothing.
    """

    step: jax.Array
    annealed: jax.Array
    W: jax.Array
    V: jax.Array
    work: jax.Array
    work_rest: jax.Array
    extra: Any = ()


def stationary_noise(eta: float, lam: float, tau0: float) -> float:
    """tau_xi for which weights of standard deviation tau0 keep it at rate eta (Assumption 3.1).

    Solves (1 - eta lam)^2 tau0^2 + eta^2 tau_xi^2 = tau0^2. Needs eta > 0 and eta lam <= 2.
    """
    decay = eta * lam
    return tau0 * math.sqrt(decay * (2 - decay)) / eta


def annealing_threshold(eps1: float, q_only_share: float) -> float:
    """The paper's rule: L-S anneals once the training loss is below eps1 + q log 2.

    A Q-only example costs log 2 while Q is not fitted; q is their share of the training examples.
    """
    return eps1 + q_only_share * math.log(2)


def make_problem(
    key: jax.Array,
    counts: tuple[int, int, int],
    test_points: int,
    d: int,
    m_w: int,
    m_v: int,
    paired_v: bool,
    convolutional: bool,
    scalars: dict[str, jax.Array],
) -> Problem:
    """Draw data, initial weights and the key of the noise.

    Args:
        key: a JAX key.
        counts: number of P-only, both and Q-only training examples.
        test_points: number of test points.
        d: dimension of x1.
        m_w: number of neurons on x1.
        m_v: number of neurons on x2.
        paired_v: whether V starts in pairs of opposite output weight, with N_V = 0.
        convolutional: whether W reads x2 as well, so that V is W in the rays' plane.
        scalars: r, c, gamma_c, s, alpha_min, tau0_w and tau0_v.
    """
    keys = jax.random.split(key, 6)
    w_star, z, zeta = data.directions(keys[0], d, scalars["r"])
    plane = jnp.stack([z, zeta / jnp.linalg.norm(zeta)])
    shape = {name: scalars[name] for name in ("c", "gamma_c", "s", "alpha_min")}
    W = network.initial_weights(keys[3], m_w, d, scalars["tau0_w"])
    V = network.initial_weights(keys[4], m_v, 2, scalars["tau0_v"])
    if convolutional:
        W = network.pair(W) if paired_v else W
        V = W @ plane.T
    return Problem(
        train=data.sample_examples(keys[1], counts, w_star, **shape),
        test=data.sample_examples(keys[2], (0, test_points, 0), w_star, **shape),
        w_star=w_star,
        rays=data.rays(scalars["r"]),
        plane=plane,
        s=scalars["s"],
        W=W,
        V=(network.pair(V) if paired_v else V).T,
        noise_key=jax.random.bits(keys[5], (2,), jnp.uint32),
    )


def first_state(problem: Problem, annealed: ArrayLike) -> State:
    """The state before the first step; ``annealed`` 0 means eta2 throughout (S)."""
    nothing = jnp.zeros(2, problem.W.dtype)
    start = jnp.zeros((), jnp.int32)
    return State(start, jnp.asarray(annealed, jnp.int32), problem.W, problem.V, nothing, nothing)


def rate(state: State, rule: Rule) -> jax.Array:
    """The learning rate of the step that ``state`` is about to take."""
    return jnp.where(state.step >= state.annealed, rule.eta2, rule.eta1)


def one_step(
    state: State, problem: Problem, rule: Rule, train: rays.Prepared
) -> tuple[State, jax.Array]:
    """The next state, and whether to go on; ``train`` is ``problem.train``, prepared.

    The step in which the annealing rule fires, or the loss is no longer finite, only says so: its
    number and weights stay as they are, so that they can be measured there.
    """
    loss, gradient = rays.loss_and_gradient(state.W, state.V, train, problem.rays)
    fires = (state.step < state.annealed) & (loss < rule.anneal_below)
    go_on = ~fires & jnp.isfinite(loss)
    annealed = jnp.where(fires, state.step, state.annealed)
    eta = jnp.where(go_on, rate(state, rule), 0.0)

    split = state.V.size
    xi = normals(problem.noise_key, state.step, split + state.W.size)
    xi_v, xi_w = xi[:split].reshape(state.V.shape), xi[split:].reshape(state.W.shape)
    gradient_w = gradient.W_p_only + gradient.W_both
    W = state.W - eta * (rule.lam_w * state.W + gradient_w + rule.tau_xi_w * xi_w)
    V = state.V - eta * (rule.lam_v * state.V + gradient.V + rule.tau_xi_v * xi_v)

    work, rest = add_work(state, eta, gradient.W_p_only, gradient.W_both)
    return State(state.step + go_on, annealed, W, V, work, rest), go_on


def add_work(
    state: State, eta: jax.Array, p_only: jax.Array, both: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """``work`` and ``work_rest`` after a step of rate ``eta``.

    ``p_only`` and ``both`` are the parts of W's gradient, each of shape (m_w, d).
    """
    # Kahan's sum: millions of small terms in single precision
    parts = [jnp.sqrt(jnp.vdot(part, part)) for part in (p_only, both)]
    term = eta * jnp.stack(parts) + state.work_rest
    work = state.work + term
    return work, term - (work - state.work)


def advance(
    state: State,
    until: jax.Array,
    problem: Problem,
    rule: Rule,
    step: Callable[..., tuple[State, jax.Array]] = one_step,
) -> State:
    """Take steps until ``until``, or until the rule anneals or the loss is not finite.

    The result does not depend on where a run is cut into calls. ``step`` may be that of a variant
    (``lrbook.toy.variants``). Not compiled: for a loop of your own take ``jax.jit(advance,
    static_argnames="step")`` once, or each call is compiled anew.
    """

    train = rays.prepare(problem.train)

    def unfinished(carry: tuple[State, jax.Array]) -> jax.Array:
        return (carry[0].step < until) & carry[1]

    def body(carry: tuple[State, jax.Array]) -> tuple[State, jax.Array]:
        return step(carry[0], problem, rule, train)

    return jax.lax.while_loop(unfinished, body, (state, jnp.asarray(True)))[0]
