"""Memory that is used again: whose it is at any time, and that nothing is lost in it."""

import gc
import math
import traceback
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lrbook.vision import memory
from lrbook.vision.memory import Kept, let_go

FLOAT = {"dtype": torch.float32}


@pytest.fixture(autouse=True)
def all_is_large(monkeypatch):
    monkeypatch.setattr(memory, "SMALL", 0)


@pytest.mark.parametrize("small", [0, 2**20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("last", [False, True])
def test_a_tensor_is_as_torch_makes_it(monkeypatch, small, dtype, last):
    monkeypatch.setattr(memory, "SMALL", small)
    found = Kept().empty(2, 3, 4, 5, dtype=dtype, channels_last=last)
    layout = torch.channels_last if last else torch.contiguous_format
    wanted = torch.empty((2, 3, 4, 5), dtype=dtype, memory_format=layout)
    assert (found.shape, found.stride()) == (wanted.shape, wanted.stride())
    assert (found.dtype, found.device) == (wanted.dtype, wanted.device)
    assert not found._is_view()  # what comes out of a function of autograd must not be one


def test_a_block_comes_back_with_the_last_tensor_in_it():
    kept = Kept()
    first = kept.empty(6, 4, **FLOAT)
    place, view = first.data_ptr(), first[2:].T
    del first
    assert kept.free == []
    assert kept.empty(6, 4, **FLOAT).data_ptr() != place
    kept.release()
    del view
    assert [block.data_ptr() for block in kept.free] == [place]
    assert kept.empty(6, 4, **FLOAT).data_ptr() == place


def test_autograd_holds_what_it_has_saved():
    kept = Kept()
    x = kept.empty(8, **FLOAT).fill_(3.0).requires_grad_()
    y = (x.detach().clone().requires_grad_() * x).sum()
    place = x.data_ptr()
    del x
    assert kept.empty(8, **FLOAT).fill_(torch.nan).data_ptr() != place
    y.backward()
    del y
    gc.collect()
    assert place in [block.data_ptr() for block in kept.free]


def test_the_smallest_that_fits_and_none_that_is_much_too_large():
    kept = Kept()
    sizes = {count: kept.empty(count, **FLOAT) for count in (64, 96, 192)}
    places = {count: tensor.data_ptr() for count, tensor in sizes.items()}
    sizes.clear()
    assert kept.empty(80, **FLOAT).data_ptr() == places[96]
    held = [kept.empty(64, **FLOAT), kept.empty(65, **FLOAT), kept.empty(95, **FLOAT)]
    assert held[0].data_ptr() == places[64]
    assert held[1].data_ptr() == places[96]
    assert held[2].data_ptr() not in places.values()


def test_release_gives_back_what_is_free_alone():
    kept = Kept()
    held = kept.empty(100, **FLOAT).fill_(2.0)
    place = kept.empty(100, **FLOAT).data_ptr()
    assert [block.data_ptr() for block in kept.free] == [place]
    kept.release()
    assert kept.free == []
    assert bool((held == 2).all())


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=40))
def test_tensors_that_live_share_nothing(steps):
    """Each holds a number of its own, and still does when others have come and gone."""
    kept, held = Kept(), {}
    for number, (count, place) in enumerate(steps):
        held[place] = (number, kept.empty(count, **FLOAT).fill_(number))
        assert all(bool((tensor == own).all()) for own, tensor in held.values())


class Network:
    pass


def fails(held):
    network = Network()
    network.itself = network  # as a compiled step does
    held.append(weakref.ref(network))
    raise ValueError("too large")


def run(held):
    network = Network()
    held.append(weakref.ref(network))
    try:
        fails(held)
    except ValueError as error:
        raise RuntimeError("the run broke off") from error


def test_an_error_that_is_kept_keeps_no_network(monkeypatch):
    held, emptied = [], []
    try:
        run(held)
    except RuntimeError as error:
        kept_error = error
    assert [reference() is not None for reference in held] == [True, True]
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(
        torch.cuda, "empty_cache", lambda: emptied.append([reference() for reference in held])
    )
    let_go(kept_error)
    assert emptied == [[None, None]]
    told = "".join(traceback.format_exception(kept_error))
    assert all(line in told for line in ("in run", "in fails", "too large", "the run broke off"))


def test_many_threads_share_it():
    kept = Kept()

    def work(own: int) -> bool:
        whole = True
        for turn in range(200):
            held = kept.empty(16 + (turn + own) % 48, **FLOAT).fill_(own)
            other = kept.empty(32, **FLOAT).fill_(own + 0.5)
            whole = whole and bool((held == own).all()) and bool((other == own + 0.5).all())
        return whole

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    places = [block.data_ptr() for block in kept.free]
    assert len(places) == len(set(places)) < 100  # of 3200 that were asked for


def test_a_loop_needs_no_more_than_its_first_turn():
    kept, places = Kept(), []
    for _ in range(3):
        held = [kept.empty(*shape, **FLOAT) for shape in ((4, 4), (4, 4), (100,))]
        assert math.prod(held[2].shape) == 100
        places.append({tensor.data_ptr() for tensor in held})
        del held
    assert places[0] == places[1] == places[2]
