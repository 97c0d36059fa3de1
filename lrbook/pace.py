"""How often a run on its way is written down."""

import contextlib
import time
from collections.abc import Callable, Iterator


class Pace:
    """Says when the next checkpoint is due: after a while, and not so soon that writing takes long.

    Args:
        seconds: between two checkpoints at least.
        share: of all time that writing may take; a checkpoint that took 2 s is followed by the
            next after ``2 / share``.
        clock: seconds, from any start.
    """

    def __init__(
        self, seconds: float, share: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds, self.share, self.clock = seconds, share, clock
        self.last, self.took = clock(), 0.0

    def due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self.clock() - self.last > max(self.seconds, self.took / self.share)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Wrap the writing of a checkpoint: how long it takes decides when the next one is due."""
        began = self.clock()
        yield
        self.last = self.clock()
        self.took = self.last - began
