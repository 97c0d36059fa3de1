"""Configuration of the two-layer toy. The class defaults are the measured setting (``laptop``).

The theorem's constants are asymptotic; at d = 100 they show nothing. Each deviation from the paper
that makes the mechanism visible on a laptop is a field here, with the paper's value in its text.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from annotated_types import Ge, Interval
from pydantic import (
    NonNegativeFloat,
    PositiveFloat,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from lrbook.config import Config

Share = Annotated[float, Interval(ge=0, le=1)]
Steps = Annotated[int, Interval(ge=1, le=2_000_000_000)]
Count = Annotated[int, Ge(1)]


class ToyConfig(Config):
    """One run (arm and seed) of noisy gradient descent on the two-layer network.

    Arms: ``L-S`` starts at eta1 and anneals to eta2; ``S`` runs at eta2 throughout, with the same
    noise tau_xi; ``S+noise`` runs at eta2 with tau_xi raised so that the noise is stationary at
    eta2, which gives L-S's diffusion per unit of eta * t without its large steps.
    """

    experiment: ClassVar = "toy"
    arms: ClassVar = ("L-S", "S", "S+noise")
    default_arms: ClassVar = ("L-S", "S")

    d: Annotated[int, Ge(2)] = 100
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
    """Factor on the noise tau_xi that Assumption 3.1 gives. The paper's value is 1."""
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

    profiles: ClassVar = {
        "smoke": {
            "d": 10,
            "n": 60,
            "m_v": 64,
            "eta2": 0.02,
            "steps": 400,
            "steps_ls": 200,
            "anneal": 80,
            "test_points": 500,
        },
        "demo": {
            "m_v": 2048,
            "eta2": 0.007,
            "steps": 300_000,
            "steps_ls": 40_000,
            "anneal": 12_000,
        },
        "laptop": {},
        "trap": {
            "n": 1600,
            "p0": 1 / 32,
            "r": 0.13,
            "c": 1.0,
            "gamma_c": 1.0,
            "alpha_min": 0.5,
            "tau0_w": 0.5,
            "tau0_v": 4.0,
            "lam": 6e-4,
            "lam_w": 6e-4,
            "eta2": 0.0175,
            "steps": 40_000,
            "steps_ls": 20_000,
            "anneal": 1_500,
        },
        "colab": {},
        "paper": {},
    }
    default_seeds: ClassVar = {
        "smoke": (0, 1),
        "demo": (0, 1, 2),
        "laptop": (0, 1, 2, 3, 4),
        "trap": (0, 1),
        "colab": tuple(range(10)),
        "paper": (0, 1, 2),
    }

    @classmethod
    def profile_settings(cls, profile: str, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What ``profile`` sets; for ``paper`` it follows from the caller's d (default 100).

        ``paper`` takes the constants that Section 3 names as they are (c, s, gamma_c, alpha_min,
        r, lambda, p0 from kappa = 1/4), and for those that it leaves to "poly(d)" or "small
        enough" the choice that still runs in minutes at d = 100: tau0 = 1/sqrt(d),
        eta1 = eps1 = 0.1, eta2 = eta1 / sqrt(d).
        """
        if profile != "paper":
            return super().profile_settings(profile, settings)
        try:
            d = max(int(settings.get("d", 100)), 2)
        except (TypeError, ValueError, OverflowError):
            d = 100  # the field's own check refuses it in the field's own words
        return {
            "d": d,
            "n": 16 * d,
            "p0": 1 / 32,
            "r": d**-0.75,
            "c": 1.0,
            "s": 1.0,
            "gamma_c": 1.0,
            "alpha_min": 0.0,
            "m_w": 64,
            "m_v": 4096,
            "paired_v": False,
            "tau0_w": d**-0.5,
            "tau0_v": d**-0.5,
            "lam": d**-1.25,
            "lam_w": d**-1.25,
            "eta1": 0.1,
            "eta2": 0.1 * d**-0.5,
            "steps": 200 * d * round(d**0.5) // 4,
            "steps_ls": 200 * d,
            "anneal": "loss",
            "eps1": 0.1,
        }

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
        if anneal != "loss" and not 0 <= anneal <= 2_000_000_000:
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

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many training examples have P alone, both patterns, and Q alone."""
        p_only = round(self.p0 * self.n)
        q_only = round((self.p0 + self.q0) * self.n) - p_only
        return p_only, self.n - p_only - q_only, q_only

    @property
    def total_steps(self) -> int:
        """Number of steps of this arm."""
        return self.steps_ls if self.arm == "L-S" else self.steps
