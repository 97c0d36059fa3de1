"""Our convolutions of stride 2 against sums by hand and the library's."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from convolutions import BY_FILTERING, DIRECTLY, FORMS, choose, three
from convolutions import draw as draw_for
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbook.vision import strided, strided_filtering

FP32 = 2e-5  # of the largest number: what is allowed to rounding


draw = functools.partial(draw_for, stride=2)


def library(x, weight):
    return F.conv2d(x, weight, stride=2, padding=1)


def by_hand(x, weight, slope):
    """Result and both gradients, one product after the other."""
    x, weight, slope = (tensor.double().numpy() for tensor in (x, weight, slope))
    y, by_x, by_weight = np.zeros(slope.shape), np.zeros(x.shape), np.zeros(weight.shape)
    for n, k, i, j in np.ndindex(y.shape):
        for c, row, column in np.ndindex(weight.shape[1:]):
            h, w = 2 * i + row - 1, 2 * j + column - 1
            if 0 <= h < x.shape[2] and 0 <= w < x.shape[3]:
                y[n, k, i, j] += x[n, c, h, w] * weight[k, c, row, column]
                by_x[n, c, h, w] += slope[n, k, i, j] * weight[k, c, row, column]
                by_weight[k, c, row, column] += slope[n, k, i, j] * x[n, c, h, w]
    return [torch.from_numpy(found) for found in (y, by_x, by_weight)]


def assert_close(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.fixture(params=FORMS)
def form(request, monkeypatch):
    """Both ways of the same function, whatever the size."""
    choose(monkeypatch, request.param)
    return request.param


@pytest.mark.parametrize("size", [(8, 8), (8, 16)])
def test_all_three_are_the_sums_by_hand(form, size):
    given = draw(2, 2, 3, *size)
    assert_close(three(strided.StridedConvolution.apply, *given), by_hand(*given))


@pytest.mark.parametrize("size", [(2, 2), (4, 2), (6, 10)])
def test_the_direct_form_takes_all_even_sides(monkeypatch, size):
    choose(monkeypatch, DIRECTLY)
    given = draw(3, 2, 3, *size)
    assert_close(three(strided.StridedConvolution.apply, *given), by_hand(*given))


def test_the_direct_form_does_without_an_operator_that_is_not_documented(monkeypatch):
    choose(monkeypatch, DIRECTLY)
    given = draw(3, 2, 3, 6, 10)
    monkeypatch.setattr(torch.ops, "aten", SimpleNamespace())
    assert_close(three(strided.StridedConvolution.apply, *given), by_hand(*given))


@settings(deadline=None, max_examples=40)
@given(
    images=st.integers(1, 9),
    channels=st.integers(1, 5),
    outputs=st.integers(1, 5),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    at_once=st.sampled_from([1, 7, 16, 64]),
    form=st.sampled_from(FORMS),
)
def test_all_three_are_the_library_s(images, channels, outputs, rows, columns, at_once, form):
    given = draw(images, channels, outputs, 8 * rows, 8 * columns)
    with pytest.MonkeyPatch.context() as patch:
        choose(patch, form)
        patch.setattr(strided_filtering, "TILES_AT_ONCE", at_once)
        patch.setattr(strided, "ROWS_AT_ONCE", 16 * at_once)
        found = three(strided.StridedConvolution.apply, *given)
    assert_close(found, three(library, *given))


def test_gradients_equal_finite_differences(form):
    x, weight, _ = draw(2, 2, 3, 8, 8)
    inputs = (x.requires_grad_(), weight.requires_grad_())
    assert torch.autograd.gradcheck(strided.StridedConvolution.apply, inputs)


@pytest.mark.parametrize("channels", [64, 320])
def test_rounding_in_fp32_stays_small(form, channels):
    given = draw(5, channels, 128, 16, 16, torch.float32)
    wanted = three(library, *(tensor.double() for tensor in given))
    for one, other in zip(three(strided.StridedConvolution.apply, *given), wanted, strict=True):
        assert one.dtype == torch.float32
        assert (one - other).abs().max() < FP32 * other.abs().max()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_any_layout_goes_in(form, layout):
    x, weight, slope = draw(3, 4, 6, 16, 16)
    x, weight, slope = (tensor.to(memory_format=layout) for tensor in (x, weight, slope))
    parts = (x[:, :, ::2, ::2], weight, slope[:, :, ::2, ::2])  # neither layout, whatever it was
    found = three(strided.StridedConvolution.apply, *parts)
    assert_close(found, three(library, *parts))
    if form == BY_FILTERING:
        assert all(one.is_contiguous(memory_format=torch.channels_last) for one in found[:2])


def test_a_slope_without_memory_of_its_own(form):
    """As that of a sum: one number, seen everywhere."""
    x, weight, slope = draw(3, 4, 6, 8, 8)
    same = torch.ones((), dtype=x.dtype).expand(slope.shape)
    found = three(strided.StridedConvolution.apply, x, weight, same)
    assert_close(found, three(library, x, weight, torch.ones_like(slope)))


def test_the_weight_s_gradient_lies_as_the_weight(form):
    """Channels last, as in training: then it becomes ``.grad`` without a copy."""
    x, weight, slope = draw(3, 4, 6, 8, 8)
    find = (
        strided_filtering.weight_gradient
        if form == BY_FILTERING
        else strided.direct_weight_gradient
    )
    assert find(x, slope).stride() == weight.to(memory_format=torch.channels_last).stride()


def test_the_same_numbers_every_time(form):
    given = draw(9, 96, 96, 16, 16, torch.float32)
    first, second = (three(strided.StridedConvolution.apply, *given) for _ in range(2))
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


def test_nothing_of_what_lay_in_memory_comes_out(form, monkeypatch):
    given = draw(5, 3, 4, 8, 8)
    wanted = three(library, *given)
    for place, name in ((torch.Tensor, "new_empty"), (torch, "empty"), (torch, "empty_like")):
        blank = getattr(place, name)
        poisoned = lambda *a, blank=blank, **kw: blank(*a, **kw).fill_(torch.nan)  # noqa: E731
        monkeypatch.setattr(place, name, poisoned)
    monkeypatch.setattr(
        strided_filtering, "TILES_AT_ONCE", 2
    )  # so that there is a last, smaller part
    monkeypatch.setattr(strided, "ROWS_AT_ONCE", 32)
    assert_close(three(strided.StridedConvolution.apply, *given), wanted)


def test_only_the_gradients_that_are_asked_for(form, monkeypatch):
    x, weight, slope = draw(2, 3, 3, 8, 8)
    work = []
    by_x = {BY_FILTERING: "input_gradient", DIRECTLY: "library_input_gradient"}[form]
    by_weight = {BY_FILTERING: "weight_gradient", DIRECTLY: "direct_weight_gradient"}[form]
    where = {BY_FILTERING: strided_filtering, DIRECTLY: strided}[form]
    for name in (by_x, by_weight):
        whole = getattr(where, name)
        spy = lambda *given, whole=whole, name=name: work.append(name) or whole(*given)  # noqa: E731
        monkeypatch.setattr(where, name, spy)
    whole = dict(zip(("x", "weight"), three(library, x, weight, slope)[1:], strict=True))
    for wanted, needed in (("x", by_x), ("weight", by_weight)):
        work.clear()
        some = {"x": x.detach(), "weight": weight.detach()}
        some[wanted] = some[wanted].clone().requires_grad_()
        y = strided.StridedConvolution.apply(*some.values())
        y.backward(slope)
        torch.testing.assert_close(some[wanted].grad, whole[wanted], rtol=1e-10, atol=1e-10)
        assert work == [needed]


def test_a_second_derivative_is_refused(form):
    x, weight, _ = draw(2, 3, 3, 8, 8)
    y = strided.StridedConvolution.apply(x.requires_grad_(), weight)
    [slope] = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        slope.sum().backward()


def test_the_backward_pass_may_be_within_autocast(form):
    given = draw(4, 96, 96, 16, 16, torch.float32)
    x, weight, slope = (tensor.clone() for tensor in given)
    y = strided.StridedConvolution.apply(x.requires_grad_(), weight.requires_grad_())
    with torch.autocast("cpu", torch.bfloat16):
        y.backward(slope)
    wanted = three(strided.StridedConvolution.apply, *given)[1:]
    assert all(torch.equal(v.grad, w) for v, w in zip((x, weight), wanted, strict=True))


def test_another_default_device_changes_nothing(form):
    given = draw(1, 3, 4, 8, 8)
    with torch.device("meta"):
        found = three(strided.StridedConvolution.apply, *given)
    assert_close(found, three(library, *given))


def test_pays_for_much_work_in_fp32_on_a_cpu_alone():
    x, weight = torch.zeros((64, 64, 8, 8)), torch.zeros((128, 64, 3, 3))
    assert strided.pays(x, weight)
    assert strided.pays(torch.zeros((4, 64, 32, 32)), weight)  # as many outputs: 1024
    assert strided.pays(torch.zeros((114, 64, 6, 6)), weight)
    assert not strided.pays(x[:63], weight)
    assert not strided.pays(x, weight[:127])
    assert not strided.pays(x[:, :63], torch.zeros((200, 63, 3, 3)))
    assert not strided.pays(torch.zeros((64, 200, 8, 8)), torch.zeros((63, 200, 3, 3)))
    assert not strided.pays(x[:0], weight)
    assert not strided.pays(x[..., :0], weight)
    assert not strided.pays(x[0], weight)
    many = torch.zeros((200, 64, 8, 8))
    assert strided.pays(many, weight)
    assert not strided.pays(many[:, :, :7], weight)
    assert not strided.pays(many[..., :7], weight)
    assert not strided.pays(x.double(), weight.double())
    assert not strided.pays(x.bfloat16(), weight)
    assert not strided.pays(x.to("meta"), weight.to("meta"))
    with torch.autocast("cpu", torch.bfloat16):
        assert not strided.pays(x, weight)


def test_filtering_pays_for_many_channels_in_whole_tiles():
    x, weight = torch.zeros((128, 128, 8, 8)), torch.zeros((128, 128, 3, 3))
    assert strided_filtering.pays(x, weight)
    assert strided_filtering.pays(torch.zeros((8, 128, 32, 32)), weight)  # as many tiles: 128
    assert not strided_filtering.pays(x[:127], weight)
    assert not strided_filtering.pays(x[:, :127], weight[:, :127])
    assert not strided_filtering.pays(x, weight[:127])
    many = torch.zeros((300, 128, 12, 12))
    assert strided_filtering.pays(many[..., :8, :8], weight)
    assert not strided_filtering.pays(many[..., :8], weight)
    assert not strided_filtering.pays(many[:, :, :8], weight)


def test_the_sizes_choose_between_the_forms(monkeypatch):
    work = []
    for place, name in ((strided_filtering, "convolve"), (strided, "direct_weight_gradient")):
        whole = getattr(place, name)
        spy = lambda *given, whole=whole, name=name: work.append(name) or whole(*given)  # noqa: E731
        monkeypatch.setattr(place, name, spy)
    for channels, wanted in ((128, ["convolve"]), (96, ["direct_weight_gradient"])):
        work.clear()
        x, weight, slope = draw(128, channels, channels, 8, 8, torch.float32)
        three(strided.StridedConvolution.apply, x, weight, slope)
        assert work == wanted
