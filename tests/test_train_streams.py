"""Each seed and each epoch has draws of its own, and an evaluation leaves the network as it is."""

import pytest
import torch
import torch.nn.functional as F
from tiny_images import CPU, tiny

from lrbook.vision import train
from lrbook.vision.config import PatchConfig
from lrbook.vision.patch import draw_visit, generator
from lrbook.vision.wideresnet import WideResNet


class Looks(torch.nn.Module):
    """Answers with class 0 and keeps what it is shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(x)
        return F.one_hot(torch.zeros(len(x), dtype=torch.long), 10).float()


@pytest.mark.parametrize("epoch", [1, 2])
def test_an_evaluation_draws_labels_and_then_visits_500_at_a_time(epoch):
    """Other numbers at a time would be other draws, and other results of the same run."""
    task = tiny(patch_test_size=700)
    looks = Looks()
    _, _, right = train.evaluate(task, looks, epoch).tolist()
    shown = torch.cat(looks.shown)
    draws = generator(3, "evaluation", epoch)
    labels = torch.randint(10, (700,), generator=draws)
    visits = [draw_visit(count, 0.2, 1.75, draws) for count in (30, 500, 200)]
    assert right == pytest.approx(100 * (labels == 0).float().mean().item())
    z, zeta = task.patch
    amounts = torch.cat([visit.sign * visit.scale for visit in visits]).view(-1, 1, 1, 1)
    labels = torch.cat([task.test_labels, labels])
    carriers = torch.cat([task.test_carriers, torch.ones(700, dtype=torch.bool)])
    centres = (z + amounts * zeta[labels])[carriers]
    torch.testing.assert_close(shown[30:][carriers][:, :, 12:19, 12:19], centres)


@pytest.mark.parametrize("share", [0.8, 0.3])
@pytest.mark.parametrize(
    ("where", "count", "name"), [("train", 70, "carriers"), ("test", 30, "test carriers")]
)
def test_carriers_are_the_draw_of_the_seed_under_their_own_name(where, count, name, share):
    """From another stream they would be others, and so would all that was recorded."""
    draw = torch.rand(count, generator=generator(3, name))
    found = getattr(tiny(carrier_share=share), f"{where}_carriers")
    assert torch.equal(found, draw < share)


@pytest.mark.parametrize("seed", [0, 3])
def test_initial_weights_are_the_draw_of_the_seed(seed):
    config = PatchConfig.for_profile("smoke", arm="small", seed=seed)
    wanted = WideResNet(10, 1, stem_stride=2, generator=generator(seed, "weights")).state_dict()
    found = train.make_model(config, CPU).state_dict()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_an_evaluation_after_training_uses_running_statistics_and_leaves_them_alone():
    task = tiny()
    model = train.make_model(task.config, CPU)
    train.train_epoch(task, model, train.make_optimizer(model, task.config), 1)
    assert model.training
    before = {name: value.clone() for name, value in model.state_dict().items()}
    apart = torch.cat([train.predict(task, model, task.test[i : i + 1]) for i in range(30)])
    model.train()
    assert torch.equal(train.predict(task, model, task.test), apart)  # whatever is beside it
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_an_epoch_after_an_evaluation_trains_on_batch_statistics():
    """The running statistics move on, as in an epoch without an evaluation before it."""
    task = tiny()
    states = []
    for evaluated in (False, True):
        model = train.make_model(task.config, CPU)
        if evaluated:
            train.evaluate(task, model, 1)
        train.train_epoch(task, model, train.make_optimizer(model, task.config), 1)
        states.append(model.state_dict())
    assert all(torch.equal(states[0][name], value) for name, value in states[1].items())
