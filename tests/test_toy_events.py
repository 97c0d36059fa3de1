"""Events found in histories made by hand."""

import math

import pandas as pd
import pytest

from lrbook.toy import events


@pytest.fixture
def history():
    return pd.DataFrame(
        {
            "step": [0, 1, 3, 10, 30],
            "loss": [0.7, 0.4, 0.1, 0.3, 0.1],
            "p_only_accuracy": [0.5, 0.9, 0.95, 0.8, 0.7],
            "p_only_train_loss": [0.69, 0.68, 0.6, 0.3, 0.05],
            "both_accuracy": [0.5, 0.6, 0.9, 1.0, 1.0],
            "q_only_accuracy": [0.5, 0.5, 0.5, 0.5, 0.6],
        }
    )


def test_first_step_is_the_first_row_past_the_threshold(history):
    assert events.first_step(history, "loss", below=0.35) == 3
    assert events.first_step(history, "p_only_accuracy", above=0.9) == 3  # not 1: equal is not past
    assert events.first_step(history, "loss", below=0.1) is None  # nor here
    assert events.first_step(history, "loss", below=1.0) == 0


def test_lasting_holds_to_the_last_row(history):
    assert events.first_step(history, "loss", below=0.2, lasting=True) == 30
    assert events.first_step(history, "loss", below=0.5, lasting=True) == 1
    assert events.first_step(history, "p_only_accuracy", above=0.75, lasting=True) is None


def test_a_threshold_goes_one_way(history):
    with pytest.raises(ValueError, match="exactly one"):
        events.first_step(history, "loss")
    with pytest.raises(ValueError, match="exactly one"):
        events.first_step(history, "loss", below=1, above=0)


def test_matched_loss_is_the_first_row_below_not_the_last(history):
    assert events.at_matched_loss(history, 0.2).step == 3
    assert events.at_matched_loss(history, 0.1) is None  # equal is not below
    assert events.at_matched_loss(history, 0.1, "p_only_train_loss").step == 30


def test_trap_table_has_both_moments_of_each_run(history):
    never = history.assign(loss=0.7)
    table = events.trap_table([({"arm": "S"}, history), ({"arm": "L-S"}, never)], below=0.2)
    assert table.arm.tolist() == ["S", "L-S"]
    assert (table.step[0], table.p_only_accuracy[0]) == (3, 0.95)
    assert table.p_only_train_loss[0] == 0.6
    assert math.isnan(table.p_only_accuracy[1])
    assert table.end_accuracy.tolist() == [0.7, 0.7]
    assert table.end_train_loss.tolist() == [0.05, 0.05]


def test_final_errors_are_weighted_by_the_shares(history):
    shares = {"p_only": 0.1, "both": 0.7, "q_only": 0.2}
    found = events.final_errors(history, shares)
    assert found["p_only"] == pytest.approx(0.3)
    assert found["both"] == 0
    assert found["all"] == pytest.approx(0.1 * 0.3 + 0.2 * 0.4)
    assert found["p_only_part"] == pytest.approx(0.03)


def test_steps_are_averaged_as_logarithms():
    words = events.steps_words([250, 1000, 4000]).replace("\N{NO-BREAK SPACE}", " ")
    # Student's t quantile for three values is 4.3027; their logarithms have deviation log 4
    factor = math.exp(4.3027 * math.log(4) / math.sqrt(3))
    mean, found = words.split(" ×/÷ ")
    assert mean == "1 000"
    assert float(found) == pytest.approx(factor, abs=0.01)


def test_runs_that_never_got_there_are_counted():
    assert events.steps_words([None, None]) == "never (2 of 2)"
    assert events.steps_words([50, None]) == "50 (1 of 2)"
    assert "(2 of 3)" in events.steps_words([50, 60, None])


def test_runs_that_were_there_from_the_start_are_not_runs_that_never_got_there():
    assert events.steps_words([0, 0]) == "from the start (2 of 2)"
    assert events.steps_words([0, None, None]) == "from the start (1 of 3), never (2 of 3)"
    assert events.steps_words([0, 50]) == "50 (1 of 2; 1 from the start)"


def both_losses(p, q):
    return pd.DataFrame({"step": [0, 1, 10], "p_only_train_loss": p, "q_only_loss": q})


def test_learnt_first_goes_by_what_lasts():
    dips = both_losses([0.7, 0.05, 0.05], [0.05, 0.7, 0.05])  # Q is low first, but not for good
    assert events.learnt_first(dips, 0.1) == "P"
    assert events.learnt_first(dips, 0.1, lasting=False) == "Q"
    assert events.learnt_first(both_losses([0.7, 0.7, 0.7], [0.7, 0.7, 0.05]), 0.1) == "Q"
    assert events.learnt_first(both_losses([0.7] * 3, [0.7] * 3), 0.1) is None
    assert events.learnt_first(both_losses([0.7, 0.7, 0.0], [0.7, 0.7, 0.0]), 0.1) is None


def test_tables_and_words_count_seeds_by_arm():
    p_first = both_losses([0.7, 0.05, 0.05], [0.7, 0.7, 0.05])
    q_first = both_losses([0.7, 0.7, 0.7], [0.7, 0.05, 0.7])
    histories = {"L-S": [p_first], "S": [q_first, p_first]}
    table = events.steps_table(histories, {"Q": ("q_only_loss", {"below": 0.1})})
    assert table.arm.tolist() == ["L-S", "S"]
    assert table["first"][0] == "10"
    assert table["for good"][1] == "10 (1 of 2)"
    words = events.order_words(histories, 0.1)
    assert "in **L-S** P is first in 1 and Q in 0 of 1 seeds;" in words
    assert words.endswith("0 of 2 seeds, neither in 1 (at the same step, or never).")
