"""What the figures show, read back from their artists."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from dissect.measure.metric import Metric
from dissect.report.drawing import draw_attribution, draw_gains, draw_interactions, draw_learning_curves
from dissect.report.figures import gain_text, level_text
from dissect.style import PHONE, drawn

NAN = float("nan")
ACCURACY = Metric("accuracy", "accuracy", "points", "higher", 100.0)
RMSE = Metric("val/rmse", "error", "units", "lower", 1.0)
BARS = pd.DataFrame(
    {
        "variant": ["step1", "step2", "step3", "step4"],
        "label": [
            "step1 · baseline",
            "step2 · + dropout 1",
            "step3 · + augmentation",
            "a name that costs $5 or $6 " * 6,
        ],
        "mean": [0.40, 0.44, 0.42, 0.421],
        "half_width": [0.01, 0.02, 0.01, NAN],
        "n": [3, 3, 2, 1],
        "published_level": [NAN, 0.5, NAN, NAN],
        "gain": [NAN, 4.0, -2.0, 0.1],
        "low": [NAN, 3.0, -3.0, NAN],
        "high": [NAN, 5.0, -1.0, NAN],
        "verdict": [NAN, "helps", "hurts", "inconclusive"],
        "published": [NAN, 4.88, NAN, NAN],
        "versus": ["", "", "step1", ""],
    }
)
RUNS = pd.DataFrame(
    [(name, seed, 0.2 + 0.1 * seed) for name in BARS["variant"] for seed in range(3)],
    columns=["variant", "seed", "accuracy"],
)


@pytest.fixture
def figure() -> Figure:
    return draw_gains(BARS, RUNS, ACCURACY, chance=0.1, published_from="200 classes at 64×64")


def test_bars_start_at_zero_and_the_baseline_is_on_top(figure: Figure):
    left = figure.axes[0]
    assert [bar.get_width() for bar in left.patches] == list(BARS["mean"])
    assert left.get_xlim()[0] == 0
    bottom, top = left.get_ylim()
    assert bottom > top


def test_levels_whose_differences_a_zero_would_hide_are_strokes_where_they_are_and_chance_far_off_is_not_drawn():
    close = RUNS.assign(accuracy=0.9 + 0.01 * RUNS["seed"])
    bars = BARS.assign(mean=BARS["mean"] + 0.5, published_level=NAN)
    for chance, shown in ((0.1, False), (0.89, True)):
        left = draw_gains(bars, close, ACCURACY, chance=chance).axes[0]
        assert len(left.patches) == 0
        assert left.get_xlim()[0] > 0.5
        assert (f"chance ({100 * chance:g}%)" in [line.get_label() for line in left.lines]) == shown


def test_the_axis_ends_at_one_hundred_percent_though_intervals_of_two_seeds_do_not():
    wide = draw_gains(BARS.assign(half_width=0.9), RUNS, ACCURACY, chance=0.1)
    assert 1 <= wide.axes[0].get_xlim()[1] < 1.05


def test_every_run_is_a_dot(figure: Figure):
    dots = next(line for line in figure.axes[0].lines if line.get_label() == "one seed")
    assert sorted(dots.get_xdata()) == sorted(RUNS["accuracy"])
    assert set(np.round(np.asarray(dots.get_ydata())).astype(int)) == {0, 1, 2, 3}


def test_a_bar_of_fewer_seeds_than_the_others_says_so(figure: Figure):
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["40.0 [39.0, 41.0]", "44.0 [42.0, 46.0]", "42.0 [41.0, 43.0], 2 seeds", "42.1, 1 seed"]


def test_up_down_and_undecided_differ_in_shape_and_not_only_in_colour(figure: Figure):
    markers = {str(line.get_label()): line.get_marker() for line in figure.axes[1].lines}
    assert len({markers[verdict] for verdict in ("helps", "hurts", "inconclusive")}) == 3


def test_a_gain_of_one_seed_is_drawn_as_undecided():
    alone = draw_gains(BARS.assign(low=NAN, high=NAN, verdict=""), RUNS, ACCURACY, chance=0.1)
    assert next(
        line for line in alone.axes[1].lines if line.get_label() == "inconclusive"
    ).get_xdata() == pytest.approx([4.0, -2.0, 0.1])


@pytest.mark.parametrize(
    ("exploratory", "rows", "axis"),
    [
        ([False, False, False, False], [], "gain, percentage points"),
        ([False, False, True, False], [2], "gain, percentage points"),
        ([False, True, True, True], [], "exploratory gain, percentage points"),  # all gains that there are
    ],
)
def test_a_gain_that_was_not_planned_is_marked_exploratory(exploratory: list[bool], rows: list[int], axis: str):
    right = draw_gains(BARS.assign(exploratory=exploratory), RUNS, ACCURACY, chance=0.1).axes[1]
    assert [int(text.xy[1]) for text in right.texts if text.get_text().endswith(", exploratory")] == rows
    assert right.get_xlabel() == axis


KINDS = ("ladder", "leave_one_out", "one_at_a_time", "shapley")
COMPONENTS = {"a": "a long name that has to be wrapped into two lines", "b": "b", "c": "c"}
ATTRIBUTED = pd.DataFrame(
    [(name, kind, 1.0 + place, -50.0 if kind == "shapley" else 0.5, 6.0, "helps" if name == "a" else "inconclusive")
     for name in COMPONENTS for place, kind in enumerate(KINDS)],
    columns=["component", "kind", "gain", "low", "high", "verdict"],
)  # fmt: skip
PAIRS = pd.DataFrame(
    {
        "components": [("a", "b"), ("a", "c"), ("b", "c")],
        "gain": [4.0, -2.0, 0.01],
        "verdict": ["helps", "inconclusive", "equivalent"],
    }
)


def test_each_kind_of_contrast_has_a_mark_beside_each_component_and_none_hides_another():
    ax = draw_attribution(ATTRIBUTED, COMPONENTS, ACCURACY).axes[0]
    marks = [line for line in ax.lines if line.get_marker() in "os^D" and len(line.get_xdata())]
    places = [(x, y) for line in marks for x, y in line.get_xydata()]
    assert len(set(places)) == len(places) == 12
    assert sorted(round(y) for _, y in places) == sorted([0, 1, 2] * 4)
    filled = [y for line in marks if line.get_markerfacecolor() != "white" for y in line.get_ydata()]
    assert {round(y) for y in filled} == {0}  # what is decided is about a


def test_an_interval_that_goes_on_beyond_the_axis_ends_in_an_arrow():
    ax = draw_attribution(ATTRIBUTED, COMPONENTS, ACCURACY).axes[0]
    arrows = [line for line in ax.lines if line.get_marker() == "<" and len(line.get_xdata())]
    assert sum(len(line.get_xdata()) for line in arrows) == 3
    assert ax.get_xlim()[0] > -20


def test_each_pair_has_a_cell_with_its_interaction_and_a_decided_one_is_framed():
    ax = draw_interactions(PAIRS, COMPONENTS, ACCURACY).axes[0]
    cells = {text.get_text(): text for text in ax.texts}
    assert {name: text.get_position() for name, text in cells.items()} == {
        "+4.0": (0, 0), "−2.0": (0, 1), "+0.0": (1, 1),
    }  # fmt: skip
    assert [name for name, text in cells.items() if text.get_weight() == "bold"] == ["+4.0"]
    image = ax.images[0]
    low, high = image.get_clim()
    assert low == -high  # so that zero is white
    assert image.cmap(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    coloured = ~np.ma.getmaskarray(image.get_array())
    assert coloured.tolist() == [[True, False], [False, False]]  # what is not decided has no colour
    hatched = [patch.get_xy() for patch in ax.patches if patch.get_hatch()]
    assert hatched == [(-0.5, 0.5)]  # the inconclusive one; what is shown to be small is plain


@pytest.mark.parametrize(("draw", "frame"), [(draw_attribution, ATTRIBUTED), (draw_interactions, PAIRS)])
def test_no_label_of_attribution_is_cut_or_hides_another(draw, frame: pd.DataFrame):
    drawn_figure = draw(frame, COMPONENTS, ACCURACY)
    drawn_figure.draw_without_rendering()
    width, height = drawn_figure.bbox.size
    box = drawn_figure.get_tightbbox().transformed(drawn_figure.dpi_scale_trans)
    assert min(box.x0, box.y0) >= -1
    assert box.x1 <= width + 1
    assert box.y1 <= height + 1
    axes = drawn_figure.axes[0]
    for labels in (axes.get_yticklabels(), axes.get_xticklabels()):
        boxes = [label.get_window_extent() for label in labels]
        assert not any(a.overlaps(b) for a, b in pairwise(boxes))


def test_on_a_phone_long_names_and_controls_leave_the_axes_their_room_and_nothing_is_cut():
    marked = BARS.assign(exploratory=[False, False, True, False], versus=["", "", "step1 · baseline", ""])
    phone = draw_gains(marked, RUNS, ACCURACY, chance=0.1, width=PHONE)
    phone.draw_without_rendering()
    box = phone.get_tightbbox().transformed(phone.dpi_scale_trans)
    assert min(box.x0, box.y0) >= -1
    assert box.x1 <= phone.bbox.width + 1
    for ax in phone.axes:
        assert ax.get_position().width > 0.3
    assert "−2.0 [−3.0, −1.0]\nvs step1 · baseline\nexploratory" in [text.get_text() for text in phone.axes[1].texts]


def test_published_values_say_what_data_they_are_from(figure: Figure):
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "published (200 classes at 64×64)" in legend
    assert "chance (10%)" in legend


def test_nothing_is_cut(figure: Figure):
    figure.draw_without_rendering()
    width, height = figure.bbox.size
    box = figure.get_tightbbox().transformed(figure.dpi_scale_trans)
    assert box.x0 >= -1
    assert box.y0 >= -1
    assert box.x1 <= width + 1
    assert box.y1 <= height + 1


def test_labels_beside_bars_do_not_overlap(figure: Figure):
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert not any(a.overlaps(b) for a, b in pairwise(boxes))


def test_the_same_figure_gives_the_same_bytes():
    again = [drawn(draw_gains(BARS, RUNS, ACCURACY, chance=0.1), "svg") for _ in range(2)]
    assert again[0] == again[1]
    assert b"<dc:date>" not in again[0]


def test_a_learning_curve_shows_every_seed_and_their_mean():
    rows = [(seed, epoch, part, 0.1 * epoch + 0.02 * seed) for seed in range(3) for epoch in (1, 2) for part in PARTS]
    curves = pd.DataFrame(rows, columns=["seed", "epoch", "part", "value"]).assign(variant="step1")
    ax = draw_learning_curves(
        curves, {"step1": "step1 · baseline", "step8": "an ensemble has no curve"}, ACCURACY
    ).axes[0]
    assert len(ax.lines) == 2 * (3 + 1)
    means = {str(line.get_label()): line.get_ydata() for line in ax.lines if line.get_label() in PARTS}
    assert means["training"] == pytest.approx([0.12, 0.22])
    assert means["validation"] == pytest.approx([0.12, 0.22])


PARTS = ("training", "validation")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((4.4, 3.9, 4.95), "+4.4 [3.9, 5.0]"),
        ((-1.55, -3.06, -0.04), "−1.55 [−3.06, −0.04]"),  # at one digit it would seem to touch zero
        ((0.47, 0.34, 0.59), "+0.47 [0.34, 0.59]"),
        ((-0.001, -2.0, 2.0), "+0.0 [−2.0, 2.0]"),
        ((4.4, NAN, NAN), "+4.4"),
        ((0.0, 0.0, 0.0), "+0.0 [0.0, 0.0]"),
        ((NAN, NAN, NAN), ""),
        ((4.4, 3.4, 5.4, "step1"), "+4.4 [3.4, 5.4] vs step1"),
        ((-0.123, -0.147, -0.1, "", 3), "−0.123 [−0.147, −0.100]"),
        ((-41.2, -55.0, -27.4, "", 0), "−41 [−55, −27]"),
    ],
)
def test_gains_are_written_with_as_many_digits_as_they_need(values: tuple, text: str):
    assert gain_text(*values) == text


def test_levels_are_written_as_the_metric_counts_them():
    assert level_text(0.449, 0.012, ACCURACY) == "44.9 [43.7, 46.1]"
    assert level_text(0.9912, 0.0003, ACCURACY) == "99.12 [99.09, 99.15]"
    assert level_text(0.449, NAN, ACCURACY) == "44.9"
    assert level_text(53.2149, 1.23, RMSE) == "53.2 [52.0, 54.4]"
    assert level_text(53.2149, 0.0123, RMSE) == "53.215 [53.203, 53.227]"
    assert level_text(53.2149, NAN, RMSE) == "53.21"


ERRORS = BARS.assign(
    mean=[58.0, 54.0, 56.0, 57.9], half_width=[1.0, 2.0, 1.0, NAN], published_level=NAN, gain=[NAN, -4.0, 2.0, -0.1],
    low=[NAN, -5.0, 1.0, NAN], high=[NAN, -3.0, 3.0, NAN], published=NAN,
)  # fmt: skip
ERROR_RUNS = RUNS.rename(columns={"accuracy": "val/rmse"}).assign(**{"val/rmse": lambda runs: 54 + runs["seed"]})


def test_where_lower_is_better_the_axes_say_so_and_a_fall_is_drawn_as_help():
    left, right = draw_gains(ERRORS, ERROR_RUNS, RMSE, chance=None).axes
    assert left.get_xlabel() == "validation error, units (lower is better)"
    assert right.get_xlabel() == "gain in error, units (lower is better)"
    helps = next(line for line in right.lines if line.get_label() == "helps")
    assert (helps.get_marker(), list(helps.get_xdata())) == ("^", [-4.0])


def test_levels_without_a_zero_are_drawn_where_they_are_and_guessing_only_where_it_is_known():
    figure = draw_gains(ERRORS, ERROR_RUNS, RMSE, chance=None)
    left = figure.axes[0]
    assert left.get_xlim()[0] > 50
    assert [text.get_text() for text in left.texts] == [
        "58.0 [57.0, 59.0]",
        "54.0 [52.0, 56.0]",
        "56.0 [55.0, 57.0], 2 seeds",
        "57.9, 1 seed",
    ]
    assert not [text for text in figure.legends[0].get_texts() if "chance" in text.get_text()]
    legend = draw_gains(ERRORS, ERROR_RUNS, RMSE, chance=77.0).legends[0]
    assert "chance (77 units)" in [text.get_text() for text in legend.get_texts()]


def test_long_labels_of_the_two_axes_stay_apart():
    figure = draw_gains(ERRORS, ERROR_RUNS, RMSE._replace(label="root mean squared error of the score"), chance=None)
    figure.draw_without_rendering()
    left, right = (ax.xaxis.label.get_window_extent() for ax in figure.axes)
    assert left.x1 < right.x0


def test_a_share_below_zero_is_not_cut_off():
    below = draw_gains(BARS.assign(mean=-0.1), RUNS.assign(accuracy=-0.1), ACCURACY, chance=None)
    assert below.axes[0].get_xlim()[0] < -0.1


def test_what_two_components_save_together_has_the_colour_of_more():
    def colours(metric: Metric) -> list[float]:
        return draw_interactions(PAIRS, COMPONENTS, metric).axes[0].images[0].get_array().compressed().tolist()

    assert colours(RMSE) == [-value for value in colours(ACCURACY)]
    legend = [text.get_text() for text in draw_interactions(PAIRS, COMPONENTS, RMSE).legends[0].get_texts()]
    assert legend[:2] == ["together better than the sum of their gains", "together worse"]
