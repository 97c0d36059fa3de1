"""The fields that the experiments on images share: data, network, optimiser, noise, arithmetic."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from lrbook.config import Config

if TYPE_CHECKING:
    import torch

Share = Annotated[float, Field(ge=0, le=1)]
IMAGE_SIZE = 32


READ_BY = {
    "rate": ("eta1", "eta2", "schedule", "drop_factor"),
    "noise_level": ("noise", "noise_after", "noise_drop"),
}
"""Method that a subclass may have of its own -> the fields that ours reads."""


class ImageConfig(Config):
    """One run (arm and seed) on images. The defaults are the authors' (commit of 2020-01-06).

    A field whose value differs from the class default is a deviation from their protocol.
    """

    arms: ClassVar = ("large", "small", "noise")
    default_arms: ClassVar[tuple[str, ...]] = ("large", "small", "noise")

    if TYPE_CHECKING:  # fields of every experiment, each with a default of its own
        epochs: int
        eta2: float
        drop: int

    data: str = "cifar10"
    """Images: digits, cifar10, or a folder of Parquet files, named by the hash of its files; or
    images in memory, named by theirs (``Images.data``)."""
    train_size: NonNegativeInt = 0
    """Number of training images, the first of the set; 0 means all, as in the paper."""
    test_size: NonNegativeInt = 0
    """Number of test images, the first of the set; 0 means all, as in the paper."""

    depth: int = 16
    """Depth of the WideResNet, 6k + 4. The paper's is 16."""
    widen: PositiveInt = 10
    """Widening factor of the WideResNet. The paper's is 10."""
    stem_stride: Literal[1, 2] = 1
    """Stride of the first convolution: 2 costs a quarter of the work. The paper's is 1."""

    batch: PositiveInt = 128
    """Examples per step; the last, smaller batch of an epoch is kept. The paper's is 128."""
    eta1: PositiveFloat = 0.1
    """Large initial learning rate (arm large, before the drop). The paper's is 0.1."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Nesterov momentum. The paper's is 0.9."""
    weight_decay: NonNegativeFloat = 5e-4
    """Weight decay on every parameter, batch norm and biases too. The paper's is 5e-4."""

    noise: NonNegativeFloat = 0.4
    """Level of the activation noise (arm noise, before the drop). The paper's is 0.4."""
    noise_after: NonNegativeFloat = 1e-5
    """Factor on the noise from the drop on. The paper's is 1e-5."""
    sampling_noise: NonNegativeFloat = 0.0
    """Spread of the examples' random weights in the loss of a step, in every arm before its first
    drop: the variance of a step is 1 plus its square times as large. The paper's is 0."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Arithmetic of forward and backward pass; auto: bf16 where it is real. The paper's: fp32."""

    watch: bool = False
    """Also record, each epoch, the lengths of the weights, accuracy with batch norm's statistics
    taken anew (without activation noise) and, with a patch, the learning order inside the network;
    training is the same."""

    default_seeds: ClassVar = {
        "smoke": (0,),
        "demo": (0,),
        "laptop": (0,),
        "mini": (0,),
        "colab": (0,),
        "paper": (0, 1, 2, 3, 4),
    }

    @field_validator("data")
    @classmethod
    def _data_is_named(cls, data: str) -> str:
        by_hash = re.fullmatch(r"(parquet|memory):[0-9a-f]{16}", data)
        if data not in ("digits", "cifar10") and not by_hash:
            raise ValueError(
                "allowed are digits, cifar10, or a folder of Parquet files by the name that "
                "lrbook.vision.identity.identify gives it"
            )
        return data

    @field_validator("stem_stride", mode="before")
    @classmethod
    def _number_from_shell(cls, value: Any) -> Any:
        # A Literal, unlike an int, does not take "2" for 2.
        return int(value) if isinstance(value, str) and value.isdecimal() else value

    @field_validator("depth")
    @classmethod
    def _depth_fits(cls, depth: int) -> int:
        if depth < 10 or (depth - 4) % 6:
            raise ValueError("it should be 10, 16, 22, 28, ... (6k + 4)")
        return depth

    @model_validator(mode="after")
    def _rates_are_ordered(self) -> Self:
        if self.eta2 > self.eta1:
            raise ValueError(
                f"eta2 = {self.eta2} is larger than eta1 = {self.eta1}; "
                "the small rate should be at most the large one"
            )
        return self

    @property
    def cores(self) -> int:
        """1 for a small network, whose steps are too short to share out; else 2."""
        # Two cores of an AMD EPYC: a step of WRN-10-2 is about 1.6 times as fast with two threads,
        # and two runs of one thread each get through about 1.9 times as much.
        return 1 if self.widen <= 2 else 2

    def rate(self, epoch: int) -> float:
        """Learning rate of this arm in ``epoch`` (from 1)."""
        raise NotImplementedError

    @property
    def unread(self) -> frozenset[str]:
        """Fields that this run never uses: another value is another run id with the same results.

        No drop of the rate is among them: what a run had before its first drop is in its result,
        in arms too whose rate never drops.
        """
        noisy = self.arm == "noise"
        found = {
            "eta1": self.arm != "large",
            "noise": not noisy,
            "noise_after": not noisy or not self.noise or self.noise_until > self.epochs,
            "noise_drop": not noisy or not self.noise,
            "sampling_noise": self.first_drop <= 1,
        }
        return self._unread(found)

    def _unread(self, found: Mapping[str, bool]) -> frozenset[str]:
        """The fields that are in ``found`` as unread, but for what a method of a subclass of the
        user's may read all the same.
        """
        own = {
            field
            for method, fields in READ_BY.items()
            if not getattr(type(self), method).__module__.startswith("lrbook.")
            for field in fields
        }
        fields = type(self).model_fields
        return frozenset(
            k for k, unread in found.items() if unread and k in fields and k not in own
        )

    @property
    def first_drop(self) -> int:
        """The epoch from whose start the rate is lowered first."""
        drops = (getattr(self, name, self.drop) for name in ("drop", "drop2", "drop3"))
        return min(drops)

    def own_optimizer(self, model: "torch.nn.Module") -> "torch.optim.Optimizer | None":
        """An optimiser in place of the authors' SGD, in a subclass; None leaves theirs.

        Args:
            model: its parameters are trained. Each epoch sets every group's ``lr`` to ``rate``; its
                ``step`` is called without a closure, which LBFGS could not do with.
        """
        return None

    def noise_level(self, epoch: int) -> float:
        """Activation noise of this arm in ``epoch`` (from 1); 0 in the arms without noise."""
        if self.arm != "noise":
            return 0.0
        return self.noise if epoch < self.noise_until else self.noise * self.noise_after

    def sampling_noise_at(self, epoch: int) -> float:
        """Spread of the examples' weights in the loss in ``epoch`` (from 1): 0 from a drop on."""
        return self.sampling_noise if epoch < self.first_drop else 0.0

    @property
    def noise_until(self) -> int:
        """The epoch from whose start the noise is multiplied by ``noise_after``."""
        return self.drop


def said_of_drops(config: ImageConfig) -> list[str]:
    """What may surprise in the drops of a run, a sentence each; none if all come as they are given.

    Drops of rate or noise can come after the last epoch, and those of the rate out of order.
    """
    return [words for words in (_never_dropped(config), _out_of_order(config)) if words]


def _never_dropped(config: ImageConfig) -> str:
    """Which drops of rate or noise come after the last epoch, in a sentence; empty if none does."""
    late = []
    for name in ("drop", "drop2", "drop3", "noise_drop"):
        epoch = getattr(config, name, 0)
        if epoch > config.epochs and not _falls_steadily(config):
            before, then = (
                (config.rate(e), config.noise_level(e), config.sampling_noise_at(e))
                for e in (epoch - 1, epoch)
            )
            late += [f"{name} = {epoch}"] if then != before else []
    words = f"after the last of epochs = {config.epochs}, so nothing drops there"
    return f"{', '.join(late)} is {words}." if late else ""


def _falls_steadily(config: ImageConfig) -> bool:
    """Whether the arm's rate goes down by and by, so that it has no drop to miss."""
    return config.arm == "large" and getattr(config, "schedule", "step") == "cosine"


def _out_of_order(config: ImageConfig) -> str:
    """At which epochs the rate drops after all, in a sentence; empty if later drops come later."""
    drops = {n: getattr(config, n) for n in ("drop", "drop2", "drop3") if hasattr(config, n)}
    drops = {name: epoch for name, epoch in drops.items() if epoch <= config.epochs}
    epochs = list(drops.values())
    if epochs == sorted(epochs):
        return ""
    given = ", ".join(f"{name} = {epoch}" for name, epoch in drops.items())
    return (
        f"{given} are not in order; the rate drops at epochs {', '.join(map(str, sorted(epochs)))}."
    )
