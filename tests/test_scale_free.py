"""Of which weights the length is free, behind batch norm, and how long they are."""

import numpy as np
import pytest
import torch

from lrbook.vision import order
from lrbook.vision.wideresnet import WideResNet


def network(depth=10):
    torch.manual_seed(0)
    return WideResNet(depth, 2, stem_stride=2).double().train()


IMAGES = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(1)).double()


def scale(convolutions, factor):
    with torch.no_grad():
        for convolution in convolutions:
            convolution.weight.mul_(factor)


def groups(net):
    """Convolutions that one normalisation follows: alone, or what goes into one sum."""
    yield [net.conv1]
    for block in net.blocks:
        yield [block.conv1]
        yield [block.conv2, block.shortcut]


def test_in_the_small_network_every_convolution_is_in_a_group_whose_length_is_free():
    net = network()
    every = {id(each) for each in net.modules() if isinstance(each, torch.nn.Conv2d)}
    assert {id(each) for group in groups(net) for each in group} == every
    before = net(IMAGES)
    for group, factor in zip(groups(net), (3.0, 0.5, 2.0, 5.0, 0.4, 2.5, 4.0), strict=True):
        scale(group, factor)
    # To what is added to the variance, 1e-5
    assert torch.allclose(net(IMAGES), before, rtol=1e-3, atol=1e-3)


def test_one_of_a_sum_alone_is_not_free():
    net = network()
    before = net(IMAGES)
    scale([net.blocks[0].conv2], 3.0)
    assert not torch.allclose(net(IMAGES), before, rtol=1e-2, atol=1e-2)


def test_in_a_deeper_network_the_sums_go_on_from_block_to_block():
    net = network(16)
    first, second = net.blocks[:2]
    assert second.shortcut is None
    before = net(IMAGES)
    scale([first.conv2, first.shortcut], 3.0)
    assert not torch.allclose(net(IMAGES), before, rtol=1e-2, atol=1e-2)
    scale([second.conv2], 3.0)
    assert torch.allclose(net(IMAGES), before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_longer_weight_turns_by_less_at_the_same_rate(factor):
    """By the square of its length: the gradient is shorter and what it turns is longer."""
    turns = []
    for each in (1.0, factor):
        net = network()
        weight = net.blocks[1].conv1.weight
        scale([net.blocks[1].conv1], each)
        net(IMAGES).square().mean().backward()
        assert abs((weight.grad * weight).sum()) < 1e-4 * weight.grad.norm() * weight.norm()
        turns.append((weight.grad.norm() / weight.norm()).item())
    assert turns[1] == pytest.approx(turns[0] / factor**2, rel=1e-3)


def test_shorter_convolutions_at_a_smaller_rate_with_more_decay_are_the_same_run():
    """The exercise: a fifth as long, the rate a 25th, the decay 25 times; with momentum."""
    runs, few = [], IMAGES[:4, :, :16, :16]
    for factor in (1.0, 5.0, 4.0):
        net = network()
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eps = 1e-12  # what is added to the variance is not scaled
        convolutions = [each for each in net.modules() if isinstance(each, torch.nn.Conv2d)]
        scale(convolutions, 1 / factor)
        weights = [each.weight for each in convolutions]
        others = [p for p in net.parameters() if all(p is not w for w in weights)]
        groups = [
            {"params": others, "lr": 0.05, "weight_decay": 0.1},
            {"params": weights, "lr": 0.05 / 25, "weight_decay": 2.5}
            if factor > 1
            else {"params": weights, "lr": 0.05, "weight_decay": 0.1},
        ]
        optimizer = torch.optim.SGD(groups, momentum=0.9, nesterov=True)
        for _ in range(3):
            optimizer.zero_grad()
            (net(few) - 1).square().mean().backward()
            optimizer.step()
        runs.append([w.detach() * factor for w in weights] + [p.detach() for p in others])
    same, other = (
        all(torch.allclose(a, b, rtol=1e-6, atol=1e-9) for a, b in zip(runs[0], run, strict=True))
        for run in runs[1:]
    )
    assert same
    assert not other


def turned_at_rest(rate, decay, gradient, **momentum):
    """The angle of a step of PyTorch's SGD once the length is at rest, by random gradients at right
    angles to the weights, as long as ``gradient`` over the weights' length.
    """
    draw = torch.Generator().manual_seed(2)
    start = torch.randn(200, generator=draw).double()
    weight = torch.nn.Parameter(start / start.norm())
    optimizer = torch.optim.SGD([weight], rate, weight_decay=decay, **momentum)
    turns = []
    for _ in range(1500):
        before = weight.detach().clone()
        along = torch.randn(200, generator=draw).double()
        along -= (along @ before) / (before @ before) * before
        weight.grad = gradient * along / along.norm() / before.norm()
        optimizer.step()
        turns.append(torch.nn.functional.cosine_similarity(before, weight.detach(), 0).acos())
    return torch.stack(turns[-300:]).mean().item()


@pytest.mark.parametrize(("rate", "decay"), [(0.5, 0.005), (0.02, 0.125), (0.5, 0.02)])
def test_at_rest_a_step_turns_by_rate_times_decay_whatever_the_gradient(rate, decay):
    angle = np.sqrt(2 * rate * decay)
    assert turned_at_rest(rate, decay, 1.0) == pytest.approx(angle, rel=0.01)
    assert turned_at_rest(rate, decay, 3.0) == pytest.approx(angle, rel=0.01)


def test_momentum_changes_the_factor_alone():
    ours = {"momentum": 0.9, "nesterov": True}
    first = turned_at_rest(0.5, 0.0005, 1.0, **ours)
    assert turned_at_rest(0.02, 0.0125, 3.0, **ours) == pytest.approx(first, rel=0.01)
    assert turned_at_rest(0.5, 0.002, 1.0, **ours) == pytest.approx(2 * first, rel=0.01)
    # Without Nesterov's correction the factor is that of Wan et al. 2021
    plain = turned_at_rest(0.5, 0.0005, 1.0, momentum=0.9)
    assert plain == pytest.approx(np.sqrt(2 * 0.5 * 0.0005 / 1.9), rel=0.02)


def test_lengths_are_of_the_first_convolutions_and_one_at_the_start():
    net = network()
    found = order.lengths(net).tolist()
    assert found == pytest.approx([1, 1, 1], rel=0.03)
    weight = net.blocks[1].conv1.weight.detach().numpy()
    spread = np.sqrt(2 / (3 * 3 * 64))  # He et al.'s, by the 64 channels that come out
    assert found[1] == pytest.approx(np.sqrt(((weight / spread) ** 2).mean()))
    scale([net.blocks[1].conv1], 3.0)
    assert order.lengths(net).tolist() == pytest.approx([found[0], 3 * found[1], found[2]])
    scale([net.blocks[2].conv2, net.conv1], 3.0)
    assert order.lengths(net).tolist() == pytest.approx([found[0], 3 * found[1], found[2]])
