"""What the README says of records and forks, against the code."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from lrbook import experiments, options, recordings
from lrbook.records import Store

ROOT = Path(recordings.PLAN).parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_plan_of_a_reader_shows_runs_made_as_it_says(tmp_path):
    """The runs are those of lrbook run with the options of the example, digits being demo's."""
    text = README.partition("```toml\n[[recording]]")[2].partition("```")[0]
    text = f"[[recording]]{text}"
    store = Store(tmp_path)
    made = {
        "toy-laptop": experiments.config_class("toy").expand("demo", seeds=[5, 6, 7]),
        "patch-laptop": experiments.config_class("patch").expand(
            "demo", seeds=[5, 6], arms=["large", "small"]
        ),
    }
    for configs in made.values():
        for config in configs:
            store.finish(config, pd.DataFrame({"step": [1]}), {}, provenance={}, wall_s=0.0)
    (tmp_path / "recordings.toml").write_text(text, encoding="utf-8")
    for name, configs in made.items():
        found, whole = recordings.there(name, tmp_path)
        assert whole
        assert {run.run_id for run in found} == {config.run_id for config in configs}
    (tmp_path / "recordings.toml").write_text(text.replace("data =", "# data ="), encoding="utf-8")
    assert recordings.load("patch-laptop", tmp_path) == []


def test_an_entry_is_asked_for_all_in_which_runs_may_differ():
    words = recordings.own_entry("patch-laptop-control")
    assert words.startswith("if runs of your own are to stand for patch-laptop-control, give it")
    for part in (
        "in recordings.toml there",
        "profile = 'laptop'",
        "seeds = [5, 6,",
        "arms = ['large', 'small', 'noise']",
        "data = 'CIFAR-10 (JPEG copy)'",
        "settings = {'carrier_share': 0.0}",
    ):
        assert part in words
    toy = recordings.own_entry("toy-laptop")
    assert "data" not in toy
    assert "points of its own" in recordings.own_entry("cifar-noise")


@pytest.mark.parametrize("option", ["--force", "--results"])
def test_after_a_change_of_the_code_there_are_these_options(option):
    [sentence] = re.findall(r"A run is known by its settings alone:[^.]+\.", README)
    assert f"`{option}`" in sentence
    words = {"--force": [option], "--results": [option, "elsewhere"]}[option]
    parser = options.parser(dict.fromkeys(("run", "records", "record", "chapter"), print), "runs")
    arguments = parser.parse_args(["run", "toy", *words])
    assert getattr(arguments, option.removeprefix("--")) in (True, "elsewhere")


def test_the_systems_called_tested_are_those_that_are_tested():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert {job["runs-on"] for job in jobs.values()} == {"ubuntu-latest"}
    [told] = re.findall(r"Tested on each change: Linux on x86-64, with Python (.+)\. Only", README)
    assert re.findall(r"3\.\d+", told) == jobs["test"]["strategy"]["matrix"]["python"]


def test_the_commands_for_windows_install_what_make_does():
    text = README.partition("py -3.12 -m venv .venv\n")[2].partition("```")[0]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in text.splitlines():
        words = line.partition("pip install ")[2]
        assert f"{words}\n" in makefile
    assert options.parser(
        dict.fromkeys(("run", "records", "record", "chapter"), print), "runs"
    ).parse_args(text.split()[-2:])


def test_a_fork_is_told_the_command_that_moves_the_addresses():
    [command] = re.findall(r"`make repository URL=(\S+)`", README)
    assert re.fullmatch(r"https://github\.com/\w+/\w+", command)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "repository: $(STAMP)" in makefile
    assert "lrbook.chapters.repository '$(URL)'" in makefile
