"""``lrbook chapter`` with a notebook of the reader's own, and lists that no rule describes."""

import json
import shutil

import pytest

from lrbook import chapters, cli
from lrbook.chapters import parameters
from lrbook.errors import ConfigError

CELL = """\
profile: str = "tiny"  # a scale that no chapter has
dims: list = [1, 2]  # whole numbers
rates: list = [1, 0.5]
kinds: list = []
names: list[str] = ["a"]
count = 3
table = {"a": 1}
made = len("abc")
"""
PRINTS = "print(profile, dims, rates, kinds, names, count)"


def notebook(path, *sources, tagged=True):
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{at}",
            "metadata": {"tags": ["parameters"]} if tagged and at == 0 else {},
            "execution_count": None,
            "outputs": [],
            "source": source,
        }
        for at, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


@pytest.fixture
def sent(monkeypatch):
    """What would be executed: (source, parameters)."""
    import papermill

    calls = []

    class Stopped(Exception):
        pass

    def noted(source, out, *, parameters, **_):
        calls.append((source, parameters))
        raise Stopped

    monkeypatch.setattr(papermill, "execute_notebook", noted)

    def run(*arguments, **options):
        with pytest.raises(Stopped):
            chapters.run(*arguments, **options)
        return calls[-1]

    return run


def test_a_copy_called_as_a_chapter_is_run_itself(sent, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = notebook(tmp_path / "what_if.ipynb", CELL, PRINTS)
    assert sent(str(copy), {"dims": "3,4"}) == (str(copy), {"dims": [3, 4]})
    assert sent("what_if.ipynb", {})[0] == "what_if.ipynb"
    assert sent("what_if", {})[0] == str(chapters.folder() / "what_if.ipynb")
    assert sent(str(chapters.folder() / "what_if.ipynb"), {})[0] == str(chapters.find("what_if"))


def test_a_renamed_copy_of_a_chapter_takes_its_parameters(sent, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / "mine.ipynb"
    shutil.copy(chapters.find("what_if"), copy)
    given = {"profile": "laptop", "seeds": "5-7", "arms": "large", "pattern": "0.3"}
    meant = {"profile": "laptop", "seeds": [5, 6, 7], "arms": ["large"], "pattern": 0.3}
    assert sent(str(copy), given) == (str(copy), meant)


def test_an_own_notebook_is_executed_and_is_no_chapters_last_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    notebook(tmp_path / "puzzle.ipynb", CELL, PRINTS)
    given = ["-p", "dims", "3-5", "-p", "kinds", "x,7", "-p", "count", "9"]
    assert cli.main(["chapter", "./puzzle.ipynb", *given, "--quiet"]) == 0
    out = "runs/chapters/own/puzzle"
    assert capsys.readouterr().out == f"{out}.ipynb\n{out}.html\n"
    whole = json.loads((tmp_path / f"{out}.ipynb").read_text(encoding="utf-8"))
    assert whole["cells"][-1]["outputs"][0]["text"] == [
        "tiny [3, 4, 5] [1, 0.5] ['x', 7] ['a'] 9\n"
    ]
    assert whole["metadata"]["lrbook"]["notebook"] == "puzzle.ipynb"
    assert chapters.last_run("puzzle") is None
    shutil.copy(tmp_path / f"{out}.ipynb", tmp_path / "runs/chapters/puzzle.ipynb")
    assert chapters.last_run("puzzle") is None


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("dims", "3,4", [3, 4]),
        ("dims", "[3, 4]", [3, 4]),
        ("dims", "1-3", [1, 2, 3]),
        ("rates", "1,2", [1.0, 2.0]),
        ("kinds", "1,b,0.5,nan", [1, "b", 0.5, "nan"]),
        ("kinds", '[1, "b", [2]]', [1, "b", [2]]),
        ("names", "1,b", ["1", "b"]),
        ("count", "4", 4),
        ("profile", "laptop", "laptop"),
    ],
)
def test_values_are_of_the_type_of_the_default(tmp_path, name, value, meant):
    known = parameters.read(notebook(tmp_path / "mine.ipynb", CELL), own=True)
    found = parameters.check(known, {name: value})[name]
    assert found == meant
    assert repr(found) == repr(meant)


def test_a_list_of_truth_values():
    flags = parameters.Parameter("flags", "list", [True, False], "", {})
    assert parameters.checked(flags, "false, true") == [False, True]
    with pytest.raises(ConfigError, match="give truth values, as in true,false"):
        parameters.checked(flags, "3")


def test_a_rule_comes_before_the_default():
    rates = parameters.Parameter("rates", "list", [1, 2], "", {"of": "float"})
    assert parameters.checked(rates, "3") == [3.0]


@pytest.mark.parametrize(
    ("name", "value", "answer"),
    [
        ("dims", "3,b", "dims = '3,b' is not allowed: give whole numbers, as in 0,1,2"),
        ("dims", "2.5", "give whole numbers"),
        ("dimms", "3", "dimms is not a known parameter; did you mean dims?"),
        ("count", "many", "count = 'many' is not allowed: give a whole number"),
        ("table", "{}", "Write it into the notebook's cell of parameters."),
        ("made", "4", "made = '4' is not allowed"),
    ],
)
def test_what_the_cell_of_parameters_forbids_is_refused(tmp_path, capsys, name, value, answer):
    path = notebook(tmp_path / "mine.ipynb", CELL)
    assert cli.main(["chapter", str(path), "-p", name, value]) == 2
    assert answer in capsys.readouterr().err


def test_what_cannot_be_run_is_told_with_a_next_step(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def answer(*arguments):
        assert cli.main(["chapter", *arguments]) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        return said

    assert "there is no notebook x/what_if.ipynb; give the path" in answer("x/what_if.ipynb")
    assert "given by its path, as in lrbook chapter ./mine.ipynb" in answer("what_iff")
    assert "there is no notebook ./what_iff.ipynb, and no chapter" in answer("./what_iff.ipynb")
    bare = str(notebook(tmp_path / "bare.ipynb", "x = 1", tagged=False))
    assert "no cell of it is tagged parameters" in answer(bare, "-p", "x", "2")
    mine = str(notebook(tmp_path / "mine.ipynb", CELL))
    assert "is the notebook that is to be run: give another -o" in answer(mine, "-o", mine)
    assert "among the book's own chapters" in answer(mine, "-o", str(chapters.folder()))
    for text in ("no notebook", "{}", "[]"):
        (tmp_path / "odd.ipynb").write_text(text, encoding="utf-8")
        assert "odd.ipynb cannot be read as a notebook" in answer("odd.ipynb")
