"""Levels on one axis, from effects that are written down by hand."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from dissect.measure.metric import Metric
from dissect.report.levels import BASE, factors, plot_factor

METRIC = Metric.from_config({"name": "accuracy", "unit": "points", "better": "higher", "times": 100})
LABELS = {"a": "A", "b": "B", "c": "C"}


def effects(*rows):
    columns = ["kind", "components", "gain", "verdict"]
    table = pd.DataFrame(rows, columns=columns).assign(digits=1)
    return table.assign(component=["+".join(parts) for parts in table["components"]])


PAIRS = [
    ("levels", ("a", "b"), 1.0, "inconclusive"),
    ("levels", ("a", "c"), 4.0, "helps"),
    ("levels", ("b", "c"), 3.0, "equivalent"),
]


def test_each_level_lies_where_its_gain_over_the_first_is_and_groups_are_those_without_a_verdict():
    [one] = factors(effects(*PAIRS), LABELS)
    assert one.places == {"A": 0.0, "B": 1.0, "C": 4.0}
    assert one.together == [["A", "B"], ["B", "C"]]  # a and c are told apart


def test_where_each_level_is_compared_with_having_none_that_is_where_the_axis_begins():
    gains = [("one_at_a_time", (name,), gain, verdict) for name, gain, verdict in
             (("a", -2.0, "hurts"), ("b", -1.0, "inconclusive"), ("c", 2.0, "helps"))]  # fmt: skip
    [one] = factors(effects(*gains, *PAIRS), LABELS)
    assert one.places == {BASE: 0.0, "A": -2.0, "B": -1.0, "C": 2.0}
    assert one.together == [[BASE, "B"], ["A", "B"], ["B", "C"]]
    [less] = factors(effects(*gains[:2], *PAIRS), LABELS)
    assert BASE not in less.places


def test_two_levels_alone_need_no_axis_and_two_factors_have_one_each():
    assert factors(effects(PAIRS[0]), LABELS) == []
    others = [(kind, tuple({"a": "x", "b": "y", "c": "z"}[name] for name in pair), gain, verdict)
              for kind, pair, gain, verdict in PAIRS]  # fmt: skip
    assert [list(one.places) for one in factors(effects(*PAIRS, *others), LABELS)] == [["A", "B", "C"], ["x", "y", "z"]]


def test_what_is_drawn_lies_at_the_gains():
    [one] = factors(effects(*PAIRS), LABELS)
    ax = Figure().subplots()
    plot_factor(one, METRIC, ax=ax)
    dots = next(line for line in ax.lines if line.get_marker() == "o" and line.get_markersize() == 7)
    assert dots.get_xdata() == pytest.approx([0, 1, 4])
    assert {text.get_text() for text in ax.texts} == {"A", "B +1.0", "C +4.0"}
