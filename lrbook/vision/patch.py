"""The patch: a shared z, a class pattern +-zeta, and the rule that decides who carries what.

Semantics of the authors' data_util.py, batched: no loop over images, every draw on the device.
Shapes: B batch, K classes, C channels, H and W image, P patch side.
"""

import hashlib
from typing import NamedTuple

import torch
from torch import Tensor

from lrbook.errors import ConfigError
from lrbook.vision.config import PatchConfig
from lrbook.vision.settings import IMAGE_SIZE


class Patch(NamedTuple):
    """z (C, P, P), shared by all classes, and zeta (K, C, P, P), in normalised pixel units."""

    z: Tensor
    zeta: Tensor


class Draws(NamedTuple):
    """What is drawn anew at each visit of an image: sign (B,), zeroed (B,) bool, scale (B,)."""

    sign: Tensor
    zeroed: Tensor
    scale: Tensor


def generator(seed: int, stream: str, epoch: int = 0, device: str = "cpu") -> torch.Generator:
    """A random stream of its own for (seed, purpose, epoch).

    PyTorch's generator on a CPU takes 32 bits of what it is seeded with, so that of ten thousand
    streams two are the same with a chance of about one in a hundred.

    Because a stream is named, not continued, a run resumed at an epoch needs no generator state
    and sees the numbers that an unbroken run would have seen.
    """
    digest = hashlib.sha256(f"{seed}/{stream}/{epoch}".encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def draw_patch(
    generator: torch.Generator,
    *,
    size: int = 7,
    z_scale: float = 1.25,
    pattern: float = 0.1,
    classes: int = 10,
    channels: int = 3,
) -> Patch:
    """z = z_scale * N(0, 1) and zeta_k ~ U(-pattern, pattern), entrywise, once per run."""
    shape = (channels, size, size)
    z = z_scale * torch.randn(shape, generator=generator, device=generator.device)
    unit = torch.rand((classes, *shape), generator=generator, device=generator.device)
    return Patch(z=z, zeta=pattern * (2 * unit - 1))


def patch_of(config: PatchConfig) -> Patch:
    """The patch of a run, drawn on the CPU from its seed: the same in every arm.

    The configuration's ``own_patch`` if it has one.

    Raises:
        ConfigError: that is not z (3, P, P) and zeta (10, 3, P, P), of finite numbers, with P
            from 1 to the side of an image.
    """
    draws = generator(config.seed, "patch")
    if (own := config.own_patch(draws)) is not None:
        return _checked(type(config).__name__, own)
    return draw_patch(
        draws,
        size=config.patch_size,
        z_scale=config.z_scale,
        pattern=config.pattern,
    )


def _checked(name: str, own: tuple[Tensor, Tensor]) -> Patch:
    """z and zeta of ``own_patch`` of the class ``name``, in single precision, if they fit."""
    found = [tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in own]
    sides = range(1, IMAGE_SIZE + 1)
    if not any(found == [(3, side, side), (10, 3, side, side)] for side in sides):
        raise ConfigError(
            f"own_patch of {name} gives {' and '.join(map(str, found))}; give tensors z (3, P, P) "
            f"and zeta (10, 3, P, P), with P from 1 to {IMAGE_SIZE}."
        )
    z, zeta = (part.float() for part in own)
    if not (z.isfinite().all() and zeta.isfinite().all()):
        raise ConfigError(f"own_patch of {name} has numbers that are nan or inf; give finite ones.")
    return Patch(z, zeta)


def draw_carriers(count: int, share: float, generator: torch.Generator) -> Tensor:
    """Which of ``count`` images carry a patch (bool), each with probability ``share``."""
    return torch.rand(count, generator=generator, device=generator.device) < share


def draw_visit(
    count: int, patch_only_share: float, patch_only_scale: float, generator: torch.Generator
) -> Draws:
    """Sign, zeroing and scale of ``count`` visits.

    Sign is +-1 with equal chance. With probability ``patch_only_share`` the image is zeroed, and
    zeta is then scaled by ``patch_only_scale * U[0, 1]``; otherwise the scale is 1.
    """
    u = torch.rand((3, count), generator=generator, device=generator.device)
    zeroed = u[1] < patch_only_share
    return Draws(
        sign=torch.where(u[0] < 0.5, -1.0, 1.0),
        zeroed=zeroed,
        scale=torch.where(zeroed, patch_only_scale * u[2], 1.0),
    )


def apply_patch(
    images_BCHW: Tensor, labels_B: Tensor, carriers_B: Tensor, patch: Patch, draws: Draws
) -> Tensor:
    """A copy of the images in which the carriers' centre is z + sign * scale * zeta_label.

    Args:
        images_BCHW: normalised images.
        labels_B: classes, int64.
        carriers_B: which images carry a patch, bool.
        patch: z and zeta.
        draws: this visit's draws.

    Returns:
        (B, C, H, W): non-carriers unchanged; carriers with the centre overwritten, and with
        everything else zero where ``draws.zeroed``.
    """
    size = patch.z.shape[-1]
    start = int(images_BCHW.shape[-1] / 2 - size / 2)  # 12 for 7 of 32, as in the authors' code
    rows = slice(start, start + size)
    amount = (draws.sign * draws.scale).view(-1, 1, 1, 1)
    centre = patch.z + amount * patch.zeta[labels_B]

    keep = ~(carriers_B & draws.zeroed).view(-1, 1, 1, 1)
    patched = torch.where(keep, images_BCHW, 0.0)  # where, not *: it also removes a nan
    old = patched[:, :, rows, rows]
    patched[:, :, rows, rows] = torch.where(carriers_B.view(-1, 1, 1, 1), centre, old)
    return patched
