"""Large arrays on a CPU, in memory that is used again; what a run that broke off still holds; and
whether it was memory that it lacked.

Memory of this size is handed back to the system as soon as it is freed, and taking as much again is
paid for page by page. A training step makes the same arrays every time: here, what one of them
leaves goes to the next.
"""

import gc
import math
import threading
import traceback
import weakref
from typing import Protocol

import torch
from torch import Tensor

SMALL = 2**25
"""Bytes below which an array is left to the C library, of which glibc may keep what is freed up to
this size (mallopt(3), ``M_MMAP_THRESHOLD``).
"""

NONE_LEFT = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "unable to allocate",
    "alloc_failed",
)
"""What errors say, in small letters, where no memory is left."""


class Context(Protocol):
    """What a function with gradients of its own keeps of its forward pass for the backward one.

    What PyTorch hands it, with the hints that ``FunctionCtx`` lacks.
    """

    @property
    def saved_tensors(self) -> tuple[Tensor, ...]:
        """What was given to ``save_for_backward``."""

    @property
    def needs_input_grad(self) -> tuple[bool, ...]:
        """Of each argument of the forward pass, whether its gradient is asked for."""

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keep them."""


class Kept:
    """Blocks of memory, handed out as tensors and taken back when the last of these is gone.

    Any thread may ask, and any may drop a tensor.
    """

    def __init__(self) -> None:
        self.free: list[Tensor] = []
        self._choosing = threading.Lock()

    def empty(self, *shape: int, dtype: torch.dtype, channels_last: bool = False) -> Tensor:
        """A tensor on the CPU that holds anything, as ``torch.empty`` has it.

        Args:
            *shape: (N, C, H, W) where channels come last in memory.
            dtype: one that NumPy has too.
            channels_last: the order in memory, (N, H, W, C).
        """
        count = math.prod(shape)
        if count * dtype.itemsize < SMALL:
            layout = torch.channels_last if channels_last else torch.contiguous_format
            return torch.empty(shape, dtype=dtype, device="cpu", memory_format=layout)
        block = self._block(count * dtype.itemsize)
        lent = block.view(dtype).numpy()[:count]
        if channels_last:
            images, channels, *plane = shape
            lent = lent.reshape(images, *plane, channels).transpose(0, 3, 1, 2)
        else:
            lent = lent.reshape(shape)
        # PyTorch holds this very array for as long as a tensor, a view of one included, lies in it
        weakref.finalize(lent, self.free.append, block).atexit = False
        return torch.from_numpy(lent)

    def _block(self, size: int) -> Tensor:
        """The smallest free block that fits and is at most twice as large, or a new one."""
        with self._choosing:  # what comes back meanwhile goes to the end: places stay
            fitting = [(len(b), n) for n, b in enumerate(self.free) if size <= len(b) <= 2 * size]
            if fitting:
                return self.free.pop(min(fitting)[1])
        whole = -(-size // 64) * 64  # of which any type's numbers are a part
        return torch.empty(whole, dtype=torch.uint8, device="cpu")

    def release(self) -> None:
        """Give what is free back to the system."""
        with self._choosing:
            self.free.clear()


kept = Kept()
"""What all layers of a process share. ``lrbook.vision.one_run`` releases it after each run."""


def is_lacking(error: BaseException) -> bool:
    """Whether ``error`` says that there is no memory left, on the device or beside it.

    The libraries below PyTorch say so in words of their own: cuDNN and cuBLAS by the name of a
    status, ``..._ALLOC_FAILED``.
    """
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    told = str(error).lower()
    return any(words in told for words in NONE_LEFT)


def let_go(error: BaseException) -> None:
    """Free the variables of all calls that an error has ended, such as network and activations.

    Else they live as long as the error does. The lines that it came through stay in its traceback,
    and so do the errors that it was raised from.
    """
    chain = [error]
    for link in chain:
        traceback.clear_frames(link.__traceback__)
        further = (link.__cause__, link.__context__)
        chain += [other for other in further if other is not None and other not in chain]
    gc.collect()  # a network with a compiled step refers to itself
    kept.release()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
