"""Commands that pages give their readers are accepted, up to the run itself."""

import json
import re
import shlex
from types import SimpleNamespace

import pytest
from conftest import ROOT

from lrbook import chapters, experiments

CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
BLOCK = re.compile(r"^```\{(?:admonition\} Try it|exercise\}|solution\}).*?^```$", re.M | re.S)
OWN = re.compile(r"\b(FOLDER|NAME|DIR|STUDY|mine)\b")  # a name that the reader puts in


def markdown(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    cells = json.loads(text)["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


def commands_of(text):
    """Those that are written out, and those of which a block gives further options alone."""
    found = {}
    for command in (" ".join(code.split()) for code in CODE.findall(text)):
        if command.startswith(("lrbook run ", "lrbook chapter ")):
            found[command] = None
    base = {}
    for block in BLOCK.findall(text):
        for code in (" ".join(code.split()) for code in CODE.findall(block)):
            if code.startswith("lrbook run "):
                base["--"] = code
            elif code.startswith("lrbook chapter "):
                base["-p"] = code.split(" -p ")[0]
            elif code[:2] in base and " " in code:
                found[f"{base[code[:2]]} {code}"] = None
    return [command for command in found if not OWN.search(command)]


PAGES = [ROOT / "README.md", *sorted((ROOT / "book").glob("*.ipynb"))]
PAGES += sorted((ROOT / "book").glob("*.md"))
GIVEN = [(page.stem, command) for page in PAGES for command in commands_of(markdown(page))]


def test_commands_are_found():
    assert commands_of(
        "`lrbook run toy --seeds 0` and `lrbook chapter a -p b 1`.\n"
        "```{admonition} Try it\n`lrbook run patch --profile demo\n--arms large`, `--eta1 2`, or\n"
        "`lrbook chapter x -p y 1`, `-p y 2`; see `--watch` and `lrbook chapter NAME`.\n```\n"
        "It is `--seeds 3` otherwise.\n"
    ) == [
        "lrbook run toy --seeds 0",
        "lrbook chapter a -p b 1",
        "lrbook run patch --profile demo --arms large",
        "lrbook chapter x -p y 1",
        "lrbook run patch --profile demo --arms large --eta1 2",
        "lrbook chapter x -p y 2",
    ]
    assert len(GIVEN) > 35
    assert len({page for page, _ in GIVEN}) > 15


@pytest.mark.parametrize(("page", "command"), GIVEN, ids=[" ".join(each) for each in GIVEN])
def test_a_command_is_accepted(page, command, lrbook, monkeypatch):
    nothing = {"arms": {}, "run_ids": []}
    shell = SimpleNamespace(run=lambda *_, **__: [], summary=lambda _: nothing)
    monkeypatch.setattr(experiments, "shell", lambda _: shell)
    for name in ("_execute", "_sign"):
        monkeypatch.setattr(chapters, name, lambda *_: None)
    monkeypatch.setattr(chapters.page, "render", lambda *_: None)
    _, *words = shlex.split(command)
    answer = lrbook(*words)
    assert answer.code == 0, answer.err
