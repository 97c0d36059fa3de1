"""Looking at a network while it trains on, which takes a core that would be idle.

The look is at a copy, in a thread of its own; neither hears of the other. What it finds is the same
as without a thread.
"""

import concurrent.futures
import copy
from typing import Any, Self

from torch import Tensor

from lrbook.vision import order
from lrbook.vision.task import PatchTask, Task
from lrbook.vision.wideresnet import WideResNet


class Beside:
    """``order.observe`` once an epoch, on a CPU beside the next epoch.

    A graphics card has no idle core to gain, and no memory for copies: there it looks at once.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.pool = None
        if task.device.type == "cpu":
            self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.row: dict[str, Any] = {}
        self.look: concurrent.futures.Future[dict[str, float]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def observe(self, row: dict[str, Any], model: WideResNet, epoch: int, tally: Tensor) -> None:
        """Look at the model as it is now; what is found is in ``row`` after ``settle``.

        Of a run with a patch: no other is watched.
        """
        task = self.task
        assert isinstance(task, PatchTask)
        self.settle()
        if self.pool is None:
            row |= order.observe(task, model, epoch, tally)
            return
        self.row = row
        self.look = self.pool.submit(order.observe, task, copy.deepcopy(model), epoch, tally)

    def settle(self) -> None:
        """Wait for the look that is under way, and complete its row.

        Raises:
            Exception: what the look raised.
        """
        if self.look is not None:
            look, self.look = self.look, None
            self.row |= look.result()
