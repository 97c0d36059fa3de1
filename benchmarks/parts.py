"""Where the time of a training step on images goes: convolutions, batch norm and relu, the rest."""

import re
import time
from collections.abc import Iterable

import torch
from harness import Row
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile
from vision import NETWORKS, ON_A_CARD, Ours, make_images, on

from lrbook.vision import activation, strided, winograd
from lrbook.vision.config import PatchConfig

PARTS = {  # what PyTorch's operators on a CPU, or the programs on a card, have in their names
    "convolutions": r"conv(?!ert)|gemm|xmma|cutlass|cudnn.*(?:fprop|dgrad|wgrad)",
    "batch norm and relu": r"activation|batch_norm|relu|threshold|clamp_min",
}
REST = "all the rest"


def split(times: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Sums of ``times`` (name, seconds) by part; a name that fits several goes to the first.

    A program that a compiler has made of several operations is named after all of them: what it
    has of a convolution are the copies around it, so that batch norm comes first there.
    """
    found = dict.fromkeys([*PARTS, REST], 0.0)
    for name, seconds in times:
        order = list(PARTS)[:: -1 if name.startswith("triton") else 1]
        part = next((p for p in order if re.search(PARTS[p], name, re.IGNORECASE)), REST)
        found[part] += seconds
    return found


def rows(name: str, device: torch.device, batches: int = 0, **changes: object) -> list[Row]:
    """What a step spends in each part, beside the whole step.

    On a card the whole is the time by the clock, and what the parts lack of it is waiting. On a CPU
    it is the time of the same steps under the profiler, which slows them down.

    Args:
        name: of the profile: ``laptop`` or ``paper``.
        device: where to train.
        batches: how many steps to look at; 0 for the device's number.
        **changes: fields that differ from the profile.
    """
    config = PatchConfig.for_profile(name, arm="large", seed=0, **changes)
    batches = batches or (4 if device.type == "cpu" else ON_A_CARD)
    ours = Ours(config, make_images(batches * config.batch), device)
    ours.epochs(1)
    on_card = device.type == "cuda"
    whole = _seconds(ours) if on_card else 0.0
    activity = ProfilerActivity.CUDA if on_card else ProfilerActivity.CPU
    with profile(activities=[activity]) as watched:
        under_profiler = _seconds(ours)
    if on_card:
        times = [(e.key, e.self_device_time_total / 1e6) for e in watched.key_averages()]
    else:
        times = [(_whose(e), e.self_cpu_time_total / 1e6) for e in watched.events()]
    whole = whole or under_profiler
    found = [
        Row(f"{NETWORKS[name]}, a step: {part}", 1e6 * took / batches, 1e6 * whole / batches, "us")
        for part, took in split(times).items()
    ]
    return on(device, found)


def _whose(event: FunctionEvent) -> str:
    """Its name, or that of our function that it is a step of: products and copies."""
    functions = (winograd.Convolution, strided.StridedConvolution, activation.Activation)
    ours = {function.__name__ for function in functions}
    outer = event
    while outer is not None:
        if outer.name.removesuffix("Backward") in ours:
            return outer.name
        outer = outer.cpu_parent
    return event.name


def _seconds(ours: Ours) -> float:
    began = time.perf_counter()
    ours.epochs(1)
    return time.perf_counter() - began
