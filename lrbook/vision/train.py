"""The network, its optimiser, one epoch of training, and the evaluations.

Tensors in, tensors out: inside an epoch and an evaluation nothing is read back from the device.
Shapes: N images, B batch.
"""

import copy
import inspect
import warnings
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from lrbook.errors import ConfigError
from lrbook.vision.loss import training_loss
from lrbook.vision.memory import is_lacking
from lrbook.vision.patch import apply_patch, draw_visit, generator
from lrbook.vision.settings import ImageConfig
from lrbook.vision.task import PatchTask, Task, autocast, make_task, normalise, training_batch
from lrbook.vision.wideresnet import WideResNet

__all__ = [
    "Task",
    "autocast",
    "evaluate",
    "make_model",
    "make_optimizer",
    "make_task",
    "normalise",
    "percent",
    "predict",
    "train_epoch",
    "training_batch",
    "try_to_compile",
]

EVALUATION_BATCH = {"cpu": 250, "cuda": 2000}
FUSED = ("cpu", "cuda")  # for which each PyTorch allowed has the fused optimizer; 2.4 not for mps
# A card replays a step's kernels as two graphs; where they cannot be recorded it is only compiled
ON_A_CARD: tuple[dict[str, object], ...] = ({"mode": "reduce-overhead"}, {})
REPLAYED = 3  # calls of a compiled step after which a recorded graph has been replayed once
# What the compiler has in memory (sizes, precision, device), and the way of it that was tried out
# and works; None where none does, or one of the caller's own was tried
_compiled: dict[tuple, Mapping[str, object] | None] = {}
VISIT = 500  # test images whose signs are drawn at a time; another number draws other signs


def make_model(config: ImageConfig, device: torch.device) -> WideResNet:
    """The network with initial weights drawn from the seed (the same in every arm)."""
    model = WideResNet(
        config.depth,
        config.widen,
        stem_stride=config.stem_stride,
        generator=generator(config.seed, "weights"),
    )
    # Both in one copy, which PyTorch has no hint for
    return model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def make_optimizer(model: WideResNet, config: ImageConfig) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum and weight decay on every parameter, batch norm's too; or the
    configuration's ``own_optimizer``.

    Momentum starts at 0, which is what the first step of ``torch.optim.SGD`` comes to. It is set
    here because a first step that overflows in fp16 is left out, and the fused optimizer has then
    made its momentum already, of whatever lay in memory.

    Raises:
        ConfigError: an optimiser of one's own computes the loss several times in a step.
    """
    if (own := config.own_optimizer(model)) is not None:
        closure = inspect.signature(type(own).step).parameters.get("closure")
        if closure is not None and closure.default is closure.empty:
            raise ConfigError(
                f"own_optimizer of {type(config).__name__} gives {type(own).__name__}, whose step "
                "needs a closure; give an optimiser that steps once for each batch's gradient."
            )
        return own
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=config.rate(1),
        momentum=config.momentum,
        nesterov=config.momentum > 0,
        weight_decay=config.weight_decay,
        fused=next(model.parameters()).device.type in FUSED,
    )
    if config.momentum > 0:
        for parameter in model.parameters():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def try_to_compile(
    task: Task, model: WideResNet, say: Callable[[str], None] | None = None, **options: object
) -> str:
    """Compile the training step, or leave it plain where the compiler is missing or fails.

    Compilers start with the first batch, so one is tried out, forwards and backwards, on a copy:
    a step changes the running statistics of batch normalisation. What works for one run is not
    tried again for the next of its kind.

    Args:
        task: gives batch size, device and precision.
        model: compiled in place.
        say: told why a way that failed was left for another that works.
        **options: for ``torch.compile``; without any, on a card those of ``ON_A_CARD`` in turn.

    Returns:
        Why it stays plain, in one line; empty if it is compiled from now on.

    Raises:
        RuntimeError: out of memory.
    """
    config = task.config
    if len(task.train) < config.batch:
        return "there are fewer images than a batch takes"
    sizes = (config.depth, config.widen, config.stem_stride, config.batch)
    kind = (*sizes, *task.train.shape[1:], task.precision, str(task.device))
    if _compiled and kind not in _compiled:
        # The compiler keeps few variants of one function and refuses more, in any network.
        torch.compiler.reset()
        _compiled.clear()
    _compiled.setdefault(kind, None)
    if not options and (known := _compiled[kind]) is not None:
        model.compile_training(config.batch, **known)
        return ""
    why = ""
    for way in ON_A_CARD if task.device.type == "cuda" and not options else (options,):
        failed, why = why, _why_not(task, model, way)
        if not why:
            if failed and say is not None:
                say(f"the training step is compiled without graphs ({failed})")
            if not options:
                _compiled[kind] = way
            model.compile_training(config.batch, **way)
            return ""
    return why


def _why_not(task: Task, model: WideResNet, options: Mapping[str, object]) -> str:
    """What is wrong with a step that is compiled with these options; empty if nothing is."""
    trial = copy.deepcopy(model).train()
    trial.compile_training(task.config.batch, **options)
    images = torch.zeros((task.config.batch, *task.train.shape[1:]), device=task.device)
    images = images.contiguous(memory_format=torch.channels_last)
    try:
        with warnings.catch_warnings():
            # A compiler's warnings about its own code are not the user's, and whether fp32 is
            # shortened to TF32 is decided in ``devices``
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.filterwarnings("ignore", message="TensorFloat32")
            for _ in range(REPLAYED):
                trial.zero_grad()
                with autocast(task):
                    logits = trial(images)
                logits.float().sum().backward()
    except Exception as error:  # not all that compilers raise is a RuntimeError
        if is_lacking(error):
            raise
        return " ".join(str(error).split("\n\n")[0].split())  # below it advice on debugging
    return ""


def train_epoch(
    task: Task,
    model: WideResNet,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    scaler: torch.amp.GradScaler | None = None,
    tally: Tensor | None = None,
    before_batch: Callable[[], None] | None = None,
) -> Tensor:
    """One pass over the training images in a fresh order.

    Args:
        task: data and patch.
        model: trained in place.
        optimizer: its rate is set to ``config.rate(epoch)``.
        epoch: from 1; names the epoch's random streams.
        scaler: for fp16.
        tally: (3, 3) on the device, one row per kind of example; the epoch's sums of loss and of
            correct answers, and the count, are added to it. None leaves this out.
        before_batch: called before each batch; may raise to break off.

    Returns:
        (2,) on the device: mean loss and share correct over the epoch, as met in training.
    """
    config, device = task.config, task.device
    count = len(task.train)
    order_stream = generator(config.seed, "order", epoch, device.type)
    visits = generator(config.seed, "visits", epoch, device.type)
    noise = generator(config.seed, "noise", epoch, device.type)
    level = config.noise_level(epoch)
    spread = config.sampling_noise_at(epoch)
    weights = generator(config.seed, "sampling noise", epoch, device.type) if spread else None
    for group in optimizer.param_groups:
        group["lr"] = config.rate(epoch)

    model.train()
    totals = torch.zeros(2, device=device)
    order = torch.randperm(count, generator=order_stream, device=device)
    for index in order.split(config.batch):
        if before_batch is not None:
            before_batch()
        images, labels, kinds = training_batch(task, index, visits)
        optimizer.zero_grad()  # before the forward pass: a replayed graph overwrites its gradients
        with autocast(task):
            logits = model(images, level, noise)
        loss, mean_loss = training_loss(logits, labels, spread, weights)
        if scaler is None:
            loss.backward()
            optimizer.step()
        else:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        with torch.no_grad():
            right = logits.argmax(1) == labels
            totals += torch.stack([mean_loss * len(index), right.sum().to(loss.dtype)])
            if tally is not None:
                each = F.cross_entropy(logits.float(), labels, reduction="none")
                found = torch.stack([each, right.float(), torch.ones_like(each)], dim=1)
                tally.index_add_(0, kinds, found)
    return totals / count


@torch.no_grad()
def predict(task: Task, model: WideResNet, images: Tensor) -> Tensor:
    """Classes (N,) that the network answers for images (N, 3, 32, 32): uint8, or normalised."""
    model.eval()
    answers = []
    for x in images.split(EVALUATION_BATCH.get(task.device.type, 500)):
        x = normalise(x, task) if x.dtype == torch.uint8 else x
        with autocast(task):
            logits = model(x.contiguous(memory_format=torch.channels_last))
        answers.append(logits.argmax(1))
    return torch.cat(answers)


@torch.no_grad()
def evaluate(task: Task, model: WideResNet, epoch: int) -> Tensor:
    """Accuracy in percent, on the device: clean images, and with a patch mixed and patch-only.

    Clean: the test images as they are. Mixed: the same with the training rule for patches, signs
    and zeroing drawn anew. Patch-only: zero images with random labels, every one a carrier, under
    the same rule (so a share of ``patch_only_share`` has its zeta scaled).

    Returns:
        (3,); (1,) in an experiment without a patch.
    """
    clean = percent(predict(task, model, task.test), task.test_labels)
    if not isinstance(task, PatchTask):
        return clean.view(1)
    config, device = task.config, task.device
    draws = generator(config.seed, "evaluation", epoch, device.type)

    def accuracy(images: Tensor, labels: Tensor, carriers: Tensor) -> Tensor:
        parts = (whole.split(VISIT) for whole in (images, labels, carriers))
        patched = [patch(*part) for part in zip(*parts, strict=True)]
        return percent(predict(task, model, torch.cat(patched)), labels)

    def patch(images: Tensor, labels: Tensor, carriers: Tensor) -> Tensor:
        share, scale = config.patch_only_share, config.patch_only_scale
        visit = draw_visit(len(labels), share, scale, draws)
        images = normalise(images, task) if images.dtype == torch.uint8 else images
        return apply_patch(images, labels, carriers, task.patch, visit)

    size = config.patch_test_size
    labels = task.draw_labels(size, draws)
    zeros = torch.zeros((size, *task.test.shape[1:]), device=device)
    everyone = torch.ones(size, dtype=torch.bool, device=device)
    mixed = accuracy(task.test, task.test_labels, task.test_carriers)
    return torch.stack([clean, mixed, accuracy(zeros, labels, everyone)])


def percent(answers: Tensor, labels: Tensor) -> Tensor:
    """Share of right answers, in percent."""
    return 100 * (answers == labels).sum() / len(labels)
