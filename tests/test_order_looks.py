"""What a look into a network takes in: which images and draws, in which pieces and digits."""

import dataclasses
import inspect

import pytest
import torch
import torch.nn.functional as F
from tiny_images import CPU, tiny

from lrbook.vision import norm_statistics, order, train
from lrbook.vision.patch import generator


def fresh(task):
    return train.make_model(task.config, CPU)


class Reads(torch.nn.Module):
    """Keeps what it is shown, and in which digits it would compute."""

    def __init__(self):
        super().__init__()
        self.shown, self.shortened = [], []

    def read_by_blocks(self, x):
        self.shown.append(x)
        self.shortened.append(torch.is_autocast_enabled("cpu"))
        return [x.flatten(1)[:, :5]]


def test_gradients_are_of_the_first_training_images(monkeypatch):
    task = tiny()
    first = {name: getattr(task, name)[:20] for name in ("train", "train_labels", "train_carriers")}
    model = fresh(task)
    wanted = order.gradient_shares(dataclasses.replace(task, **first), model)
    torch.testing.assert_close(order.gradient_shares(task, model, 20), wanted)
    assert not torch.allclose(order.gradient_shares(task, model), wanted, rtol=1e-2)


def test_so_many_images_are_looked_at_as_the_book_says():
    assert inspect.signature(order.gradient_shares).parameters["count"].default == 1024
    assert (order.PROBE_TRAIN, order.PROBE_TEST) == (2000, 1000)
    assert (norm_statistics.IMAGES, norm_statistics.BATCHES) == (2048, 32)


def test_readers_are_shown_the_first_images_of_both_sets(monkeypatch):
    monkeypatch.setattr(order, "PROBE_TRAIN", 20)
    monkeypatch.setattr(order, "PROBE_TEST", 10)
    task, reads = tiny(), Reads()
    order.readable(task, reads)
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[12:19, 12:19] = False
    sets = (task.train[:20], task.test[:10])
    for shown, pixels in zip(reads.shown, 3 * sets, strict=True):
        assert torch.equal(shown[:, :, outside], train.normalise(pixels, task)[:, :, outside])


def centres(task, labels, draws):
    """z +- zeta of the labels, the signs drawn now."""
    sign = torch.where(torch.rand(len(labels), generator=draws) < 0.5, -1.0, 1.0)
    return task.patch.z + sign.view(-1, 1, 1, 1) * task.patch.zeta[labels]


def test_patches_that_readers_see_are_the_draw_of_the_seed_under_its_own_name():
    """Labels of both sets first, then the signs of the one and of the other."""
    task, reads = tiny(), Reads()
    order.readable(task, reads)
    draws = generator(3, "probe")
    labels = [torch.randint(10, (count,), generator=draws) for count in (70, 30)]
    for shown, each in zip(reads.shown[:2], labels, strict=True):
        torch.testing.assert_close(shown[:, :, 12:19, 12:19], centres(task, each, draws))


def test_the_same_images_are_read_with_z_in_their_centre_and_with_nothing_on_them():
    task, reads = tiny(), Reads()
    order.readable(task, reads)
    for covered, clean, pixels in zip(
        reads.shown[2:4], reads.shown[4:], (task.train, task.test), strict=True
    ):
        assert (covered[:, :, 12:19, 12:19] == task.patch.z).all()
        assert torch.equal(clean, train.normalise(pixels, task))


@pytest.mark.parametrize("epoch", [1, 2])
def test_wrong_patches_are_the_draw_of_seed_and_epoch_under_its_own_name(monkeypatch, epoch):
    task, seen = tiny(), []
    monkeypatch.setattr(order, "predict", lambda task, model, x: seen.append(x) or task.test_labels)
    order.wrong_patch(task, None, epoch)
    draws = generator(3, "wrong patch", epoch)
    others = (task.test_labels + torch.randint(1, 10, (30,), generator=draws)) % 10
    torch.testing.assert_close(seen[0][:, :, 12:19, 12:19], centres(task, others, draws))


def test_features_in_pieces_are_those_of_single_images_in_their_order(monkeypatch):
    task = tiny()
    model = fresh(task).eval()
    images = train.normalise(task.train, task)
    with torch.no_grad():
        alone = [model.read_by_blocks(image[None]) for image in images]
    monkeypatch.setattr(order, "VISIT", 32)
    for at, found in enumerate(order._features(task, model, images)):
        wanted = torch.cat([blocks[at] for blocks in alone])
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("precision", "shortened"), [("fp32", False), ("bf16", True)])
def test_readers_read_in_the_digits_of_the_run(precision, shortened):
    reads = Reads()
    order.readable(dataclasses.replace(tiny(), precision=precision), reads)
    assert set(reads.shortened) == {shortened}


@pytest.mark.parametrize(("precision", "shortened"), [("fp32", False), ("bf16", True)])
def test_gradients_are_taken_in_the_digits_of_the_run(monkeypatch, precision, shortened):
    task, asked = dataclasses.replace(tiny(), precision=precision), []
    weights = torch.zeros(10, requires_grad=True)

    class Answers(torch.nn.Module):
        def parameters(self):
            return [weights]

        def forward(self, x):
            asked.append(torch.is_autocast_enabled("cpu"))
            return F.one_hot(torch.zeros(len(x), dtype=torch.long), 10) + weights

    order.gradient_shares(task, Answers())
    assert set(asked) == {shortened}
