"""Offline runs as W&B's own package writes them, read as a study."""

import pytest
import wandb

from dissect.errors import InputError
from dissect.loggers.wandb import wandb_run
from dissect.report.read import read

SAID = {"metric": "val/acc", "better": "higher"}


def logged(folder, drop, seed, values, exit_code=0):
    """A run of a stranger's script."""
    config = {"model": {"drop": drop}, "lr": 0.1, "seed": seed}
    run = wandb.init(project="theirs", dir=folder, config=config, settings=wandb.Settings(silent=True))
    for epoch, value in enumerate(values):
        run.log({"epoch": epoch, "val/acc": value, "note": "text"})
    run.finish(exit_code=exit_code)


@pytest.fixture(scope="module")
def offline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("theirs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        logged(folder, False, 0, [0.5, 0.25])
        logged(folder, True, 0, [0.5, 0.75])
        logged(folder, False, 1, [0.5, 0.375])
        logged(folder, True, 1, [1.0, 0.625])
        logged(folder, True, 2, [0.125], exit_code=1)
    return folder


def levels(study):
    values = study.compared.pivot(index="variant", columns="seed", values=study.metric.name)
    return {name: row.dropna().to_dict() for name, row in values.iterrows()}


def test_offline_runs_are_read_by_what_varies_in_their_configs_and_their_last_epoch(offline):
    study = read(offline, **SAID)
    assert levels(study) == {"baseline": {0: 0.25, 1: 0.375}, "drop": {0: 0.75, 1: 0.625}}
    assert list(study.runs["error"].dropna()) == ["ended with 1"]
    assert "Factors are what varies among the settings: model.drop." in study.elsewhere.notes


def test_the_best_epoch_counts_where_that_is_asked_for_and_is_warned_of(offline):
    study = read(offline, epoch="best:val/acc", **SAID)
    assert levels(study)["drop"] == {0: 0.75, 1: 1.0}
    assert any(
        note.startswith("Warning: of each run the epoch with the highest val/acc") for note in study.elsewhere.notes
    )


def test_what_dissect_logged_is_read_back_with_its_variants(tmp_path):
    for variant, parts, value in (("step1", {}, 0.5), ("step2", {"drop": "dropout"}, 0.75)):
        config = {"variant": variant, "components": parts, "seed": 3, "model": {"drop": bool(parts)}}
        with wandb_run(f"{variant}-seed3-01234567", save_dir=str(tmp_path), project="mine", job_type="train",
                       config=config) as log:  # fmt: skip
            log.epochs([{"epoch": 1, "val/acc": value}])
    assert levels(read(tmp_path, **SAID)) == {"baseline": {3: 0.5}, "drop": {3: 0.75}}


def test_a_file_that_is_cut_short_or_none_of_wandbs_is_said(offline, tmp_path):
    [whole, *_] = offline.rglob("*.wandb")
    cut = tmp_path / "run-cut.wandb"
    cut.write_bytes(whole.read_bytes()[:200])
    with pytest.raises(InputError, match=r"run-cut.wandb: (cannot be read by W&B|holds no run)"):
        read(cut, **SAID)
    cut.write_text("nothing of the kind")
    with pytest.raises(InputError, match=r"run-cut.wandb: (cannot be read by W&B|holds no run)"):
        read(cut, **SAID)
