"""argparse, but what it does not know is refused in one sentence that says what was meant."""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from lrbook.errors import ConfigError
from lrbook.unknown import synonyms, unknown_name


class Parser(argparse.ArgumentParser):
    """A command, or the parser of some.

    Each command's own parser refuses what it does not know, since it has the names to offer.

    Attributes:
        kinds: the parsers of the commands below this one, by name; empty where there are none.
        what: what one of them is called.
        beside: those of the commands beside this one, this one among them.
        instead: word that belongs elsewhere -> a sentence on where, without a capital.
        hint: what is added where a command below this one is not known.
    """

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.kinds: Mapping[str, Parser] = {}
        self.what = ""
        self.beside: Mapping[str, Parser] = {}
        self.instead: dict[str, str] = {}
        self.hint = ""

    @property
    def known(self) -> list[str]:
        """The options, without those for help."""
        options = [option for action in self._actions for option in action.option_strings]
        return [option for option in options if option not in ("-h", "--help")]

    def add_subparsers(self, **named: Any) -> Any:
        """As argparse's; ``metavar`` has to be given."""
        given = super().add_subparsers(**named)
        self.kinds, self.what = given.choices, named["metavar"].lower()
        return given

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's, with nothing left over; raises ConfigError."""
        args = None if args is None else _with_negatives(args)
        for parser in self.kinds.values():
            parser.beside = self.kinds
        if self.kinds and args:
            self._check_first(args[0])
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            raise ConfigError(self._refusal(unknown[0]))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """As argparse's, in one line."""
        if message == "argument -p: expected 2 arguments":
            message = "-p takes a name and a value, as in -p seeds 0,1,2"
        self.exit(2, f"lrbook: {message}; see {self.prog} --help\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """As argparse's, but an error of stdout is raised: help that nobody got is no success."""
        if message and file is not None and file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)

    def _check_first(self, word: str) -> None:
        """ConfigError if ``word``, which stands where a command belongs, is none."""
        if word in self.kinds:
            return
        if not word.startswith("-"):
            for parser in self.kinds.values():
                if word in parser.kinds:
                    there = parser.kinds[word].prog
                    raise ConfigError(f"{word} is not a known {self.what}; did you mean {there}?")
            raise ConfigError(unknown_name(word, self.kinds, what=self.what) + self.hint)
        name = word.split("=")[0]
        if name not in self.known:
            for parser in _last(self.kinds):
                if name in parser.known:
                    raise ConfigError(
                        f"{name} comes after the {self.what}, as in {parser.prog} {name}."
                    )

    def _refusal(self, word: str) -> str:
        """A sentence on ``word``, which is left over."""
        name = word.split("=")[0]
        if name in self.instead:
            return f"{name} is not for {self.prog}; {self.instead[name]}"
        if not word.startswith("-"):
            return (
                f"{word} is not a known option, nor the value of one; several values are one word, "
                "as in --seeds 0,1,2."
            )
        others = [parser.prog for parser in self.beside.values() if name in parser.known]
        if others and not synonyms(name, self.known):
            has = "has" if len(others) == 1 else "have"
            return f"{name} is not a known option of {self.prog}; {' and '.join(others)} {has} it."
        if not self.known:
            return f"{name} is not a known option; {self.prog} has none before the {self.what}."
        return unknown_name(name, self.known, what="option")


def one_of(what: str, allowed: Sequence[str]) -> Callable[[str], str]:
    """A ``type`` of arguments that takes a word of ``allowed``, and raises ConfigError at others.

    Unlike argparse's ``choices`` it offers the nearest.
    """

    def checked(word: str) -> str:
        if word not in allowed:
            raise ConfigError(unknown_name(word, allowed, what=what))
        return word

    return checked


def as_typed(word: str) -> str:
    """``word`` without the space that a negative number after ``-p NAME`` was given."""
    return word[1:] if re.match(r" -\.?\d", word) else word


def _with_negatives(arguments: Sequence[str]) -> list[str]:
    """Arguments with a space before -1,2 in ``-p NAME -1,2``, so that argparse sees no option."""
    found = list(arguments)
    for at, word in enumerate(found[2:], 2):
        if found[at - 2] == "-p" and re.match(r"-\.?\d", word):
            found[at] = f" {word}"
    return found


def _last(kinds: Mapping[str, Parser]) -> Iterator[Parser]:
    """The parsers below that have no commands below them."""
    for parser in kinds.values():
        if parser.kinds:
            yield from _last(parser.kinds)
        else:
            yield parser
