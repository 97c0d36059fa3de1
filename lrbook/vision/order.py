"""The learning order inside a network: what is fitted, what pushes, what each block can read.

Everything here looks on: no parameter, running statistic or random stream of training is touched.
Shapes: N images, K = 10 classes, D channels of a block.
"""

import contextlib
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lrbook.vision import norm_statistics
from lrbook.vision.patch import Draws, apply_patch, generator
from lrbook.vision.task import KINDS, PatchTask, Task, autocast, normalise, training_batch
from lrbook.vision.train import VISIT, percent, predict
from lrbook.vision.wideresnet import WideResNet

CLASSES = 10
GRADIENT_IMAGES = 1024
PROBE_TRAIN, PROBE_TEST = 2000, 1000
READS = ("image", "patch", "covered", "clean")
RIDGE = 1e-3  # of the features' variance, which is 1


def observe(task: Task, model: WideResNet, epoch: int, tally: Tensor) -> dict[str, float]:
    """One row of what is looked at after ``epoch``; leaves the model in evaluation mode.

    Args:
        task: of the run.
        model: after the epoch.
        epoch: from 1; names the random streams.
        tally: (3, 3), filled by ``train_epoch``.

    Returns:
        length_0..n-1: see ``lengths``.
        clean_precise, clean_at_rest: see ``norm_statistics.clean_anew``. And with a patch:
        fitted_KIND, loss_KIND: accuracy (%) and loss (nats) of the training examples visited in the
        epoch that show KIND (image, both, patch), nan where there was none.
        share_KIND: its share of the gradient, see ``gradient_shares``.
        reads_image_0..n, reads_patch_0..n, reads_covered_0..n, reads_clean_0..n: see ``readable``;
        0 is the input of the first block and n that of the linear layer.
        wrong_patch, wrong_patch_followed: see ``wrong_patch``.
    """
    model.eval()
    row = {f"length_{at}": length for at, length in enumerate(lengths(model).tolist())}
    anew = norm_statistics.clean_anew(task, model).tolist()
    row |= dict(zip(("clean_precise", "clean_at_rest"), anew, strict=True))
    return row | _order(task, model, epoch, tally) if isinstance(task, PatchTask) else row


def _order(task: PatchTask, model: WideResNet, epoch: int, tally: Tensor) -> dict[str, float]:
    row = {}
    for kind, (loss, right, count) in zip(KINDS, tally.tolist(), strict=True):
        row[f"fitted_{kind}"] = 100 * right / count if count else float("nan")
        row[f"loss_{kind}"] = loss / count if count else float("nan")
    shares = gradient_shares(task, model)
    row |= {f"share_{kind}": share for kind, share in zip(KINDS, shares.tolist(), strict=True)}
    for what, found in zip(READS, readable(task, model).tolist(), strict=True):
        row |= {f"reads_{what}_{at}": value for at, value in enumerate(found)}
    right, followed = wrong_patch(task, model, epoch).tolist()
    return row | {"wrong_patch": right, "wrong_patch_followed": followed}


def gradient_shares(task: Task, model: WideResNet, count: int = GRADIENT_IMAGES) -> Tensor:
    """How much of the gradient comes from each kind of training example: (3,), summing to 1.

    ||G_k|| / sum_j ||G_j||, where G_k is the part of the mean loss's gradient, in all parameters,
    that is due to the examples of kind k: the toy's measure, with three kinds. Over the first
    ``count`` training images, visited once with signs and zeroing that are the same every time;
    batch norm uses its running statistics, so that the parts add up to the whole.

    Not in fp16: without the scale that training gives its loss there, the small gradients of fitted
    examples would vanish, and with them their share.
    """
    model.eval()
    precise = contextlib.nullcontext() if task.precision == "fp16" else autocast(task)
    index = torch.arange(min(count, len(task.train)), device=task.device)
    batch = training_batch(task, index, _stream(task, "gradient"))
    parameters = list(model.parameters())
    norms = []
    for kind in range(len(KINDS)):
        chosen = batch.kinds == kind
        if not chosen.any():
            norms.append(torch.zeros((), device=task.device))
            continue
        with precise:
            logits = model(batch.images[chosen].contiguous(memory_format=torch.channels_last))
        loss = F.cross_entropy(logits.float(), batch.labels[chosen], reduction="sum") / len(index)
        gradient = torch.autograd.grad(loss, parameters)
        norms.append(torch.stack([part.float().square().sum() for part in gradient]).sum().sqrt())
    lengths = torch.stack(norms)
    return lengths / lengths.sum()


@torch.no_grad()
def lengths(model: WideResNet) -> Tensor:
    """How long the weights of each block's first convolution are: (blocks,), about 1 at the start.

    The root of their squares' sum, over what it is expected to be of the initial weights. Batch
    norm follows at once, so the length changes nothing in what the network computes; but at a given
    rate a step turns these weights by the less the longer they are, in proportion to one over the
    length's square (van Laarhoven 2017, section 3).
    """
    # The initial weights are N(0, 2 / (k * k * outputs)), and there are inputs * k * k * outputs
    weights = [block.conv1.weight for block in model.each_block()]
    return torch.stack([w.float().norm() / math.sqrt(2 * w.shape[1]) for w in weights])


@torch.no_grad()
def readable(task: PatchTask, model: WideResNet) -> Tensor:
    """What a linear reader makes of each block's input: accuracy (%), (4, blocks + 1).

    Row 0 reads what images show and row 1 the class of their patch, which is at full strength and
    of a class drawn at random. Rows 2 and 3 read what the same images show where their centre is
    covered by z, which says nothing of a class, and where nothing covers it: covered like row 0,
    but without a pattern; and clean.

    The reader is ridge regression on one-hot classes, from the block's activated input averaged
    over the sites. Each row's is fitted on the first training images, whose patches are the same
    every time, and tested on test images, both as the row has them. nan where there is one training
    image only, which has no spread.
    """
    model.eval()
    draw = _stream(task, "probe")
    images = task.train[:PROBE_TRAIN], task.test[:PROBE_TEST]
    shown = task.train_labels[:PROBE_TRAIN], task.test_labels[:PROBE_TEST]
    carried = tuple(task.draw_labels(len(x), draw) for x in images)

    def features(strength: float | None) -> list[list[Tensor]]:
        found = []
        for x, labels in zip(images, carried, strict=True):
            x = normalise(x, task)
            if strength is not None:
                x = _with_patch(task, x, labels, draw, strength)
            found.append(_features(task, model, x))
        return found

    patched, covered, clean = features(1.0), features(0.0), features(None)
    asked = [(patched, shown), (patched, carried), (covered, shown), (clean, shown)]
    if len(images[0]) == 1:
        return torch.full((len(asked), len(clean[0])), float("nan"), device=task.device)
    found = [
        percent(ridge(a, labels, b), others)
        for seen, (labels, others) in asked
        for a, b in zip(*seen, strict=True)
    ]
    return torch.stack(found).view(len(asked), -1)


def ridge(features: Tensor, labels: Tensor, others: Tensor) -> Tensor:
    """Classes (M,) for ``others`` (M, D), by ridge regression on features (N, D), labels (N,).

    In float64; features are centred and scaled by the N's mean and standard deviation.
    """
    # not all devices have float64: to the host, and before the type is changed
    place = labels.device if labels.device.type == "cuda" else torch.device("cpu")
    features, others = features.to(place).double(), others.to(place).double()
    mean, std = features.mean(0), features.std(0).clamp_min(1e-9)
    features, others = (features - mean) / std, (others - mean) / std
    targets = F.one_hot(labels.to(place), CLASSES).double()
    gram = features.T @ features / len(features)
    gram.diagonal().add_(RIDGE)
    weights = torch.linalg.solve(gram, features.T @ (targets - targets.mean(0)) / len(features))
    return (others @ weights + targets.mean(0)).argmax(1).to(labels.device)


@torch.no_grad()
def wrong_patch(task: PatchTask, model: WideResNet, epoch: int) -> Tensor:
    """Test images that carry the full-strength patch of another class, drawn anew each epoch.

    Returns:
        (2,) in percent: right about the image; and answering with the patch's class. nan where
        there is one class only.
    """
    labels, classes = task.test_labels, len(task.classes)
    if classes == 1:
        return torch.full((2,), float("nan"), device=task.device)
    draw = _stream(task, "wrong patch", epoch)
    step = torch.randint(1, classes, labels.shape, generator=draw, device=task.device)
    others = task.classes[(torch.searchsorted(task.classes, labels) + step) % classes]
    images = _with_patch(task, normalise(task.test, task), others, draw)
    answers = predict(task, model, images)
    return torch.stack([percent(answers, labels), percent(answers, others)])


def _stream(task: Task, name: str, epoch: int = 0) -> torch.Generator:
    return generator(task.config.seed, name, epoch, task.device.type)


def _with_patch(
    task: PatchTask,
    images: Tensor,
    labels: Tensor,
    draw: torch.Generator,
    strength: float = 1.0,
) -> Tensor:
    """Images whose centre is z +- ``strength`` times zeta of the labels."""
    sign = torch.rand(len(labels), generator=draw, device=task.device) < 0.5
    visit = Draws(
        sign=torch.where(sign, -1.0, 1.0),
        zeroed=torch.zeros_like(sign),
        scale=torch.full((len(labels),), strength, device=task.device),
    )
    return apply_patch(images, labels, torch.ones_like(sign), task.patch, visit)


def _features(task: Task, model: WideResNet, images: Tensor) -> list[Tensor]:
    """Per block (N, D), in fp32."""
    found = []
    for x in images.split(VISIT):
        with autocast(task):
            parts = model.read_by_blocks(x.contiguous(memory_format=torch.channels_last))
        found.append([part.float() for part in parts])
    return [torch.cat(parts) for parts in zip(*found, strict=True)]
