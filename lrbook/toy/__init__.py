"""The two-layer toy: data P and Q, network, noisy gradient descent, algorithms L-S and S.

``import lrbook.toy`` loads nothing; the names below load what they need when they are first used.
"""

import importlib
from typing import Any

_HOMES = {
    "ToyConfig": "config",
    "run": "experiment",
    "summary": "experiment",
    "make_problem": "tasks",
    "make_rule": "tasks",
    "make_state": "tasks",
    "advance": "descent",
    "stationary_noise": "descent",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
