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
