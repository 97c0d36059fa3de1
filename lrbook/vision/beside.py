"""Looking at a network while it trains on, which takes a core that would be idle.

The look is at a copy, in a thread of its own; neither hears of the other. What it finds is the same
as without a thread.

Checkpoints do not wait for it either. One that falls due during the look lacks what that finds, so
it is written as soon as the look is over: between two batches of the next epoch, after them if the
look takes longer than these, or when the run breaks off. It has the state from before that epoch.
"""

import concurrent.futures
import contextlib
import copy
from collections.abc import Callable
from typing import Any, Self

from torch import Tensor

from lrbook.vision import order
from lrbook.vision.task import Task
from lrbook.vision.wideresnet import WideResNet


class Beside:
    """``order.observe`` once an epoch, on a CPU beside the next epoch.

    A graphics card has no idle core to gain: there it looks at once.

    Only the look itself is in the other thread, and touches nothing but its copy. All else is done
    by the thread that calls: rows are completed there and checkpoints written.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.pool = None
        if task.device.type == "cpu":
            self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.row: dict[str, Any] = {}
        self.look: concurrent.futures.Future[dict[str, float]] | None = None
        self.next: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *exception: object) -> None:
        if self.pool is not None:
            self.pool.shutdown()
        if kind is not None:
            # The run goes on from the checkpoint that waits, if it can be had; what broke the run
            # off is told, and not this
            with contextlib.suppress(Exception):
                self.settle()

    @property
    def looking(self) -> bool:
        """Whether a row is to be completed still."""
        return self.look is not None

    def observe(self, row: dict[str, Any], model: WideResNet, epoch: int, tally: Tensor) -> None:
        """Look at the model as it is now; what is found is in ``row`` after ``settle``."""
        task = self.task
        self.settle()
        if self.pool is None:
            row |= order.observe(task, model, epoch, tally)
            return
        self.row = row
        self.look = self.pool.submit(order.observe, task, copy.deepcopy(model), epoch, tally)

    def then(self, act: Callable[[], None]) -> None:
        """Call ``act`` once the row of the look that is under way is whole; at once if none is."""
        if self.look is None:
            act()
        else:
            self.next = act

    def between(self, before_batch: Callable[[], None] | None) -> Callable[[], None]:
        """What to call before each batch: ``before_batch``, and ``settle`` if the look is over."""

        def call() -> None:
            if before_batch is not None:
                before_batch()
            if self.look is not None and self.look.done():
                self.settle()

        return call

    def settle(self) -> None:
        """Wait for the look that is under way, complete its row, and do what comes then.

        Raises:
            Exception: what the look raised, or what came then.
        """
        if self.look is not None:
            look, self.look = self.look, None
            act, self.next = self.next, None
            self.row |= look.result()
            if act is not None:
                act()
