"""3x3 convolutions with a quarter of the products: Winograd's minimal filtering, F(4x4, 3x3).

Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), arXiv 1509.09308, for all
three convolutions of a training step. The same maths in other rounding: in fp32 the error is some
ten times that of the direct form, and far below that of TF32.

Four outputs in a row need six inputs d and, done directly, 12 products with the filter g; here 6:
``A.T @ ((G @ g) * (B.T @ d))``. In the plane 36 products do the work of 144. Over images and
channels each of the 36 is a matrix product, which is where the time goes; the transforms cost
the more beside it, the fewer channels there are.

For PyTorch on a CPU, whose library convolves in fp32 in the direct form only. Shapes: N images,
C channels of H x W inputs, K channels of as many outputs.
"""

import math
from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

OUTPUTS, FILTER = 4, 3  # in a row
INPUTS = OUTPUTS + FILTER - 1
TILES_AT_ONCE = 64
"""Rows enough for a matrix product, and so few that they stay in the cache until it is taken."""

LEAST_CHANNELS = 96
"""With fewer the transforms cost what the products save: with AVX2 nothing is gained at 64, and 32
take twice the library's time.
"""

# The paper's section 4.3; the points are 0, 1, -1, 2, -2 and infinity
B_T = [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
]
G_24 = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]  # 24 G
A_T = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether ``Convolution`` is the faster form here: on a CPU, in fp32, with many channels.

    Args:
        x: (N, C, H, W).
        weight: (K, C, 3, 3).
    """
    if x.device.type != "cpu" or len(x) == 0 or min(weight.shape[:2]) < LEAST_CHANNELS:
        return False
    in_fp32 = x.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    return in_fp32 and x.shape[2] % OUTPUTS == 0 and x.shape[3] % OUTPUTS == 0


@cache
def transforms(kind: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    """For flattened tiles: of inputs (36, 36), filters (36, 9) and outputs (16, 36)."""
    rows = (torch.tensor(matrix, dtype=torch.float64) for matrix in (B_T, G_24, A_T))
    of_inputs, of_filters, of_outputs = (torch.kron(matrix, matrix) for matrix in rows)
    return of_inputs.to(kind), (of_filters / 24**2).to(kind), of_outputs.to(kind)


class Tiling:
    """Maps (N, C, H, W) cut into tiles, a few images at a time, in buffers used again and again.

    Args:
        x: the maps.
        others: channels on the other side of the filter.
    """

    def __init__(self, x: Tensor, others: int) -> None:
        self.x, self.channels = x, x.shape[1]
        self.grid = (x.shape[2] // OUTPUTS, x.shape[3] // OUTPUTS)
        self.images = min(len(x), max(1, TILES_AT_ONCE // math.prod(self.grid)))
        most = self.images * math.prod(self.grid) * max(self.channels, others)
        self.one, self.two, self.three = (x.new_empty(INPUTS**2 * most) for _ in range(3))
        # Zeros around: the padding. Channels come last, so that whole rows are copied
        height, width = x.shape[2:]
        self.framed = x.new_zeros(self.images, height + 2, width + 2, self.channels)

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        """Which images, and their transformed tiles (36, tiles, C), in the buffer ``two``."""
        for start in range(0, len(self.x), self.images):
            some = self.x[start : start + self.images]
            framed = self.framed[: len(some)]
            framed[:, 1:-1, 1:-1].copy_(some.permute(0, 2, 3, 1))
            overlapping = framed.unfold(1, INPUTS, OUTPUTS).unfold(2, INPUTS, OUTPUTS)
            cut = part(self.one, INPUTS, INPUTS, len(some), *self.grid, self.channels)
            cut.copy_(overlapping.permute(4, 5, 0, 1, 2, 3))
            tiles = part(self.two, INPUTS**2, cut[0, 0].numel())
            torch.mm(transforms(some.dtype)[0], cut.view(INPUTS**2, -1), out=tiles)
            yield slice(start, start + len(some)), tiles.view(INPUTS**2, -1, self.channels)


def part(buffer: Tensor, *shape: int) -> Tensor:
    """The beginning of a buffer in this shape."""
    return buffer[: math.prod(shape)].view(shape)


def apart(maps: Tensor) -> Tensor:
    """View (4, 4, n, H / 4, W / 4, K) of outputs (n, K, H, W): by their place in a tile."""
    cut = maps.permute(0, 2, 3, 1).unflatten(2, (-1, OUTPUTS)).unflatten(1, (-1, OUTPUTS))
    return cut.permute(2, 4, 0, 1, 3, 5)


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """As ``conv2d(x, weight, padding=1)``, without a gradient; the result is channels last.

    Args:
        x: (N, C, H, W), N not 0, H and W divisible by 4.
        weight: (K, C, 3, 3).

    Returns:
        (N, K, H, W).
    """
    outputs, channels = weight.shape[:2]
    _, of_filters, of_outputs = transforms(x.dtype)
    filters = of_filters @ weight.permute(2, 3, 1, 0).reshape(FILTER**2, -1)
    filters = filters.view(INPUTS**2, channels, outputs)
    size = (len(x), outputs, *x.shape[2:])
    y = torch.empty(size, dtype=x.dtype, memory_format=torch.channels_last)
    tiling = Tiling(x, outputs)
    for some, tiles in tiling:
        products = part(tiling.one, *tiles.shape[:2], outputs)
        torch.bmm(tiles, filters, out=products)
        place = apart(y[some])
        found = part(tiling.two, *place.shape)
        torch.mm(of_outputs, products.flatten(1), out=found.view(OUTPUTS**2, -1))
        place.copy_(found)
    return y


def weight_gradient(x: Tensor, slope: Tensor) -> Tensor:
    """Gradient by the weight (K, C, 3, 3): the transposes of what ``convolve`` does to it.

    Args:
        x: what was convolved, (N, C, H, W).
        slope: the gradient by the result, (N, K, H, W).
    """
    channels, outputs = x.shape[1], slope.shape[1]
    _, of_filters, of_outputs = transforms(x.dtype)
    by_filters = x.new_empty(INPUTS**2, channels, outputs)
    tiling = Tiling(x, outputs)
    for some, tiles in tiling:
        place = apart(slope[some])
        found = part(tiling.one, *place.shape)
        found.copy_(place)
        products = part(tiling.three, *tiles.shape[:2], outputs)
        torch.mm(of_outputs.T, found.view(OUTPUTS**2, -1), out=products.flatten(1))
        # The first sum overwrites what lay in memory
        by_filters.baddbmm_(tiles.transpose(1, 2), products, beta=int(some.start > 0))
    by_weight = of_filters.T @ by_filters.flatten(1)
    return by_weight.view(FILTER, FILTER, channels, outputs).permute(3, 2, 0, 1)


class Convolution(torch.autograd.Function):
    """``convolve`` with its two gradients, once differentiable."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor) -> Tensor:
        """(N, K, H, W) of (N, C, H, W) and (K, C, 3, 3)."""
        ctx.save_for_backward(x, weight)
        return convolve(x, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, slope: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Gradients by both, where they are asked for; ``slope`` is that by the result."""
        x, weight = ctx.saved_tensors
        by_x = by_weight = None
        if ctx.needs_input_grad[0]:  # the filter, turned round and with its two sides exchanged
            by_x = convolve(slope, weight.flip(2, 3).transpose(0, 1))
        if ctx.needs_input_grad[1]:
            by_weight = weight_gradient(x, slope)
        return by_x, by_weight
