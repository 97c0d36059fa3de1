"""What-if settings in words."""

import pytest

from lrbook import setting_words, whatif

BASE = {
    "eta1": 0.5,
    "eta2": 0.02,
    "batch": 64,
    "epochs": 24,
    "pattern": 0.2,
    "patch_only_share": 0.2,
    "depth": 10,
    "widen": 2,
    "train_size": 20_000,
}


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("eta2 = 0.1", "small rate ×5"),
        ("eta2 = 0.005", "small rate ÷4"),
        ("drop = 7", "drop at epoch 7"),
        ("drop = 24", "drop at the last epoch"),
        ("schedule = cosine", "cosine schedule"),
        ("schedule = wsd", "warm-up, stable, decay"),
        ("pattern = 0.1", "pattern half as strong"),
        ("pattern = 0.4", "pattern twice as strong"),
        ("pattern = 0.3", "pattern 1.5× as strong"),
        ("patch_only_share = 0.0", "no patch-only visits"),
        ("patch_only_share = 0", "no patch-only visits"),
        ("patch_only_share = 0.1", "half as many patch-only visits"),
        ("patch_only_share = 0.4", "twice as many patch-only visits"),
        ("batch = 32, eta1 = 0.25, eta2 = 0.01", "batch and rates ÷2"),
        ("batch = 256, eta1 = 2.0, eta2 = 0.08", "batch and rates ×4"),
        ("widen = 1", "narrower network (WRN-10-1)"),
        ("widen = 4", "wider network (WRN-10-4)"),
        ("depth = 16", "deeper network (WRN-16-2)"),
        ("train_size = 50000", "50,000 images"),
        ("train_size = 50000, epochs = 10, drop = 6", "50,000 images, 10 epochs"),
        ("epochs = 60, drop = 31", "60 epochs"),
        ("batch = 256, epochs = 96, drop = 49", "batch ×4, 96 epochs"),
    ],
)
def test_a_setting_is_told_by_how_it_differs_from_the_base(label, words):
    assert setting_words.readable(label, BASE) == words


@pytest.mark.parametrize(
    "label",
    [
        whatif.BASE,
        "no patch",
        "train_size = all",
        "epochs = 60, drop = 31, eta2 = 0.1",
        "epochs = many, drop = 31",
        "batch = none, epochs = 60",
        "weight_decay = 0.1",
        "schedule = step",
        "schedule = other",
        "pattern = much",
        "depth = 10",
        "pattern = 0.0",
        "batch = 128, eta1 = 2.0, eta2 = 0.08",  # rate over batch is another
        "batch = 128",
        "pattern = 0.4, drop = 7",
    ],
)
def test_what_there_are_no_words_for_keeps_its_label(label):
    assert setting_words.readable(label, BASE) == label


def test_a_base_of_nothing_is_no_measure():
    assert setting_words.readable("pattern = 0.4", BASE | {"pattern": 0.0}) == "pattern = 0.4"


def test_a_label_is_read_back_into_its_fields():
    point = {"batch": 32, "eta1": 0.25, "schedule": "wsd"}
    text = {name: str(value) for name, value in point.items()}
    assert setting_words.fields(whatif.label(point)) == text
    assert setting_words.fields(whatif.BASE) == {}


def test_a_setting_is_about_the_topic_of_its_first_field():
    assert setting_words.topic("batch = 32, eta1 = 0.25") == "batch"
    assert setting_words.topic("schedule = wsd") == setting_words.topic("drop = 7") != ""
    assert setting_words.topic(whatif.BASE) == setting_words.topic("train_size = 5") == ""


@pytest.mark.parametrize(
    ("base", "start"), [("patch-laptop", "what-if-laptop-"), ("what-if-base", "what-if-")]
)
def test_every_row_of_the_chapter_has_words_of_its_own_and_a_topic(base, start):
    topics = ("ratio", "drop", "schedule", "pattern", "share", "batch", "network")
    groups, _ = whatif.gather(base, [f"{start}{topic}" for topic in topics])
    names = whatif.names(groups)
    assert [row for row, words in names.items() if words == row] == [whatif.BASE]
    assert len(set(names.values())) == len(names)
    # each topic stands in one block, the base by itself
    assert len(whatif.breaks(groups)) == len(set(setting_words.TOPICS.values()))
