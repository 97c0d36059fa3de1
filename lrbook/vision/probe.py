"""Looking at the patch: pictures of visits, and what can and cannot be read from its pixels."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lrbook.vision.config import PatchConfig
from lrbook.vision.images import Images
from lrbook.vision.patch import Patch, apply_patch, draw_visit, generator, patch_of
from lrbook.vision.task import PatchTask, make_task, normalise


class Visits(NamedTuple):
    """Some visits of training images: pictures (count, H, W, 3) in 0..1, kinds and labels."""

    pictures: np.ndarray
    kinds: list[str]
    labels: list[int]


def visits(config: PatchConfig, images: Images, count: int) -> Visits:
    """The first ``count`` training images as the network would meet them in one epoch.

    Who carries the patch is as in the run on these images. What is drawn anew in each epoch is
    drawn here once more, in none of the run's epochs.
    """
    task = make_task(config, images, torch.device("cpu"))
    assert isinstance(task, PatchTask)
    labels, carriers = task.train_labels[:count], task.train_carriers[:count]
    stream = generator(config.seed, "gallery")
    draws = draw_visit(len(labels), config.patch_only_share, config.patch_only_scale, stream)
    normal = normalise(task.train[:count], task)
    patched = apply_patch(normal, labels, carriers, task.patch, draws)
    pictures = ((patched * task.std + task.mean) / 255).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    kinds = [
        "no patch" if not carrier else "patch only" if zeroed else "image + patch"
        for carrier, zeroed in zip(carriers.tolist(), draws.zeroed.tolist(), strict=True)
    ]
    return Visits(pictures, kinds, labels.tolist())


def patch_pictures(patch: Patch, images: Images, times: float | None = None) -> np.ndarray:
    """z, then z + zeta and z - zeta of class 0, then of class 1: (5, P, P, 3) in 0..1.

    Args:
        patch: z and zeta, normalised.
        images: whose mean and spread turn them into pixels.
        times: by how much the differences from z are multiplied, which are then shown around a
            middle grey in place of the patches; None shows the patches as they are.
    """
    centres = [patch.z]
    for label in (0, 1):
        centres += [patch.z + patch.zeta[label], patch.z - patch.zeta[label]]
    if times is not None:
        spread = torch.tensor(images.std).view(1, 3, 1, 1)
        pictures = 0.5 + times * (torch.stack(centres) - patch.z) * spread / 255
        return pictures.clamp(0, 1).permute(0, 2, 3, 1).numpy()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (images.mean, images.std))
    return ((torch.stack(centres) * std + mean) / 255).clamp(0, 1).permute(0, 2, 3, 1).numpy()


def patch_pixels(config: PatchConfig, count: int, stream: str) -> tuple[Tensor, Tensor]:
    """``count`` full-strength patches z +- zeta_y of random classes: pixels (count, 3*P*P), y."""
    patch = patch_of(config)
    draw = generator(config.seed, f"probe {stream}")
    labels = torch.randint(len(patch.zeta), (count,), generator=draw)
    sign = draw_visit(count, 0.0, 0.0, draw).sign.view(-1, 1, 1, 1)
    return (patch.z + sign * patch.zeta[labels]).flatten(1), labels


def linear_probe(config: PatchConfig, count: int = 4000) -> float:
    """Test accuracy (share) of logistic regression from patch pixels to the class.

    A linear reader scores class k by c_k + <w_k, x - z>. If it is right on both z + zeta_k and
    z - zeta_k, adding the two conditions gives c_k > c_j for all j: one class at most can be read
    under both signs. So at most 11 of the 20 patterns, a share of 0.55, are read linearly.
    """
    from sklearn.linear_model import LogisticRegression

    pixels, labels = patch_pixels(config, count, "train")
    reader = LogisticRegression(max_iter=1000).fit(pixels.numpy(), labels.numpy())
    pixels, labels = patch_pixels(config, count, "test")
    return float(reader.score(pixels.numpy(), labels.numpy()))


def two_neuron_reader(config: PatchConfig, count: int = 4000) -> float:
    """Test accuracy (share) of two relus a class: relu(<zeta, x - z>) + relu(-<zeta, x - z>).

    That is |<zeta, x - z>|, which does not mind the sign; zetas are scaled to unit length.
    """
    patch = patch_of(config)
    pixels, labels = patch_pixels(config, count, "test")
    zeta = torch.nn.functional.normalize(patch.zeta.flatten(1), dim=1)
    along = (pixels - patch.z.flatten()) @ zeta.T
    scores = torch.relu(along) + torch.relu(-along)
    return float((scores.argmax(1) == labels).float().mean())
