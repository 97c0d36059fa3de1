"""From a configuration to what the numerics take: problem, rule and first state."""

import contextlib
import math
from typing import Any

import jax
import numpy as np

from lrbook.toy import descent, variants
from lrbook.toy.config import ToyConfig

_SCALARS = ("r", "c", "gamma_c", "s", "alpha_min", "tau0_w", "tau0_v")
_make_problem = jax.jit(descent.make_problem, static_argnums=(1, 2, 3, 4, 5, 6, 7))


def make_problem(config: ToyConfig, device: jax.Device | None = None) -> descent.Problem:
    """Data, initial weights and noise key of a run, on ``device`` (None: JAX's own choice).

    They follow from the seed and the fields that shape them, not from the arm or the rates.
    """
    words = np.array([config.seed >> 32 & 0xFFFFFFFF, config.seed & 0xFFFFFFFF], np.uint32)
    key = jax.random.wrap_key_data(jax.device_put(words, device), impl="threefry2x32")
    with _partitionable():
        return _make_problem(
            key,
            config.counts,
            config.test_points,
            config.d,
            config.m_w,
            config.m_v,
            config.paired_v,
            config.network == "convolutional",
            {name: np.float32(getattr(config, name)) for name in _SCALARS},
        )


def _partitionable() -> contextlib.AbstractContextManager[Any]:
    """What a seed draws depends on this setting of JAX's, whose default has changed to True once.

    Where there is no such setting any more, nothing else than True is left.
    """
    setting = getattr(jax, "threefry_partitionable", None)
    return contextlib.nullcontext() if setting is None else setting(True)


def noise_rate(config: ToyConfig) -> float:
    """The rate at which the noise is stationary: eta1, but eta2 in the arm ``S+noise``."""
    return config.eta2 if config.arm == "S+noise" else config.eta1


def make_rule(config: ToyConfig) -> descent.Rule:
    """Rates, decays, noise and annealing rule of a run; float32 scalars."""
    eta = noise_rate(config)
    by_loss = config.arm == "L-S" and config.anneal == "loss"
    values = descent.Rule(
        eta1=config.eta1,
        eta2=config.eta2,
        lam_w=config.lam_w,
        lam_v=config.lam,
        tau_xi_w=config.noise * descent.stationary_noise(eta, config.lam_w, config.tau0_w),
        tau_xi_v=config.noise * descent.stationary_noise(eta, config.lam, config.tau0_v),
        anneal_below=(
            descent.annealing_threshold(config.eps1, config.counts[2] / config.n)
            if by_loss
            else -math.inf
        ),
        momentum=config.momentum,
        unit_w=1 / max(math.sqrt(config.m_w) * config.tau0_w, 1),
        unit_v=1 / max(math.sqrt(config.m_v) * config.tau0_v, 1),
        noise=config.noise if "example" in config.noise_v else 1.0,
        preactivation=config.preactivation_noise * config.s * config.tau0_v,
    )
    with np.errstate(over="ignore"):  # beyond float32 is inf, and the run then says "diverged"
        rule = descent.Rule(*map(np.float32, values))
    return rule._replace(preactivation_until=np.int32(config.preactivation_until))


def make_state(config: ToyConfig, problem: descent.Problem) -> descent.State:
    """The state before the first step of a run."""
    annealed = descent.NEVER if config.anneal == "loss" else config.anneal
    state = descent.first_state(problem, annealed if config.arm == "L-S" else 0)
    return state._replace(extra=variants.first_extra(make_variant(config), problem))


def make_variant(config: ToyConfig) -> variants.Variant:
    """Which variants of the step the run needs: what its program is compiled for."""
    noise: variants.Preactivation = "none"
    if config.preactivation_noise and not config.preactivation_shared:
        noise = "own"
    elif config.preactivation_noise:
        noise = "shared, one length" if config.alpha_min == 1 else "shared"
    return variants.Variant(
        convolutional=config.network == "convolutional",
        train_output=config.train_output,
        momentum=config.momentum > 0,
        batch=config.batch,
        preactivation=noise,
        noise_v=config.noise_v if config.noise else "gaussian",
    )
