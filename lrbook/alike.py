"""Which recorded runs may be set beside others: those that differ in what is compared alone."""

from collections.abc import Collection, Sequence
from typing import Any

from lrbook import sweeps
from lrbook.arms import data_of, finished
from lrbook.provenance import device_kind
from lrbook.record import Record


def recorded_beside(name: str, base: Sequence[Record], free: Collection[str]) -> list[Record]:
    """The finished runs of a sweep that are to be set beside ``base``. Empty as long as it has not
    been recorded, and where anything but arm, seed and ``free`` differs from ``base``, the images
    first of all: a page never mixes two sets of them.

    Args:
        name: of the sweep.
        base: runs.
        free: fields of their configurations; with ``precision`` the arithmetic may differ, too.
    """
    try:
        runs = finished(sweeps.recorded(name).records)
    except LookupError:
        return []
    return runs if alike_but_for([*runs, *base], ("arm", "seed", *free)) else []


def alike_but_for(records: Sequence[Record], free: Collection[str]) -> bool:
    """Whether nothing but the fields in ``free`` differs between the records; compared are their
    images, arithmetic (unless ``precision`` is free), kind of device (which random numbers depend
    on), and settings.
    """
    fixed = [_fixed(record, free) for record in records]
    return all(settings == fixed[0] for settings in fixed)


def _fixed(
    record: Record, free: Collection[str]
) -> tuple[str, str | None, str | None, dict[str, Any]]:
    settings = {name: value for name, value in record.config.items() if name not in free}
    origin = record.provenance
    digits = None if "precision" in free else origin.get("precision")
    return data_of([record]), digits, device_kind(origin), settings
