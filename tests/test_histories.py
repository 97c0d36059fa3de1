"""Questions put to hand-made histories."""

import pandas as pd
import pytest

from lrbook.vision.histories import (
    at_the_end,
    crossing,
    epochs_words,
    first_above,
    mean_before_drop,
)
from lrbook.vision.histories import patch_advantage as advantage

HISTORY = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 4, 5, 6],
        "fitted_image": [10.0, 20, 30, 40, 50, 60],
        "fitted_both": [10.0, 20, 60, 70, 70, 100],
    }
)


def test_first_above_is_the_first_and_strictly_above():
    assert first_above(HISTORY, "fitted_both", 20) == 3
    assert first_above(HISTORY, "fitted_both", 100) is None


def test_before_the_drop_are_the_epochs_below_it():
    assert mean_before_drop(HISTORY, "fitted_image", 5) == pytest.approx((20 + 30 + 40) / 3)
    assert mean_before_drop(HISTORY, "fitted_image", 2) == 10
    assert at_the_end(HISTORY, "fitted_image") == 50
    assert advantage(HISTORY) == 30


@pytest.mark.parametrize(
    ("first", "epoch"),
    [
        ([9, 9, 9, 9, 9, 9], 1),
        ([1, 1, 1, 7, 7, 7], 6),  # running means 1 1 1 3 5 7 against 5: a tie is not ahead
        ([9, 1, 1, 8, 8, 8], 5),
        ([6, 6, 6, 6, 6, 4], 1),  # one bad evaluation is not the end of a lead,
        ([6, 6, 6, 6, 6, 1], None),  # unless it outweighs the two before it
        ([4, 4, 4, 4, 4, 6], None),
    ],
)
def test_crossing_is_for_good_and_of_running_means(first, epoch):
    one, two = (pd.DataFrame({"epoch": range(1, 7), "clean": v}) for v in (first, [5] * 6))
    assert crossing(one, two, "clean") == epoch


@pytest.mark.parametrize(
    ("epochs", "words", "brief"),
    [
        ([5, 8, 6], "5 to 8 (all 3 seeds)", "5\xa0to\xa08"),
        ([None, 6, 6], "6 (2 of 3 seeds)", "6 (2 of 3)"),
        ([None, None], "never (2 seeds)", "never"),
        ([4], "4 (1 seed)", "4"),
    ],
)
def test_epochs_in_words(epochs, words, brief):
    assert epochs_words(epochs) == words
    assert epochs_words(epochs, brief=True) == brief
