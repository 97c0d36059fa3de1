"""3x3 convolutions with a quarter of the products: Winograd's minimal filtering, F(4x4, 3x3).

Lavin & Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), arXiv 1509.09308, for all
three convolutions of a training step. The same maths in other rounding: in fp32 the error is larger
than that of the direct form, and far below that of TF32.

Four outputs in a row need six inputs d and, done directly, 12 products with the filter g; here 6:
``A.T @ ((G @ g) * (B.T @ d))``. In the plane 36 products do the work of 144. Over images and
channels each of the 36 is a matrix product, which is where the time goes; the transforms cost
the more beside it, the fewer channels there are.

For PyTorch on a CPU, which asks its library (oneDNN) for the direct form; measured with AVX2.
Results and buffers of ``memory.SMALL`` bytes or more lie in memory that is used again.
Shapes: N images, C channels of H x W inputs, K channels of as many outputs.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from lrbook.vision.memory import Context, kept

OUTPUTS, FILTER = 4, 3  # in a row
INPUTS = OUTPUTS + FILTER - 1
TILES_AT_ONCE = 192
"""Rows enough for a matrix product, and so few that they stay in the cache until it is taken."""

LEAST_CHANNELS, LEAST_TILES = 96, 64
"""With fewer channels the transforms of inputs cost what the products save; with fewer tiles in
all, those of filters do.
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


def one_side(matrix: list[list[int]], over: int = 1) -> Tensor:
    """``matrix / over``."""
    return torch.tensor(matrix, dtype=torch.float64, device="cpu") / over


def flattened(matrix: list[list[int]], over: int = 1) -> Tensor:
    """What ``matrix / over`` does to both sides of a tile, as one matrix for flattened tiles."""
    side = one_side(matrix, over)
    return torch.kron(side, side)


OF_INPUTS, OF_OUTPUTS = one_side(B_T), one_side(A_T)
"""What is done to one side after the other, (6, 6) and (4, 6)."""

OF_FILTERS = flattened(G_24, over=24)
"""(36, 9)."""


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether ``Convolution`` is the faster form here: on a CPU, in fp32, for much work.

    Args:
        x: (N, C, H, W).
        weight: (K, C, 3, 3).
    """
    if not suits(x, weight, LEAST_CHANNELS):
        return False
    images, _, height, width = x.shape
    whole = height % OUTPUTS == 0 and width % OUTPUTS == 0
    return whole and images * (height // OUTPUTS) * (width // OUTPUTS) >= LEAST_TILES


def suits(x: Tensor, weight: Tensor, channels: int) -> bool:
    """Whether these are images and a weight on a CPU, in fp32, with so many channels or more."""
    in_fp32 = x.dtype == weight.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
    on_a_cpu = x.device.type == "cpu" and x.dim() == 4
    return in_fp32 and on_a_cpu and min(weight.shape[:2]) >= channels


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
        self.one, self.two = (kept.empty(INPUTS**2 * most, dtype=x.dtype) for _ in range(2))
        # Zeros around: the padding. Channels come last, so that whole rows are copied
        height, width = x.shape[2:]
        self.framed = x.new_zeros(self.images, height + 2, width + 2, self.channels)

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        """Which images, and their transformed tiles (36, tiles, C), in the buffer ``one``."""
        for start in range(0, len(self.x), self.images):
            some = self.x[start : start + self.images]
            framed = self.framed[: len(some)]
            framed[:, 1:-1, 1:-1].copy_(some.permute(0, 2, 3, 1))
            overlapping = framed.unfold(1, INPUTS, OUTPUTS).unfold(2, INPUTS, OUTPUTS)
            cut = part(self.one, INPUTS, INPUTS, len(some), *self.grid, self.channels)
            cut.copy_(overlapping.permute(4, 5, 0, 1, 2, 3))
            tiles = on_both_sides(OF_INPUTS, cut, self.two, self.one)
            yield slice(start, start + len(some)), tiles.view(INPUTS**2, -1, self.channels)


def part(buffer: Tensor, *shape: int) -> Tensor:
    """The beginning of a buffer in this shape."""
    return buffer[: math.prod(shape)].view(shape)


def on_both_sides(matrix: Tensor, tiles: Tensor, between: Tensor, goal: Tensor) -> Tensor:
    """What ``matrix`` (a, b) does to both sides of tiles (b, b, ...): (a, a, the rest).

    Args:
        matrix: in any precision.
        tiles: without gaps.
        between: buffer for tiles of which one side is done.
        goal: buffer for the result; may be that of ``tiles``.
    """
    new, old = matrix.shape
    matrix = matrix.to(tiles.dtype)
    half = part(between, new, old * tiles[0, 0].numel())
    torch.mm(matrix, tiles.view(old, -1), out=half)
    found = part(goal, new, new, tiles[0, 0].numel())
    torch.bmm(matrix.expand(new, -1, -1), half.view(new, old, -1), out=found)
    return found.view(new, new, *tiles.shape[2:])


def apart(maps: Tensor, side: int = OUTPUTS) -> Tensor:
    """View (side, side, n, H / side, W / side, K) of maps (n, K, H, W): by place in a tile."""
    cut = maps.permute(0, 2, 3, 1).unflatten(2, (-1, side)).unflatten(1, (-1, side))
    return cut.permute(2, 4, 0, 1, 3, 5)


def transformed(weight: Tensor) -> Tensor:
    """(36, K, C) of a weight (K, C, 3, 3)."""
    taps = weight.permute(2, 3, 0, 1).reshape(FILTER**2, -1)
    filters = kept.empty(INPUTS**2, *weight.shape[:2], dtype=weight.dtype)
    torch.mm(OF_FILTERS.to(weight.dtype), taps, out=filters.flatten(1))
    return filters


def convolve(x: Tensor, filters: Tensor) -> Tensor:
    """As ``conv2d`` with padding 1, of transformed filters, and without a gradient.

    Args:
        x: (N, C, H, W), N not 0, H and W divisible by 4.
        filters: (36, C, K).

    Returns:
        (N, K, H, W), channels last.
    """
    outputs = filters.shape[2]
    y = kept.empty(len(x), outputs, *x.shape[2:], dtype=x.dtype, channels_last=True)
    tiling = Tiling(x, outputs)
    for some, tiles in tiling:
        products = part(tiling.two, *tiles.shape[:2], outputs)
        torch.bmm(tiles, filters, out=products)
        place = apart(y[some])
        products = products.view(INPUTS, INPUTS, *place.shape[2:])
        place.copy_(on_both_sides(OF_OUTPUTS, products, tiling.one, tiling.two))
    return y


def weight_gradient(x: Tensor, slope: Tensor) -> Tensor:
    """Gradient by the weight (K, C, 3, 3): the transposes of what is done to it.

    Args:
        x: what was convolved, (N, C, H, W).
        slope: the gradient by the result, (N, K, H, W).
    """
    channels, outputs = x.shape[1], slope.shape[1]
    by_filters = kept.empty(INPUTS**2, outputs, channels, dtype=x.dtype)
    tiling = Tiling(x, outputs)
    three = kept.empty(len(tiling.one), dtype=x.dtype)
    for some, tiles in tiling:
        place = apart(slope[some])
        found = part(tiling.two, *place.shape).copy_(place)
        products = on_both_sides(OF_OUTPUTS.T, found, three, tiling.two)
        products = products.view(*tiles.shape[:2], outputs)
        # The first sum overwrites what lay in memory
        by_filters.baddbmm_(products.transpose(1, 2), tiles, beta=int(some.start > 0))
    by_weight = OF_FILTERS.to(x.dtype).T @ by_filters.flatten(1)
    return by_weight.view(FILTER, FILTER, outputs, channels).permute(2, 3, 0, 1)


class Convolution(torch.autograd.Function):
    """3x3 convolution with padding 1, of images (N, C, H, W) and a weight (K, C, 3, 3).

    With gradients by both, but none of these: once differentiable, and not for ``torch.func``.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, weight: Tensor) -> Tensor:
        """(N, K, H, W), channels last."""
        ctx.save_for_backward(x, weight)
        return convolve(x, transformed(weight).transpose(1, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, slope: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Gradients by both, where they are asked for; ``slope`` is that by the result."""
        x, weight = ctx.saved_tensors
        by_x = by_weight = None
        with torch.autocast("cpu", enabled=False):
            if ctx.needs_input_grad[0]:  # the filter turned round, its two sides exchanged
                by_x = convolve(slope, transformed(weight.flip(2, 3)))
            if ctx.needs_input_grad[1]:
                by_weight = weight_gradient(x, slope)
        return by_x, by_weight
