"""What is said of the package in several places is the same in all: version, Python, packages."""

import shutil
import subprocess
import sys

import yaml
from conftest import ROOT

from lrbook import __version__


def test_the_citation_names_the_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == __version__


def test_the_package_has_that_version_and_is_built_without_importing_it(tmp_path):
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    text = (ROOT / "lrbook" / "__init__.py").read_text(encoding="utf-8")
    (tmp_path / "lrbook").mkdir()
    (tmp_path / "lrbook" / "__init__.py").write_text(f"{text}\nraise ImportError\n")
    command = [sys.executable, "-W", "ignore", "-c", "from setuptools import setup; setup()"]
    done = subprocess.run([*command, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == [__version__], done.stderr
