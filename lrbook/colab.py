"""On Google Colab: a sentence where the runtime has no GPU."""

import sys
from pathlib import Path

NO_GPU = (
    "No GPU here, so this runs on the CPU; Runtime > Change runtime type offers one "
    "(then run the chapter again from its top)."
)
_said: set[str] = set()


def advise(device: str = "auto", *, driver: Path = Path("/proc/driver/nvidia")) -> None:
    """Print one sentence, once a session, if this is Colab and the GPU asked for is not there.

    Args:
        device: what the user asked for; who names the CPU needs no advice.
        driver: what a machine with a GPU of NVIDIA has.
    """
    if "google.colab" in sys.modules and device != "cpu" and not driver.exists() and not _said:
        print(NO_GPU)
        _said.add(NO_GPU)
