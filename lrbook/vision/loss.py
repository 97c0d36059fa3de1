"""The loss of a training step: the authors' mean over the batch, or one with sampling noise."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def training_loss(
    logits: Tensor,
    labels: Tensor,
    sampling_noise: float = 0.0,
    draws: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    r"""The loss whose gradient a step takes, and the batch's mean loss, which is recorded.

    With sampling noise :math:`s` the examples weigh :math:`1 + s v_i` in place of 1. The
    :math:`v_i` are normal draws, less their mean in the batch and scaled to variance 1, so the
    weights' mean is 1 in every batch, and a gradient that all examples share is left as it is. The
    step's gradient gets :math:`s^2 S / B` of covariance besides, where :math:`S` is that of the
    batch's single gradients (B - 1 in its denominator). With what the draw of the batch brings
    this is about :math:`1 + s^2` times as much, or that of a batch of :math:`B / (1 + s^2)`
    examples. Batch norm sees the whole batch. Weights of this kind are those of Wu et al. (2020),
    "On the noisy gradient descent that generalizes as SGD".

    Args:
        logits: (B, 10).
        labels: (B,) classes.
        sampling_noise: standard deviation s of the weights; 0 takes the plain mean.
        draws: the stream of the weights, on the logits' device; needed where s is not 0.

    Returns:
        Two scalars; the same one twice without noise.
    """
    if not sampling_noise:
        loss = F.cross_entropy(logits.float(), labels)
        return loss, loss
    each = F.cross_entropy(logits.float(), labels, reduction="none")
    weights = 1 + sampling_noise * centred(len(each), draws, each.device)
    return (weights * each).mean(), each.mean()


def centred(count: int, draws: torch.Generator | None, device: torch.device) -> Tensor:
    """Normal draws (count,) less their mean, each of variance 1; a single one is 0."""
    v = torch.randn(count, generator=draws, device=device)
    return (v - v.mean()) * math.sqrt(count / max(1, count - 1))
