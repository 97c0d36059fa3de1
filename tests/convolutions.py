"""What the tests of our convolutions and of what is between them share."""

import pytest
import torch
import torch.nn.functional as F

from lrbook.vision import strided_filtering
from lrbook.vision.wideresnet import WideResNet

BY_FILTERING, DIRECTLY = "by filtering", "directly"
FORMS = [BY_FILTERING, DIRECTLY]
"""The forms that a convolution of stride 2 has."""


def draw(images, channels, outputs, height, width, kind=torch.float64, stride=1):
    """Images, a weight, and a gradient by the result."""
    stream = torch.Generator().manual_seed(0)
    shapes = [(images, channels, height, width), (outputs, channels, 3, 3)]
    shapes.append((images, outputs, height // stride, width // stride))
    return [torch.randn(shape, generator=stream).to(kind) for shape in shapes]


def three(convolve, x, weight, slope):
    """Result of a convolution and its gradients by x and by the weight."""
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = convolve(x, weight)
    return [y.detach(), *torch.autograd.grad(y, (x, weight), slope)]


def choose(patch, form):
    """This form of stride 2, whatever the size."""
    patch.setattr(strided_filtering, "pays", lambda x, weight: form == BY_FILTERING)


def calls_of(function, patch):
    """The weights' shapes of all calls from now on."""
    found, apply = [], function.apply

    def spy(x, weight):
        found.append(tuple(weight.shape[:2]))
        return apply(x, weight)

    patch.setattr(function, "apply", spy)
    return found


def four_steps(model, rate, images, noise, stream):
    """Losses of a few steps of training on random images; moves the model.

    Rounding grows from step to step, the more the larger the rate and the fewer the images.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True)
    x = torch.randn((images, 3, 32, 32), generator=stream)
    x = x.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (images,), generator=stream)
    losses = []
    for _ in range(4):
        loss = F.cross_entropy(model(x, noise, stream), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def assert_trains_as_directly(noise, after_each):
    """Losses and weights of a few steps of a wide network, by our convolutions and the library's.

    ``after_each`` is called after either: the calls of ours are to be those of the first.
    """
    losses, weights = [], []
    for direct in (False, True):
        stream = torch.Generator().manual_seed(0)
        model = WideResNet(10, 6, stem_stride=2, generator=stream).train()
        if direct:
            model.convolve_directly()
        losses.append(four_steps(model, 0.04, 24, noise, stream))
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
        after_each()
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[1][-1] < 0.7 * losses[1][0]  # it is training that agrees
    assert (weights[0] - weights[1]).norm() < 1e-3 * weights[1].norm()
