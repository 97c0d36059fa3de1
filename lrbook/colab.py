"""On Google Colab: how a page's commands are run there, and a sentence where there is no GPU."""

import sys
from pathlib import Path

from lrbook.experiments import ON_IMAGES

NO_GPU = (
    "No GPU here, so this runs on the CPU; Runtime > Change runtime type offers one "
    "(then run the chapter again from its top)."
)
HOW_TO_RUN = (
    "Commands on this page: write lrbook run … as !cd lrbook-source && python -m lrbook run … in a "
    "cell of its own; for papermill … -p NAME VALUE set NAME in the first code cell, which has the "
    "parameters, and choose Runtime > Run all."
)
_said: set[str] = set()


def welcome() -> None:
    """Print, once a session and on Colab only, how to run what the pages write for a shell."""
    if "google.colab" in sys.modules and HOW_TO_RUN not in _said:
        print(HOW_TO_RUN)
        _said.add(HOW_TO_RUN)


def advise(
    experiment: str, device: str = "auto", *, driver: Path = Path("/proc/driver/nvidia")
) -> None:
    """Print one sentence, once a session, if this is Colab and the GPU asked for is not there.

    Args:
        experiment: which is run; only those on images are slow without a GPU.
        device: what the user asked for; who names the CPU needs no advice.
        driver: what a machine with a GPU of NVIDIA has.
    """
    wanted = experiment in ON_IMAGES and device != "cpu" and not driver.exists()
    if "google.colab" in sys.modules and wanted and NO_GPU not in _said:
        print(NO_GPU)
        _said.add(NO_GPU)
