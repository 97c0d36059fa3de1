"""The toy's step with every variant, as a float64 loop over examples, patches and neurons."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from lrbook.toy import descent, four_weights, noise, tasks, variants
from lrbook.toy.config import ToyConfig

SMALL = {
    "d": 5,
    "n": 14,
    "p0": 0.2,
    "q0": 0.25,
    "m_w": 4,
    "m_v": 6,
    "eta2": 0.1,
    "test_points": 7,
    "paired_v": False,
    "alpha_min": 0.5,
}
MOST = {"momentum": 0.8, "batch": 5, "train_output": True, "preactivation_noise": 0.3}
FILTERS = {"network": "convolutional", "m_w": 6, "m_v": 6, "tau0_w": 1.0, "tau0_v": 1.0}
FILTERS |= {"lam": 0.01, "lam_w": 0.01}
OWN = {"preactivation_shared": False}


def make(arm="S", seed=0, **settings):
    if settings.get("preactivation_noise"):
        settings = {"preactivation_until": 6} | settings
    config = ToyConfig.for_profile("smoke", **(SMALL | settings), arm=arm, seed=seed)
    problem = tasks.make_problem(config)
    return config, problem, tasks.make_rule(config), tasks.make_state(config, problem)


def to(step, config, problem, rule, state):
    one = variants.step_of(tasks.make_variant(config))
    advance = jax.jit(lambda state, until: descent.advance(state, until, problem, rule, step=one))
    return advance(state, jnp.int32(step))


def draws(config, problem, step, shapes):
    """The random numbers of a step: xi by weight, examples' shares, noise before the relu."""
    key, n = problem.noise_key, config.n
    size = {name: math.prod(shape) for name, shape in shapes.items()}
    split = 0 if config.network == "convolutional" else 2 * config.m_v
    xi = np.asarray(noise.normals(key, step, split + size["W"]), float)
    found = {"V": xi[:split].reshape(2, -1).T, "W": xi[split:].reshape(shapes["W"])}
    xi = noise.normals(variants.stream(key, variants.OUTPUT), step, size["w"] + size["v"])
    found |= {"w": np.asarray(xi[: size["w"]], float), "v": np.asarray(xi[size["w"] :], float)}
    share = variants.drawn(key, step, config.batch, n) if config.batch else np.full(n, 1 / n)
    add = np.zeros((n, config.m_v))
    if step < config.preactivation_until:
        n_q = n - config.counts[0]
        shape = (1, config.m_v) if config.preactivation_shared else (n_q, config.m_v)
        stream = variants.stream(key, variants.PREACTIVATION)
        g = np.asarray(noise.normals(stream, step, math.prod(shape)), float).reshape(shape)
        add[-n_q:] = config.preactivation_noise * config.s * config.tau0_v * g
    return found, np.asarray(share, float), add


def noise_on_v(config, problem, step, gaussian, gradient_of, f, y):
    """The noise on V's gradient, by example; ``gaussian`` has its width.

    ``gradient_of`` gives V's gradient from d loss / d f of every example.
    """
    kind, n = config.noise_v if config.noise else "gaussian", len(y)
    slope = 1 / (1 + np.exp(y * f))
    if kind == "fading":
        seen = slope[config.counts[0] :]
        return gaussian * math.sqrt(sum(s**2 for s in seen) / len(seen)) / 0.5
    if "example" not in kind:
        return gaussian if kind == "gaussian" else 0 * gaussian
    slope = slope if kind == "example" else np.full(n, 0.5)
    share = np.asarray(variants.drawn(problem.noise_key, step, 1, n), float)
    assert sorted(share) == [0] * (n - 1) + [1]
    return config.noise * (gradient_of(-y * slope * share) - gradient_of(-y * slope / n))


def loop(config, problem, rule, state, steps):
    """``steps`` steps on x1 and x2 in R^d; V as (m_v, d), of which the plane is returned."""
    train, plane = problem.train, np.asarray(problem.plane, float)
    n, n_p, cut = config.n, config.n - config.counts[2], config.counts[0]
    y, x1 = np.asarray(train.y, float), np.asarray(train.x1, float)
    directions = np.asarray(problem.rays, float) @ plane
    x2 = np.asarray(train.scale, float)[:, None] * directions[np.asarray(train.ray)]
    both = config.network == "convolutional"
    u = {"W": np.asarray(state.W, float), "V": np.asarray(state.V, float).T @ plane}
    u |= {name: np.asarray(getattr(four_weights.weights(state), name), float) for name in "wv"}
    names = ["W", "w"] if both else ["W", "V", "w", "v"]
    if not config.train_output:
        names = [name for name in names if name.isupper()]
    scale = {  # trained weight over the weight itself
        "w": max(math.sqrt(config.m_w) * config.tau0_w, 1),
        "v": max(math.sqrt(config.m_v) * config.tau0_v, 1),
    }
    pace = {name: np.zeros_like(u[name]) for name in names}
    for step in range(steps):
        shapes = {name: u[name].shape for name in u}
        xi, share, add = draws(config, problem, step, shapes)
        if not both:
            xi["V"] = xi["V"] @ plane
        V, v = ("W", "w") if both else ("V", "v")
        seen = [
            (i, a, b, x, add[i] * of_x2)
            for i in range(n)
            for has, a, b, x, of_x2 in (
                (i < n_p, "W", "w", x1[min(i, n_p - 1)], 0),
                (i >= cut, V, v, x2[i - cut], 1),
            )
            if has
        ]
        f = np.zeros(n)
        for i, a, b, x, g in seen:
            f[i] += sum(u[b][j] * max(u[a][j] @ x + g[j], 0) for j in range(len(u[a])))

        def gradient(slope, u=u, seen=seen):
            to = {name: np.zeros_like(u[name]) for name in u}
            for i, a, b, x, g in seen:
                for j in range(len(u[a])):
                    before = u[a][j] @ x + g[j]
                    to[a][j] += slope[i] * u[b][j] * (before > 0) * x
                    to[b][j] += slope[i] * max(before, 0)
            return to

        to = gradient(-y / (1 + np.exp(y * f)) * share)
        added = {name: xi[name] * float(rule.tau_xi_w) for name in "Ww"}
        added |= {name: xi[name] * float(rule.tau_xi_v) for name in "Vv"}
        if not both:
            of_v = lambda slope: gradient(slope)["V"]  # noqa: E731
            added["V"] = noise_on_v(config, problem, step, added["V"], of_v, f, y)
        eta = float(rule.eta2)
        for name in names:
            lam = config.lam_w if name in "Ww" else config.lam
            k = scale.get(name, 1)
            hat = k * u[name]
            pace[name] = config.momentum * pace[name] + to[name] / k + lam * hat + added[name]
            u[name] = (hat - eta * pace[name]) / k
    shown = u["W" if both else "V"] @ plane.T
    return u["W"], shown.T, u["w"], u["w" if both else "v"]
