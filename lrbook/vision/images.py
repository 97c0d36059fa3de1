"""Images in memory, checked: pixels, labels, and the statistics that they are normalised by."""

import dataclasses
import hashlib
import math
from typing import Any

import torch
from torch import Tensor

from lrbook.errors import DataError

Statistics = tuple[tuple[float, ...], tuple[float, ...]]  # mean and std, a number per channel


@dataclasses.dataclass(frozen=True)
class Images:
    """A data set, resident as tensors.

    Attributes:
        name: what figures and tables call it.
        train, test: images, uint8, (count, 3, 32, 32).
        train_labels, test_labels: int64, 0..9.
        mean, std: channel statistics in the images' units (0..255), for normalisation; kept as
            three floats each.
        standard: the mean and std that always go with images of this name; None for images of
            one's own, which may be normalised by any.

    Raises:
        DataError: made of anything but tensors, of tensors of another kind or shape, or of
            statistics that cannot normalise three channels.
    """

    name: str
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    standard: Statistics | None = None

    def __post_init__(self) -> None:
        for split in ("train", "test"):
            pixels, labels = getattr(self, split), getattr(self, f"{split}_labels")
            _check_tensor(split, pixels, "torch.uint8 of shape (count, 3, 32, 32)")
            _check_tensor(f"{split}_labels", labels, "torch.int64 of shape (count,)")
            _check_split(split, pixels, labels)
        for name in ("mean", "std"):  # an array's numbers as floats: so they are hashed, and used
            object.__setattr__(self, name, _three(name, getattr(self, name)))

    def __repr__(self) -> str:
        return f"Images {self.name!r}: {len(self.train)} to train on, {len(self.test)} to test on"

    @property
    def data(self) -> str:
        """What the field ``data`` of a configuration says for these very images."""
        return f"memory:{self.fingerprint}"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over pixels, labels and, if they are not ``standard``, mean and std; first 16 hex
        digits.
        """
        digest = hashlib.sha256()
        for tensor in (self.train, self.train_labels, self.test, self.test_labels):
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().tobytes())
        if (self.mean, self.std) != self.standard:
            digest.update(repr((self.mean, self.std)).encode())
        return digest.hexdigest()[:16]


def _check_tensor(name: str, given: Any, wanted: str) -> None:
    if not isinstance(given, Tensor):
        raise DataError(
            f"{name} is of type {type(given).__name__}; it has to be a torch.Tensor, {wanted}; "
            f"torch.as_tensor({name}) makes one of an array."
        )


def _check_split(split: str, pixels: Tensor, labels: Tensor) -> None:
    """DataError if pixels or labels of ``train`` or ``test`` are of another kind or shape."""
    shape = tuple(pixels.shape)
    if pixels.dtype != torch.uint8 or shape[1:] != (3, 32, 32) or not len(pixels):
        last = shape[1:] == (32, 32, 3)
        turned = f"; {split}.permute(0, 3, 1, 2) puts the channels there" if last else ""
        raise DataError(
            f"{split} images are {pixels.dtype} of shape {shape}; they have to be torch.uint8 of "
            f"shape (count, 3, 32, 32), with values 0 to 255{turned}."
        )
    if labels.dtype != torch.int64 or tuple(labels.shape) != shape[:1]:
        raise DataError(
            f"{split}_labels are {labels.dtype} of shape {tuple(labels.shape)}; they have to be "
            f"torch.int64, one for each of the {len(pixels)} images."
        )
    if labels.min() < 0 or labels.max() > 9:
        found = f"{labels.min()} to {labels.max()}"
        raise DataError(f"{split}_labels go from {found}; allowed are 0 to 9.")


def _three(name: str, given: Any) -> tuple[float, ...]:
    """``mean`` or ``std`` as three floats. DataError if it cannot normalise three channels."""
    try:
        numbers = tuple(float(number) for number in given)
    except (TypeError, ValueError):
        numbers = ()
    finite = len(numbers) == 3 and all(map(math.isfinite, numbers))
    if not finite or (name == "std" and min(numbers) <= 0):
        above = ", each above 0" if name == "std" else ""
        raise DataError(
            f"{name} = {given!r} is not allowed: give three numbers, one per channel, on the "
            f"images' scale of 0 to 255{above}; lrbook.vision.images.channel_statistics(train) "
            "gives mean and std."
        )
    return numbers


def channel_statistics(images: Tensor) -> Statistics:
    """Mean and standard deviation of each channel.

    From whole numbers, so that they are the same on every machine.

    Args:
        images: uint8, (count, 3, 32, 32).

    Returns:
        mean, std: three floats each, in the images' units (0..255).

    Raises:
        DataError: a channel has one value throughout, so that nothing can be divided by its std.
    """
    means, stds = [], []
    for channel in range(images.shape[1]):
        counts = torch.bincount(images[:, channel].flatten(), minlength=256).tolist()
        pixels = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value**2 * count for value, count in enumerate(counts))
        spread = pixels * squares - total**2
        if not spread:
            raise DataError(
                f"channel {channel} of the training images is {total // pixels} everywhere, and "
                "cannot be normalised; give images that vary in all three channels (one that is "
                "not used may repeat another)."
            )
        means.append(total / pixels)
        stds.append(math.sqrt(spread) / pixels)
    return tuple(means), tuple(stds)


def first(images: Images, train_size: int = 0, test_size: int = 0) -> Images:
    """The first images of a set in memory; 0 keeps all.

    Raises:
        DataError: more are asked for than there are.
    """
    train, train_labels = _first(images.train, images.train_labels, train_size, "train")
    test, test_labels = _first(images.test, images.test_labels, test_size, "test")
    return dataclasses.replace(
        images, train=train, train_labels=train_labels, test=test, test_labels=test_labels
    )


def _first(images: Tensor, labels: Tensor, size: int, split: str) -> tuple[Tensor, Tensor]:
    if size > len(images):
        raise DataError(
            f"{split}_size = {size} is more than the {len(images)} images there are; 0 takes all."
        )
    return (images[:size], labels[:size]) if size else (images, labels)
