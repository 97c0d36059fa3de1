"""WideResNet with pre-activation blocks and the paper's activation noise.

Zagoruyko & Komodakis (2016) as in the authors' models/wideresnet.py: no dropout; where the shape
changes, the shortcut is a 1x1 convolution of the activated input. With depth 16 and widen 10 it
has 17,116,634 parameters.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lrbook.vision import activation, strided, winograd

GENERATOR = torch.Generator


def noisy_relu(x: Tensor, noise: Tensor | None) -> Tensor:
    """relu(x + noise), x (B, C, H, W); noise (1, 1, H, W), shared by batch and channels, or None.

    One map per site and forward pass, as in the authors' forward_noise. Overwrites x where there is
    no noise.
    """
    # In place: no gradient needs what comes out of batch norm, and less memory is touched
    return F.relu(x if noise is None else x + noise.to(x.dtype), inplace=True)


def activated(norm: nn.BatchNorm2d, x: Tensor, noise: Tensor | None) -> Tensor:
    """``noisy_relu`` of what the norm makes of x, by ``activation`` where that is faster."""
    if torch.compiler.is_compiling() or not activation.pays(norm, x):
        return noisy_relu(norm(x), noise)
    if norm.num_batches_tracked is not None:
        norm.num_batches_tracked.add_(1)
    return activation.Activation.apply(x, norm.weight, norm.bias, norm, noise)


class Conv3x3(nn.Conv2d):
    """3x3 convolution with padding 1 and no bias.

    By ``winograd`` (stride 1) or ``strided`` (stride 2) where that is the faster form.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(inputs, outputs, 3, stride, padding=1, bias=False)
        self.direct = False

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H/stride, W/stride)."""
        if not self.direct and not torch.compiler.is_compiling():
            if self.stride == (1, 1) and winograd.pays(x, self.weight):
                return winograd.Convolution.apply(x, self.weight)
            if self.stride == (2, 2) and strided.pays(x, self.weight):
                return strided.StridedConvolution.apply(x, self.weight)
        return super().forward(x)


class Block(nn.Module):
    """Batch norm, relu, 3x3 convolution, twice, and a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = Conv3x3(inputs, outputs, stride)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = Conv3x3(outputs, outputs, 1)
        self.stride = stride
        same = inputs == outputs
        self.shortcut = None if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor, before: Tensor | None, within: Tensor | None) -> Tensor:
        """(B, inputs, H, W) -> (B, outputs, H/stride, W/stride), with noise in the two relus."""
        active = activated(self.bn1, x, before)
        out = activated(self.bn2, self.conv1(active), within)
        out = self.conv2(out)
        out += x if self.shortcut is None else self.shortcut(active)
        return out


class WideResNet(nn.Module):
    """WRN-depth-widen for 32x32 images.

    Args:
        depth: 6k + 4; k blocks in each of the three groups.
        widen: groups have 16, 32 and 64 times this many channels.
        stem_stride: stride of the first convolution.
        classes: number of outputs.
        channels: number of input channels.
        generator: draws the initial weights; None uses torch's default stream.
    """

    def __init__(
        self,
        depth: int = 16,
        widen: int = 10,
        *,
        stem_stride: int = 1,
        classes: int = 10,
        channels: int = 3,
        generator: GENERATOR | None = None,
    ) -> None:
        super().__init__()
        per_group = (depth - 4) // 6
        widths = [16, 16 * widen, 32 * widen, 64 * widen]
        self.conv1 = nn.Conv2d(channels, 16, 3, stem_stride, padding=1, bias=False)
        blocks = []
        for group, stride in enumerate((1, 2, 2)):
            for index in range(per_group):
                inputs = widths[group] if index == 0 else widths[group + 1]
                blocks.append(Block(inputs, widths[group + 1], stride if index == 0 else 1))
        self.blocks = nn.ModuleList(blocks)
        self.bn = nn.BatchNorm2d(widths[3])
        self.fc = nn.Linear(widths[3], classes)
        self.stem_stride = stem_stride
        self.fast: Callable[[Tensor, list[Tensor] | None], Tensor] | None = None
        self.fast_batch = 0
        self.silence: list[Tensor] | None = None
        self.reset_parameters(generator)

    @torch.no_grad()
    def reset_parameters(self, generator: GENERATOR | None) -> None:
        """Convolutions N(0, 2 / (k * k * outputs)); linear layer as torch's default, bias 0."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                module.weight.normal_(0, math.sqrt(2 / fan), generator=generator)
        bound = 1 / math.sqrt(self.fc.in_features)
        self.fc.weight.uniform_(-bound, bound, generator=generator)
        self.fc.bias.zero_()

    def forward(self, x: Tensor, level: float = 0.0, generator: GENERATOR | None = None) -> Tensor:
        """Logits (B, classes) of images (B, channels, 32, 32).

        Args:
            x: normalised images.
            level: activation noise; acts in training mode only.
            generator: draws the noise, on x's device.
        """
        noisy = level and self.training
        maps = self.noise_maps(x, level, generator) if noisy else None
        if self.fast is None or not self.training or len(x) != self.fast_batch:
            return self.compute(x, maps)
        if maps is None:  # then nothing is added, so that one program serves all arms
            self.silence = self.silence or [torch.zeros(s, device=x.device) for s in self.sites(x)]
        return self.fast(x, maps or self.silence)

    def noise_maps(self, x: Tensor, level: float, generator: GENERATOR | None) -> list[Tensor]:
        """level * N(0, 1) for every relu in turn, (1, 1, H, W) each, H and W being its input's."""
        draws = [torch.randn(s, generator=generator, device=x.device) for s in self.sites(x)]
        return [level * draw for draw in draws]

    def sites(self, x: Tensor) -> list[tuple[int, ...]]:
        """(1, 1, H, W) for every relu in turn, H and W being those of its input."""
        height, width = (-(-side // self.stem_stride) for side in x.shape[2:])
        shapes: list[tuple[int, ...]] = []
        for block in self.each_block():
            shapes.append((1, 1, height, width))
            height, width = (-(-side // block.stride) for side in (height, width))
            shapes.append((1, 1, height, width))
        shapes.append((1, 1, height, width))
        return shapes

    def each_block(self) -> Iterator[Block]:
        """The blocks, from the first to the last."""
        for block in self.blocks:  # whose type says no more than that they are modules
            assert isinstance(block, Block)
            yield block

    def compute(self, x: Tensor, maps: list[Tensor] | None) -> Tensor:
        """Logits, all draws made: what can be compiled as one graph of fixed shapes."""
        added: Sequence[Tensor | None] = maps or [None] * (2 * len(self.blocks) + 1)
        out = self.conv1(x)
        for index, block in enumerate(self.blocks):
            out = block(out, added[2 * index], added[2 * index + 1])
        out = activated(self.bn, out, added[-1])
        return self.fc(out.mean((2, 3)))

    def compile_training(self, batch: int, **options: Any) -> None:
        """From now on training mode runs ``compute`` compiled; same maths, other rounding.

        Args:
            batch: the size that is compiled. Another, as that of an epoch's last batch, runs plain:
                for one step an epoch it is not worth the time that compiling takes.
            **options: for ``torch.compile``, such as ``backend``.
        """
        self.fast_batch = batch
        self.fast = torch.compile(self.compute, dynamic=False, fullgraph=True, **options)

    def is_finite(self) -> Tensor:
        """(1,) on the device: 1 if all weights and running statistics are finite, else 0."""
        floats = [value for value in self.state_dict().values() if value.is_floating_point()]
        return torch.stack([value.isfinite().all() for value in floats]).all().float().view(1)

    def convolve_directly(self) -> None:
        """From now on all convolutions are the library's, as an oracle for ours."""
        for module in self.modules():
            if isinstance(module, Conv3x3):
                module.direct = True

    def read_by_blocks(self, x: Tensor) -> list[Tensor]:
        """What each block, and at the end the linear layer, reads of images (B, channels, 32, 32).

        Returns:
            Per block its activated input, then the head's, averaged over the sites: (B, channels of
            that place) each. Without noise.
        """
        out = self.conv1(x)
        found = []
        for block in self.each_block():
            found.append(noisy_relu(block.bn1(out), None).mean((2, 3)))
            out = block(out, None, None)
        return [*found, noisy_relu(self.bn(out), None).mean((2, 3))]
