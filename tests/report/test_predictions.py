"""What examples contributed to runs, and files that do not fit each other."""

import re
from pathlib import Path

import numpy as np
import pytest

from dissect.errors import InputError
from dissect.measure.members import jackknife
from dissect.report.build import build_report
from dissect.report.predictions import ensemble_intervals, scores_of
from dissect.report.study import read_study
from dissect.report.tables import scored_runs
from tests.report.conftest import rewrite, write_errors, write_predictions, write_run

RIGHT = np.array([True, True, False, False])


def write(study: Path, variant: str = "step1", accuracy: float = 0.5, right: np.ndarray = RIGHT, **others: object):
    folder = write_run(study, variant, ("a",) * (variant != "step1"), 0, accuracy, accuracy_ten_crop=None)
    write_predictions(folder, right, **others)


def found(path: Path):
    study = read_study(path)
    return scores_of(study, scored_runs(study))


def test_ten_crop_variants_are_right_where_the_ten_crops_are(study: Path):
    for variant, parts in (("step1", ()), ("step2", ("a",))):
        folder = write_run(study, variant, parts, 0, 0.5, accuracy_ten_crop=0.75)
        cropped = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]])
        write_predictions(folder, RIGHT, probabilities_ten_crop=cropped, scores_ten_crop=cropped[:, 0] == 1)
    assert {name: right.tolist() for (name, _), right in found(study).items()} == {
        "step1": [True, True, False, False],
        "step2": [True, True, False, False],
        "step2 + ten-crop": [True, True, True, False],
    }


def test_without_predictions_there_are_none_and_a_run_without_them_is_left_out(study: Path):
    write_run(study, "step1", (), 0, 0.5, accuracy_ten_crop=None)
    assert found(study) is None
    write(study, "step2")
    assert set(found(study)) == {("step2", 0)}


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"right": np.array([True, False])}, "is about 2 examples, .*step1-seed0-k/predictions.npz about 4"),
        ({"labels": np.array([0, 0, 0, 1])}, "is about other labels"),
        ({"accuracy": 0.9}, "its scores have the mean 0.5, result.json says 0.9"),
    ],
)
def test_predictions_that_do_not_fit_are_named(study: Path, others: dict, message: str):
    write(study)
    write(study, "step2", **others)
    with pytest.raises(InputError, match=f"step2-seed0-k/predictions.npz: {message}.*delete the folder"):
        found(study)


def test_a_run_whose_predictions_are_damaged_is_left_out_and_named(study: Path, capsys, tmp_path: Path):
    write(study)
    write(study, "step2")
    path = study / "step1-seed0-k" / "predictions.npz"
    path.write_bytes(path.read_bytes()[:100])
    assert list(read_study(study).compared["variant"]) == ["step2"]
    page = build_report(study, tmp_path / "out").page.read_text()
    lost = r"step1-seed0-k/predictions.npz: (cannot be read|is not as it was)"
    assert re.search(f"1 run left out as damaged: step1 · baseline seed 0 .*{lost}", page)
    assert re.search(f"left out: .*{lost}.*; delete this run", capsys.readouterr().err)


def test_an_ensembles_interval_is_the_jackknife_over_its_members(study: Path, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    kept = []
    for seed in range(4):
        folder = write_run(study, "step1", (), seed, 0.4, member_of="step2" if seed else None)
        kept.append(random.random((60, 3), dtype=np.float32) + 0.3 * np.eye(3, dtype=np.float32)[labels])
        rewrite(folder, {"labels": labels, "probabilities": kept[-1]})

    def right(averaged: np.ndarray) -> float:
        return float((averaged.argmax(axis=1) == labels).mean())

    members, together = [f"step1-seed{seed}-k" for seed in range(4)], right(np.mean(kept, axis=0))
    write_run(study, "step2", ("ensemble",), 0, together, members=members, accuracy_ten_crop=None)
    write_run(study, "other", ("a", "ensemble"), 0, 0.1, members=members, accuracy_ten_crop=None)
    read = read_study(study)
    assert ensemble_intervals(read, ["step2"], 0.9) == {"step2": jackknife(np.stack(kept), right, 0.9)}
    assert ensemble_intervals(read, ["other"], 0.9) == {}  # of which the share of right ones is not the metric
    assert ensemble_intervals(read, ["step1"], 0.9) == {}
    monkeypatch.setattr("dissect.report.predictions.CHEAP", 1000)
    assert ensemble_intervals(read, ["step2"], 0.9) == {}


def test_scores_may_be_real_numbers_without_labels_and_are_those_of_the_primary_metric_alone(study: Path):
    errors = np.array([51.0, 53.0, 55.0])
    folder = write_errors(study, "baseline", (), 0, 53.0)
    rewrite(folder, {"scores": errors})
    assert found(study)["baseline", 0].tolist() == errors.tolist()
    other = read_study(study, "val/mae", "lower")
    assert scores_of(other, scored_runs(other)) is None
