"""Where networks take our convolutions of stride 2, and that they train as with the library's."""

import itertools

import pytest
import torch
from convolutions import FORMS, assert_trains_as_directly, calls_of, choose

from lrbook.vision import strided, winograd
from lrbook.vision.wideresnet import Conv3x3, WideResNet


@pytest.fixture
def calls(monkeypatch):
    """The weights' shapes of all our convolutions of stride 2."""
    return calls_of(strided.StridedConvolution, monkeypatch)


def test_both_networks_take_it_where_the_stride_is_two(calls):
    stream = torch.Generator().manual_seed(0)
    paper = WideResNet(16, 10, generator=stream).eval()
    laptop = WideResNet(10, 2, stem_stride=2, generator=stream).eval()
    found = {}
    with torch.no_grad():
        for (name, model), count in itertools.product(
            {"paper": paper, "laptop": laptop}.items(), (1, 4, 64)
        ):
            if (name, count) != ("paper", 64):
                calls.clear()
                model(torch.zeros((count, 3, 32, 32)))
                found[name, count] = list(calls)
    assert found["paper", 1] == [(320, 160), (640, 320)]
    assert found["paper", 4] == [(320, 160), (640, 320)]
    assert found["laptop", 4] == []
    assert found["laptop", 64] == [(128, 64)]


def test_a_stride_of_one_or_three_is_not_ours(calls):
    x = torch.zeros((128, 96, 8, 8))
    assert Conv3x3(96, 96, 1)(x).shape == x.shape
    assert Conv3x3(96, 96, 3)(x).shape == (128, 96, 3, 3)
    assert calls == []


@pytest.mark.parametrize("form", FORMS)
def test_a_wide_network_trains_as_with_the_library_s(calls, monkeypatch, form):
    """Losses and weights of a few steps."""
    choose(monkeypatch, form)
    monkeypatch.setattr(strided, "LEAST_WORK", 1)
    monkeypatch.setattr(winograd, "pays", lambda x, weight: False)

    def as_many_calls():
        assert calls == [(192, 96), (384, 192)] * 4

    assert_trains_as_directly(0.1, as_many_calls)


def test_a_wide_network_can_be_compiled(calls, monkeypatch):
    """In one graph, as ``compile_training`` wants it; the library's convolutions are in that."""
    monkeypatch.setattr(strided, "LEAST_WORK", 1)
    model = WideResNet(10, 6, stem_stride=2, generator=torch.Generator().manual_seed(0)).train()
    images = torch.randn((4, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    wanted = model(images)
    assert calls == [(192, 96), (384, 192)]
    model.compile_training(4, backend="eager")
    torch.testing.assert_close(model(images), wanted, rtol=1e-4, atol=1e-4)
    assert calls == [(192, 96), (384, 192)]
