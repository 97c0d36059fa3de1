"""lrbook: the initial large learning rate, one paper made runnable (Li, Wei & Ma, 2019)."""

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# By default jax takes most of a GPU's memory at once and leaves torch none. It reads this when it
# starts, so it is set here, before anything of lrbook imports jax; a value of the user's stays.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

PARTS = ("book", "errors", "experiments", "figures", "records", "study", "sweeps", "toy", "vision")
"""What is there after ``import lrbook`` alone; each is loaded when it is first used."""


def __dir__() -> list[str]:
    return sorted({*globals(), *PARTS})


if not TYPE_CHECKING:  # which would take any name for one of these

    def __getattr__(name: str) -> Any:
        if name in PARTS:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
