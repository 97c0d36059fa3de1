"""The network against a second implementation in functional form, and the paper's numbers."""

import math

import pytest
import torch
import torch.nn.functional as F

from lrbook.vision import wideresnet
from lrbook.vision.wideresnet import WideResNet, noisy_relu


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


def test_running_statistics_move_a_tenth_of_the_way_at_each_step():
    model = WideResNet(10, 1, generator=torch.Generator().manual_seed(0)).train()
    x = torch.randn((4, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    model(x)
    met = model.conv1(x).detach()
    first = model.blocks[0].bn1
    torch.testing.assert_close(first.running_mean, 0.1 * met.mean((0, 2, 3)))
    torch.testing.assert_close(first.running_var, 0.9 + 0.1 * met.transpose(0, 1).flatten(1).var(1))
    others = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(m.momentum, m.eps) for m in others} == {(0.1, 1e-5)}


def test_noise_is_one_map_shared_by_batch_and_channels():
    stream = torch.Generator().manual_seed(1)
    model = WideResNet(10, 1, generator=stream).train()
    maps = model.noise_maps(torch.zeros(5, 3, 32, 32), 0.4, torch.Generator().manual_seed(0))
    xi = torch.randn((1, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(maps[0], 0.4 * xi, rtol=0, atol=1e-6)
    x = torch.full((5, 7, 32, 32), 100.0)
    got = noisy_relu(x, maps[0]) - x
    torch.testing.assert_close(got, maps[0].expand_as(got), rtol=0, atol=1e-5)


def test_noise_acts_before_the_relu_and_only_in_training():
    x = torch.zeros(1, 1, 16, 16)
    noisy = noisy_relu(x, torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)))
    assert (noisy >= 0).all()
    assert (noisy > 0).any()
    model = WideResNet(10, 1, generator=torch.Generator().manual_seed(0)).eval()
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    stream = torch.Generator().manual_seed(2)
    assert torch.equal(model(images, 1.0, stream), model(images))
    assert not torch.equal(model.train()(images, 1.0, stream), model(images))


@pytest.mark.parametrize("stride", [1, 2])
def test_every_relu_has_its_own_map_of_its_own_size(stride, monkeypatch):
    """Two a block and one at the end, drawn in the order in which they are met."""
    model = WideResNet(16, 1, stem_stride=stride, generator=torch.Generator().manual_seed(0))
    met = []

    def site(x, noise):
        met.append((x.shape[2:], noise))
        return F.relu(x + noise)

    monkeypatch.setattr(wideresnet, "noisy_relu", site)
    model.train()(torch.zeros(2, 3, 32, 32), 0.4, torch.Generator().manual_seed(1))
    again = torch.Generator().manual_seed(1)
    sides = [32] * 5 + [16] * 4 + [8] * 4  # before the stride: each group's first site
    assert [shape for shape, _ in met] == [(side // stride,) * 2 for side in sides]
    for (height, width), noise in met:
        assert torch.equal(noise, 0.4 * torch.randn((1, 1, height, width), generator=again))


def test_blocks_read_what_their_convolutions_get():
    """Each place's reading is the input of the layer behind it, averaged over the sites."""
    model = WideResNet(10, 1, generator=torch.Generator().manual_seed(0))
    x = torch.randn((4, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    model.train()(x)
    model.eval()
    inputs = []
    layers = [*(block.conv1 for block in model.blocks), model.fc]
    for layer in layers:
        layer.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    with torch.no_grad():
        model(x)
        found = model.read_by_blocks(x)
    wanted = [given.mean((2, 3)) if given.ndim == 4 else given for given in inputs[: len(layers)]]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("level", [0.0, 0.4])
def test_compiled_training_is_one_graph_and_the_same_maths(level):
    """Whole graph or an error (fullgraph); loss, gradients and running statistics as without."""

    def step(compiled):
        torch.compiler.reset()
        model = WideResNet(10, 1, stem_stride=2, generator=torch.Generator().manual_seed(0)).train()
        if compiled:
            model.compile_training(8, backend="aot_eager")
        stream = torch.Generator().manual_seed(1)
        x, y = torch.randn((8, 3, 32, 32), generator=stream), torch.arange(8)
        losses = []
        for size in (8, 5):  # an epoch's last batch is smaller
            loss = F.cross_entropy(model(x[:size], level, stream), y[:size])
            loss.backward()
            losses.append(loss.item())
        gradients = {name: p.grad for name, p in model.named_parameters()}
        return losses, gradients | dict(model.named_buffers())

    plain, fast = step(False), step(True)
    assert fast[0] == pytest.approx(plain[0], rel=1e-4)
    for name, value in plain[1].items():
        torch.testing.assert_close(fast[1][name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_only_whole_batches_in_training_mode_go_to_what_was_compiled():
    model = WideResNet(10, 1, stem_stride=2).train()
    model.compile_training(8, backend="eager")
    taken, model.fast = [], lambda x, maps: taken.append((len(x), maps)) or model.compute(x, maps)
    for size, level in ((8, 0.0), (5, 0.0), (8, 0.4)):
        assert model(torch.randn(size, 3, 32, 32), level).shape == (size, 10)
    model.eval()(torch.randn(8, 3, 32, 32))
    assert [size for size, _ in taken] == [8, 8]
    (_, silent), (_, noisy) = taken
    assert [m.shape for m in silent] == [m.shape for m in noisy]
    assert not any(m.any() for m in silent)
    assert all(m.any() for m in noisy)
