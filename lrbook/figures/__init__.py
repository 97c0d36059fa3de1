"""From tables to matplotlib figures. Nothing is computed here but means over seeds.

Every function returns the figure. A line is the mean over seeds, the band around it the range from
the lowest seed to the highest; where there are fewer than three seeds, each run is a line of its
own. Captions and alternative texts stand with the cells that call these.
"""

from lrbook.figures.arms import (
    CHANCE,
    PATCH_PANELS,
    by_step,
    dots_by_arm,
    dots_by_group,
    learning_order,
    patch_learning,
)
from lrbook.figures.base import draw_arm, sign
from lrbook.figures.by_row import means_by_row
from lrbook.figures.epochs import by_epoch, grid_by_epoch, lengths, side_by_side
from lrbook.figures.explorer import curve_grid, explorer
from lrbook.figures.inside import (
    beside_wrong_patch,
    by_kind,
    readings,
    readings_at_the_head,
    shares_by_kind,
)
from lrbook.figures.movie import movie
from lrbook.figures.order import gradient_shares, signal_and_noise, trap
from lrbook.figures.patterns import few_examples, linear_errors, memoriser_by_length, on_and_off
from lrbook.figures.plain import (
    curve_with_bounds,
    histograms,
    image_grid,
    three_directions,
    two_halves,
)
from lrbook.figures.plane import across, scaling, stills
from lrbook.figures.rates import over_rates, rates_by_epoch
from lrbook.figures.replay import replay
from lrbook.figures.rows import forest, order_rows
from lrbook.figures.sweeps import against, phase_map, small_lines
from lrbook.figures.variants import cost_by_time, gap_rows, longer, mitigation

__all__ = [
    "CHANCE",
    "PATCH_PANELS",
    "across",
    "against",
    "beside_wrong_patch",
    "by_epoch",
    "by_kind",
    "by_step",
    "cost_by_time",
    "curve_grid",
    "curve_with_bounds",
    "dots_by_arm",
    "dots_by_group",
    "draw_arm",
    "explorer",
    "few_examples",
    "forest",
    "gap_rows",
    "gradient_shares",
    "grid_by_epoch",
    "histograms",
    "image_grid",
    "learning_order",
    "lengths",
    "linear_errors",
    "longer",
    "means_by_row",
    "memoriser_by_length",
    "mitigation",
    "movie",
    "on_and_off",
    "order_rows",
    "over_rates",
    "patch_learning",
    "phase_map",
    "rates_by_epoch",
    "readings",
    "readings_at_the_head",
    "replay",
    "scaling",
    "shares_by_kind",
    "side_by_side",
    "sign",
    "signal_and_noise",
    "small_lines",
    "stills",
    "three_directions",
    "trap",
    "two_halves",
]
