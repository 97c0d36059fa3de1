"""Lists in one word, as a shell and a file give them: ``0,1,2``, and ``0-9`` for ten numbers."""

import re

from lrbook.errors import ConfigError

MOST_COUNTED = 10_000
"""Numbers that ``1-10000`` may stand for: more are a slip of the hand."""


def counted(name: str, word: str) -> list[str]:
    """What ``3-5`` stands for, as a shell gives it: ``3``, ``4``, ``5``; any other word for itself.

    Args:
        name: of what it is given for; for the sentence.
        word: without spaces around it.

    Raises:
        ConfigError: the two ends are in the wrong order, or more than ``MOST_COUNTED`` apart.
    """
    ends = re.fullmatch(r"(\d{1,9})-(\d{1,9})", word)
    if ends is None:
        return [word]
    first, last = map(int, ends.groups())
    if not first <= last < first + MOST_COUNTED:
        raise ConfigError(
            f"{name} = {word!r} is not allowed: give a span from the smaller to the larger, at "
            f"most {MOST_COUNTED:,} numbers, such as 0-9."
        )
    return [str(number) for number in range(first, last + 1)]


def words_of(text: str) -> list[str]:
    """The words between the commas of ``text``, without the empty ones."""
    return [word.strip() for word in text.split(",") if word.strip()]


def numbers(name: str, text: str) -> list[int]:
    """The whole numbers in ``text``, such as ``0,1,2`` or ``0-9``.

    Args:
        name: of what they are given for; for the sentence.
        text: numbers and spans of them, separated by commas.

    Raises:
        ConfigError: it has anything else; or as ``counted``.
    """
    try:
        return [int(number) for word in words_of(text) for number in counted(name, word)]
    except ValueError:
        raise ConfigError(
            f"{name} = {text!r} is not allowed: give whole numbers, such as 0,1,2 or 0-9."
        ) from None
