"""Which images runs got right, and files that do not fit each other."""

from pathlib import Path

import numpy as np
import pytest

from dissect.errors import InputError
from dissect.measure.members import jackknife
from dissect.report.predictions import correct_of, ensemble_intervals
from dissect.report.study import read_study
from dissect.report.tables import scored_runs
from dissect.store import runs as store
from tests.report.conftest import write_predictions, write_run

RIGHT = np.array([True, True, False, False])


def write(study: Path, variant: str = "step1", accuracy: float = 0.5, right: np.ndarray = RIGHT, **others: object):
    folder = write_run(study, variant, ("a",) * (variant != "step1"), 0, accuracy, accuracy_ten_crop=None)
    write_predictions(folder, right, **others)


def found(path: Path):
    study = read_study(path)
    return correct_of(study, scored_runs(study))


def test_ten_crop_variants_are_right_where_the_ten_crops_are(study: Path):
    for variant, parts in (("step1", ()), ("step2", ("a",))):
        folder = write_run(study, variant, parts, 0, 0.5, accuracy_ten_crop=0.75)
        cropped = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]])
        write_predictions(folder, RIGHT, probabilities_ten_crop=cropped)
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
        ({"right": np.array([True, False])}, "is about 2 images, .*step1-seed0-k/predictions.npz about 4"),
        ({"labels": np.array([0, 0, 0, 1])}, "is about other labels"),
        ({"accuracy": 0.9}, "0.5000 of it is right, result.json says 0.9000"),
    ],
)
def test_predictions_that_do_not_fit_are_named(study: Path, others: dict, message: str):
    write(study)
    write(study, "step2", **others)
    with pytest.raises(InputError, match=f"step2-seed0-k/predictions.npz: {message}.*delete the folder"):
        found(study)


def test_a_damaged_predictions_file_is_named(study: Path):
    write(study)
    path = study / "step1-seed0-k" / "predictions.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=r"step1-seed0-k/predictions.npz: cannot be read"):
        found(study)


def test_an_ensembles_interval_is_the_jackknife_over_its_members(study: Path, monkeypatch: pytest.MonkeyPatch):
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    kept = []
    for seed in range(4):
        folder = write_run(study, "step1", (), seed, 0.4, member_of="step2" if seed else None)
        kept.append(random.random((60, 3), dtype=np.float32) + 0.3 * np.eye(3, dtype=np.float32)[labels])
        store.write_predictions(folder, labels=labels, probabilities=kept[-1])
    write_run(study, "step2", ("ensemble",), 0, 0.5, members=[f"step1-seed{seed}-k" for seed in range(4)])
    read = read_study(study)
    assert ensemble_intervals(read, ["step2"], 0.9) == {"step2": jackknife(np.stack(kept), labels, 0.9)}
    assert ensemble_intervals(read, ["step1"], 0.9) == {}
    monkeypatch.setattr("dissect.report.predictions.CHEAP", 1000)
    assert ensemble_intervals(read, ["step2"], 0.9) == {}
