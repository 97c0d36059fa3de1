"""What an import costs: frameworks are loaded only by what needs them."""

import subprocess
import sys

import pytest
from conftest import ROOT

HEAVY = ("jax", "torch", "pandas", "matplotlib", "numpy", "sklearn", "pyarrow", "tqdm", "scipy")
SCRIPT = "import sys, {}; print(*sorted(set(sys.modules) & set({})))"


def modules_of(package: str) -> str:
    """All modules of a subpackage, separated by commas."""
    names = [path.stem for path in (ROOT / "lrbook" / package).glob("*.py")]
    return ", ".join(f"lrbook.{package}.{name}" for name in names if name != "__init__")


def loaded(modules: str) -> set[str]:
    """Which heavy packages a fresh interpreter has loaded after importing ``modules``."""
    script = SCRIPT.format(modules, HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_package_alone_loads_nothing():
    assert loaded("lrbook") == set()


def test_parts_are_there_after_the_import_of_the_package_alone():
    script = """
import sys, lrbook
assert set(lrbook.PARTS) <= set(dir(lrbook))
assert not any(name.startswith("lrbook.") for name in sys.modules), "not loaded before it is used"
for name in lrbook.PARTS:
    assert getattr(lrbook, name) is sys.modules[f"lrbook.{name}"]
assert lrbook.toy.ToyConfig.experiment == "toy"
assert callable(lrbook.sweeps.run)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_other_name_is_taken_for_a_part():
    import lrbook

    with pytest.raises(AttributeError, match="module 'lrbook' has no attribute 'swep'"):
        lrbook.swep  # noqa: B018
    with pytest.raises(ImportError):
        from lrbook import swep  # noqa: F401


@pytest.mark.parametrize(
    "modules",
    [
        "lrbook.cli, lrbook.config, lrbook.experiments, lrbook.errors, lrbook.provenance",
        "lrbook.vision.config, lrbook.vision.identity",
        "lrbook.toy.config",
        "lrbook.study.work",
    ],
)
def test_configuration_and_command_line_load_no_framework(modules):
    assert loaded(modules) & {"jax", "torch", "pandas", "matplotlib"} == set()


def test_records_load_no_framework():
    alone = "lrbook.records, lrbook.recordings, lrbook.stats"
    verifying = "lrbook.sweeps, lrbook.recomputed, lrbook.toy.final, lrbook.vision.outcome"
    assert loaded(f"{alone}, {verifying}") & {"jax", "torch"} == set()


def test_vision_needs_no_jax():
    found = loaded(modules_of("vision"))
    assert "torch" in found
    assert "jax" not in found


def test_toy_needs_no_torch():
    found = loaded(modules_of("toy"))
    assert "jax" in found
    assert "torch" not in found
