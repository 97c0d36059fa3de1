"""The authors' code (github.com/cwein3/large-lr-code) from a checkout, mended in memory.

Two mechanical changes let it start on today's Python and off a GPU: ``async=`` is spelled
``non_blocking=``, and ``.cuda()`` means the chosen device. Nothing is written to the checkout.
"""

import contextlib
import io
import re
import sys
import types
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lrbook.vision.config import PatchConfig
from lrbook.vision.images import Images
from lrbook.vision.task import Task
from lrbook.vision.wideresnet import WideResNet

MODULES = {  # in the order in which they import one another
    "wideresnet": "models/wideresnet.py",
    "update_loss_util": "update_loss_util.py",
    "train_util": "train_util.py",
    "data_util": "data_util.py",
}


def load(checkout: Path, device: torch.device) -> types.SimpleNamespace:
    """Their modules by name.

    Raises:
        SystemExit: the folder is not a checkout of their code.
    """
    found = {}
    for name, path in MODULES.items():
        if not (checkout / path).exists():
            raise SystemExit(f"{checkout} holds no {path}: give a clone of cwein3/large-lr-code.")
        text = (checkout / path).read_text(encoding="utf-8").replace("async=", "non_blocking=")
        text = re.sub(r"\.cuda\(", ".to(DEVICE, ", text)
        module = types.ModuleType(name)
        module.DEVICE = device
        sys.modules[name] = module  # train_util imports update_loss_util by this name
        exec(compile(text, str(checkout / path), "exec"), vars(module))
        found[name] = module
    return types.SimpleNamespace(**found)


class PerImage(torch.utils.data.Dataset):
    """Their FixedAugmentDataset on images in memory: decode, normalise and patch one at a time."""

    def __init__(self, code: types.SimpleNamespace, images: Images, config: PatchConfig) -> None:
        from PIL import Image
        from torchvision import transforms

        self.pictures = [Image.fromarray(x.permute(1, 2, 0).numpy()) for x in images.train]
        self.labels = images.train_labels.tolist()
        mean, std = ([value / 255 for value in row] for row in (images.mean, images.std))
        self.plain = transforms.Compose(
            [transforms.ToTensor(), transforms.Normalize(mean=mean, std=std)]
        )
        z, zeta = code.data_util.pm_sym_pattern(
            10, config.patch_size, 1, z_scale=config.z_scale, sep=config.pattern
        )
        self.patch = code.data_util.PatchAugmentFixed(
            z, zeta, "center", config.patch_only_share, config.patch_only_scale
        )
        self.carries = np.random.default_rng(0).random(len(self.labels)) < config.carrier_share

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        sample = self.plain(self.pictures[index]), self.labels[index]
        return self.patch(sample) if self.carries[index] else sample


class Loop:
    """Their step on ready batches, and their epoch with the data made image by image."""

    def __init__(self, code: types.SimpleNamespace, task: Task, model: WideResNet) -> None:
        config = task.config
        self.code, self.config = code, config
        self.model = code.wideresnet.WideResNet(config.depth, widen_factor=config.widen)
        self.model.conv1.stride = (config.stem_stride,) * 2  # theirs is 1; the pool follows
        if config.stem_stride != 1:
            self.model.forward = types.MethodType(_forward_with_smaller_maps, self.model)
        self.model.to(task.device)
        with torch.no_grad():
            pairs = zip(self.model.parameters(), model.parameters(), strict=True)
            for theirs, ours in pairs:
                theirs.copy_(ours)
        self.optimizer = code.train_util.create_optimizer(
            self.model,
            {
                "base_lr": config.rate(1),
                "momentum": config.momentum,
                "weight_decay": config.weight_decay,
            },
        )
        self.criterion = torch.nn.CrossEntropyLoss()
        self.hparams = {"reg_type": "none"}
        self.made: tuple[Images, PerImage] | None = None

    def step(self, images: Tensor, labels: Tensor) -> float:
        """One step on a batch that is there already; returns the loss before it."""
        parts = (self.criterion, self.optimizer, self.model, images, labels, self.hparams)
        return self.code.update_loss_util.update_step(*parts)[0].item()

    def epoch(self, images: Images) -> None:
        """One epoch. On a card with their loader: a worker, and pinned memory. On a CPU the loader
        is in this process, as a worker would share its core.
        """
        if self.made is None or self.made[0] is not images:  # theirs are made before they train
            self.made = images, PerImage(self.code, images, self.config)
        on_card = next(self.model.parameters()).is_cuda
        loader = torch.utils.data.DataLoader(
            self.made[1],
            batch_size=self.config.batch,
            shuffle=True,
            num_workers=int(on_card),
            pin_memory=on_card,
        )
        with contextlib.redirect_stdout(io.StringIO()):
            self.code.train_util.train_loop(
                loader, self.model, self.criterion, self.optimizer, 1, self.hparams
            )


def _forward_with_smaller_maps(self, x: Tensor) -> Tensor:
    """Their forward pass with the last pool over the whole map, which is not 8 x 8 any more."""
    out = self.block3(self.block2(self.block1(self.conv1(x))))
    out = self.relu(self.bn1(out))
    out = torch.nn.functional.avg_pool2d(out, out.shape[-1])
    return self.fc(out.view(-1, self.nChannels))
