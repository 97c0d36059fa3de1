"""Configuration of the two-layer toy. The class defaults are the measured setting (``laptop``).

The theorem's constants are asymptotic; at d = 100 they show nothing. Each deviation from the paper
that makes the mechanism visible on a laptop is a field here, with the paper's value in its text.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from lrbook.config import Config
from lrbook.errors import ConfigError
from lrbook.toy.profiles import PROFILES, SEEDS, paper_constants

MOST = 2_000_000_000  # of anything that is counted: JAX's whole numbers have 32 bits
Share = Annotated[float, Field(ge=0, le=1)]
Steps = Annotated[int, Field(ge=1, le=MOST)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Dimension = Annotated[int, Field(ge=2, le=MOST)]
_DIMENSION = TypeAdapter(Dimension)


class ToyConfig(Config):
    """One run (arm and seed) of noisy gradient descent on the two-layer network.

    Arms: ``L-S`` starts at eta1 and anneals to eta2; ``S`` runs at eta2 throughout, with the same
    noise tau_xi; ``S+noise`` runs at eta2 with tau_xi raised so that the noise is stationary at
    eta2, which gives L-S's diffusion per unit of eta * t without its large steps.
    """

    experiment: ClassVar = "toy"
    arms: ClassVar = ("L-S", "S", "S+noise")
    default_arms: ClassVar = ("L-S", "S")

    seed: Annotated[int, Field(ge=0, le=2**64 - 1)]
    """Seed of every random draw of the run. The arms of one seed share data and initial weights."""
    d: Dimension = 100
    """Dimension of x1 and of x2. The paper lets it grow."""
    n: Count = 625
    """Number N of training examples. The paper's value is d / kappa^2 with a small kappa."""
    p0: Share = 0.08
    """Share of examples with P alone, a fixed round(p0 * n) of them. The paper's value is
    kappa^2 / 2, and there each example's kind is drawn at random."""
    q0: Share = 0.25
    """Share of examples with Q alone, a fixed number as for p0. The paper's value is a constant."""
    r: float = 0.15
    """Distance ||zeta|| between Q's middle direction and the outer two. The paper's value is
    d^(-3/4)."""
    c: PositiveFloat = 2.0
    """Scale of x1, whose norm is about c. The paper's value is 1."""
    s: PositiveFloat = 8.0
    """Scale of x2, whose norm is about s. The paper's value is 1."""
    gamma_c: NonNegativeFloat = 0.25
    """Margin of P in units of 1/sqrt(d). The paper's value is 1."""
    alpha_min: Share = 1.0
    """Least length a of x2 before scaling: a is uniform on [alpha_min, 1]. The paper's value
    is 0."""
    m_w: Count = 8
    """Number of neurons on x1, one half with positive output weight. The paper's value is
    poly(d), signs at random."""
    m_v: Count = 4096
    """Number of neurons on x2, one half with positive output weight. The paper's value is
    poly(d), signs at random."""
    paired_v: bool = True
    """Whether the neurons on x2 start in pairs of opposite sign, so that N_V is 0. The paper's
    value is false."""
    tau0_w: NonNegativeFloat = 0.01
    """Standard deviation of the initial weights on x1. The paper's value is tau0_v: there is one
    tau0 = 1/poly(d)."""
    tau0_v: NonNegativeFloat = 10.0
    """Standard deviation of the initial weights on x2. The paper's value is 1/poly(d)."""
    lam: NonNegativeFloat = 1e-4
    """Weight decay lambda of the weights on x2. The paper's value is d^(-5/4)."""
    lam_w: NonNegativeFloat = 3e-5
    """Weight decay of the weights on x1. The paper's value is lam: there is one lambda."""
    eta1: PositiveFloat = 0.35
    """Large learning rate. The paper's value is at most of the order of eps1."""
    eta2: PositiveFloat = 0.0024
    """Small learning rate, at most eta1. The paper's value is far below eta1, by d^(-const)."""
    noise: NonNegativeFloat = 1.0
    """Factor on the noise tau_xi that Assumption 3.1 gives. The paper's value is 1. The assumption
    takes eta1 and the decay, so that eta1 changes S, too, by its noise (not S+noise). Without any,
    float32 rounds a decay of less than 1e-7 a step away; noise keeps it in the mean."""
    steps: Steps = 1_000_000
    """Number of steps in the arms S and S+noise. The paper stops at a training loss instead."""
    steps_ls: Steps = 60_000
    """Number of steps in the arm L-S, both phases. The paper stops at a training loss instead."""
    anneal: int | Literal["loss"] = 24_000
    """Step at which L-S goes from eta1 to eta2, or the word loss. The paper's value is loss: once
    the training loss is below eps1 + q log 2, q being the share of Q-only examples."""
    eps1: PositiveFloat = 0.05
    """Constant eps1 of the paper's annealing rule (anneal = loss). The paper's value lies in
    (d^(-const), kappa^2 p^2 q^3)."""
    test_points: Count = 4000
    """Number of fresh test points, each used with x1 alone, with x2 alone and with both."""

    network: Literal["two_halves", "convolutional"] = "two_halves"
    """Whether W reads x1 and V reads x2, or one set of filters, here U = W = V, reads both parts.
    The paper's value is two_halves, and its theorems are stated for the other network too."""
    train_output: bool = False
    """Whether the output weights w and v are trained as well, at the rate, decay and noise of
    their layer. The paper's value is false."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the last step's direction that the next one keeps (heavy ball). The noise tau_xi is
    what it is without. The paper's value is 0."""
    batch: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of examples in each step's gradient, drawn with replacement; 0 takes all of them.
    The paper's value is 0: its noise is Gaussian."""
    noise_v: Literal["gaussian", "fading", "example", "steady_example", "none"] = "gaussian"
    """Kind of noise on V's gradient; W's is Gaussian in all of them. fading: Gaussian, times the
    slopes of the examples with Q over those at the start. example: the gradient on one example,
    drawn at each step, minus that on all. steady_example: that with the slopes of the start
    throughout. The setting noise multiplies each. The paper's value is gaussian."""
    preactivation_noise: NonNegativeFloat = 0.0
    """Standard deviation of the noise added to V's pre-activations <V_j, x2> in training, in units
    of s * tau0_v, their own at the start. The paper's value, on images, is 0.4 after batch norm."""
    preactivation_until: Annotated[int, Field(ge=0, le=MOST)] = 0
    """Step from which there is no such noise any more, in every arm. The paper's value is the
    annealing step of the run that it is compared with."""
    preactivation_shared: bool = True
    """Whether the examples of a step share one draw per neuron; if not, each has its own, which
    costs m_v draws a step for every example with x2. The paper's, read in its code, is true."""

    profiles: ClassVar = PROFILES
    default_seeds: ClassVar = SEEDS
    shorthands: ClassVar = {
        "kappa": "sqrt(d / N) as in the paper: n = d / kappa^2, p0 = kappa^2 / 2"
    }

    @classmethod
    def spell_out(cls, profile: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """``settings`` with n and p0 in place of ``kappa``."""
        settings = dict(settings)
        if "kappa" not in settings:
            return settings
        given = settings.pop("kappa")
        for name in ("n", "p0"):
            if name in settings:
                raise ConfigError(f"kappa = {given!r} sets {name}; give one of the two.")
        try:
            kappa = float(given)
        except (TypeError, ValueError, OverflowError):
            kappa = 0.0
        whole = cls.set_by(profile, settings) | settings
        d = _dimension(whole.get("d", cls.model_fields["d"].default))
        if not 0 < kappa <= 1:
            raise ConfigError(
                f"kappa = {given!r} is not allowed: it must be above 0 and at most 1."
            )
        if kappa < math.sqrt(d / MOST):
            raise ConfigError(
                f"kappa = {given!r} is not allowed: at d = {d} it makes n = d / kappa^2 more than "
                f"{MOST:,}; give a larger kappa."
            )
        return settings | {"n": max(round(d / kappa**2), 1), "p0": round(kappa**2 / 2, 12)}

    @classmethod
    def profile_settings(cls, profile: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What ``profile`` sets; for ``paper`` it follows from the caller's d, or the default."""
        if profile != "paper":
            return super().profile_settings(profile, settings)
        return paper_constants(_dimension(settings.get("d", cls.model_fields["d"].default)))

    @field_validator("r")
    @classmethod
    def _r_is_positive(cls, r: float) -> float:
        if r <= 0:
            raise ValueError("it should be greater than 0, or Q's three directions are one")
        return r

    @field_validator("m_w", "m_v")
    @classmethod
    def _widths_are_even(cls, m: int) -> int:
        if m % 2:
            raise ValueError("it should be even, for one half of the output weights is negative")
        return m

    @field_validator("anneal", mode="wrap")
    @classmethod
    def _anneal_is_step_or_rule(cls, value: Any, check: ValidatorFunctionWrapHandler) -> int | str:
        try:
            anneal = check(value)
        except ValidationError:
            anneal = -1
        if anneal != "loss" and not 0 <= anneal <= MOST:
            raise ValueError("it should be a step number, 0 or more, or the word loss")
        return anneal

    @model_validator(mode="after")
    def _fields_agree(self) -> Self:
        if self.p0 + self.q0 > 1:
            raise ValueError(
                f"p0 + q0 = {self.p0} + {self.q0} is larger than 1, but they are shares of the "
                "same examples"
            )
        if self.eta2 > self.eta1:
            raise ValueError(
                f"eta2 = {self.eta2} is larger than eta1 = {self.eta1}; "
                "the small rate should be at most the large one"
            )
        for name in ("lam", "lam_w"):
            if self.eta1 * getattr(self, name) >= 2:
                raise ValueError(
                    f"eta1 * {name} = {self.eta1} * {getattr(self, name)} is not below 2; there the"
                    " decay alone makes the weights grow, and no noise is stationary"
                )
        return self

    @model_validator(mode="after")
    def _variants_agree(self) -> Self:
        if (self.preactivation_noise > 0) != (self.preactivation_until > 0):
            raise ValueError(
                f"preactivation_noise = {self.preactivation_noise} with preactivation_until = "
                f"{self.preactivation_until} would do nothing; give both a positive value, or none"
            )
        if not self.preactivation_shared and not self.preactivation_noise:
            raise ValueError(
                "preactivation_shared = False needs a positive preactivation_noise, for there is "
                "nothing to share without it"
            )
        for name, off in {"network": "two_halves", "batch": 0, "preactivation_noise": 0}.items():
            if self.noise_v != "gaussian" and (value := getattr(self, name)) != off:
                raise ValueError(
                    f"noise_v = {self.noise_v!r} goes with {name} = {off!r} only, not with "
                    f"{value!r}; give one of the two"
                )
        if self.network == "convolutional":
            for one, other in (("m_w", "m_v"), ("tau0_w", "tau0_v"), ("lam_w", "lam")):
                if getattr(self, one) != getattr(self, other):
                    raise ValueError(
                        f"{one} = {getattr(self, one)} and {other} = {getattr(self, other)} should "
                        "be equal in the convolutional network, where one set of filters reads "
                        "both parts"
                    )
        return self

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many training examples have P alone, both patterns, and Q alone."""
        p_only = round(self.p0 * self.n)
        q_only = round((self.p0 + self.q0) * self.n) - p_only
        return p_only, self.n - p_only - q_only, q_only

    @property
    def unread(self) -> frozenset[str]:
        """Fields that this run never uses: another value is another run id with the same results.

        S reads eta1 by its noise, which is stationary at that rate.
        """
        large = self.arm == "L-S"
        by_loss = large and self.anneal == "loss"
        own_size = "example" in self.noise_v  # the noise of an example is not set by Assumption 3.1
        on_v = self.noise_v in ("gaussian", "fading") and self.lam * self.tau0_v
        spread = self.lam_w * self.tau0_w or on_v  # what noise keeps up
        found = {
            "steps": large,
            "steps_ls": not large,
            "anneal": not large,
            "eps1": not by_loss,
            "noise": not (spread or own_size),
            "noise_v": not self.noise,
            "eta1": not (large and self.anneal != 0)
            and (self.arm == "S+noise" or not self.noise or not spread),
            # At anneal = steps_ls it is the rate of the last row
            "eta2": large and self.anneal != "loss" and self.anneal > self.steps_ls,
        }
        return frozenset(name for name, unread in found.items() if unread)

    @property
    def total_steps(self) -> int:
        """Number of steps of this arm."""
        return self.steps_ls if self.arm == "L-S" else self.steps


def _dimension(value: Any) -> int:
    """``value`` as the field ``d`` reads it, the text "200.0" too."""
    try:
        return _DIMENSION.validate_python(value)
    except ValidationError:
        return 100  # the field's own check refuses it in the field's own words
