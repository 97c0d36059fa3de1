"""The style reads on light and dark pages, tells the arms apart and stays cheap to import."""

import subprocess
import sys

import matplotlib as mpl
import pandas as pd
import pytest

from lrbook import style


def luminance(color: str) -> float:
    """Relative luminance of a hex colour (WCAG 2.1)."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_formula_on_known_values():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("page", [style.PAGE_LIGHT, style.PAGE_DARK])
def test_everything_drawn_reads_on_both_pages(page):
    assert contrast(style.NEUTRAL, page) >= 4
    # WCAG 2.1, criterion 1.4.11: at least 3 for lines and marks.
    assert min(contrast(color, page) for color in style.ARM_COLORS.values()) >= 3


def test_arms_differ_by_colour_line_and_marker_and_twins_agree():
    for twins in (("L-S", "large"), ("S", "small"), ("S+noise", "noise")):
        assert len({style.ARM_COLORS[arm] for arm in twins}) == 1
        assert style.ARM_STYLES[twins[0]] == style.ARM_STYLES[twins[1]]
    assert len(set(style.ARM_COLORS.values())) == 3
    for key in ("linestyle", "marker"):
        assert len({look[key] for look in style.ARM_STYLES.values()}) == 3


def test_use_sets_a_transparent_style():
    with mpl.rc_context():
        style.use()
        assert mpl.rcParams["figure.facecolor"] == "none"
        assert mpl.rcParams["axes.facecolor"] == "none"
        assert mpl.rcParams["text.color"] == style.NEUTRAL


def test_import_is_cheap():
    code = "import sys, lrbook.style; print({'matplotlib', 'pandas', 'IPython'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_say_prints_outside_a_notebook(capsys):
    style.say("The *large* rate wins.")
    assert capsys.readouterr().out == "The *large* rate wins.\n"


def test_table_has_no_index_and_escapes_bars(capsys):
    frame = pd.DataFrame(
        {"arm": ["a|b", "S"], "$p_0$": [0.123456, float("nan")], "n": [3, 12]}, index=[7, 8]
    )
    style.table(frame)
    assert capsys.readouterr().out.splitlines() == [
        "| arm | $p_0$ | n |",
        "| :--- | ---: | ---: |",
        r"| a\|b | 0.1235 | 3 |",
        "| S | – | 12 |",
    ]
