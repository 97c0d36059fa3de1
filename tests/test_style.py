"""The style reads on light and dark pages, tells the arms apart and stays cheap to import."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from lrbook import style
from lrbook.figures import sweeps


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


def lightened(color: str, factor: float) -> str:
    """A colour after CSS's ``brightness(factor)``."""
    channels = [min(255, round(int(color[i : i + 2], 16) * factor)) for i in (1, 3, 5)]
    return "#" + "".join(f"{channel:02x}" for channel in channels)


PAGE_LIGHT, PAGE_DARK = "#ffffff", "#14181e"
"""Everything drawn has to read on both. The book's dark page is darker still, so this is strict."""

DRAWN = [*style.ARM_COLORS.values(), *style.OTHER_COLORS]


def test_everything_drawn_reads_on_the_light_page():
    assert contrast(style.NEUTRAL, PAGE_LIGHT) >= 4.5
    # WCAG 2.1, criterion 1.4.11: at least 3 for lines and marks.
    assert min(contrast(color, PAGE_LIGHT) for color in DRAWN) >= 3


def test_everything_drawn_reads_on_the_dark_page_as_the_book_shows_it():
    css = (Path(__file__).parent.parent / "book/_static/lrbook.css").read_text()
    [factor] = re.findall(r"cell_output img \{\s*filter: brightness\(([\d.]+)\)", css)
    assert float(factor) == style.DARK_BRIGHTNESS
    shown = [lightened(color, style.DARK_BRIGHTNESS) for color in DRAWN]
    assert contrast(lightened(style.NEUTRAL, float(factor)), PAGE_DARK) >= 4.5
    assert min(contrast(color, PAGE_DARK) for color in shown) >= 3
    # And still, not so well, where a notebook is opened on a dark page without that style sheet.
    assert min(contrast(color, PAGE_DARK) for color in DRAWN) >= 3


def test_numbers_on_a_map_read_on_both_pages():
    """Of black and white the better: of all colours of the maps none leaves less than 3.9."""
    for colors in (sweeps._one_sided(), sweeps._two_sided()):
        for value in range(256):
            cell = to_hex(colors(value))
            pair = cell, lightened(cell, style.DARK_BRIGHTNESS)
            worst = {
                ink: min(contrast(ink, shown) for shown in pair) for ink in ("#000000", "#ffffff")
            }
            ink = sweeps._ink(colors(value))
            assert worst[ink] >= 3.9
            assert worst[ink] == max(worst.values())


def test_no_one_colour_would_do_for_both_pages():
    greys = [f"#{level:02x}{level:02x}{level:02x}" for level in range(256)]
    pages = (PAGE_LIGHT, PAGE_DARK)
    assert max(min(contrast(grey, page) for page in pages) for grey in greys) < 4.5


def test_other_things_do_not_have_an_arms_colour():
    assert not set(style.OTHER_COLORS) & set(style.ARM_COLORS.values())
    assert len(set(style.OTHER_COLORS)) == len(style.OTHER_COLORS)


def test_arms_differ_by_colour_line_and_marker_and_twins_agree():
    for twins in (("L-S", "large"), ("S", "small"), ("S+noise", "noise")):
        assert len({style.ARM_COLORS[arm] for arm in twins}) == 1
        assert style.ARM_STYLES[twins[0]] == style.ARM_STYLES[twins[1]]
    assert len(set(style.ARM_COLORS.values())) == 3
    for key in ("linestyle", "marker"):
        assert len({look[key] for look in style.ARM_STYLES.values()}) == 3


def test_controls_have_the_colour_of_their_rate_and_no_arms_look():
    arms = [(style.ARM_COLORS[arm], look["marker"]) for arm, look in style.ARM_STYLES.items()]
    for name, look in style.CONTROL_LOOKS.items():
        rate = "S" if name.startswith("small rate") else "L-S"
        assert look["color"] == style.ARM_COLORS[rate]
        assert ("markerfacecolor" in look) == name.endswith("no noise")
    diffusing = style.CONTROL_LOOKS[style.DIFFUSING]
    assert (diffusing["color"], diffusing["marker"]) not in arms
    assert diffusing["linestyle"] not in [look["linestyle"] for look in style.ARM_STYLES.values()]


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


def test_source_shows_the_code_as_it_is(capsys):
    style.source(style.notebook)
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("```python", "```")
    assert "\n".join(lines[1:-1]) + "\n" == inspect.getsource(style.notebook)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("by -12.2 (-5, -.5) | -3 | **-1 ± 2**", "by −12.2 (−5, −.5) | −3 | **−1 ± 2**"),
        ("-2.0 in all", "−2.0 in all"),
        ("`-p noise -1` and $x = -1$, then -1", "`-p noise -1` and $x = -1$, then −1"),
        ("```\n-1\n```\n-1", "```\n-1\n```\n−1"),
        ("2026-11-25, CIFAR-10, 1e-05, | ---: |", "2026-11-25, CIFAR-10, 1e-05, | ---: |"),
        ("- 5 seeds", "- 5 seeds"),
    ],
)
def test_minus_signs_are_for_numbers_outside_code_and_maths(written, shown):
    assert style.with_minus_signs(written) == shown


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


def test_a_number_that_rounds_to_zero_has_no_minus_sign_in_a_table(capsys):
    style.table(pd.DataFrame({"gap": [-0.0, -0.25]}))
    assert capsys.readouterr().out.splitlines()[2:] == ["| 0 |", "| -0.25 |"]


def test_a_dozen_arms_of_the_readers_own_differ_in_colour_or_line():
    arms = [f"a reader's own {number}" for number in range(12)]
    looks = {(style.arm_color(arm), style.arm_style(arm)["linestyle"]) for arm in arms}
    assert len(looks) == 12
