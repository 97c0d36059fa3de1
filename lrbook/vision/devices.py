"""The device that the experiments on images run on, and the digits that they compute with there."""

import contextlib
from collections.abc import Iterator, Mapping

import torch

from lrbook.errors import ConfigError, NotHereError
from lrbook.provenance import CPUINFO, describe_cpu


def choose_device(name: str = "auto") -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        NotHereError: the device does not exist on this machine.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there.get(name, False):
        found = ", ".join(kind for kind, is_there in there.items() if is_there)
        raise NotHereError(f"device = {name!r} is not available on this machine; it has {found}.")
    return torch.device(name)


def choose_precision(wanted: str, device: torch.device) -> str:
    """``wanted``, or for ``auto`` bf16 where the hardware computes it, else fp16 (CUDA) or fp32.

    Raises:
        ConfigError: fp16 is wanted on another device than a graphics card.
    """
    if wanted == "fp16" and device.type != "cuda":
        raise ConfigError(
            f"precision = 'fp16' needs device cuda, not {device.type}; use auto or fp32."
        )
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type == "cpu":
        return "bf16" if _cpu_computes_bf16() else "fp32"
    return "fp32"


def _cpu_computes_bf16() -> bool:
    """Whether this processor does, and does not only imitate it.

    An older PyTorch does not tell; the system does, where it is Linux.
    """
    if ask := getattr(torch.cpu, "get_capabilities", None):
        can: Mapping[str, object] = ask()
        return bool(can.get("avx512_bf16") or can.get("amx_bf16"))
    if not CPUINFO.exists():
        return False
    words = CPUINFO.read_text(encoding="utf-8", errors="replace").split()
    return "avx512_bf16" in words or "amx_bf16" in words


@contextlib.contextmanager
def whole_precision(precision: str, device: torch.device) -> Iterator[None]:
    """Under fp32 a graphics card computes in fp32, and not in its shortened TF32."""
    if precision != "fp32" or device.type != "cuda":
        yield
        return
    convolutions = torch.backends.cudnn.allow_tf32
    products = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.backends.cuda.matmul.allow_tf32 = products


@contextlib.contextmanager
def fastest_convolutions(device: torch.device) -> Iterator[None]:
    """On a graphics card the library tries its ways to convolve at a size once, and takes the best.

    Which one that is can differ from process to process, and with it the last digits: but on a
    card these differ anyway, where threads add in the order in which they happen to end.
    """
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def describe(device: torch.device) -> str:
    """The device in words, for the provenance of a record: its model where it has one."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return describe_cpu() if device.type == "cpu" else device.type
