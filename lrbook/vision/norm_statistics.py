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

IMAGES = 2048


@torch.no_grad()
def clean_anew(task: Task, model: WideResNet) -> Tensor:
    """Accuracy (%) on the clean test images, by statistics of the weights as they are: (2,).

    First by means over the first ``IMAGES`` training images in batches of the run's size ("precise"
    batch norm: Wu and Johnson 2021, section 3.1). Then by running statistics as training keeps
    them, which go on from these over the same batches: they are of as few batches as those of the
    run, of about (2 - momentum) / momentum, but the weights are at rest.

    The images are visited with signs and zeroing that are the same every time, and without
    activation noise.
    """
    size, draws = task.config.batch, generator(task.config.seed, "statistics", 0, task.device.type)
    parts = torch.arange(len(task.train), device=task.device)[:IMAGES].split(size)
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
