"""What ``lrbook run`` and ``lrbook sweep`` say beside results: loaded runs, unread fields."""

from pathlib import Path

from tiny_command import RUN

from lrbook import cli_said

LOUD = [word for word in RUN if word != "--quiet"]
TOY = 'experiment = "toy"\nprofile = "smoke"\nseeds = [0]\n'


def said(answer):
    return [line for line in answer.err.splitlines() if line.startswith("lrbook: ")]


def test_runs_that_were_there_are_said_to_be_loaded(lrbook):
    first = lrbook(*LOUD, "--arms", "small")
    assert said(first) == []
    words = (
        "lrbook: 1 of 2 runs was there already (in runs): loaded, not run again; "
        "--force repeats them."
    )
    both = lrbook(*LOUD, "--arms", "small,large")
    assert said(both) == [words]
    again = lrbook(*LOUD, "--arms", "small,large", "--json")
    assert said(again) == [words.replace("1 of 2 runs was", "2 of 2 runs were")]
    assert again.out.count("\n") == 1
    assert said(lrbook(*LOUD, "--arms", "small,large", "--force")) == []
    assert lrbook(*RUN, "--arms", "small,large").err == ""
    assert cli_said.of_loaded(2, 3, "runs/") == (
        "2 of 3 runs were there already (in runs/): loaded, not run again; --force repeats them."
    )


def test_fields_that_no_arm_reads_are_said_before_the_run(lrbook):
    answer = lrbook(*RUN, "--arms", "small", "--eta1", "0.3", "--schedule", "cosine")
    assert answer.code == 0
    assert said(answer) == [
        "lrbook: eta1 and schedule change nothing in these arms (small): the results are those "
        "without them; --arms large reads them."
    ]


def test_an_arm_that_a_setting_leaves_alone_is_said_unless_it_is_to_be_quiet(lrbook):
    words = (
        "lrbook: eta1 changes nothing in the arm small: the results are those without it; "
        "--arms large reads it."
    )
    command = ["--arms", "large,small", "--eta1", "0.3"]
    assert said(lrbook(*LOUD, *command)) == [words]
    assert said(lrbook(*RUN, *command)) == []


def test_the_plan_of_a_study_says_which_runs_repeat_others(lrbook):
    grid = 'arms = ["S", "S+noise"]\n[settings]\neps1 = 0.2\n[grid]\neta1 = [0.1, 0.2, 0.3]\n'
    Path("s.toml").write_text(TOY + grid)
    answer = lrbook("sweep", "s.toml", "--plan")
    assert len(answer.out.splitlines()) == 7
    assert said(answer) == [
        "lrbook: 2 of the 6 runs have the results of others: eta1 changes nothing in the arm "
        "S+noise.",
        "lrbook: eps1 changes nothing in these arms (S, S+noise): the results are those "
        "without it.",
    ]
