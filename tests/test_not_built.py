"""Printing a book, and taking its pictures, where none has been built."""

import pytest

from lrbook.browser import pdf, shots
from lrbook.browser.serve import serve


def test_without_a_built_book_there_is_nothing_to_serve(tmp_path):
    missing = pytest.raises(FileNotFoundError, match=r"no built book in .*; make book builds it\.")
    with missing, serve(tmp_path):
        pass
    with missing:
        pdf.print_book(tmp_path, [])
    with missing:
        shots.shoot(tmp_path, tmp_path / "shots", [])
