"""Configuration of the patch experiment. The class defaults are the authors' own protocol."""

import re
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Interval
from pydantic import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from lrbook.config import Config

Share = Annotated[float, Interval(ge=0, le=1)]
IMAGE_SIZE = 32


class PatchConfig(Config):
    """One run (arm and seed) of the patch experiment.

    Sources: the authors' code (train_patches.py, data_util.py, models/wideresnet.py, commit of
    2020-01-06). A field whose value differs from the class default is a deviation from it.
    """

    experiment: ClassVar = "patch"
    arms: ClassVar = ("large", "small", "noise")
    default_arms: ClassVar = ("large", "small", "noise")

    data: str = "cifar10"
    """Images: digits, cifar10, or a folder of Parquet files, named by the hash of its files."""
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

    epochs: PositiveInt = 60
    """Number of epochs. The paper's is 60."""
    drop: PositiveInt = 30
    """Epoch, counted from 1, from whose start the lower rate or noise holds. The paper's is 30."""
    batch: PositiveInt = 128
    """Examples per step; the last, smaller batch of an epoch is kept. The paper's is 128."""
    eta1: PositiveFloat = 0.1
    """Large initial learning rate (arm large, before the drop). The paper's is 0.1."""
    eta2: PositiveFloat = 0.004
    """Small learning rate (arm large after the drop, other arms always). The paper's is 0.004."""
    momentum: Annotated[float, Interval(ge=0, lt=1)] = 0.9
    """Nesterov momentum. The paper's is 0.9."""
    weight_decay: NonNegativeFloat = 5e-4
    """Weight decay on every parameter, batch norm and biases too. The paper's is 5e-4."""

    noise: NonNegativeFloat = 0.4
    """Level of the activation noise (arm noise, before the drop). The paper's is 0.4."""
    noise_after: NonNegativeFloat = 1e-5
    """Factor on the noise from the drop on. The paper's is 1e-5."""

    patch_size: PositiveInt = 7
    """Side of the patch in pixels, in the centre of the image. The paper's is 7."""
    z_scale: NonNegativeFloat = 1.25
    """Scale of z, the part of the patch that all classes share. The paper's is 1.25."""
    pattern: NonNegativeFloat = 0.1
    """Strength: each class's zeta is uniform in [-pattern, pattern]. The paper's is 0.1."""
    carrier_share: Share = 0.8
    """Share of images that carry a patch; 0 is the control without it. The paper's is 0.8."""
    patch_only_share: Share = 0.2
    """Share of the carriers' visits at which the image is zeroed. The paper's is 0.2."""
    patch_only_scale: NonNegativeFloat = 1.75
    """On zeroed images zeta is scaled by this times a uniform draw. The paper's is 1.75."""
    patch_test_size: PositiveInt = 1000
    """Number of patch-only test images, drawn anew each epoch. The paper's is 1000."""

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    """Arithmetic of forward and backward pass; auto: bf16 where it is real. The paper's: fp32."""

    profiles: ClassVar = {
        "smoke": {
            "data": "digits",
            "train_size": 320,
            "test_size": 100,
            "depth": 10,
            "widen": 1,
            "stem_stride": 2,
            "batch": 32,
            "epochs": 4,
            "drop": 3,
            "eta2": 0.01,
            "pattern": 0.4,
            "patch_test_size": 100,
        },
        "demo": {
            "data": "digits",
            "depth": 10,
            "widen": 1,
            "stem_stride": 2,
            "batch": 32,
            "epochs": 24,
            "drop": 12,
            "eta2": 0.01,
            "pattern": 0.4,
            "patch_test_size": 500,
        },
        "laptop": {
            "train_size": 20_000,
            "test_size": 2_000,
            "depth": 10,
            "widen": 2,
            "stem_stride": 2,
            "batch": 64,
            "epochs": 24,
            "drop": 13,
            "eta1": 0.5,
            "eta2": 0.02,
            "pattern": 0.2,
        },
        "colab": {"widen": 4},
        "paper": {},
    }
    default_seeds: ClassVar = {
        "smoke": (0,),
        "demo": (0,),
        "laptop": (0,),
        "colab": (0,),
        "paper": (0, 1, 2, 3, 4),
    }

    @field_validator("data")
    @classmethod
    def _data_is_named(cls, data: str) -> str:
        if data not in ("digits", "cifar10") and not re.fullmatch(r"parquet:[0-9a-f]{16}", data):
            raise ValueError("allowed are digits, cifar10, or an existing folder of Parquet files")
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

    @field_validator("patch_size")
    @classmethod
    def _patch_fits(cls, patch_size: int) -> int:
        if patch_size > IMAGE_SIZE:
            raise ValueError(f"it should be at most {IMAGE_SIZE}, the side of an image")
        return patch_size

    @model_validator(mode="after")
    def _rates_are_ordered(self):
        if self.eta2 > self.eta1:
            raise ValueError(
                f"eta2 = {self.eta2} is larger than eta1 = {self.eta1}; "
                "the small rate should be at most the large one"
            )
        return self

    def rate(self, epoch: int) -> float:
        """Learning rate of this arm in ``epoch`` (from 1)."""
        return self.eta1 if self.arm == "large" and epoch < self.drop else self.eta2

    def noise_level(self, epoch: int) -> float:
        """Activation noise of this arm in ``epoch`` (from 1); 0 in the arms without noise."""
        if self.arm != "noise":
            return 0.0
        return self.noise if epoch < self.drop else self.noise * self.noise_after
