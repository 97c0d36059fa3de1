"""What a checkpoint of a run on images holds: all that its next epoch depends on."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lrbook.errors import RecordError
from lrbook.provenance import with_earlier

Rows = list[dict[str, Any]]
_GO_ON = {
    "data_fingerprint": "with the images that it was begun on",
    "precision": "on a device of the kind that it was begun on",
}


def pack(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler | None,
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
        "origins": with_earlier(origin),
    }
    torch.save(state, buffer)
    return buffer.getvalue()


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
        RecordError: the run was begun on other data, or in another precision.
    """
    state = read(saved, origin, run_id, path)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    if scaler is not None:
        scaler.load_state_dict(state["scaler"])
    return state["rows"], state["wall_s"], state.get("origins", [])


def read(saved: bytes, origin: Mapping[str, Any], run_id: str, path: Path | str) -> dict[str, Any]:
    """The state that ``pack`` put into ``saved``, if a run can go on from it.

    Args:
        saved: what ``pack`` gave.
        origin: data_fingerprint and precision of where the run goes on.
        run_id: the run, for the sentence.
        path: where ``saved`` lies, for the sentence.

    Raises:
        RecordError: the run was begun on other data, or in another precision.
    """
    state = torch.load(io.BytesIO(saved), weights_only=True, map_location="cpu")
    for name, how in _GO_ON.items():
        if state[name] != origin[name]:
            # Not with --force, which repeats the finished runs of the command too; nor with
            # --precision, which names another run.
            raise RecordError(
                f"run {run_id} was begun with {name} {state[name]} and cannot go on with "
                f"{origin[name]}; go on {how}, or delete {path} to start this run afresh."
            )
    return state
