"""In an epoch of training and evaluation the host reads from the device once, at its end.

A card works ahead of the host until this asks for a number, or for the size of what a mask picks
out. Here a CPU stands in for the card: PyTorch calls the same operations for either. (What is
nothing on a CPU, as ``to("cpu")``, is not seen.)
"""

import collections
import contextlib
from unittest import mock

import pytest
import torch
from tiny_images import tiny
from torch.utils._python_dispatch import TorchDispatchMode

from lrbook.records import Store
from lrbook.vision import one_run
from lrbook.vision.beside import Beside

WAITING = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "is_nonzero", "equal")
TO_HOST = ("tolist", "numpy", "cpu")


class Seen(TorchDispatchMode):
    """Counts the operations that make the host wait for the device."""

    def __init__(self):
        super().__init__()
        self.counts = collections.Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in WAITING or (name in ("index", "index_put_") and masked(args)):
            self.counts[name] += 1
        return func(*args, **(kwargs or {}))


def masked(args):
    """Whether a tensor of truth values chooses: how many it chooses only the device knows."""
    return any(each is not None and each.dtype == torch.bool for each in args[1])


def readings(task, tmp_path, before_batch=None):
    """Name of what makes the host wait -> how often an epoch called it."""
    seen = Seen()

    def counting(name):
        whole = getattr(torch.Tensor, name)

        def counted(tensor, *args, **kwargs):
            seen.counts[name] += 1
            return whole(tensor, *args, **kwargs)

        return mock.patch.object(torch.Tensor, name, counted)

    origin = {"compiled": False}
    with Beside(task) as beside, contextlib.ExitStack() as stack:
        training = one_run._Training(task, origin, Store(tmp_path), beside)
        for each in (seen, *map(counting, TO_HOST)):
            stack.enter_context(each)
        assert training.epoch(1, before_batch) == ""
    assert len(training.rows) == 1
    return dict(seen.counts)


@pytest.mark.parametrize("arm", ["large", "small", "noise"])
def test_an_epoch_reads_from_the_device_once(tmp_path, arm):
    assert readings(tiny(arm), tmp_path) == {"tolist": 1}


def test_so_does_one_with_random_weights_in_the_loss(tmp_path):
    assert readings(tiny(sampling_noise=1.0), tmp_path) == {"tolist": 1}


@pytest.mark.parametrize(
    ("read", "name"),
    [
        (lambda x: x.sum().item(), "_local_scalar_dense"),
        (lambda x: bool(x.sum() > 0), "_local_scalar_dense"),
        (lambda x: x[x > 0], "index"),
        (lambda x: x.nonzero(), "nonzero"),
        (lambda x: x.cpu(), "cpu"),
    ],
)
def test_one_more_in_a_batch_would_be_seen(tmp_path, read, name):
    """Three batches in an epoch, so three more."""

    def before_batch():
        read(torch.ones(3))

    assert readings(tiny(), tmp_path, before_batch)[name] == 3
