"""One epoch of training and the three evaluations: tensors in, tensors out, no host sync inside.

Shapes: N images, B batch. Images stay on the device as uint8; a batch is gathered, normalised and
patched there.
"""

import contextlib
import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor

from lrbook.vision.config import PatchConfig
from lrbook.vision.patch import (
    Patch,
    apply_patch,
    draw_carriers,
    draw_patch,
    draw_visit,
    generator,
)
from lrbook.vision.sources import Images
from lrbook.vision.wideresnet import WideResNet

EVALUATION_BATCH = 500


@dataclasses.dataclass(frozen=True)
class Task:
    """What a run trains and is tested on, on its device; fixed from the first step to the last."""

    config: PatchConfig
    train: Tensor
    train_labels: Tensor
    train_carriers: Tensor
    test: Tensor
    test_labels: Tensor
    test_carriers: Tensor
    mean: Tensor
    std: Tensor
    patch: Patch
    device: torch.device
    precision: str


def make_task(
    config: PatchConfig, images: Images, device: torch.device, precision: str = "fp32"
) -> Task:
    """Draw patch and carriers from the seed (the same in every arm) and move all to the device."""

    def stream(name: str) -> torch.Generator:
        return generator(config.seed, name)  # on the CPU: the same draws on every device

    patch = draw_patch(
        stream("patch"),
        size=config.patch_size,
        z_scale=config.z_scale,
        pattern=config.pattern,
    )
    share = config.carrier_share
    shape = (1, 3, 1, 1)
    return Task(
        config=config,
        train=images.train.to(device),
        train_labels=images.train_labels.to(device),
        train_carriers=draw_carriers(len(images.train), share, stream("carriers")).to(device),
        test=images.test.to(device),
        test_labels=images.test_labels.to(device),
        test_carriers=draw_carriers(len(images.test), share, stream("test carriers")).to(device),
        mean=torch.tensor(images.mean, device=device).view(shape),
        std=torch.tensor(images.std, device=device).view(shape),
        patch=Patch(patch.z.to(device), patch.zeta.to(device)),
        device=device,
        precision=precision,
    )


def make_model(config: PatchConfig, device: torch.device) -> WideResNet:
    """The network with initial weights drawn from the seed (the same in every arm)."""
    model = WideResNet(
        config.depth,
        config.widen,
        stem_stride=config.stem_stride,
        generator=generator(config.seed, "weights"),
    )
    return model.to(device, memory_format=torch.channels_last)


def make_optimizer(model: WideResNet, config: PatchConfig) -> torch.optim.SGD:
    """SGD with Nesterov momentum and weight decay on every parameter, batch norm's too."""
    return torch.optim.SGD(
        model.parameters(),
        lr=config.rate(1),
        momentum=config.momentum,
        nesterov=config.momentum > 0,
        weight_decay=config.weight_decay,
        fused=True,
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


def training_batch(task: Task, index: Tensor, visits: torch.Generator) -> tuple[Tensor, Tensor]:
    """Normalised, patched images (B, 3, 32, 32) and labels (B,) of the examples ``index``."""
    config = task.config
    draws = draw_visit(len(index), config.patch_only_share, config.patch_only_scale, visits)
    labels = task.train_labels[index]
    images = normalise(task.train[index], task)
    images = apply_patch(images, labels, task.train_carriers[index], task.patch, draws)
    return images.contiguous(memory_format=torch.channels_last), labels


def train_epoch(
    task: Task,
    model: WideResNet,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    scaler: torch.amp.GradScaler | None = None,
) -> Tensor:
    """One pass over the training images in a fresh order.

    Args:
        task: data and patch.
        model: trained in place.
        optimizer: its rate is set to ``config.rate(epoch)``.
        epoch: from 1; names the epoch's random streams.
        scaler: for fp16.

    Returns:
        (2,) on the device: mean loss and share correct over the epoch, as met in training.
    """
    config, device = task.config, task.device
    count = len(task.train)
    order_stream = generator(config.seed, "order", epoch, device.type)
    visits = generator(config.seed, "visits", epoch, device.type)
    noise = generator(config.seed, "noise", epoch, device.type)
    level = config.noise_level(epoch)
    for group in optimizer.param_groups:
        group["lr"] = config.rate(epoch)

    model.train()
    totals = torch.zeros(2, device=device)
    order = torch.randperm(count, generator=order_stream, device=device)
    for index in order.split(config.batch):
        images, labels = training_batch(task, index, visits)
        with autocast(task):
            logits = model(images, level, noise)
        loss = F.cross_entropy(logits.float(), labels)
        optimizer.zero_grad()
        if scaler is None:
            loss.backward()
            optimizer.step()
        else:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        with torch.no_grad():
            correct = (logits.argmax(1) == labels).sum()
            totals += torch.stack([loss * len(index), correct.to(loss.dtype)])
    return totals / count


@torch.no_grad()
def evaluate(task: Task, model: WideResNet, epoch: int) -> Tensor:
    """Accuracy in percent, (3,) on the device: clean, mixed and patch-only images.

    Clean: the test images as they are. Mixed: the same with the training rule for patches, signs
    and zeroing drawn anew. Patch-only: zero images with random labels, every one a carrier, under
    the same rule (so a share of ``patch_only_share`` has its zeta scaled).
    """
    config, device = task.config, task.device
    draws = generator(config.seed, "evaluation", epoch, device.type)
    model.eval()

    def visit(count: int):
        return draw_visit(count, config.patch_only_share, config.patch_only_scale, draws)

    def accuracy(images: Tensor, labels: Tensor, carriers: Tensor | None) -> Tensor:
        correct = torch.zeros((), device=device)
        for start in range(0, len(labels), EVALUATION_BATCH):
            part = slice(start, start + EVALUATION_BATCH)
            x, y = images[part], labels[part]
            x = normalise(x, task) if x.dtype == torch.uint8 else x
            if carriers is not None:
                x = apply_patch(x, y, carriers[part], task.patch, visit(len(y)))
            with autocast(task):
                logits = model(x.contiguous(memory_format=torch.channels_last))
            correct += (logits.argmax(1) == y).sum()
        return 100 * correct / len(labels)

    size = config.patch_test_size
    labels = torch.randint(10, (size,), generator=draws, device=device)
    zeros = torch.zeros((size, *task.test.shape[1:]), device=device)
    everyone = torch.ones(size, dtype=torch.bool, device=device)
    return torch.stack(
        [
            accuracy(task.test, task.test_labels, None),
            accuracy(task.test, task.test_labels, task.test_carriers),
            accuracy(zeros, labels, everyone),
        ]
    )
