"""The chapters under book/: committed clean, written alike, and each one runs.

The static tests read the files only. The last ones run every chapter with the smoke profile, as a
reader would (smoke_chapters.py).
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from smoke_chapters import Executed, run_copy

from lrbook.chapters import contents
from lrbook.chapters.verdicts import is_verdict
from lrbook.errors import ConfigError

BOOK = Path(__file__).resolve().parent.parent / "book"
CHAPTERS = sorted(BOOK.glob("*.ipynb"))
MAX_CELL_LINES = 25
MAX_FUNCTION_LINES = 5

each_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)

# A folder of one machine: ~/x or /folder/x, at the start of a word (so not "and/or", not a URL).
MACHINE_PATH = re.compile(r"""(?:^|[\s"'`(=])(?:~|/[A-Za-z_.-]+)/\w""", re.MULTILINE)


def cells(path: Path, *, tag: str | None = None) -> list[nbformat.NotebookNode]:
    """Code cells of a chapter, all or those with ``tag``."""
    code = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    return [cell for cell in code if tag is None or tag in cell.metadata.get("tags", [])]


def only(path: Path, tag: str) -> str:
    """Source of the one code cell with ``tag``."""
    found = cells(path, tag=tag)
    assert len(found) == 1, f"{path.name} has {len(found)} code cells tagged {tag}, not one"
    return found[0].source


def parameters(path: Path) -> dict[str, object]:
    """Name and value of every parameter that a chapter declares."""
    values = {}
    for line in only(path, "parameters").splitlines():
        form = "is not of the form `name: type = literal  # help`"
        code, mark, text = line.partition("  # ")
        statements = ast.parse(code).body
        assert mark, f"{path.name}: {line!r} {form}"
        assert text.strip(), f"{path.name}: {line!r} {form}"
        assert len(statements) == 1, f"{path.name}: {line!r} {form}"
        statement = statements[0]
        assert isinstance(statement, ast.AnnAssign), f"{path.name}: {line!r} {form}"
        assert isinstance(statement.target, ast.Name), f"{path.name}: {line!r} {form}"
        assert statement.value is not None, f"{path.name}: {line!r} {form}"
        values[statement.target.id] = ast.literal_eval(statement.value)
    return values


def test_there_are_chapters():
    assert len(CHAPTERS) >= 5


def test_the_setup_cell_is_the_same_in_every_chapter():
    assert len({only(path, "setup") for path in CHAPTERS}) == 1


def test_the_footer_is_the_same_in_every_chapter_and_last():
    assert len({only(path, "footer") for path in CHAPTERS}) == 1
    for path in CHAPTERS:
        last = nbformat.read(path, 4).cells[-1]
        assert last.cell_type == "code", f"{path.name} does not end with the footer"
        assert last.metadata.tags == ["footer", "remove-input"], path.name
        assert "book.footer()" in last.source


@each_chapter
def test_begins_with_question_promise_prerequisites_and_claim(path):
    first = nbformat.read(path, 4).cells[0].source
    assert contents.head(path)[1].endswith("?")
    parts = ["**You will see**", "**Before this page:**", "```{admonition} The claim"]
    places = [first.find(part) for part in parts]
    assert -1 not in places, f"{path.name}: {dict(zip(parts, places, strict=True))}"
    assert places == sorted(places)
    # How long it takes is measured when the book is built (book/_ext/lrbook_head.py).
    assert not re.search(r"reading\s+time", first, re.IGNORECASE)


@each_chapter
def test_prerequisites_come_earlier_in_the_book(path):
    first = nbformat.read(path, 4).cells[0].source
    [line] = re.findall(r"\*\*Before this page:\*\* (.+)", first)
    order = [entry.name for entry in contents.contents()]
    before = re.findall(r"{doc}`(\w+)`", line)
    assert set(before) <= set(order[: order.index(path.stem)])
    assert before or path.stem == order[0]


def test_every_chapter_is_in_the_table_of_contents():
    assert sorted(e.name for e in contents.contents()) == [path.stem for path in CHAPTERS]
    assert len({e.question for e in contents.contents()}) == len(CHAPTERS)


@each_chapter
def test_is_a_valid_notebook(path):
    nbformat.validate(nbformat.read(path, 4))


@each_chapter
def test_has_no_outputs_but_those_of_verdicts(path):
    for cell in cells(path):
        if is_verdict(cell):
            assert cell.outputs, f"make verdicts stores what this says:\n{cell.source}"
        else:
            assert cell.outputs == [], f"a cell was committed with its output:\n{cell.source}"
        counts = 1 if is_verdict(cell) else None
        assert cell.execution_count == counts, f"a cell was committed with a count:\n{cell.source}"


@each_chapter
def test_parameters_are_one_literal_a_line(path):
    assert "profile" in parameters(path)  # smoke_chapters.py sets it


@each_chapter
def test_live_runs_can_be_kept(path):
    live = [cell.source for cell in cells(path) if "book.live(" in cell.source]
    assert all("results_dir" in source for source in live)
    assert ("results_dir" in parameters(path)) == bool(live)


@each_chapter
def test_code_is_short(path):
    for cell in cells(path):
        assert len(cell.source.splitlines()) <= MAX_CELL_LINES, f"too long:\n{cell.source}"
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = node.end_lineno - node.lineno + 1
                assert lines <= MAX_FUNCTION_LINES, f"{node.name} belongs in the package"


@each_chapter
def test_figures_have_alt_text(path):
    for cell in cells(path, tag="figure"):
        image = cell.metadata.get("mystnb", {}).get("image", {})
        assert image.get("alt", "").strip(), f"no mystnb.image.alt on:\n{cell.source}"


@each_chapter
def test_names_no_folder_of_a_machine(path):
    for cell in nbformat.read(path, 4).cells:
        found = MACHINE_PATH.search(cell.source)
        assert found is None, f"{found.group().strip()}… in:\n{cell.source}"


@pytest.mark.parametrize(
    ("chapter", "given"),
    [
        ("rate_or_noise", {"noise": [1.0]}),
        ("phase_diagram", {"live_eta1": [0.35]}),
        ("phase_diagram", {"live_r": [0.2]}),
    ],
)
def test_live_cells_take_one_value(chapter, given):
    path = BOOK / f"{chapter}.ipynb"
    code = [cell for cell in cells(path) if "setup" not in cell.metadata.get("tags", [])]
    live = next(i for i, cell in enumerate(code) if "book.live(" in cell.source)
    names = parameters(path) | {"profile": "smoke", "device": "cpu"} | given
    needed = [cell.source for cell in code[:live] if re.search(r"^(from|def) ", cell.source, re.M)]
    for source in [*needed, *(cell.source for cell in code[live:-1])]:
        exec(source, names)
    assert len(names["mine"] if chapter == "phase_diagram" else names["mine"].runs) >= 1


@pytest.mark.slow
@each_chapter
def test_runs_with_the_smoke_profile(path, smoke_chapters):
    assert_went_well(smoke_chapters(path))


@pytest.mark.slow
def test_another_verdict_is_noticed(tmp_path):
    notebook = nbformat.read(BOOK / "rate_or_noise.ipynb", 4)
    [cell] = [c for c in notebook.cells if c.cell_type == "code" and is_verdict(c)]
    said = cell.outputs[-2].data["text/markdown"]
    cell.outputs[-2].data["text/markdown"] = said.replace("noise", "rate")
    assert cell.outputs[-2].data["text/markdown"] != said
    nbformat.write(notebook, tmp_path / "rate_or_noise.ipynb")
    executed = run_copy(tmp_path / "rate_or_noise.ipynb", tmp_path / "there")
    with pytest.raises(pytest.fail.Exception, match="1 failed"):
        assert_went_well(executed)


def assert_went_well(executed: Executed) -> None:
    if executed.failure:
        pytest.fail(executed.failure, pytrace=False)


@pytest.mark.parametrize(
    ("chapter", "name"),
    [
        ("two_patterns", "seeds"),
        ("two_patterns", "kappas"),
        ("two_patterns", "dimensions"),
        ("network_and_noisy_descent", "seeds"),
        ("beyond_the_theory", "seeds"),
    ],
)
def test_one_value_for_a_list_is_refused_before_anything_runs(chapter, name):
    """Also under plain papermill, as by ``-p seeds 3``, which checks nothing."""
    first, _, imports, *_ = cells(BOOK / f"{chapter}.ipynb")
    scope: dict[str, object] = {}
    exec(first.source, scope)
    scope[name] = scope[name][0]
    with pytest.raises(ConfigError, match=rf"^{name} = \S+ is not a list; give \["):
        exec(imports.source, scope)
