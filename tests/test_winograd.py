"""Winograd's convolutions against the library's in double precision, and where they are taken."""

import pytest
import torch
import torch.nn.functional as F
from convolutions import assert_trains_as_directly, calls_of, draw, three
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbook.vision import winograd
from lrbook.vision.wideresnet import Conv3x3, WideResNet

FP32 = 4e-5  # of the largest number: what is allowed to rounding; 1e-5 is usual


def directly(x, weight):
    return F.conv2d(x, weight, padding=1)


def by_hand(x, weight):
    """The sums written out."""
    padded = F.pad(x, (1, 1, 1, 1))
    y = torch.zeros((len(x), len(weight), *x.shape[2:]), dtype=x.dtype)
    for row in range(3):
        for column in range(3):
            part = padded[:, :, row : row + x.shape[2], column : column + x.shape[3]]
            y += torch.einsum("nchw,kc->nkhw", part, weight[:, :, row, column])
    return y


@settings(deadline=None, max_examples=30)
@given(
    images=st.integers(1, 9),
    channels=st.integers(1, 5),
    outputs=st.integers(1, 5),
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    at_once=st.sampled_from([1, 7, 16, 64]),
)
def test_all_three_are_the_convolution(images, channels, outputs, rows, columns, at_once):
    given = draw(images, channels, outputs, 4 * rows, 4 * columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "TILES_AT_ONCE", at_once)
        found = three(winograd.Convolution.apply, *given)
    for one, other in zip(found, three(by_hand, *given), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_gradients_equal_finite_differences():
    x, weight, _ = draw(2, 2, 3, 4, 8)
    inputs = (x.requires_grad_(), weight.requires_grad_())
    assert torch.autograd.gradcheck(winograd.Convolution.apply, inputs)


@pytest.mark.parametrize("channels", [96, 320])
def test_rounding_in_fp32_stays_small(channels):
    given = draw(5, channels, 128, 16, 16, torch.float32)
    wanted = three(directly, *(tensor.double() for tensor in given))
    for one, other in zip(three(winograd.Convolution.apply, *given), wanted, strict=True):
        assert one.dtype == torch.float32
        assert (one - other).abs().max() < FP32 * other.abs().max()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_any_layout_goes_in_and_channels_last_comes_out(layout):
    x, weight, slope = draw(3, 4, 6, 8, 8)
    x, slope = (tensor.to(memory_format=layout) for tensor in (x, slope))
    parts = (x[:, :, ::2, ::2], weight, slope[:, :, ::2, ::2])  # neither layout, whatever it was
    found = three(winograd.Convolution.apply, *parts)
    for one, other in zip(found, three(directly, *parts), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert found[0].is_contiguous(memory_format=torch.channels_last)


def test_the_same_numbers_every_time():
    given = draw(9, 96, 96, 16, 16, torch.float32)
    first, second = (three(winograd.Convolution.apply, *given) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_nothing_of_what_lay_in_memory_comes_out(monkeypatch):
    given = draw(5, 3, 4, 8, 8)
    wanted = three(directly, *given)
    for place, name in ((torch.Tensor, "new_empty"), (torch, "empty"), (torch, "empty_like")):
        empty = getattr(place, name)
        poisoned = lambda *a, empty=empty, **kw: empty(*a, **kw).fill_(torch.nan)  # noqa: E731
        monkeypatch.setattr(place, name, poisoned)
    monkeypatch.setattr(winograd, "TILES_AT_ONCE", 8)  # so that there is a last, smaller part
    for one, other in zip(three(winograd.Convolution.apply, *given), wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_only_the_gradients_that_are_asked_for(monkeypatch):
    x, weight, slope = draw(2, 3, 3, 8, 8)
    work = []
    for name in ("convolve", "weight_gradient"):
        whole = getattr(winograd, name)
        spy = lambda *given, whole=whole, name=name: work.append(name) or whole(*given)  # noqa: E731
        monkeypatch.setattr(winograd, name, spy)
    for wanted, needed in (("x", "convolve"), ("weight", "weight_gradient")):
        work.clear()
        some = {"x": x.detach(), "weight": weight.detach()}
        some[wanted] = some[wanted].clone().requires_grad_()
        y = winograd.Convolution.apply(*some.values())
        y.backward(slope)
        whole = dict(zip(("x", "weight"), three(directly, x, weight, slope)[1:], strict=True))
        torch.testing.assert_close(some[wanted].grad, whole[wanted], rtol=1e-10, atol=1e-10)
        assert work == ["convolve", needed]


def test_a_second_derivative_is_refused():
    x, weight, _ = draw(2, 3, 3, 8, 8)
    y = winograd.Convolution.apply(x.requires_grad_(), weight)
    [slope] = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_the_backward_pass_may_be_within_autocast():
    given = draw(4, 96, 96, 16, 16, torch.float32)
    x, weight, slope = (tensor.clone() for tensor in given)
    y = winograd.Convolution.apply(x.requires_grad_(), weight.requires_grad_())
    with torch.autocast("cpu", torch.bfloat16):
        y.backward(slope)
    wanted = three(winograd.Convolution.apply, *given)[1:]
    assert all(torch.equal(v.grad, w) for v, w in zip((x, weight), wanted, strict=True))


def test_another_default_device_changes_nothing():
    given = draw(1, 3, 4, 8, 8)
    with torch.device("meta"):
        found = three(winograd.Convolution.apply, *given)
    for one, other in zip(found, three(directly, *given), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_pays_for_many_channels_in_fp32_on_a_cpu_alone():
    x, weight = torch.zeros((16, 96, 8, 8)), torch.zeros((96, 96, 3, 3))
    assert winograd.pays(x, weight)
    assert winograd.pays(torch.zeros((1, 96, 32, 32)), weight)  # as many tiles: 64
    assert not winograd.pays(x[:15], weight)
    assert not winograd.pays(x[:, :95], weight[:, :95])
    assert not winograd.pays(x, weight[:95])
    assert not winograd.pays(x[:0], weight)
    assert not winograd.pays(x[..., :0], weight)
    assert not winograd.pays(x[0], weight)
    assert not winograd.pays(x[:, :, :6], weight)
    assert not winograd.pays(x[..., :6], weight)
    assert not winograd.pays(x.double(), weight.double())
    assert not winograd.pays(x.bfloat16(), weight)
    assert not winograd.pays(x.to("meta"), weight.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not winograd.pays(x, weight)


@pytest.fixture
def calls(monkeypatch):
    """The weights' shapes of all Winograd convolutions."""
    return calls_of(winograd.Convolution, monkeypatch)


def test_the_paper_network_takes_it_where_the_stride_is_one(calls, monkeypatch):
    model = WideResNet(16, 10, generator=torch.Generator().manual_seed(0)).eval()
    widths = {}
    with torch.no_grad():
        for count in (1, 4):  # the narrower the maps, the more images make it pay
            calls.clear()
            model(torch.zeros((count, 3, 32, 32)))
            widths[count] = list(calls)
    assert widths[1] == [(160, 160)] * 3
    assert widths[4] == [(160, 160)] * 3 + [(320, 320)] * 3
    monkeypatch.setattr(winograd, "LEAST_TILES", 16)
    calls.clear()
    with torch.no_grad():
        model(torch.zeros((4, 3, 32, 32)))
    assert calls == widths[4] + [(640, 640)] * 3


def test_the_laptop_network_takes_it_where_it_is_wide(calls):
    model = WideResNet(10, 2, stem_stride=2, generator=torch.Generator().manual_seed(0))
    model(torch.zeros((64, 3, 32, 32)))
    assert calls == [(128, 128)]


def test_a_stride_of_two_is_none_of_it(calls):
    layer = Conv3x3(96, 96, 2)
    assert layer(torch.zeros((64, 96, 8, 8))).shape == (64, 96, 4, 4)
    assert calls == []


@pytest.mark.parametrize("noisy", [False, True])
def test_a_wide_network_trains_as_with_the_direct_form(calls, monkeypatch, noisy):
    """Losses and weights of a few steps."""
    monkeypatch.setattr(winograd, "LEAST_TILES", 1)

    def as_many_calls():  # conv2 of the first block has 96 channels; then 192 and 384
        assert len(calls) == 4 * 3

    assert_trains_as_directly(0.1 if noisy else 0.0, as_many_calls)


def test_a_wide_network_can_be_compiled(calls):
    """In one graph, as ``compile_training`` wants it; the library's convolutions are in that."""
    model = WideResNet(10, 6, stem_stride=2, generator=torch.Generator().manual_seed(0)).train()
    images = torch.randn((4, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    wanted = model(images)
    assert calls == [(96, 96)]
    model.compile_training(4, backend="eager")
    torch.testing.assert_close(model(images), wanted, rtol=1e-4, atol=1e-4)
