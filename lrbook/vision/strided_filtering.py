"""3x3 convolutions of stride 2 with little more than half the products: minimal filtering.

Along a row, output i of such a convolution is ``g0 x[2i - 1] + g1 x[2i] + g2 x[2i + 1]``. The even
columns of x meet one tap of the filter, the odd ones two; apart, they are convolved with stride 1.
Four outputs need, done directly, 4 products with the even columns and 8 with the odd ones, for
which 5 do by minimal filtering, F(4, 2) (see ``winograd``): 9 for 12, and 81 for 144 in the plane.
There x has four phases: odd and even rows, odd and even columns. The same goes for the gradients;
that by x has one phase of x after the other for its result.

Shapes: N images, C channels of H x W inputs, K channels of H / 2 x W / 2 outputs.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lrbook.vision.memory import kept
from lrbook.vision.winograd import apart, flattened, one_side, part

OUTPUTS, STRIDE = 4, 2  # outputs in a row
TILE = OUTPUTS * STRIDE
"""Inputs in a row that no other tile has; one more is read."""
TILES_AT_ONCE = 128
"""Enough for a matrix product, and so few that they stay in the cache until it is taken."""

LEAST_CHANNELS, LEAST_TILES = 128, 128
"""With fewer channels the transforms cost what the products save; with fewer tiles in all, those
of filters do.
"""

# As the matrices of ``winograd``; the points are 0, 1, -1, 2 and infinity
B_T = [[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]]
G_6 = [[3, 0], [-3, -3], [-1, 1], [1, 2], [0, 6]]  # 6 G
A_T = [[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 0], [0, 1, -1, 8, 1]]


class Phase(NamedTuple):
    """What is done to the inputs, filters and outputs of a phase, to give it P products.

    Along odd sides alone: an even one is left as it is.
    """

    of_inputs: Tensor
    """(P, 5 * 5), (P, 5) or (1, 1)."""
    of_filters: Tensor
    """(P, 2 * 2), (P, 2) or (1, 1)."""
    of_outputs: Tensor
    """(4 * 4, P), (4, P) or (1, 1)."""


BOTH = Phase(flattened(B_T), flattened(G_6, over=6), flattened(A_T))
FIRST = Phase(one_side(B_T), one_side(G_6, over=6), one_side(A_T))
NEITHER = Phase(*[one_side([[1]])] * 3)
PHASES = [NEITHER, BOTH, FIRST, FIRST]
"""In the order of ``phases``."""

PRODUCTS = len(BOTH.of_inputs)
"""Of a tile and a phase, at most."""

ALL, SOME = slice(None), slice(OUTPUTS)
FROM_0, FROM_1 = slice(0, None, STRIDE), slice(1, None, STRIDE)


def phases(grid: Tensor, odd: slice, even: slice) -> list[Tensor]:
    """The four parts of a grid (rows, columns, ...): even and even, odd and odd, odd and even ones.

    And even and odd ones, turned: where one side alone is odd, it comes first.

    Args:
        grid: of inputs, filters or outputs.
        odd: what of a side meets x's odd rows or columns; frames count from -1, so that it may be
            what has even numbers.
        even: what meets the even ones.
    """
    return [grid[even, even], grid[odd, odd], grid[odd, even], grid[even, odd].transpose(0, 1)]


def pays(x: Tensor, weight: Tensor) -> bool:
    """Whether this is faster than the direct form, where ``strided.pays`` says yes."""
    images, _, height, width = x.shape
    whole = height % TILE == 0 and width % TILE == 0
    many = images * (height // TILE) * (width // TILE) >= LEAST_TILES
    return whole and many and min(weight.shape[:2]) >= LEAST_CHANNELS


class Tiling:
    """Walks through maps (N, C, H, W) a few images at a time, with buffers for their tiles.

    Args:
        maps: (N, C, H, W), N not 0.
        step: from a tile to the next, in both directions; divides H and W.
        padding: where the zeros are that a tile reads beyond the maps, ``"before"`` or ``"after"``.
        at_once: about how many tiles; at least an image.
    """

    def __init__(self, maps: Tensor, step: int, padding: str, at_once: int) -> None:
        count, channels, height, width = maps.shape
        self.maps, self.step = maps, step
        each = (height // step) * (width // step)
        self.images = min(count, max(1, at_once // each))
        self.tiles = self.images * each
        # Channels come last, so that whole rows are copied
        self.framed = maps.new_zeros(self.images, height + 1, width + 1, channels)
        inside = slice(1, None) if padding == "before" else slice(-1)
        self.inside = self.framed[:, inside, inside]

    def buffers(self, count: int, per_tile: int) -> list[Tensor]:
        """For what there is of the tiles at one time."""
        size, kind = self.tiles * per_tile, self.maps.dtype
        return [kept.empty(size, dtype=kind) for _ in range(count)]

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        """Which images, and the view (step + 1, step + 1, n, H / step, W / step, C) of tiles."""
        for start in range(0, len(self.maps), self.images):
            some = self.maps[start : start + self.images]
            self.inside[: len(some)].copy_(some.permute(0, 2, 3, 1))
            framed = self.framed[: len(some)]
            tiles = framed.unfold(1, self.step + 1, self.step).unfold(2, self.step + 1, self.step)
            yield slice(start, start + len(some)), tiles.permute(4, 5, 0, 1, 2, 3)


def changed(matrix: Tensor, given: Tensor, buffer: Tensor) -> Tensor:
    """``matrix`` times ``given``, (inputs, ...) if flattened, in ``buffer``: (outputs, the rest).

    A single number, which is 1, changes nothing: then it is ``given``.
    """
    given = given.view(matrix.shape[1], -1)
    if matrix.numel() == 1:
        return given
    found = part(buffer, len(matrix), given.shape[1])
    return torch.mm(matrix.to(given.dtype), given, out=found)


def copied(given: Tensor, buffer: Tensor) -> Tensor:
    """The same in a buffer, without gaps."""
    return part(buffer, *given.shape).copy_(given)


def transformed(weight: Tensor) -> list[Tensor]:
    """By phase, (P, K, C) of a weight (K, C, 3, 3)."""
    taps = phases(weight.permute(2, 3, 0, 1), FROM_0, FROM_1)
    found = []
    for phase, some in zip(PHASES, taps, strict=True):
        matrix = phase.of_filters.to(weight.dtype)
        found.append(kept.empty(len(matrix), *weight.shape[:2], dtype=weight.dtype))
        torch.mm(matrix, some.reshape(matrix.shape[1], -1), out=found[-1].flatten(1))
    return found


def convolve(x: Tensor, weight: Tensor) -> Tensor:
    """As ``conv2d`` with stride 2 and padding 1, without a gradient.

    Args:
        x: (N, C, H, W), N not 0, H and W divisible by 8.
        weight: (K, C, 3, 3).

    Returns:
        (N, K, H / 2, W / 2), channels last.
    """
    (images, channels, height, width), outputs = x.shape, len(weight)
    size = (images, outputs, height // STRIDE, width // STRIDE)
    y = kept.empty(*size, dtype=x.dtype, channels_last=True)
    filters = [some.transpose(1, 2) for some in transformed(weight)]
    tiling = Tiling(x, TILE, "before", TILES_AT_ONCE)
    one, two = tiling.buffers(2, PRODUCTS * max(channels, outputs))
    sums = tiling.buffers(2, OUTPUTS**2 * outputs)
    for some, tiles in tiling:
        place = apart(y[some])
        straight, turned = (part(buffer, *place.shape) for buffer in sums)
        parts = phases(tiles, FROM_0, FROM_1)
        goals = (straight, straight, straight, turned)
        for phase, inputs, by, goal in zip(PHASES, parts, filters, goals, strict=True):
            ready = changed(phase.of_inputs, copied(inputs, one), two).view(len(by), -1, channels)
            if phase is NEITHER:  # the first; its products are its outputs
                torch.mm(ready[0], by[0], out=goal.view(-1, outputs))
                continue
            products = part(one, *ready.shape[:2], outputs)
            torch.bmm(ready, by, out=products)
            flat = goal.view(len(phase.of_outputs), -1)
            matrix, new = phase.of_outputs.to(x.dtype), goal is turned
            flat.addmm_(matrix, products.view(len(by), -1), beta=int(not new))
        torch.add(straight, turned.transpose(0, 1), out=place)
    return y


def input_gradient(weight: Tensor, slope: Tensor) -> Tensor:
    """Gradient by what was convolved, (N, C, H, W), channels last.

    Args:
        weight: (K, C, 3, 3).
        slope: the gradient by the result, (N, K, H / 2, W / 2), N not 0.
    """
    (images, outputs, *sides), channels = slope.shape, weight.shape[1]
    size = (images, channels, *(STRIDE * side for side in sides))
    by_x = kept.empty(*size, dtype=slope.dtype, channels_last=True)
    filters = transformed(weight.flip(2, 3))
    tiling = Tiling(slope, OUTPUTS, "after", TILES_AT_ONCE)
    one, two = tiling.buffers(2, PRODUCTS * max(channels, outputs))
    for some, tiles in tiling:
        parts = phases(tiles, ALL, SOME)
        places = phases(apart(by_x[some], TILE), FROM_1, FROM_0)
        for phase, inputs, by, place in zip(PHASES, parts, filters, places, strict=True):
            ready = changed(phase.of_inputs, copied(inputs, one), two).view(len(by), -1, outputs)
            free, other = (two, one) if phase is NEITHER else (one, two)
            products = part(free, *ready.shape[:2], channels)
            torch.bmm(ready, by, out=products)
            place.copy_(changed(phase.of_outputs, products, other).view(place.shape))
    return by_x


def weight_gradient(x: Tensor, slope: Tensor) -> Tensor:
    """Gradient by the weight (K, C, 3, 3): the transposes of what is done to it.

    Args:
        x: what was convolved, (N, C, H, W).
        slope: the gradient by the result, (N, K, H / 2, W / 2).
    """
    channels, outputs = x.shape[1], slope.shape[1]
    sizes = [(len(phase.of_inputs), outputs, channels) for phase in PHASES]
    by_filters = [kept.empty(*size, dtype=x.dtype) for size in sizes]
    tiling = Tiling(x, TILE, "before", TILES_AT_ONCE)
    one, two, three, four = tiling.buffers(4, PRODUCTS * max(channels, outputs))
    for some, tiles in tiling:
        parts = phases(tiles, FROM_0, FROM_1)
        slopes = phases(apart(slope[some]), ALL, ALL)
        for phase, inputs, place, total in zip(PHASES, parts, slopes, by_filters, strict=True):
            ready = changed(phase.of_inputs, copied(inputs, one), two)
            products = changed(phase.of_outputs.T, copied(place, three), four)
            # The first sum overwrites what lay in memory
            total.baddbmm_(
                products.view(len(total), -1, outputs).transpose(1, 2),
                ready.view(len(total), -1, channels),
                beta=int(some.start > 0),
            )
    by_weight = kept.empty(outputs, channels, 3, 3, dtype=x.dtype, channels_last=True)
    taps = phases(by_weight.permute(2, 3, 0, 1), FROM_0, FROM_1)
    for phase, total, tap in zip(PHASES, by_filters, taps, strict=True):
        tap.copy_((phase.of_filters.to(x.dtype).T @ total.flatten(1)).view(tap.shape))
    return by_weight
