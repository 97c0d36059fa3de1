"""Images of one's own with fewer than ten classes: what is measured of the patch on them."""

import dataclasses

import pytest
import torch
from tiny_images import CPU, tiny

from lrbook.vision import order, train
from lrbook.vision.config import PatchConfig
from lrbook.vision.images import Images


@pytest.mark.parametrize("classes", [(1, 4, 7), (0, 9)])
def test_of_fewer_classes_only_these_have_a_patch(monkeypatch, classes):
    """Images of one's own may have fewer than ten; a patch of another class teaches nothing."""
    task = tiny(z_scale=0.0, pattern=1.0, patch_test_size=300, of_classes=classes)
    assert task.classes.tolist() == list(classes)
    answers = []

    def reads_the_patch(task, model, images):
        centre = images[:, :, 12:19, 12:19].flatten(1).float()
        answers.append((centre @ task.patch.zeta.flatten(1).T).abs().argmax(1))
        return answers[-1]

    monkeypatch.setattr(order, "predict", reads_the_patch)
    assert order.wrong_patch(task, None, 1).tolist() == [0, 100]
    assert set(answers[-1].tolist()) == set(classes)
    monkeypatch.setattr(train, "predict", reads_the_patch)
    assert train.evaluate(task, None, 1)[2] == 100
    counts = [int((answers[-1] == one).sum()) for one in classes]
    assert sum(counts) == 300
    assert min(counts) > 0.7 * 300 / len(classes)
    labels = []
    real = order._with_patch

    def spy(task, images, carried, *rest):
        labels.append(carried)
        return real(task, images, carried, *rest)

    monkeypatch.setattr(order, "_with_patch", spy)
    order.readable(task, train.make_model(task.config, CPU))
    assert {label for each in labels for label in each.tolist()} == set(classes)


def test_the_classes_are_those_of_the_training_images():
    """A patch of a class that the test images alone have would teach nothing either."""
    pixels = torch.zeros(20, 3, 32, 32, dtype=torch.uint8)
    trained, tested = torch.arange(20) % 2, torch.arange(20) % 4
    images = Images("four", pixels, trained, pixels, tested, (125.0,) * 3, (60.0,) * 3)
    config = PatchConfig.for_profile("smoke", arm="large", seed=0)
    assert train.make_task(config, images, CPU).classes.tolist() == [0, 1]


def test_one_class_or_one_image_gives_no_number():
    task = tiny(of_classes=(3,))
    model = train.make_model(task.config, CPU)
    assert order.wrong_patch(task, model, 1).isnan().all()
    one = dataclasses.replace(task, train=task.train[:1], train_labels=task.train_labels[:1])
    found = order.readable(one, model)
    assert found.shape == order.readable(task, model).shape
    assert found.isnan().all()
