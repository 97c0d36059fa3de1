"""A way to compile that works for one run is taken for the next, and what failed before it is said.

No card is needed: the trial is replaced by one that says what a card would say.
"""

import dataclasses

import pytest
import torch
from tiny_images import CPU, tiny

from lrbook.keeper import Unstored
from lrbook.vision import one_run, train
from lrbook.vision.beside import Beside

GRAPHS, PLAIN = train.ON_A_CARD


@pytest.fixture
def card(monkeypatch):
    """card(no): what takes the way ``no`` fails. Gives what is tried, taken and said from then."""
    monkeypatch.setattr(train, "_compiled", {})

    def arrange(*no):
        tried, taken, said = [], [], []

        def why_not(task, model, options):
            tried.append(options)
            return "no pool of memory" if options in no else ""

        monkeypatch.setattr(train, "_why_not", why_not)
        monkeypatch.setattr(
            train.WideResNet, "compile_training", lambda self, batch, **way: taken.append(way)
        )
        return tried, taken, said

    return arrange


def start(said, **settings):
    """The beginning of a run on a card, with a network of its own."""
    task = dataclasses.replace(tiny(**settings), device=torch.device("cuda"))
    return train.try_to_compile(task, train.make_model(task.config, CPU), said.append)


def test_a_kind_is_tried_once(card):
    tried, taken, said = card()
    for arm in ("large", "small", "noise"):
        assert start(said, arm=arm) == ""
    assert tried == [GRAPHS]
    assert taken == [GRAPHS] * 3
    assert said == []


def test_why_there_are_no_graphs_is_said_once(card):
    tried, taken, said = card(GRAPHS)
    for arm in ("large", "small"):
        assert start(said, arm=arm) == ""
    assert tried == [GRAPHS, PLAIN]
    assert taken == [PLAIN] * 2
    assert said == ["the training step is compiled without graphs (no pool of memory)"]


def test_another_kind_is_tried_for_itself(card):
    tried, taken, said = card()
    for batch in (32, 20, 20, 32):  # the compiler forgets one kind for another
        start(said, batch=batch)
    assert tried == [GRAPHS] * 3
    assert len(taken) == 4


def test_what_fails_is_no_proof(card):
    tried, taken, said = card(GRAPHS, PLAIN)
    for _ in range(2):
        assert start(said) == "no pool of memory"
    assert tried == [GRAPHS, PLAIN] * 2
    assert taken == said == []


def test_a_way_of_the_callers_own_proves_nothing_of_ours(card):
    tried, taken, said = card()
    task = dataclasses.replace(tiny(), device=torch.device("cuda"))
    own = {"backend": "eager"}
    assert train.try_to_compile(task, train.make_model(task.config, CPU), **own) == ""
    start(said)
    assert train.try_to_compile(task, train.make_model(task.config, CPU), **own) == ""
    start(said)
    assert tried == [own, GRAPHS, own]
    assert taken == [own, GRAPHS, own, GRAPHS]


def test_a_run_says_so_where_it_says_that_it_is_not_compiled(monkeypatch, capsys):
    task = tiny()

    def try_to_compile(task, model, say):
        say("compiled without graphs (no pool)")
        return "no compiler"

    monkeypatch.setattr(train, "try_to_compile", try_to_compile)
    with Beside(task) as beside:
        one_run._Training(task, {"compiled": True}, Unstored(), beside)
    assert capsys.readouterr().err.splitlines() == [
        "lrbook: compiled without graphs (no pool)",
        "lrbook: the training step runs uncompiled (no compiler)",
    ]
