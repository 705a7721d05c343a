"""What may be compared, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dissect.errors import InputError
from dissect.report.curves import curve_columns, read_curves
from dissect.report.study import read_study
from tests.report.conftest import rewrite, write_errors, write_manifest

AddRun = Callable[..., Path]


def test_failed_runs_and_members_are_listed_and_not_compared(ladder: Path):
    study = read_study(ladder)
    assert len(study.runs) == 12 + 1 + 2 + 1
    assert len(study.compared) == 12 + 2
    assert set(study.compared["member_of"].isna()) == {True}


def test_a_study_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(InputError, match="nowhere: no such study"):
        read_study(tmp_path / "nowhere")


def test_a_study_without_a_finished_run_is_refused(study: Path, add_run: AddRun):
    add_run("step1", (), 0, None, status="failed", error="x")
    with pytest.raises(InputError, match=r"no finished run to report on \(1 failed; step1-seed0-k: x\)"):
        read_study(study)


def test_runs_with_other_settings_are_refused_and_the_message_says_what_differs(study: Path, add_run: AddRun):
    for seed in range(3):
        add_run("step1", (), seed, 0.4, settings="t" if seed else "s")
    with pytest.raises(InputError, match="1 with settings s, 2 with settings t") as refused:
        read_study(study)
    assert "optimizer.lr: 0.1 or 0.2" in str(refused.value)
    assert "name=..." in str(refused.value)
    assert "epochs" not in str(refused.value)


def test_runs_on_other_data_are_refused(study: Path, add_run: AddRun):
    data = json.loads((add_run("step1", (), 0, 0.4) / "result.json").read_text())["data"]
    add_run("step1", (), 1, 0.4, data=data | {"name": "digits"})
    with pytest.raises(InputError, match="1 with data tiny_imagenet, 1 with data digits"):
        read_study(study)


def test_a_seed_that_was_trained_twice_is_refused_and_both_folders_are_named(study: Path, add_run: AddRun):
    add_run("step1", (), 0, 0.4)
    add_run("step1", (), 0, 0.4, key="z")
    with pytest.raises(InputError, match="step1-seed0-k and step1-seed0-z"):
        read_study(study)


def test_one_name_for_different_components_is_refused(study: Path, add_run: AddRun):
    add_run("step2", ("dropout1",), 0, 0.4)
    add_run("step2", ("augmentation",), 1, 0.4)
    with pytest.raises(InputError, match="`step2` has different components"):
        read_study(study)


def test_the_order_in_which_components_were_named_does_not_matter(study: Path, add_run: AddRun):
    add_run("step3", ("dropout1", "augmentation"), 0, 0.4)
    add_run("step3", ("augmentation", "dropout1"), 1, 0.4)
    assert len(read_study(study).compared) == 2


def test_ten_crops_of_different_windows_are_not_averaged(study: Path, add_run: AddRun):
    add_run("step1", (), 0, 0.4)
    add_run("step1", (), 1, 0.4, ten_crop=0.875)
    with pytest.raises(InputError, match=r"step1-seed0-k has \(0.9375, 10\).*; step1-seed1-k has \(0.875, 10\)"):
        read_study(study)


@pytest.mark.parametrize("accuracy", [None])
def test_a_finished_run_without_an_accuracy_counts_as_failed(study: Path, add_run: AddRun, accuracy: float | None):
    add_run("step1", (), 0, 0.4)
    add_run("step1", (), 1, accuracy)
    runs = read_study(study).runs.set_index("seed")
    assert runs.loc[1, "status"] == "failed"
    assert "no number" in runs.loc[1, "error"]


def test_another_metric_is_shown_as_it_is_described_or_told(study: Path, add_run: AddRun):
    add_run("step1", (), 0, 0.4)
    loss = read_study(study, "loss")
    assert (loss.metric.unit, loss.metric.better, loss.primary.name) == ("nats", "lower", "accuracy")
    assert loss.compared["loss"].tolist() == [2.0]
    with pytest.raises(InputError, match=r"^metric=train_accuracy: .* give better=higher or better=lower"):
        read_study(study, "train_accuracy")
    with pytest.raises(InputError, match=r"^better=sideways: must be higher or lower"):
        read_study(study, "train_accuracy", "sideways")
    assert read_study(study, "train_accuracy", "higher").metric.name == "train_accuracy"


def test_a_metric_that_was_never_logged_is_refused_and_those_that_were_are_named(study: Path):
    write_errors(study, "baseline", (), 0, 55.0)
    with pytest.raises(InputError, match=r"metric=f1: no run of .* logged it; .* val/rmse, val/mae, train/rmse"):
        read_study(study, "f1")
    write_manifest(study, [], metric={"name": "f1", "better": "higher"})
    with pytest.raises(InputError, match=r"metric\.name=f1: no run of .* logged it; logged were val/rmse, "):
        read_study(study)


def test_what_was_planned_is_the_metric_whatever_later_runs_say(study: Path):
    write_errors(study, "baseline", (), 0, 55.0)
    write_errors(
        study, "a", ("a",), 0, 54.0, metric={"name": "val/mae", "better": "lower"}, finished="2026-12-31T00:00:00"
    )
    assert read_study(study).metric.name == "val/mae"
    write_manifest(study, [], metric={"name": "val/rmse", "better": "lower", "unit": "units"})
    assert read_study(study).metric[:3] == ("val/rmse", "val/rmse", "units")


def test_runs_of_the_first_recipe_are_refused_in_one_sentence(study: Path, add_run: AddRun):
    path = add_run("step1", (), 0, 0.4) / "result.json"
    result = json.loads(path.read_text())
    del result["metrics"], result["metric"], result["seal"]  # there was none then
    path.write_text(json.dumps(result | {"accuracy": 0.4}))
    with pytest.raises(InputError, match=r"result\.json: was made by an earlier version \(RECIPE 1\).*name=\.\.\."):
        read_study(study)


def test_a_column_is_called_what_the_config_calls_the_metric(study: Path, add_run: AddRun):
    add_run("step1", (), 0, 0.4)
    read = read_study(study)
    heads = {name: read.described(name).head for name in ("accuracy", "top5", "loss", "train_accuracy", "other")}
    assert heads == {"accuracy": "accuracy, %", "top5": "top-5 accuracy, %", "loss": "loss, nats",
                     "train_accuracy": "training accuracy, %", "other": "other"}  # fmt: skip


def test_a_metric_that_is_called_like_a_fact_of_runs_is_refused(study: Path, add_run: AddRun):
    add_run("step1", (), 0, 0.4, metrics={"seed": 3.0}, metric={"name": "seed", "better": "lower"})
    with pytest.raises(InputError, match=r"metric=seed: so are runs described"):
        read_study(study)


@pytest.mark.parametrize(
    ("columns", "name", "found"),
    [
        (["val_loss", "train_loss"], "loss", {"val_loss": "validation", "train_loss": "training"}),
        (["train/loss", "val/loss"], "val/loss", {"val/loss": "validation", "train/loss": "training"}),
        (["train/loss", "val/loss"], "loss", {"val/loss": "validation", "train/loss": "training"}),
        (["rmse"], "rmse", {"rmse": "validation"}),
        (["train_accuracy", "val_accuracy"], "train_accuracy", {"train_accuracy": "training"}),
        (["epoch"], "rmse", {}),
    ],
)
def test_curves_are_found_under_the_names_that_training_gives_them(
    columns: list[str], name: str, found: dict[str, str]
):
    assert curve_columns(columns, name) == found


def test_a_run_that_did_not_log_the_metric_by_epoch_has_no_curve(study: Path):
    write_errors(study, "baseline", (), 0, 55.0)
    assert read_curves(read_study(study, "val/mae", "lower"), ["baseline"]).empty


def test_a_result_that_lacks_something_is_named(study: Path, add_run: AddRun):
    add_run("step1", (), 0, 0.4, data={"name": "digits"})
    with pytest.raises(InputError, match=r"step1-seed0-k/result.json: lacks `data.judge`"):
        read_study(study)


def test_curves_have_a_row_an_epoch_and_part(ladder: Path):
    curves = read_curves(read_study(ladder), [f"step{n}" for n in (1, 2, 3, 4, 8)])
    assert len(curves) == 12 * 4 * 2  # neither the member nor the ensembles
    assert set(read_curves(read_study(ladder), ["step2"])["variant"]) == {"step2"}
    last = curves[(curves["variant"] == "step1") & (curves["seed"] == 0) & (curves["epoch"] == 4)]
    assert dict(zip(last["part"], last["value"], strict=True)) == pytest.approx({"training": 0.4, "validation": 0.36})


def test_a_damaged_metrics_file_is_named(ladder: Path):
    (ladder / "step1-seed0-k" / "metrics.csv").write_text("step,val_accuracy\n1,2\n")
    rewrite(ladder / "step1-seed0-k")
    with pytest.raises(InputError, match=r"step1-seed0-k/metrics.csv: cannot be read"):
        read_curves(read_study(ladder), ["step1"])


def test_runs_are_ordered_by_seed_and_not_by_the_seeds_text(study: Path, add_run: AddRun):
    for seed in (10, 9, 0):
        add_run("step1", (), seed, 0.4)
    assert list(read_study(study).runs["seed"]) == [0, 9, 10]


def test_folds_and_searches_are_sent_to_their_own_commands(study, add_run):
    path = add_run("step1", (), 0, 0.5) / "result.json"
    result = json.loads(path.read_text())
    rewrite(path.parent, data=result["data"] | {"folds": 5, "fold": 0})
    with pytest.raises(InputError, match=r"python -m dissect\.crossval trial"):
        read_study(study)


def test_a_random_search_is_sent_to_its_own_command(study, add_run):
    add_run("step1", (), 0, 0.5)
    (study / "tuned").mkdir()
    with pytest.raises(InputError, match=r"python -m dissect\.search trial"):
        read_study(study)
