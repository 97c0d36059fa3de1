"""What is said of the package in several places is the same in all: version, Python, packages."""

import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml
from conftest import ROOT
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lrbook import __version__

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"].values()
NEEDED = [Requirement(line) for part in (PROJECT["dependencies"], *EXTRAS) for line in part]
LOCKED = [
    Requirement(line)
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line[:1] not in " #"
]
CI, WEEKLY = (
    yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))["jobs"]
    for name in ("ci.yml", "weekly.yml")
)
PYTHONS = CI["test"]["strategy"]["matrix"]["python"]


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


def said_in(name, pattern):
    """The versions of Python in each place of a file that the pattern finds, at least one."""
    found = re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"))
    assert found, name
    return [re.findall(r"3\.\d+", each) for each in found]


def test_the_pythons_that_are_tested_are_those_that_are_named():
    """Each place names all of them, or the oldest and the newest, or the oldest alone."""
    minors = [int(each.removeprefix("3.")) for each in PYTHONS]
    assert minors == [*range(minors[0], minors[-1] + 1)]
    ends = [PYTHONS[0], PYTHONS[-1]]
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"
    assert said_in("README.md", r"You need Python (.+), git") == [PYTHONS]
    assert said_in("README.md", r"Tested on each change: .+, with Python (.+)\. Only") == [PYTHONS]
    assert said_in("book/intro.md", r"with Python (3.+) and `make`") == [ends]
    assert said_in("Makefile", r"lrbook needs Python (.+);") == [PYTHONS]
    assert said_in("Makefile", r"--python-version (\S+)") == [PYTHONS[:1]]
    [(oldest, newest)] = re.findall(
        r"not \((\d, \d+)\) <= sys.version_info\[:2\] <= \((\d, \d+)\)",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
    )
    assert [each.replace(", ", ".") for each in (oldest, newest)] == ends
    weekly = WEEKLY["newest"]["strategy"]["matrix"]["include"]
    assert {each["which"]: each["python"] for each in weekly} == dict(
        zip(("oldest", "latest"), ends, strict=True)
    )


@pytest.mark.parametrize("place", ["README.md", "Makefile", "book/reproduce.md"])
def test_a_python_in_an_example_is_one_of_them(place):
    text = (ROOT / place).read_text(encoding="utf-8")
    found = re.findall(r"(?:PYTHON=python|py -)(\d\.\d+)", text)
    assert found
    assert set(found) <= set(PYTHONS)


@pytest.mark.parametrize("needed", NEEDED, ids=str)
def test_the_lock_has_what_the_package_needs(needed):
    """On each Python and system one version, within the bounds."""
    for python in PYTHONS:
        for system, machine in (("linux", "x86_64"), ("darwin", "arm64")):
            where = default_environment() | {
                "python_version": python,
                "python_full_version": f"{python}.0",
                "sys_platform": system,
                "platform_machine": machine,
            }
            [locked] = [
                each
                for each in LOCKED
                if canonicalize_name(each.name) == canonicalize_name(needed.name)
                and (each.marker is None or each.marker.evaluate(where))
            ]
            [pin] = locked.specifier
            assert pin.operator == "=="
            assert needed.specifier.contains(pin.version)
