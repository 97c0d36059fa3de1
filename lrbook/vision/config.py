"""Configuration of the patch experiment. The class defaults are the authors' own protocol."""

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt, field_validator

from lrbook.vision.settings import IMAGE_SIZE, ImageConfig, Share

if TYPE_CHECKING:
    import torch

WARM_UP = 0.1  # share of the epochs in which the schedule wsd warms up


class PatchConfig(ImageConfig):
    """One run (arm and seed) of the patch experiment.

    Sources: the authors' code (train_patches.py, data_util.py, models/wideresnet.py, commit of
    2020-01-06). A field whose value differs from the class default is a deviation from it.
    """

    experiment: ClassVar = "patch"

    epochs: PositiveInt = 60
    """Number of epochs. The paper's is 60."""
    drop: PositiveInt = 30
    """Epoch, counted from 1, from whose start the lower rate or noise holds. The paper's is 30."""
    eta2: PositiveFloat = 0.004
    """Small learning rate (arm large after the drop, other arms always). The paper's is 0.004."""
    schedule: Literal["step", "cosine", "wsd"] = "step"
    """How the arm large gets from eta1 to eta2: at the drop, along a half cosine, or warmed up,
    stable until the drop and then falling linearly. The paper's is step."""

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
    """Number of patch-only test images. The paper's is 1000; we draw them anew each epoch."""

    def own_patch(self, draws: "torch.Generator") -> "tuple[torch.Tensor, torch.Tensor] | None":
        """A patch in place of the authors', in a subclass; None leaves theirs.

        Args:
            draws: the stream for it, on the CPU: the same in every arm of a seed.

        Returns:
            z (C, P, P), which all classes share, and zeta (K, C, P, P), by class; C = 3 channels,
            K = 10 classes, P pixels a side, in normalised pixel units.
        """
        return None

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
            "train_size": 1200,
            "test_size": 300,
            "depth": 10,
            "widen": 1,
            "stem_stride": 2,
            "batch": 32,
            "epochs": 12,
            "drop": 8,
            "eta2": 0.01,
            "pattern": 0.4,
            "patch_test_size": 200,
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
        "mini": {
            "train_size": 10_000,
            "test_size": 2_000,
            "depth": 10,
            "widen": 2,
            "stem_stride": 2,
            "batch": 64,
            "epochs": 16,
            "drop": 9,
            "eta1": 0.5,
            "eta2": 0.02,
            "pattern": 0.3,
        },
        "colab": {"widen": 4},
        "paper": {},
    }

    @field_validator("patch_size")
    @classmethod
    def _patch_fits(cls, patch_size: int) -> int:
        if patch_size > IMAGE_SIZE:
            raise ValueError(f"it should be at most {IMAGE_SIZE}, the side of an image")
        return patch_size

    def rate(self, epoch: int) -> float:
        """Learning rate of this arm in ``epoch`` (from 1)."""
        if self.arm != "large":
            return self.eta2
        if self.schedule == "cosine":
            along = (epoch - 1) / max(1, self.epochs - 1)
            return self.eta2 + (self.eta1 - self.eta2) * (1 + math.cos(math.pi * along)) / 2
        if self.schedule == "wsd":
            rising = epoch / max(1, round(WARM_UP * self.epochs))
            falling = self.eta2 + (self.eta1 - self.eta2) * self._not_fallen(epoch)
            return min(self.eta1 * min(1.0, rising), falling)
        return self.eta1 if epoch < self.drop else self.eta2

    @property
    def unread(self) -> frozenset[str]:
        """As of every experiment on images; here the schedule is that of large alone."""
        steps = self.arm == "large" and self.schedule == "step"
        found = {
            "schedule": self.arm != "large",
            "eta1": steps and self.drop == 1,
            "eta2": steps and self.drop > self.epochs,
            "patch_only_scale": not self.patch_only_share or not self.pattern,
        }
        return super().unread | self._unread(found)

    @property
    def only_tested(self) -> frozenset[str]:
        """Those of the patch where no training image has one: that with a patch alone is tested."""
        if self.carrier_share:
            return frozenset()
        patch = ("patch_size", "z_scale", "pattern", "patch_only_share", "patch_only_scale")
        return frozenset(patch) - self.unread

    def _not_fallen(self, epoch: int) -> float:
        """What share of the way from eta1 to eta2 is still to come: 1 until the drop, 0 at last."""
        if epoch < self.drop:
            return 1.0
        if self.drop > self.epochs:  # it would fall at one stroke, after the last epoch
            return 0.0
        return (self.epochs - epoch) / (self.epochs - self.drop + 1)
