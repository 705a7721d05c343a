"""A study of two components in two conditions, whose gains are set by hand."""

import re
from functools import partial

import numpy as np
import pytest

from dissect.measure.metric import Metric
from dissect.planning.conditions import crossed
from dissect.planning.manifest import Manifest, Planned, write
from dissect.report import conditions
from dissect.report.build import build_report
from tests.report.conftest import DATA, LABELS, METRIC, write_predictions, write_run

LOW, HIGH = "optimizer.lr=0.1", "optimizer.lr=0.2"
PARTS = {"a+b": ("a", "b"), "a": ("a",), "b": ("b",)}
RIGHT = {("a+b", LOW): 300, ("a", LOW): 280, ("b", LOW): 290, ("a+b", HIGH): 360, ("a", HIGH): 280, ("b", HIGH): 350}
WOBBLE = {"a+b": (0, 2, 4), "a": (0, 1, 2), "b": (3, 0, 3)}  # examples by seed, the same in both conditions


def planned(settings):
    entry = {"key": "k", "settings": settings, "config": {}, "base": {}}
    variants = {name: {**entry, "components": {one: LABELS[one] for one in parts}} for name, parts in PARTS.items()}
    contrasts = [Planned("leave_one_out", ("a",), {"a+b": 1.0, "b": -1.0}),
                 Planned("leave_one_out", ("b",), {"a+b": 1.0, "a": -1.0})]  # fmt: skip
    metric = {key: METRIC[key] for key in ("name", "label", "unit", "better", "times")}
    early = "2025-01-01T00:00:00+00:00"
    return Manifest("leave_one_out", early, "p", [0, 1, 2], 0.95, 1.0, 0.8, None, variants, contrasts, metric)


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    return report_of(tmp_path_factory.mktemp("conditions"))


def report_of(root, finished_in_low="2025-01-02T03:04:05Z"):
    study = root / "runs" / "trial"
    plan = crossed({LOW: planned("low"), HIGH: planned("high")}, {LOW: [LOW], HIGH: [HIGH]})
    study.mkdir(parents=True)
    write(study / "manifest-leave_one_out.json", plan)
    for (name, where), count in RIGHT.items():
        settings, training = ("low", 5000) if where == LOW else ("high", 100)
        data = {**DATA, "examples": {"training": training, "validation": 500}}
        kept = partial(write_run, data=data, settings=settings, key=settings, accuracy_ten_crop=None, ten_crop=None)
        for seed, more in enumerate(WOBBLE[name]):
            right = np.random.default_rng(seed).permutation(np.arange(500) < count + more)
            finished = finished_in_low if where == LOW else "2025-01-02T03:04:05Z"
            write_predictions(kept(study, name, PARTS[name], seed, float(right.mean()), finished=finished), right)
    write_run(study, "a", ("a",), 9, 0.9, settings="stranger", key="stranger")
    return build_report(study, root / "reports")


def test_each_gain_stands_in_each_condition_beside_whether_it_differs(reported):
    gains = dict(reported.effects[["label", "gain"]].to_numpy())
    wobble = {name: np.mean(more) for name, more in WOBBLE.items()}
    own = {where: (RIGHT["a+b", where] + wobble["a+b"] - RIGHT["b", where] - wobble["b"]) / 5 for where in (LOW, HIGH)}
    assert gains["a_1 & b @ optimizer.lr=0.1"] == pytest.approx(own[LOW])
    assert gains["a_1 & b @ optimizer.lr=0.2"] == pytest.approx(own[HIGH])
    assert gains["b @ optimizer.lr=0.2 against optimizer.lr=0.1"] == pytest.approx((360 - 280 - (300 - 280)) / 5)


def test_gains_are_corrected_over_all_conditions_and_differences_among_themselves(reported):
    together = reported.effects.groupby("kind")["together"].unique()
    assert together["leave_one_out"].tolist() == [4]
    assert together["between"].tolist() == [2]


def test_the_page_has_a_column_a_condition_and_leaves_other_settings_out(reported):
    page = reported.page.read_text()
    table = page.partition("<h2>In each condition</h2>")[2].partition("</table>")[0]
    assert re.findall('<button type="button">(.*?)</button>', table)[1:3] == [LOW, HIGH]
    assert table.count("<tr>") == 1 + 2
    assert page.count("a-seed9-stranger") == 1  # where it is said to be left out
    assert "5,000 training" not in page  # which is so in one condition only
    assert "500 validation" in page


def test_a_row_of_the_table_tells_the_gain_the_outcome_and_the_difference(reported):
    metric = Metric.from_config(METRIC)
    first, second = conditions.side_by_side(reported.effects, metric)
    assert first["gains"][LOW]["gain"] == pytest.approx((300 + 2 - 290 - 2) / 5)
    assert [one["of"] for one in second["differ"]] == [f"{HIGH} against {LOW}"]
    # The wobble is the same in both conditions, so that every seed differs by the same 12 points.
    assert second["differ"][0]["gain"] == pytest.approx(12)


def test_a_condition_whose_runs_were_there_before_the_plan_is_drawn_and_called_exploratory(tmp_path):
    seen = report_of(tmp_path, finished_in_low="2024-12-31T00:00:00Z")
    gains, _ = conditions.drawn(seen.effects)
    assert sorted(zip(gains["component"], gains["kind"], strict=True)) == [
        (component, where) for component in ("a_1 & b", "b") for where in (LOW, HIGH)
    ]  # fmt: skip
    for row in conditions.side_by_side(seen.effects, Metric.from_config(METRIC)):
        assert {where: one["exploratory"] for where, one in row["gains"].items()} == {LOW: True, HIGH: False}
        assert [one["exploratory"] for one in row["differ"]] == [True]
    table = seen.page.read_text().partition("<h2>In each condition</h2>")[2].partition("</table>")[0]
    assert table.count(", exploratory") == 2 + 2
