"""The network against a second implementation in functional form, and the paper's numbers."""

import math

import pytest
import torch
import torch.nn.functional as F

from lrbook.vision.wideresnet import NoisyReLU, WideResNet


def plain_forward(state, x, depth, stem_stride=1):
    """Evaluation-mode WRN written from the paper's description, with no modules."""

    def norm(x, name):
        scale = state[f"{name}.weight"] / torch.sqrt(state[f"{name}.running_var"] + 1e-5)
        shift = state[f"{name}.bias"] - state[f"{name}.running_mean"] * scale
        return x * scale[:, None, None] + shift[:, None, None]

    x = F.conv2d(x, state["conv1.weight"], stride=stem_stride, padding=1)
    per_group = (depth - 4) // 6
    for group in range(3):
        for index in range(per_group):
            name = f"blocks.{group * per_group + index}"
            stride = 2 if group > 0 and index == 0 else 1
            active = norm(x, f"{name}.bn1").clamp(min=0)
            out = F.conv2d(active, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            out = norm(out, f"{name}.bn2").clamp(min=0)
            out = F.conv2d(out, state[f"{name}.conv2.weight"], padding=1)
            if f"{name}.shortcut.weight" in state:
                x = F.conv2d(active, state[f"{name}.shortcut.weight"], stride=stride)
            x = x + out
    pooled = norm(x, "bn").clamp(min=0).flatten(2).mean(2)
    return pooled @ state["fc.weight"].T + state["fc.bias"]


@pytest.mark.parametrize(("depth", "widen", "stride"), [(10, 1, 2), (16, 2, 1)])
def test_forward_equals_the_functional_form(depth, widen, stride):
    stream = torch.Generator().manual_seed(0)
    model = WideResNet(depth, widen, stem_stride=stride, generator=stream)
    x = torch.randn((6, 3, 32, 32), generator=stream)
    model.train()
    model(x)  # moves the running statistics away from 0 and 1
    model.eval()
    with torch.no_grad():
        torch.testing.assert_close(
            model(x), plain_forward(model.state_dict(), x, depth, stride), rtol=1e-4, atol=1e-4
        )


def test_the_paper_network_has_its_size():
    assert sum(p.numel() for p in WideResNet(16, 10).parameters()) == 17_116_634


def test_convolutions_start_with_the_stated_variance():
    model = WideResNet(10, 4, generator=torch.Generator().manual_seed(0))
    weight = model.blocks[1].conv2.weight  # 128 -> 128, 3x3
    want = math.sqrt(2 / (9 * 128))
    assert float(weight.detach().std()) == pytest.approx(want, rel=0.02)
    assert (model.fc.bias == 0).all()


def test_same_generator_same_weights_whatever_the_global_stream():
    def make():
        return WideResNet(10, 1, generator=torch.Generator().manual_seed(5)).state_dict()

    torch.manual_seed(1)
    first = make()
    torch.manual_seed(2)
    second = make()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_noise_is_one_map_shared_by_batch_and_channels():
    site = NoisyReLU().train()
    x = torch.full((5, 7, 8, 8), 100.0)
    got = site(x, 0.4, torch.Generator().manual_seed(0)) - x
    assert torch.allclose(got, got[:1, :1].expand_as(got), atol=1e-5)
    xi = torch.randn((1, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(got[:1, :1], 0.4 * xi, rtol=0, atol=1e-5)


def test_noise_acts_before_the_relu_and_only_in_training():
    x = torch.zeros(1, 1, 16, 16)
    stream = torch.Generator().manual_seed(0)
    noisy = NoisyReLU().train()(x, 1.0, stream)
    assert (noisy >= 0).all()
    assert (noisy > 0).any()
    assert torch.equal(NoisyReLU().eval()(x, 1.0, stream), x)


def test_every_relu_is_a_noise_site():
    """2 per block and 1 at the end; each draws a fresh map."""
    model = WideResNet(16, 1, generator=torch.Generator().manual_seed(0)).train()
    stream = torch.Generator().manual_seed(1)
    model(torch.zeros(2, 3, 32, 32), 0.4, stream)
    used = torch.Generator().manual_seed(1)
    for side in [32] * 5 + [16] * 4 + [8] * 4:  # before the stride: each group's first site
        torch.randn((1, 1, side, side), generator=used)
    expected = torch.rand(3, generator=used)
    sites = sum(isinstance(module, NoisyReLU) for module in model.modules())
    assert sites == 7  # the two sites of a block share one parameterless module
    assert torch.equal(torch.rand(3, generator=stream), expected)
