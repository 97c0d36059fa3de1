"""What a figure's labels say in plain words: names of panels, and ticks that are names."""

import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis


def plain(label: str) -> str:
    """A label without TeX, and without a remark in brackets that explains lines."""
    text = re.sub(r"\s*\([^()]*:[^()]*\)", "", label)
    text = re.sub(r"\\[,;! ]", " ", text).replace(r"\langle", "<").replace(r"\rangle", ">")
    text = re.sub(r"\\(?=[a-zA-Z])", " ", text)
    return " ".join(re.sub(r"[$\\{}]", "", text).split())


def panel_names(panels: list["Axes"]) -> list[str]:
    """Titles, with what the upright axis says where that differs from panel to panel; equal ones
    are told apart by the other axis, or numbered.
    """
    upright = [plain(axes.get_ylabel()) for axes in panels]
    several = len(set(upright) - {""}) > 1
    names = []
    for axes, label in zip(panels, upright, strict=True):
        titles = [plain(axes.get_title(loc=side)) for side in ("center", "left", "right")]
        title = next(filter(None, titles), "")
        names.append(": ".join(filter(None, (title, label))) if several else title or label)
    if len(set(names)) < len(names):
        labels = [plain(axes.get_xlabel()) for axes in panels]
        names = [", ".join(filter(None, pair)) for pair in zip(names, labels, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{i + 1} {name}".strip() for i, name in enumerate(names)]
    return names


def category_names(axis: "Axis") -> dict[float, str]:
    """Place -> label where the ticks are names and not their own numbers."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

    formatter = axis.get_major_formatter()
    named = isinstance(formatter, FixedFormatter | FuncFormatter)
    if not (named and isinstance(axis.get_major_locator(), FixedLocator)):
        return {}
    places = axis.get_majorticklocs().tolist()
    names = dict(zip(places, formatter.format_ticks(places), strict=True))

    def says_itself(at: float, name: str) -> bool:
        try:
            return bool(np.isclose(float(name.replace(",", "")), at, rtol=1e-3))
        except ValueError:
            return False

    if all(says_itself(at, name) for at, name in names.items()):
        return {}
    return {at: plain(name) for at, name in names.items()}


def category(at: float, names: dict[float, str]) -> Any:
    """The label of the tick within half a unit: what lies beside it is there to be seen."""
    nearest = min(names, key=lambda place: abs(place - at))
    return names[nearest] if abs(nearest - at) <= 0.5 else at
