"""Batch norm's statistics taken anew, of the weights as they are, and accuracy by them.

Evaluation goes by running statistics, which go back to steps at which the weights were others. A
copy of the network is given others, and training never hears of it.
"""

import copy

import torch
from torch import Tensor
from torch.optim import swa_utils

from lrbook.vision.patch import generator
from lrbook.vision.task import Task, autocast, training_batch
from lrbook.vision.train import percent, predict
from lrbook.vision.wideresnet import WideResNet

IMAGES, BATCHES = 2048, 32
"""The statistics are of at least so many training images, and of so many batches, if there are."""


@torch.no_grad()
def clean_anew(task: Task, model: WideResNet) -> Tensor:
    """Accuracy (%) on the clean test images, by statistics of the weights as they are: (2,).

    First by means over the first training images, in batches of the run's size ("precise" batch
    norm: Wu and Johnson 2021, section 3.1, but with the mean of the batches' variances, as running
    statistics have it). Then by running statistics as training keeps them, which go on from these
    over the same batches: they are of about as few as those of the run, which amount to
    (2 - momentum) / momentum batches, but the weights are at rest. (Where the training images make
    fewer than ``BATCHES``, they stay nearer to the means.)

    The images are visited with signs and zeroing that are the same every time, and without
    activation noise.
    """
    size, draws = task.config.batch, generator(task.config.seed, "statistics", 0, task.device.type)
    count = max(IMAGES, BATCHES * size)
    parts = torch.arange(len(task.train), device=task.device)[:count].split(size)
    parts = [part for part in parts if len(part) == len(parts[0])]  # a rest would count as much
    batches = [training_batch(task, part, draws).images for part in parts]
    fresh = copy.deepcopy(model)  # whose statistics can be lost
    fresh.fast = None  # what is compiled would run the model that it was compiled of
    with autocast(task):
        swa_utils.update_bn(batches, fresh)
    precise = predict(task, fresh, task.test)
    fresh.train()
    with autocast(task):
        for images in batches:
            fresh(images)
    at_rest = predict(task, fresh, task.test)
    return torch.stack([percent(each, task.test_labels) for each in (precise, at_rest)])
