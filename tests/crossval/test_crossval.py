"""The command on a store that is written by hand: what it compares, and what it refuses to."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image

from dissect.composing.variant import Variant, without_paths
from dissect.crossval.__main__ import main
from dissect.store import runs as store

Add = Callable[..., Path]


@pytest.fixture
def add(variant: Callable[..., Variant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Adds a finished run of step1 to a study: one fold's, or one that the validation images judged."""
    monkeypatch.chdir(tmp_path)
    config = without_paths(variant().config)

    def add(accuracy: float, *, fold: int | None, seed: int = 0, study: str = "cv", name: str = "step1", folds: int = 3,
            digest: str = "", rate: float = 0.02, **result: Any) -> Path:  # fmt: skip
        folder = Path("runs") / study / f"{name}-seed{seed}-{fold}{digest}{rate}{result.get('status', '')}"
        folder.mkdir(parents=True)
        config.optimizer.lr = rate
        OmegaConf.save(config, folder / "config.yaml", resolve=True)
        where: dict[str, Any] = {
            "judge": "validation",
            "folds": None,
            "fold": 0,
            "train_images": 150,
            "val_images": 100,
        }
        if fold is not None:
            where |= {"judge": f"fold {fold} of {folds}", "folds": folds, "fold": fold, "train_images": 100}
        data = {"name": "digits", "classes": 10, "image_size": 16, "digest": f"{fold}{digest}", **where}
        told = {"variant": name, "seed": seed, "status": "finished", "accuracy": accuracy, "data": data} | result
        store.write_result(folder, told)
        return folder

    return add


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def run(*arguments: str) -> str:
        assert main(["cv", *arguments]) == 2
        said = capsys.readouterr().err.splitlines()
        assert not Path("reports").exists()
        return said[-1]

    return run


def test_folds_stand_beside_validation(add: Add, capsys: pytest.CaptureFixture[str]):
    for fold, accuracy in enumerate([0.5, 0.6, 0.7]):
        add(accuracy, fold=fold)
    for seed, accuracy in enumerate([0.6, 0.7]):
        add(accuracy, fold=None, seed=seed)
    add(0.1, fold=None, seed=2, member_of="step8")
    add(0.1, fold=1, seed=3, status="failed")
    assert main(["cv"]) == 0
    said = capsys.readouterr().out
    assert "60.00 [20.72, 99.28]" in said  # t(2) = 4.3027 times sqrt(5/6 * 0.01)
    assert "A fold's run has 100 training images, one judged by validation 150" in said
    row = pd.read_csv("reports/cv/crossval.csv").iloc[0]
    assert (row["folds"], row["seeds"], row["validation_seeds"]) == (3, 1, 2)
    assert (row["accuracy"], row["validation"], row["difference"]) == pytest.approx((0.6, 0.65, 5.0))
    with Image.open("reports/cv/crossval.png") as image:
        assert "Nadeau & Bengio 2003" in image.info["Description"]


def test_validation_runs_of_another_study_can_be_named(add: Add):
    for fold in range(3):
        add(0.5, fold=fold)
    add(0.9, fold=None)
    add(0.7, fold=None, study="main")
    add(0.8, fold=None, study="main", name="step2")  # has no folds
    assert main(["cv", "--against", "main"]) == 0
    frame = pd.read_csv("reports/cv/crossval.csv")
    assert list(frame["variant"]) == ["step1"]
    assert frame["validation"][0] == 0.7


def test_a_seed_without_all_folds_is_left_out_and_named(add: Add, capsys: pytest.CaptureFixture[str]):
    for fold in range(3):
        add(0.5, fold=fold)
    add(0.9, fold=1, seed=1)
    assert main(["cv"]) == 0
    assert "warning: step1 with seed 1 is left out: fold 0, 2 is not finished" in capsys.readouterr().err
    assert pd.read_csv("reports/cv/crossval.csv")["seeds"][0] == 1


def test_what_may_not_be_compared_is_refused(add: Add, refused: Callable[..., str]):
    add(0.5, fold=None)
    assert "runs/cv: holds no finished run with data.folds; make some: python -m dissect -m" in refused()
    add(0.5, fold=0)
    assert "no variant has all 3 folds of a seed" in refused()
    add(0.5, fold=0, study="other", rate=0.05)
    add(0.5, fold=None, study="other", rate=0.05)
    assert "differ in their recipe, so neither tells of the other: optimizer.lr: 0.02 or 0.05" in refused(
        "--against", "other"
    )
    add(0.5, fold=0, digest="b", seed=1)
    assert "were trained or judged on other images; give each kind a name=... of its own" in refused()


def test_one_run_that_was_trained_twice_is_refused(add: Add, refused: Callable[..., str]):
    shutil.copytree(add(0.5, fold=0), "runs/cv/again")
    assert "are one run trained twice; delete the one that is out of date" in refused()


def test_several_numbers_of_folds_are_refused(add: Add, refused: Callable[..., str]):
    add(0.5, fold=0)
    add(0.5, fold=0, folds=5, seed=1)
    assert "has runs with data.folds=3 and 5" in refused()
