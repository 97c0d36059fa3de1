"""Batch norm, noise and relu in one against the three by hand and the library's."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from convolutions import four_steps
from torch import nn

from lrbook.records import Store
from lrbook.vision import activation, experiment, memory, wideresnet
from lrbook.vision.activation import Activation
from lrbook.vision.config import PatchConfig
from lrbook.vision.wideresnet import WideResNet, noisy_relu

LAST = torch.channels_last


def draw(kind=torch.float64, size=(3, 5, 4, 6), seed=0):
    """A norm in training mode, maps, noise, and a gradient by the result."""
    stream = torch.Generator().manual_seed(seed)
    norm = nn.BatchNorm2d(size[1], eps=1e-3, momentum=0.3).to(kind)
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            tensor.normal_(1, 0.5, generator=stream)
    x = (3 * torch.randn(size, generator=stream) + 2).to(kind).contiguous(memory_format=LAST)
    noise = torch.randn((1, 1, *size[2:]), generator=stream).to(kind)
    slope = torch.randn(size, generator=stream).to(kind).contiguous(memory_format=LAST)
    return norm, x, noise, slope


def ours(norm, x, noise):
    return Activation.apply(x, norm.weight, norm.bias, norm, noise)


def theirs(norm, x, noise):
    return noisy_relu(norm(x), noise)


def gradients(function, norm, x, noise, slope):
    """Result, gradients and running statistics; the norm that is given stays as it is."""
    norm, x = copy.deepcopy(norm), x.clone().requires_grad_()
    y = function(norm, x, noise)
    found = torch.autograd.grad(y, (x, norm.weight, norm.bias), slope)
    return [y.detach(), *found, norm.running_mean, norm.running_var]


def test_result_and_statistics_are_the_formulas_by_hand():
    norm, x, noise, slope = draw()
    y, *_, mean, variance = gradients(ours, norm, x, noise, slope)
    maps, count = x.numpy(), x.numel() // x.shape[1]
    centre, spread = maps.mean((0, 2, 3)), maps.var((0, 2, 3))
    weight, bias = (p.detach().numpy()[:, None, None] for p in (norm.weight, norm.bias))
    unit = (maps - centre[:, None, None]) / np.sqrt(spread + 1e-3)[:, None, None]
    np.testing.assert_allclose(y, np.maximum(weight * unit + bias + noise.numpy(), 0), rtol=1e-10)
    np.testing.assert_allclose(mean, 0.7 * norm.running_mean.numpy() + 0.3 * centre, rtol=1e-10)
    unbiased = spread * count / (count - 1)
    np.testing.assert_allclose(
        variance, 0.7 * norm.running_var.numpy() + 0.3 * unbiased, rtol=1e-10
    )


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("small", [0, 2**25])
@pytest.mark.parametrize("noisy", [False, True])
def test_the_same_as_the_three_one_after_the_other(monkeypatch, kind, small, noisy):
    monkeypatch.setattr(memory, "SMALL", small)
    norm, x, noise, slope = draw(kind)
    given = (norm, x, noise if noisy else None, slope)
    for one, other in zip(gradients(ours, *given), gradients(theirs, *given), strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_equal_finite_differences():
    norm, x, noise, _ = draw(size=(2, 2, 2, 3))
    inputs = [tensor.detach().requires_grad_() for tensor in (x, norm.weight, norm.bias)]
    norm.requires_grad_(False)
    assert torch.autograd.gradcheck(lambda x, w, b: Activation.apply(x, w, b, norm, noise), inputs)


def test_a_gradient_in_any_layout():
    norm, x, noise, slope = draw()
    wanted = gradients(theirs, norm, x, noise, slope)
    wide = torch.zeros((*slope.shape[:3], 2 * slope.shape[3]), dtype=slope.dtype)
    wide[..., ::2] = slope
    for other in (slope.contiguous(), wide[..., ::2]):
        found = gradients(ours, norm, x, noise, other)
        for one, right in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, right)


def test_a_second_derivative_is_refused():
    norm, x, noise, _ = draw()
    y = ours(norm, x.requires_grad_(), noise)
    [slope] = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_what_lay_in_memory_does_not_matter(monkeypatch):
    monkeypatch.setattr(memory, "SMALL", 0)
    norm, x, noise, slope = draw()
    wanted = gradients(theirs, norm, x, noise, slope)
    blocks = [torch.full((x.numel() * 8,), 255, dtype=torch.uint8) for _ in range(4)]
    monkeypatch.setattr(memory.kept, "free", blocks)  # bytes of which every number is NaN
    for one, right in zip(gradients(ours, norm, x, noise, slope), wanted, strict=True):
        torch.testing.assert_close(one, right)


def test_pays_for_large_maps_in_training_in_fp32_on_a_cpu_alone(monkeypatch):
    norm, x, *_ = draw(torch.float32)
    assert not activation.pays(norm, x)
    monkeypatch.setattr(memory, "SMALL", 4 * x.numel())
    assert activation.pays(norm, x)
    assert not activation.pays(norm, x[:2])
    assert not activation.pays(norm, x.contiguous())
    assert not activation.pays(norm, x[0])
    assert not activation.pays(norm, torch.cat([x, x])[:, :, ::2])
    monkeypatch.setattr(memory, "SMALL", 0)
    assert not activation.pays(norm, x.double())
    assert not activation.pays(norm, x.bfloat16())
    assert not activation.pays(norm, x.to("meta"))
    assert not activation.pays(copy.deepcopy(norm).eval(), x)
    with torch.autocast("cpu", torch.bfloat16):
        assert not activation.pays(norm, x)


@pytest.mark.parametrize(
    "there",
    [
        {"native_batch_norm_backward": 1},
        {"threshold_backward": SimpleNamespace(grad_input=1)},
        {"native_batch_norm_backward": 1, "threshold_backward": SimpleNamespace(default=1)},
    ],
)
def test_without_an_operator_that_it_is_made_of_the_library_s_is_taken(monkeypatch, there):
    monkeypatch.setattr(memory, "SMALL", 0)
    given = draw(torch.float32)
    wanted = gradients(wideresnet.activated, *given)
    assert activation.pays(*given[:2])
    monkeypatch.setattr(torch.ops, "aten", SimpleNamespace(**there))
    assert not activation.pays(*given[:2])
    for one, other in zip(gradients(wideresnet.activated, *given), wanted, strict=True):
        torch.testing.assert_close(one, other)
    monkeypatch.undo()
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.delattr(torch, "native_batch_norm")
    assert not activation.pays(*given[:2])


@pytest.mark.parametrize("kind", [{"momentum": None}, {"track_running_stats": False}])
def test_a_norm_with_other_statistics_is_the_library_s(monkeypatch, kind):
    """Means over all batches instead of moving ones, and none at all."""
    _, x, noise, _ = draw(torch.float32)
    norm = nn.BatchNorm2d(x.shape[1], **kind)
    wanted, moved = theirs(other := copy.deepcopy(norm), x, noise), other.state_dict()
    monkeypatch.setattr(memory, "SMALL", 0)
    torch.testing.assert_close(wideresnet.activated(norm, x, noise), wanted)
    torch.testing.assert_close(norm.state_dict(), moved)


@pytest.mark.parametrize("noisy", [False, True])
def test_a_network_trains_as_without_it(monkeypatch, noisy):
    """Losses, weights, running statistics and counts of a few steps."""
    calls, apply = [], Activation.apply
    monkeypatch.setattr(Activation, "apply", lambda *given: calls.append(1) or apply(*given))
    losses, states = [], []
    for small in (0, 2**40):
        monkeypatch.setattr(memory, "SMALL", small)
        stream = torch.Generator().manual_seed(0)
        model = WideResNet(10, 2, stem_stride=2, generator=stream).to(memory_format=LAST).train()
        losses.append(four_steps(model, 0.1, 8, 0.2 if noisy else 0.0, stream))
        states.append(model.state_dict())
        assert len(calls) == 4 * 7  # of the seven relus; none more in the second round
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert losses[1][-1] < 0.7 * losses[1][0]  # it is training that agrees
    for name, wanted in states[1].items():
        torch.testing.assert_close(states[0][name], wanted, rtol=1e-2, atol=1e-3)
    assert states[0]["bn.num_batches_tracked"] == 4


def test_evaluation_and_compilation_take_the_library_s(monkeypatch):
    monkeypatch.setattr(memory, "SMALL", 0)
    monkeypatch.setattr(wideresnet.activation.Activation, "apply", None)  # a call would fail
    model = WideResNet(10, 1, stem_stride=2, generator=torch.Generator().manual_seed(0))
    model = model.to(memory_format=LAST)
    images = torch.zeros((2, 3, 32, 32)).contiguous(memory_format=LAST)
    assert model.eval()(images).shape == (2, 10)
    model.train().compile_training(2, backend="eager")
    assert model(images).shape == (2, 10)
    with pytest.raises(TypeError):
        model(images[:1])  # a batch of another size runs plain


def test_a_run_uses_it_and_gives_its_memory_back(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "SMALL", 0)
    lent, block = [], memory.Kept._block
    monkeypatch.setattr(
        memory.Kept, "_block", lambda self, size: lent.append(size) or block(self, size)
    )
    sizes = {"train_size": 40, "test_size": 20, "patch_test_size": 20, "epochs": 2, "drop": 1}
    config = PatchConfig.for_profile("smoke", arm="noise", seed=3, precision="fp32", **sizes)
    [record] = experiment.run([config], Store(tmp_path), device="cpu", progress=False)
    assert record.done
    assert len(lent) > 2 * 7  # of the seven relus in a step, forward and backward
    assert memory.kept.free == []
