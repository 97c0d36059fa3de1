"""Configuration of the puzzle itself: plain images, a large or a small initial rate."""

from typing import Any, ClassVar

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from lrbook.vision.settings import ImageConfig, Share


class CifarConfig(ImageConfig):
    """One run (arm and seed) on plain images, without augmentation: the paper's Figure 1.

    All arms lower their rate by the same factor at the same epochs, so that they differ in the
    initial rate alone, and the arm noise in its activation noise besides.

    Sources: the authors' train_cifar.py and train_util.py (lr_sched_default), commit of 2020-01-06;
    the initial rates are those of the paper's figure. Level and removal of the noise in their table
    are not stated in the code (options, by default 0.01 and never): here both are those of their
    patch experiment, with the removal at the first drop.
    """

    experiment: ClassVar = "cifar"
    default_arms: ClassVar = ("large", "small")

    noise: NonNegativeFloat = 0.4
    """Level of the activation noise (arm noise, before the drop). The paper's is not known; 0.4 is
    that of its patch experiment."""
    noise_after: NonNegativeFloat = 1e-5
    """Factor on the noise from noise_drop on. The paper's is not known; 1e-5 is that of its patch
    experiment."""

    epochs: PositiveInt = 200
    """Number of epochs. The paper's is 200."""
    eta2: PositiveFloat = 0.01
    """Small initial learning rate (arms small and noise). The paper's is 0.01."""
    drop: PositiveInt = 60
    """Epoch, counted from 1, from whose start the rate is multiplied once. The paper's is 60."""
    drop2: PositiveInt = 120
    """Epoch from whose start it is multiplied a second time. The paper's is 120."""
    drop3: PositiveInt = 150
    """Epoch from whose start it is multiplied a third time. The paper's is 150."""
    drop_factor: Share = 0.2
    """What the rate is multiplied by at each drop. The paper's is 0.2."""
    noise_drop: NonNegativeInt = 0
    """Epoch from whose start the noise is multiplied by noise_after; 0 means at drop."""

    profiles: ClassVar[dict[str, dict[str, Any]]] = {
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
            "drop2": 4,
            "drop3": 4,
        },
        "demo": {
            "data": "digits",
            "train_size": 1200,
            "test_size": 300,
            "depth": 10,
            "widen": 1,
            "stem_stride": 2,
            "batch": 32,
            "epochs": 13,
            "drop": 8,
            "drop2": 10,
            "drop3": 12,
            "eta1": 1.0,
            "eta2": 0.1,
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
            "drop2": 17,
            "drop3": 21,
            "eta1": 0.5,
            "eta2": 0.05,
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
            "drop2": 12,
            "drop3": 14,
            "eta1": 0.5,
            "eta2": 0.05,
        },
        "colab": {"widen": 4, "epochs": 60, "drop": 18, "drop2": 36, "drop3": 45},
        "paper": {},
    }

    def rate(self, epoch: int) -> float:
        """Learning rate of this arm in ``epoch`` (from 1)."""
        initial = self.eta1 if self.arm == "large" else self.eta2
        drops = sum(epoch >= drop for drop in (self.drop, self.drop2, self.drop3))
        return initial * self.drop_factor**drops

    @property
    def unread(self) -> frozenset[str]:
        """As of every experiment on images; here large drops by a factor and never gets to eta2."""
        found = {"eta2": self.arm == "large", "drop_factor": self.first_drop > self.epochs}
        return super().unread | self._unread(found)

    @property
    def noise_until(self) -> int:
        """The epoch from whose start the noise is multiplied by ``noise_after``."""
        return self.noise_drop or self.drop
