"""Accuracy with batch norm's statistics taken anew: which statistics, of what, and left where."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from tiny_images import CPU, tiny

from lrbook.vision import norm_statistics, train
from lrbook.vision.patch import generator


def trained(task):
    """After an epoch at a large rate, so that running statistics lag behind the weights."""
    model = train.make_model(task.config, CPU)
    train.train_epoch(task, model, train.make_optimizer(model, task.config), 1)
    return model


def norms(model):
    return [each for each in model.modules() if isinstance(each, torch.nn.BatchNorm2d)]


def by_hand(model, batches):
    """Of every norm the means over ``batches`` of the mean and of the unbiased variance of what
    reaches it in training.
    """
    seen = {norm: [] for norm in norms(model)}

    def keep(norm, inputs):
        x = inputs[0].transpose(0, 1).flatten(1)
        seen[norm].append((x.mean(1), x.var(1)))

    hooks = [norm.register_forward_pre_hook(keep) for norm in seen]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.train()
    with torch.no_grad():
        for images in batches:
            model(images)
    for hook in hooks:
        hook.remove()
    model.load_state_dict(before)
    return [
        [torch.stack(each).mean(0) for each in zip(*found, strict=True)] for found in seen.values()
    ]


def by_rule(model, batches, start):
    """The running statistics that training keeps, momentum 0.1, over ``batches``, by hand."""
    kept = [[each.clone() for each in of_norm] for of_norm in start]
    for images in batches:
        for old, new in zip(kept, by_hand(model, [images]), strict=True):
            old[:] = [0.9 * a + 0.1 * b for a, b in zip(old, new, strict=True)]
    return kept


def close(found, wanted):
    return all(
        torch.allclose(a, b, rtol=1e-3, atol=1e-4)
        for norm, of_norm in zip(found, wanted, strict=True)
        for a, b in zip((norm.running_mean, norm.running_var), of_norm, strict=True)
    )


@pytest.fixture
def asked(monkeypatch):
    """Copies of the networks that are asked for answers, and about which images."""
    asked, predict = [], norm_statistics.predict

    def ask(task, model, images):
        asked.append((copy.deepcopy(model), images))
        return predict(task, model, images)

    monkeypatch.setattr(norm_statistics, "predict", ask)
    return asked


def seen_in(task, sizes):
    """Training images as they are visited, in batches of these sizes."""
    draws, at, found = generator(task.config.seed, "statistics"), 0, []
    for size in sizes:
        found.append(train.training_batch(task, torch.arange(at, at + size), draws).images)
        at += size
    return found


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({}, [32, 32]),  # of 70 images: the rest of 6 does not count as much as a whole batch
        ({"batch": 100}, [70]),  # where there is no whole batch, what there is
        ({"carrier_share": 0.0}, [32, 32]),
        ({"arm": "noise", "noise": 50.0}, [32, 32]),  # no noise is added
    ],
)
def test_statistics_are_means_over_training_batches_of_the_weights_as_they_are(
    asked, settings, sizes
):
    task = tiny(**settings)
    model = trained(task)
    found = norm_statistics.clean_anew(task, model).tolist()
    (fresh, _), (at_rest, _) = asked
    means = by_hand(model, seen_in(task, sizes))
    assert close(norms(fresh), means)
    assert not close(norms(fresh), by_hand(model, seen_in(task, [sizes[0] - 2])))
    assert not close(norms(model), means)
    assert close(norms(at_rest), by_rule(model, seen_in(task, sizes), means))
    for accuracy, (each, images) in zip(found, asked, strict=True):
        assert images is task.test
        answers = train.predict(task, each, task.test)
        assert accuracy == pytest.approx(100 * np.mean((answers == task.test_labels).numpy()))


def test_the_rule_forgets_and_the_mean_does_not(asked):
    """Else one test could not tell the two ways from each other."""
    task = tiny()
    norm_statistics.clean_anew(task, trained(task))
    (fresh, _), (at_rest, _) = asked
    pairs = zip(norms(fresh), norms(at_rest), strict=True)
    assert not any(torch.equal(a.running_mean, b.running_mean) for a, b in pairs)


def test_only_the_first_images_are_visited(asked, monkeypatch):
    task = tiny()
    model = trained(task)
    monkeypatch.setattr(norm_statistics, "IMAGES", 20)
    monkeypatch.setattr(norm_statistics, "BATCHES", 1)
    norm_statistics.clean_anew(task, model)
    assert close(norms(asked[0][0]), by_hand(model, seen_in(task, [32])))


def test_there_are_enough_batches_where_they_are_large(asked, monkeypatch):
    """Else running statistics of weights at rest would not get away from the means."""
    task = tiny(batch=12)
    model = trained(task)
    monkeypatch.setattr(norm_statistics, "IMAGES", 13)
    monkeypatch.setattr(norm_statistics, "BATCHES", 4)
    norm_statistics.clean_anew(task, model)
    assert close(norms(asked[0][0]), by_hand(model, seen_in(task, [12] * 4)))


def test_a_compiled_network_is_left_as_it_is_and_not_run():
    """What is compiled is bound to the network it was compiled of, and a copy has it, too."""
    task = tiny()
    model = trained(task)
    wanted = norm_statistics.clean_anew(task, model).tolist()
    model.compile_training(task.config.batch, backend="eager")
    run, compiled = [], model.fast
    model.fast = lambda *given: run.append(given) or compiled(*given)
    kept = model.fast
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert norm_statistics.clean_anew(task, model).tolist() == wanted
    assert not run
    assert model.fast is kept
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_what_torch_compiles_can_be_copied():
    task = tiny()
    model = trained(task)
    model.compile_training(task.config.batch, backend="eager")
    assert all(0 <= each <= 100 for each in norm_statistics.clean_anew(task, model).tolist())


@pytest.mark.parametrize(("precision", "shortened"), [("fp32", False), ("bf16", True)])
def test_statistics_are_taken_in_the_digits_of_the_run(precision, shortened):
    task = dataclasses.replace(tiny(), precision=precision)
    model, asked = trained(task), []

    def ask(*_):
        asked.append(torch.is_autocast_enabled("cpu"))

    model.register_forward_pre_hook(ask)  # which a copy takes along
    norm_statistics.clean_anew(task, model)
    assert set(asked) == {shortened}
