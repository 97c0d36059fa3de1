"""Batch norm, activation noise and relu in one, for large maps on a CPU.

The arithmetic is the library's; what is saved is memory. Each of the three makes arrays as large
as its input, forward and backward, and there fresh pages cost more than the sums. Here the results
lie in memory that is used again.
"""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from lrbook.vision import memory


def pays(norm: nn.BatchNorm2d, x: Tensor) -> bool:
    """Whether ``Activation`` can be taken here, and maps are so large that it saves anything.

    Args:
        norm: with weight, bias and running statistics.
        x: (N, C, H, W), what it is to be applied to.
    """
    if x.device.type != "cpu" or x.dim() != 4 or x.dtype != torch.float32 or not norm.training:
        return False
    if not library_has_its_parts():
        return False
    if norm.momentum is None:  # then its running statistics are means over all batches
        return False
    large = x.numel() * x.dtype.itemsize >= memory.SMALL
    whole = x.is_contiguous(memory_format=torch.channels_last)
    return large and whole and not torch.is_autocast_enabled("cpu")


def library_has_its_parts() -> bool:
    """Whether this PyTorch has the operators of ``Activation``, some of which it does not document.

    Without them the norm and the relu themselves are taken, which only need more memory.
    """
    aten = torch.ops.aten
    return (
        hasattr(torch, "native_batch_norm")
        and hasattr(aten, "native_batch_norm_backward")
        and hasattr(getattr(aten, "threshold_backward", None), "grad_input")
    )


class NormContext(memory.Context, Protocol):
    """``memory.Context`` with what the norm adds to its variances."""

    eps: float


class Activation(torch.autograd.Function):
    """relu(norm(x) + noise), the norm in training mode: its running statistics are moved.

    With gradients by x and by the norm's weight and bias, but none of these: once differentiable.
    """

    @staticmethod
    def forward(
        ctx: NormContext,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        norm: nn.BatchNorm2d,
        noise: Tensor | None,
    ) -> Tensor:
        """(N, C, H, W), channels last, of x in that form.

        Args:
            ctx: for the gradients.
            x: (N, C, H, W).
            weight, bias: the norm's, (C,), for their gradients' sake.
            norm: the rest of it; its count of batches is not moved.
            noise: (1, 1, H, W), or None.
        """
        y = memory.kept.empty(*x.shape, dtype=x.dtype, channels_last=True)
        mean, inverse = torch.empty_like(weight), torch.empty_like(weight)
        running = (norm.running_mean, norm.running_var)
        momentum, eps = norm.momentum, norm.eps
        assert momentum is not None  # ``pays`` is for no other norm
        out = (y, mean, inverse)
        torch.native_batch_norm(x, weight, bias, *running, True, momentum, eps, out=out)
        if noise is not None:
            y += noise
        y.relu_()
        ctx.save_for_backward(x, weight, mean, inverse, y)
        ctx.eps = norm.eps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: NormContext, slope: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients by x, weight and bias; ``slope`` is that by the result."""
        x, weight, mean, inverse, y = ctx.saved_tensors
        through_relu = memory.kept.empty(*x.shape, dtype=x.dtype, channels_last=True)
        aten = torch.ops.aten
        aten.threshold_backward.grad_input(slope, y, 0, grad_input=through_relu)
        how = (mean, inverse, True, ctx.eps, [True, True, True])
        found = aten.native_batch_norm_backward(through_relu, x, weight, None, None, *how)
        return *found, None, None
