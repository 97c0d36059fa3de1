"""What a run trains on: images, patch and carriers on the device, and the batches made of them.

Shapes: N images, B batch. Images stay on the device as uint8; a batch is gathered, normalised and
patched there.
"""

import contextlib
import dataclasses
from typing import NamedTuple

import torch
from torch import Tensor

from lrbook.vision.config import PatchConfig
from lrbook.vision.images import Images
from lrbook.vision.patch import (
    Patch,
    apply_patch,
    draw_carriers,
    draw_visit,
    generator,
    patch_of,
)
from lrbook.vision.settings import ImageConfig

KINDS = ("image", "both", "patch")  # what a visited training example shows


@dataclasses.dataclass(frozen=True)
class Task:
    """What a run trains and is tested on, on its device; fixed from the first step to the last.

    ``classes`` are those of the training images, sorted, (K,): ten, or fewer of images of one's
    own. Only of these does a test draw a patch.
    """

    config: ImageConfig
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    mean: Tensor
    std: Tensor
    classes: Tensor
    device: torch.device
    precision: str

    def draw_labels(self, count: int, draws: torch.Generator) -> Tensor:
        """Labels (count,), each of the ``classes`` as likely as any."""
        at = torch.randint(len(self.classes), (count,), generator=draws, device=self.device)
        return self.classes[at]


@dataclasses.dataclass(frozen=True)
class PatchTask(Task):
    """That of a run with a patch: the patch, and which of the images carry it, bool (N,)."""

    config: PatchConfig
    patch: Patch
    train_carriers: Tensor
    test_carriers: Tensor


class Batch(NamedTuple):
    """Training examples as visited: images (B, 3, 32, 32), labels (B,), kinds (B,).

    A kind is an index into ``KINDS``.
    """

    images: Tensor
    labels: Tensor
    kinds: Tensor


def make_task(
    config: ImageConfig, images: Images, device: torch.device, precision: str = "fp32"
) -> Task:
    """Draw patch and carriers from the seed (the same in every arm) and move all to the device."""
    shape = (1, 3, 1, 1)
    task = Task(
        config=config,
        train=images.train.to(device),
        train_labels=images.train_labels.to(device),
        test=images.test.to(device),
        test_labels=images.test_labels.to(device),
        mean=torch.tensor(images.mean, device=device).view(shape),
        std=torch.tensor(images.std, device=device).view(shape),
        classes=images.train_labels.unique().to(device),
        device=device,
        precision=precision,
    )
    return _with_patch(task, config) if isinstance(config, PatchConfig) else task


def _with_patch(task: Task, config: PatchConfig) -> PatchTask:
    def carriers(images: Tensor, name: str) -> Tensor:
        stream = generator(config.seed, name)  # on the CPU: the same draws on every device
        return draw_carriers(len(images), config.carrier_share, stream).to(task.device)

    patch = patch_of(config)
    return PatchTask(
        **vars(task),
        patch=Patch(patch.z.to(task.device), patch.zeta.to(task.device)),
        train_carriers=carriers(task.train, "carriers"),
        test_carriers=carriers(task.test, "test carriers"),
    )


def normalise(images: Tensor, task: Task) -> Tensor:
    """uint8 (B, 3, 32, 32) to float: minus the channels' mean, over their standard deviation."""
    return (images.float() - task.mean) / task.std


def autocast(task: Task) -> contextlib.AbstractContextManager:
    """Arithmetic of forward passes; weights and the loss stay in fp32."""
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(task.precision)
    if dtype is None:
        return contextlib.nullcontext()
    return torch.autocast(task.device.type, dtype)


def training_batch(task: Task, index: Tensor, visits: torch.Generator) -> Batch:
    """The examples ``index`` of the training set, normalised and patched, as visited now."""
    labels = task.train_labels[index]
    images = normalise(task.train[index], task)
    if not isinstance(task, PatchTask):
        images = images.contiguous(memory_format=torch.channels_last)
        return Batch(images, labels, torch.zeros_like(labels))
    config = task.config
    draws = draw_visit(len(index), config.patch_only_share, config.patch_only_scale, visits)
    carriers = task.train_carriers[index]
    images = apply_patch(images, labels, carriers, task.patch, draws)
    kinds = carriers.long() * (1 + draws.zeroed.long())
    return Batch(images.contiguous(memory_format=torch.channels_last), labels, kinds)
