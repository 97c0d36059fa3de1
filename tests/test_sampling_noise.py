"""Random weights in the loss of a step: their law, their time, and that nothing else is touched."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tiny_images import CPU, tiny

from lrbook.vision import train
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig
from lrbook.vision.loss import training_loss
from lrbook.vision.patch import apply_patch, draw_visit, generator
from lrbook.vision.settings import said_of_drops


def linear_examples(count=6):
    """Inputs (count, 4), labels, and a matrix (10, 4) that answers: each gradient is known."""
    draw = np.random.default_rng(5)
    x, w = draw.normal(size=(count, 4)), draw.normal(size=(10, 4))
    labels = draw.integers(10, size=count)
    e = np.exp(x @ w.T)
    error = e / e.sum(1, keepdims=True) - np.eye(10)[labels]
    gradients = np.einsum("bk,bd->bkd", error, x).reshape(count, -1)
    return x, labels, w, gradients


def steps(spread, draws, times):
    """Gradients (times, 40) of the loss at one place."""
    x, labels, w, _ = linear_examples()
    found = []
    for _ in range(times):
        weight = torch.tensor(w, dtype=torch.float32, requires_grad=True)
        logits = torch.tensor(x, dtype=torch.float32) @ weight.T
        loss, _ = training_loss(logits, torch.tensor(labels), spread, draws)
        loss.backward()
        found.append(weight.grad.numpy().ravel().astype(float))
    return np.stack(found)


def test_a_step_has_the_plain_gradient_for_mean_and_that_of_a_smaller_batch_for_spread():
    _, _, _, gradients = linear_examples()
    found = steps(2.0, generator(0, "weights"), 6000)
    error = np.sqrt(found.var(0) / 6000)
    assert np.all(np.abs(found.mean(0) - gradients.mean(0)) <= 5 * error + 1e-6)
    wanted = 2.0**2 * np.cov(gradients, rowvar=False) / 6
    off = np.linalg.norm(np.cov(found, rowvar=False) - wanted) / np.linalg.norm(wanted)
    assert off < 0.06  # of a factor 6/5 in the weights' variance it would be about .2


def test_without_it_the_step_is_the_plain_one_to_the_last_bit_and_draws_nothing():
    draws = generator(0, "weights")
    before = draws.get_state()
    x, labels, w, _ = linear_examples()
    logits = torch.tensor(x @ w.T, dtype=torch.float32)
    loss, mean = training_loss(logits, torch.tensor(labels), 0.0, draws)
    assert torch.equal(loss, F.cross_entropy(logits, torch.tensor(labels)))
    assert torch.equal(mean, loss)
    assert torch.equal(draws.get_state(), before)


def test_what_all_examples_share_is_not_shaken_nor_is_a_batch_of_one():
    draws = generator(0, "weights")
    alike = torch.randn(1, 10, generator=draws).expand(32, 10)
    same = torch.full((32,), 4)
    for logits, labels in ((alike, same), (alike[:1], same[:1])):
        loss, mean = training_loss(logits, labels, 5.0, draws)
        torch.testing.assert_close(loss, F.cross_entropy(logits, labels), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(mean, F.cross_entropy(logits, labels))


@pytest.mark.parametrize("arm", ["large", "small", "noise"])
def test_it_lasts_until_the_first_drop_in_every_arm(arm):
    patch = PatchConfig(arm=arm, seed=0, sampling_noise=3)
    assert [patch.sampling_noise_at(epoch) for epoch in (1, 29, 30, 60)] == [3, 3, 0, 0]
    plain = CifarConfig(arm=arm, seed=0, sampling_noise=3, drop=9, drop2=7, drop3=12)
    assert [plain.sampling_noise_at(epoch) for epoch in (1, 6, 7, 12)] == [3, 3, 0, 0]
    assert PatchConfig(arm=arm, seed=0).sampling_noise_at(1) == 0


def test_a_drop_of_it_after_the_last_epoch_is_told():
    late = PatchConfig(arm="small", seed=0, sampling_noise=3, epochs=20)
    assert said_of_drops(late) == [
        "drop = 30 is after the last of epochs = 20, so nothing drops there."
    ]
    assert said_of_drops(PatchConfig(arm="small", seed=0, epochs=20)) == []


@pytest.mark.parametrize("epoch", [2, 3])
@pytest.mark.parametrize("arm", ["small", "noise"])
def test_an_epoch_equals_a_plain_loop_with_the_weights_written_out(arm, epoch):
    """Before the drop (epoch 2) and from it on (epoch 3); what is recorded is the plain loss."""
    task = tiny(arm, sampling_noise=4.0, eta2=1e-3)
    config = task.config
    fast, plain = train.make_model(config, CPU), train.make_model(config, CPU)
    optimizer = train.make_optimizer(fast, config)
    fast_loss, _ = train.train_epoch(task, fast, optimizer, epoch).tolist()

    order = torch.randperm(70, generator=generator(3, "order", epoch))
    visits, noise = generator(3, "visits", epoch), generator(3, "noise", epoch)
    weights = generator(3, "sampling noise", epoch)
    by_hand = train.make_optimizer(plain, config)
    losses = []
    plain.train()
    for start in (0, 32, 64):
        index = order[start : start + 32]
        images, labels = train.normalise(task.train[index], task), task.train_labels[index]
        draws = draw_visit(len(index), 0.2, 1.75, visits)
        images = apply_patch(images, labels, task.train_carriers[index], task.patch, draws)
        each = -torch.log_softmax(plain(images, config.noise_level(epoch), noise), 1)
        each = each[torch.arange(len(index)), labels]
        losses += each.tolist()
        v = torch.randn(len(index), generator=weights).double().numpy()
        v = (v - v.mean()) / np.sqrt(1 - 1 / len(v)) if epoch < 3 else np.zeros(len(v))
        plain.zero_grad()
        torch.dot(torch.tensor(1 + 4.0 * v, dtype=torch.float32) / len(v), each).backward()
        by_hand.param_groups[0]["lr"] = 1e-3
        by_hand.step()
    assert fast_loss == pytest.approx(np.mean(losses), rel=1e-4)
    for (name, got), want in zip(
        fast.state_dict().items(), plain.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(got, want, rtol=2e-3, atol=2e-4, msg=name)


def test_the_other_draws_of_an_epoch_are_those_without_it(monkeypatch):
    """Order, visits and activation noise are paired with the runs that it is compared with."""
    seen = {}
    original = train.training_batch
    for spread in (0.0, 4.0):
        shown = seen.setdefault(spread, [])

        def spy(task, index, visits, shown=shown):
            batch = original(task, index, visits)
            shown.append(batch[0])
            return batch

        monkeypatch.setattr(train, "training_batch", spy)
        task = tiny("small", sampling_noise=spread)
        model = train.make_model(task.config, CPU)
        train.train_epoch(task, model, train.make_optimizer(model, task.config), 1)
    assert torch.equal(torch.cat(seen[0.0]), torch.cat(seen[4.0]))
