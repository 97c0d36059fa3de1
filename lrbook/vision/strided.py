"""3x3 convolutions of stride 2, wide ones by minimal filtering (``strided_filtering``).

In smaller layers its transforms take what the products save. There only the gradient by the weight
is ours, and direct: one matrix product, of what each output was computed from.

For PyTorch on a CPU, whose library (oneDNN) takes these convolutions more slowly than those of
stride 1; measured with AVX2. Shapes: N images, C channels of H x W inputs, K channels of
H / 2 x W / 2 outputs.
"""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from lrbook.vision import strided_filtering as filtering
from lrbook.vision.memory import Context, kept
from lrbook.vision.strided_filtering import STRIDE, Tiling, copied
from lrbook.vision.winograd import suits

ROWS_AT_ONCE = 512
"""Enough for a matrix product, and so few that they stay in the cache until it is taken."""

LEAST_CHANNELS, LEAST_WORK = 64, 2**23
"""From here on our direct gradient by the weight is faster than the library's.

Work is the number of products with one tap of the filter.
"""


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether ``StridedConvolution`` is the faster form here: on a CPU, in fp32, for much work.

    Args:
        x: (N, C, H, W).
        weight: (K, C, 3, 3).
    """
    if not suits(x, weight, LEAST_CHANNELS):
        return False
    images, _, height, width = x.shape
    work = weight.shape[0] * weight.shape[1] * images * (height // STRIDE) * (width // STRIDE)
    return height % STRIDE == 0 and width % STRIDE == 0 and work >= LEAST_WORK


def direct_weight_gradient(x: Tensor, slope: Tensor) -> Tensor:
    """As ``strided_filtering`` has it, without transforms: H and W only have to be even."""
    channels, outputs = x.shape[1], slope.shape[1]
    by_weight = kept.empty(outputs, channels, 3, 3, dtype=x.dtype, channels_last=True)
    total = by_weight.permute(0, 2, 3, 1).view(outputs, -1)
    tiling = Tiling(x, STRIDE, "before", ROWS_AT_ONCE)
    [buffer] = tiling.buffers(1, 9 * channels)
    for some, tiles in tiling:  # the first sum overwrites what lay in memory
        read = copied(tiles.permute(2, 3, 4, 0, 1, 5), buffer).view(-1, 9 * channels)
        flat = slope[some].permute(0, 2, 3, 1).reshape(-1, outputs)
        total.addmm_(flat.T, read, beta=int(some.start > 0))
    return by_weight


def library_input_gradient(x: Tensor, weight: Tensor, slope: Tensor) -> Tensor:
    """The same by x, from the library: by an operator that it does not document, if it has that."""
    if not hasattr(torch.ops.aten, "convolution_backward"):
        return F.conv_transpose2d(slope, weight, stride=STRIDE, padding=1, output_padding=1)
    how = ([STRIDE] * 2, [1, 1], [1, 1], False, [0, 0], 1, [True, False, False])
    return torch.ops.aten.convolution_backward(slope, x, weight, None, *how)[0]


class StridedConvolution(torch.autograd.Function):
    """3x3 convolution with stride 2 and padding 1, of images (N, C, H, W), weight (K, C, 3, 3).

    With gradients by both, but none of these: once differentiable, and not for ``torch.func``.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, weight: Tensor) -> Tensor:
        """(N, K, H / 2, W / 2)."""
        ctx.save_for_backward(x, weight)
        if filtering.pays(x, weight):
            return filtering.convolve(x, weight)
        return F.conv2d(x, weight, stride=STRIDE, padding=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, slope: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Gradients by both, where they are asked for; ``slope`` is that by the result."""
        x, weight = ctx.saved_tensors
        by_x = by_weight = None
        wide = filtering.pays(x, weight)
        weight_gradient = filtering.weight_gradient if wide else direct_weight_gradient
        with torch.autocast("cpu", enabled=False):
            if ctx.needs_input_grad[0] and wide:
                by_x = filtering.input_gradient(weight, slope)
            elif ctx.needs_input_grad[0]:
                by_x = library_input_gradient(x, weight, slope)
            if ctx.needs_input_grad[1]:
                by_weight = weight_gradient(x, slope)
        return by_x, by_weight
