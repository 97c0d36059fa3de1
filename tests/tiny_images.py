"""A run on random images small enough for a loop."""

import torch

from lrbook.vision import train
from lrbook.vision.config import PatchConfig
from lrbook.vision.images import Images
from lrbook.vision.patch import generator

CPU = torch.device("cpu")


def tiny(arm="large", of_classes=range(10), **settings):
    """A run small enough for a loop, on random images; 70 images in batches of 32: 32, 32, 6."""
    classes = torch.tensor(of_classes)
    settings = {"epochs": 4, "drop": 3, "batch": 32, "patch_test_size": 40} | settings
    config = PatchConfig.for_profile("smoke", arm=arm, seed=3, **settings)
    draw = generator(0, "images")
    return train.make_task(
        config,
        Images(
            "random",
            torch.randint(256, (70, 3, 32, 32), generator=draw, dtype=torch.uint8),
            classes[torch.randint(len(classes), (70,), generator=draw)],
            torch.randint(256, (30, 3, 32, 32), generator=draw, dtype=torch.uint8),
            classes[torch.randint(len(classes), (30,), generator=draw)],
            (125.3, 123.0, 113.9),
            (63.0, 62.1, 66.7),
        ),
        CPU,
    )
