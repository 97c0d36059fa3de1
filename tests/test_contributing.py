"""What CONTRIBUTING says of the repository: every path, command, name and module in it is there."""

import ast
import dataclasses
import re
import shlex

import nbformat
import pytest
from conftest import ROOT

from lrbook import chapters, options, recordings

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAP = TEXT.partition("\n## Where things are\n")[2]
COMMANDS = [line.split("#")[0].strip() for block in TEXT.split("```")[1::2]
            for line in block.splitlines()[1:]]  # fmt: skip
QUOTED = [*dict.fromkeys(re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.S)))]
MAKE = [each for each in (*COMMANDS, *QUOTED) if each.startswith("make ")]
PATHS = [each for each in QUOTED if " " not in each
         and ("/" in each or re.search(r"\.(toml|yml|txt|cff)$", each))]  # fmt: skip
DOTTED = [each for each in QUOTED if re.fullmatch(r"\w+(\.\w+)+", each) and each not in PATHS]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def found(pattern):
    """What is at a path of the page, in the repository or else in lrbook."""
    pattern = re.sub(r"\bNAME\b", "*", pattern).rstrip("/")
    return [*ROOT.glob(pattern), *(ROOT / "lrbook").glob(pattern)]


def file_of(words):
    """The file of a module of lrbook or of the tests, and the words that come after its name."""
    for count in range(len(words), 0, -1):
        for folder in (ROOT / "lrbook", ROOT / "tests"):
            path = folder.joinpath(*words[:count])
            for file in (path.with_suffix(".py"), path / "__init__.py"):
                if file.exists():
                    return file, words[count:]
    return None, words


def defined(body):
    """Name -> the statement, of what statements define."""
    names = {}
    for each in body:
        if isinstance(each, ast.FunctionDef | ast.ClassDef):
            names[each.name] = each
        for target in getattr(each, "targets", [getattr(each, "target", None)]):
            if isinstance(target, ast.Name):
                names[target.id] = each
    return names


def exists(name):
    """Whether a dotted name leads to a module, or to something that is defined in one."""
    file, rest = file_of(name.removeprefix("lrbook.").split("."))
    body = ast.parse(file.read_text(encoding="utf-8")).body if file else []
    for word in rest:
        if word not in defined(body):
            return False
        body = getattr(defined(body)[word], "body", [])
    return file is not None


@pytest.mark.parametrize("path", [each for each in PATHS if not each.startswith(".venv/")])
def test_every_path_is_there(path):
    assert found(path), path


@pytest.mark.parametrize("name", DOTTED)
def test_every_name_is_defined(name):
    assert exists(name), name


def test_a_name_that_is_gone_would_be_noticed():
    assert not exists("recomputed._from_histories")
    assert not exists("config.Config.canonic")
    assert not exists("no_such.module")
    assert not found("tests/test_said_off_*.py")


@pytest.mark.parametrize("command", MAKE)
def test_every_target_and_variable_of_make_is_in_the_makefile(command):
    for word in shlex.split(command)[1:]:
        name, given, _ = word.partition("=")
        assert re.search(rf"\$[({{].*\b{name}\b" if given else rf"^{name}:", MAKEFILE, re.M), word


def test_commands_of_lrbook_and_options_for_them_are_understood():
    recorded = [re.search(r'RECORD_ARGS="(.+)"', each) for each in MAKE]
    typed = [f"lrbook record --run {each[1]}" for each in recorded if each]
    typed += [each for each in QUOTED if each.startswith("lrbook ")]
    assert len(typed) >= 2
    parser = options.parser(dict.fromkeys(("run", "records", "record", "chapter"), print), "runs")
    for command in typed:
        assert parser.parse_args(shlex.split(command)[1:])


def test_everything_else_in_code_is_known():
    """Fields of recordings and chapters; and tags, markers and the like."""
    known = {"figure", "nbval-check-output", "run", "summary", "profile", "results_dir", "smoke"}
    known |= {".venv/bin/pre-commit install", "import lrbook", ".in-NAME", ".not-NAME"}
    known |= {"slow", "gpu"}
    known |= {*chapters.names(), *(each.name for each in dataclasses.fields(recordings.Recording))}
    known |= {*PATHS, *DOTTED, *MAKE}
    rest = [each for each in QUOTED if each not in known and not each.startswith("lrbook ")]
    modules = {path.stem for path in (ROOT / "lrbook").glob("*.py")}
    assert [each for each in rest if each not in modules] == []


def test_every_field_of_a_recording_is_told():
    told = TEXT.partition("1. Write the entry")[2].partition("\n2. ")[0]
    fields = {each.name for each in dataclasses.fields(recordings.Recording)}
    assert fields == set(re.findall(r"`(\w+)`", told))


def test_the_map_has_every_module_and_every_package_once():
    rows = MAP.partition("\n| chapter |")
    first, second = ([*re.findall(r"`([\w./]+)`", part)] for part in (rows[0], rows[2]))
    of_one = [name for row in rows[2].splitlines() for name in re.findall(r"`([\w.]+)`", row)[1:]]
    named = [each.rstrip("/") for each in first if not each.startswith(("book/", "lrbook/"))]
    named += [each for each in of_one if "." not in each]
    there = [path.stem for path in (ROOT / "lrbook").iterdir()
             if path.suffix == ".py" or (path / "__init__.py").exists()]  # fmt: skip
    assert second
    assert sorted(named) == sorted(name for name in there if not name.startswith("__"))


def imported(path):
    """The modules of lrbook that a chapter imports, as ``toy.events``."""
    names = set()
    for cell in nbformat.read(path, 4).cells:
        tree = ast.parse(cell.source) if cell.cell_type == "code" else ast.Module([], [])
        for each in ast.walk(tree):
            if isinstance(each, ast.ImportFrom) and (each.module or "").startswith("lrbook"):
                package = each.module.removeprefix("lrbook").lstrip(".")
                names |= {package, *(f"{package}.{it.name}".lstrip(".") for it in each.names)}
    return names


def test_modules_of_one_chapter_are_imported_by_that_one_and_no_other():
    used = {path.stem: imported(path) for path in (ROOT / "book").glob("*.ipynb")}
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", MAP.partition("\n| chapter |")[2], re.M)
    assert len(rows) > 5
    for chapter, modules in rows:
        for module in re.findall(r"`([\w.]+)`", modules):
            assert [name for name in used if module in used[name]] == [chapter], module


def test_the_readme_leads_there():
    assert "](CONTRIBUTING.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
