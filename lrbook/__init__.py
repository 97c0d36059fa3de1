"""lrbook: the initial large learning rate, one paper made runnable (Li, Wei & Ma, 2019)."""

__version__ = "0.1.0"
