"""A page says where its verdicts say little."""

from pathlib import Path

import pandas as pd
import pytest

from dissect.report.limits import limits
from dissect.report.study import read_study
from tests.report.conftest import rewrite

NONE = pd.DataFrame(columns=["treated", "control"])


def written(folder: Path, *values: float) -> None:
    rows = "".join(f"{epoch},0.9,{value}\n" for epoch, value in enumerate(values, 1))
    (folder / "metrics.csv").write_text("epoch,train_accuracy,val_accuracy\n" + rows)
    rewrite(folder)


def test_a_sound_study_says_nothing(study, add_run):
    written(add_run("step1", (), 0, 0.5), *[0.2, 0.4, 0.5, 0.5, 0.5, 0.5])
    assert limits(read_study(study), NONE, ["step1"]) == []


GUESSED = "No run is clearly better than guessing, which comes to 10"


# of 500 examples a share of 0.1 has a standard error of 0.0134, so that luck alone reaches 0.14
@pytest.mark.parametrize(("value", "said"), [(0.1, GUESSED), (0.139, GUESSED), (0.142, None)])
def test_where_nothing_has_learned_no_verdict_says_anything(study, add_run, value, said):
    add_run("step1", (), 0, 0.1)
    add_run("step2", ("dropout1",), 0, value)
    found = limits(read_study(study), NONE, [])
    assert [one[: len(said or "")] for one in found] == ([said] if said else [])


def test_examples_that_all_get_right_are_too_easy_and_one_of_them_is_the_least_difference(study, add_run):
    add_run("step1", (), 0, 1.0)
    add_run("step2", ("dropout1",), 0, 1 - 1 / 500)
    [said] = limits(read_study(study), NONE, [])
    assert "Every run is right on all 500 examples, or all but one: they are too easy" in said
    assert "no difference below 0.2 points, one example" in said


def test_curves_that_still_rise_at_the_last_epoch_are_named(study, add_run):
    written(add_run("step1", (), 0, 0.5), *[0.2, 0.4, 0.48, 0.5, 0.5, 0.5])
    written(add_run("step2", ("dropout1",), 0, 0.5), *[0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    [said] = limits(read_study(study), NONE, ["step1", "step2"])
    assert said.startswith("step2 · dropout 1 was still getting better in the last epochs")


def test_a_variant_that_fits_its_training_worse_than_its_control_fits_validation_underfits(study, add_run):
    add_run("step1", (), 0, 0.5)
    add_run("step2", ("dropout1",), 0, 0.4, train_accuracy=0.45)
    pairs = pd.DataFrame([{"treated": "step2", "control": "step1"}, {"treated": None, "control": None}])
    [said] = limits(read_study(study), pairs, [])
    assert said.startswith(
        "step2 · dropout 1 is worse on its training examples (45.00%) than step1 · baseline (50.00%) is on validation "
        "examples: it seems to underfit"
    )
