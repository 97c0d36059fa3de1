"""What a device can do at best with the arithmetic of a network: its convolutions, a large GEMM."""

import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from lrbook.vision import devices
from lrbook.vision.config import PatchConfig


def roof(device: torch.device, config: PatchConfig, rounds: int = 5) -> float:
    """GFLOP/s of the fastest of: the network's convolutions forward, and a large GEMM.

    Both in the precision that training takes there.
    """
    short = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
    kind = {"device": device, "dtype": short[devices.choose_precision("auto", device)]}
    calls: list[tuple[float, Callable[[], object]]] = []
    side = 32 // config.stem_stride
    for group in range(3):
        width = 16 * config.widen * 2**group
        x = torch.randn((config.batch, width, side, side), **kind)
        x = x.contiguous(memory_format=torch.channels_last)
        w = torch.randn((width, width, 3, 3), **kind).contiguous(memory_format=torch.channels_last)
        work = 2 * config.batch * side**2 * 9 * width**2
        calls.append((work, lambda x=x, w=w: F.conv2d(x, w, padding=1)))
        side //= 2
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn((size, size), **kind)
    calls.append((2 * size**3, lambda: a @ a))
    return max(work / _shortest(call, device, rounds) / 1e9 for work, call in calls)


def _shortest(call: Callable[[], object], device: torch.device, rounds: int) -> float:
    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    clock = time.process_time if device.type == "cpu" else time.perf_counter
    call()
    times = []
    for _ in range(rounds):
        wait()
        began = clock()
        for _ in range(5):
            call()
        wait()
        times.append((clock() - began) / 5)
    return min(times)
