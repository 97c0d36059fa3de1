"""What-if settings in words: rows of the figures say what is changed, and by how much."""

import math
from collections.abc import Mapping
from typing import Any

TOPICS = {
    "eta2": "rate",
    "drop": "drop and schedule",
    "schedule": "drop and schedule",
    "pattern": "pattern and visits",
    "patch_only_share": "pattern and visits",
    "batch": "batch",
    "widen": "network",
    "depth": "network",
}
"""Field -> what it is about. A setting of several fields is about its first."""

_SCHEDULES = {"cosine": "cosine schedule", "wsd": "warm-up, stable, decay"}
_NETWORKS = {"widen": ("narrower", "wider"), "depth": ("shallower", "deeper")}


def readable(label: str, base: Mapping[str, Any]) -> str:
    """A setting in words that say how it differs from the base.

    Args:
        label: as ``whatif.label`` gives it, such as ``eta2 = 0.1``.
        base: configuration of the base: ``eta1``, ``eta2``, ``batch``, ``epochs``, ``pattern``,
            ``patch_only_share``, ``depth`` and ``widen`` are read.

    Returns:
        Such as ``small rate ×5``; the label itself where it has a field, a value or several fields
        that there are no words for.
    """
    point = fields(label)
    if set(point) == {"batch", "eta1", "eta2"}:
        found = {name: _ratio(value, base[name]) for name, value in point.items()}
        batch = found["batch"]
        if batch and all(each and math.isclose(each, batch) for each in found.values()):
            return f"batch and rates {_times(batch)}"
        return label
    if (len(point) == 1 and "train_size" in point) or "epochs" in point:
        return _size_words(point, base) or label
    if len(point) != 1:
        return label
    [(name, value)] = point.items()
    if name == "schedule":
        return _SCHEDULES.get(value, label)
    if name == "drop":
        return (
            "drop at the last epoch" if value == str(base["epochs"]) else f"drop at epoch {value}"
        )
    if name not in base or (ratio := _ratio(value, base[name])) is None:
        return label
    if name == "eta2" and ratio:
        return f"small rate {_times(ratio)}"
    if name == "pattern" and ratio:
        return f"pattern {_as(ratio)} strong"
    if name == "patch_only_share":
        return f"{_as(ratio)} many patch-only visits" if ratio else "no patch-only visits"
    if name in _NETWORKS and ratio != 1:
        words = _NETWORKS[name][ratio > 1]
        size = {each: base[each] for each in ("depth", "widen")} | {name: value}
        return f"{words} network (WRN-{size['depth']}-{size['widen']})"
    return label


def _size_words(point: Mapping[str, str], base: Mapping[str, Any]) -> str:
    """How many images, how large a batch, how many epochs: those that ``point`` sets. Empty where
    it sets anything else, but for when the rate drops, or a value is no number.
    """
    if point.keys() - {"train_size", "batch", "epochs", "drop"}:
        return ""
    parts = []
    for name, value in point.items():
        if name != "batch" and not value.isdecimal():
            return ""
        if name == "train_size":
            parts.append(f"{int(value):,} images")
        elif name == "epochs":
            parts.append(f"{value} epochs")
        elif name == "batch":
            if not (ratio := _ratio(value, base["batch"])):
                return ""
            parts.append(f"batch {_times(ratio)}")
    return ", ".join(parts)


def topic(label: str) -> str:
    """What a setting is about, of ``TOPICS``; empty for the base, or for a field with no topic."""
    return TOPICS.get(next(iter(fields(label)), ""), "")


def fields(label: str) -> dict[str, str]:
    """Field -> value, both as text; none for a label that names no fields, such as the base's."""
    parts = [part.split(" = ") for part in label.split(", ")]
    return dict(parts) if all(len(part) == 2 for part in parts) else {}


def _ratio(value: str, base: float) -> float | None:
    """The changed value over the base's; None where there is no such number."""
    try:
        return float(value) / base
    except (TypeError, ValueError, ZeroDivisionError):
        return None


def _times(ratio: float) -> str:
    return f"×{ratio:.3g}" if ratio >= 1 else f"÷{1 / ratio:.3g}"


def _as(ratio: float) -> str:
    words = {0.5: "half", 2.0: "twice"}
    named = (word for each, word in words.items() if math.isclose(each, ratio))
    return f"{next(named, f'{ratio:.3g}×')} as"
