"""lrbook: the initial large learning rate, one paper made runnable (Li, Wei & Ma, 2019)."""

import os

__version__ = "0.1.0"

# By default jax takes most of a GPU's memory at once and leaves torch none. It reads this when it
# starts, so it is set here, before anything of lrbook imports jax; a value of the user's stays.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
