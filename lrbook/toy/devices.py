"""Where the toy runs: the devices that JAX offers."""

import jax

from lrbook.errors import NotHereError


def choose_devices(name: str = "auto") -> list[jax.Device]:
    """JAX's devices for ``auto``, ``cpu`` or ``cuda``.

    Raises:
        NotHereError: JAX has no such device on this machine.
    """
    if name == "auto":
        return jax.local_devices()
    platform = {"cpu": "cpu", "cuda": "cuda"}.get(name)
    try:
        if platform is None:
            raise RuntimeError
        return jax.local_devices(backend=platform)
    except RuntimeError:
        found = sorted({"cpu", *(_kind(device) for device in jax.local_devices())})
        raise NotHereError(
            f"device = {name!r} is not offered by JAX, which runs the toy, on this machine; "
            f"it has {', '.join(found)}."
        ) from None


def _kind(device: jax.Device) -> str:
    return "cuda" if device.platform == "gpu" else device.platform
