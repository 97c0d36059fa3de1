"""What a checkpoint of a run on images holds: all that its next epoch depends on."""

import copy
import functools
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from lrbook.errors import RecordError
from lrbook.provenance import device_kind, with_earlier

Rows = list[dict[str, Any]]
_GO_ON = {
    "data_fingerprint": "with the images that it was begun on",
    "precision": "on a device of the kind that it was begun on",
    "device_kind": "on a device of the kind that it was begun on",
}


class Stateful(Protocol):
    """What PyTorch asks for a state: a network, an optimizer, a scaler."""

    def state_dict(self) -> dict[str, Any]:
        """Its tensors and numbers; these may change with it."""


class _AsItWas:
    """A copy of something's state, which does not change with it."""

    def __init__(self, thing: Stateful) -> None:
        self._state = copy.deepcopy(thing.state_dict())

    def state_dict(self) -> dict[str, Any]:
        return self._state


def pack(
    model: Stateful,
    optimizer: Stateful,
    scaler: Stateful | None,
    rows: Rows,
    wall_s: float,
    origin: dict[str, Any],
) -> bytes:
    """The state of a run after an epoch.

    Args:
        model: the network.
        optimizer: its optimizer, with the momentum.
        scaler: the scale of the loss under fp16, else None.
        rows: the history up to here, a row per epoch.
        wall_s: the time that it took, in seconds.
        origin: where the run computes, and did before.
    """
    buffer = io.BytesIO()
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scaler": scaler.state_dict() if scaler else None,
        "rows": rows,
        "wall_s": wall_s,
        "data_fingerprint": origin["data_fingerprint"],
        "precision": origin["precision"],
        "device_kind": device_kind(origin),
        "origins": with_earlier(origin),
    }
    torch.save(state, buffer)
    return buffer.getvalue()


def packing(
    model: Stateful,
    optimizer: Stateful,
    scaler: Stateful | None,
    rows: Rows,
    wall_s: float,
    origin: dict[str, Any],
    *,
    later: bool,
) -> Callable[[], bytes]:
    """What packs the state of now when it is called.

    Args:
        model, optimizer, scaler, rows, wall_s, origin: as for ``pack``.
        later: the state is copied, for training goes on before the call. The rows themselves are
            not, which may be completed until then; those to come are left out.
    """
    if later:
        model, optimizer = _AsItWas(model), _AsItWas(optimizer)
        scaler = None if scaler is None else _AsItWas(scaler)
        rows = [*rows]
    return functools.partial(pack, model, optimizer, scaler, rows, wall_s, origin)


def restore(
    saved: bytes,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler | None,
    origin: dict[str, Any],
    run_id: str,
    path: Path | str,
) -> tuple[Rows, float, list[dict[str, Any]]]:
    """Put ``saved`` back into model, optimizer and scaler.

    Args:
        saved: what ``pack`` gave.
        model: the network.
        optimizer: its optimizer.
        scaler: the scale of the loss under fp16, else None.
        origin: where the run goes on.
        run_id: the run, for the sentence.
        path: where ``saved`` lies, for the sentence.

    Returns:
        The history's rows, the seconds that they took, and the origins of who computed them
        (none in a checkpoint of an older lrbook).

    Raises:
        RecordError: as ``read``, or the network or the optimizer was another when it was written.
    """
    state = read(saved, origin, run_id, path)
    try:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        if scaler is not None:
            scaler.load_state_dict(state["scaler"])
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:80]
        raise RecordError(
            f"run {run_id} cannot go on from {path}, which other code has written ({reason}...); "
            "go on with that code, or delete the file to start this run afresh."
        ) from None
    return state["rows"], state["wall_s"], state.get("origins", [])


def read(saved: bytes, origin: Mapping[str, Any], run_id: str, path: Path | str) -> dict[str, Any]:
    """The state that ``pack`` put into ``saved``, if a run can go on from it.

    A checkpoint of an older lrbook has no kind of device. It is the one of the process that wrote
    it; of a still older one, which does not name that either, the run goes on anywhere.

    Args:
        saved: what ``pack`` gave.
        origin: data_fingerprint, precision and device_kind of where the run goes on.
        run_id: the run, for the sentence.
        path: where ``saved`` lies, for the sentence.

    Raises:
        RecordError: the run was begun on other data, in another precision, or on a device of
            another kind, which draws other random numbers.
    """
    state = torch.load(io.BytesIO(saved), weights_only=True, map_location="cpu")
    if state.get("device_kind") is None:
        wrote = state.get("origins", [])[-1:]
        known = device_kind(wrote[0]) if wrote else None
        state["device_kind"] = known or origin["device_kind"]
    for name, how in _GO_ON.items():
        if state[name] != origin[name]:
            # Not with --force, which repeats the finished runs of the command too; nor with
            # --precision, which names another run.
            raise RecordError(
                f"run {run_id} was begun with {name} {state[name]} and cannot go on with "
                f"{origin[name]}; go on {how}, or delete {path} to start this run afresh."
            )
    return state
