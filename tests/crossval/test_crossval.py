"""The command on a store that is written by hand: what it compares, and what it refuses to."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf
from PIL import Image
from scipy import stats

from dissect.composing.identity import without_paths
from dissect.composing.variant import Variant
from dissect.crossval.__main__ import main
from dissect.store import runs as store
from tests.conftest import write_finished

Add = Callable[..., Path]
ACCURACY = {"name": "accuracy", "label": "accuracy", "unit": "points", "better": "higher", "times": 100}


@pytest.fixture
def add(variant: Callable[..., Variant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Adds a finished run of step1 to a study: one fold's, or one that the validation images judged."""
    monkeypatch.chdir(tmp_path)
    config = without_paths(variant().config)

    def add(accuracy: float, *, fold: int | None, seed: int = 0, study: str = "cv", name: str = "step1", folds: int = 3,
            digest: str = "", rate: float = 0.02, scores: np.ndarray | None = None,
            **result: Any) -> Path:  # fmt: skip
        key = f"{fold}{digest}{rate}{result.get('status', '')}"
        folder = Path("runs") / study / f"{name}-seed{seed}-{key[:8]}"
        folder.mkdir(parents=True)
        config.optimizer.lr = rate
        OmegaConf.save(config, folder / "config.yaml", resolve=True)
        where: dict[str, Any] = {
            "judge": "validation",
            "folds": None,
            "fold": 0,
            "examples": {"training": 150, "validation": 100},
        }
        if fold is not None:
            where |= {"judge": f"fold {fold} of {folds}", "folds": folds, "fold": fold,
                      "examples": {"training": 100, "validation": 50}}  # fmt: skip
        data = {"name": "digits", "classes": 10, "image_size": 16, "digest": f"{fold}{digest}", **where}
        told = {
            "key": key,
            "components": {},
            "error": None,
            "variant": name,
            "seed": seed,
            "status": "finished",
            "data": data,
            "metric": ACCURACY,
            "metrics": {"accuracy": accuracy},
        }
        write_finished(folder, told | result, {} if scores is None else {"scores": scores})
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
        add(accuracy, fold=None, seed=seed, scores=np.arange(100) < 100 * accuracy)
    add(0.1, fold=None, seed=2, member_of="step8")
    add(0.1, fold=1, seed=3, status="failed")
    assert main(["cv"]) == 0
    said = capsys.readouterr().out
    assert "60.00 [20.72, 99.28]" in said  # t(2) = 4.3027 times sqrt(5/6 * 0.01)
    assert (
        "A fold's run has 100 training examples, one judged by validation 150: fewer make for a worse accuracy." in said
    )
    assert "its interval for other seeds and as many other examples. difference:" in " ".join(said.split())
    row = pd.read_csv("reports/cv/crossval.csv").iloc[0]
    assert (row["folds"], row["seeds"], row["validation_seeds"]) == (3, 1, 2)
    assert (row["value"], row["validation"], row["difference"]) == pytest.approx((0.6, 0.65, 5.0))
    # of examples (0.6 * 0.4 + 0.7 * 0.3) / 2 / 100, of seeds 0.005 / 2
    df = 0.00475**2 / 0.0025**2
    assert row["validation_high"] == pytest.approx(0.65 + stats.t.ppf(0.975, df) * 0.00475**0.5)
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
    assert "were trained or judged on other examples; give each kind a name=... of its own" in refused()


def test_a_copy_of_a_run_under_another_name_is_left_out_and_said(add: Add, capsys: pytest.CaptureFixture[str]):
    for fold in range(3):
        kept = add(0.5 + 0.1 * fold, fold=fold)
    shutil.copytree(kept, "runs/cv/again")
    assert main(["cv"]) == 0
    assert f"warning: left out: runs/cv/again/result.json: is the result of {kept.name}" in capsys.readouterr().err


def test_several_numbers_of_folds_are_refused(add: Add, refused: Callable[..., str]):
    add(0.5, fold=0)
    add(0.5, fold=0, folds=5, seed=1)
    assert "has runs with data.folds=3 and 5" in refused()


def test_another_metric_is_compared_in_its_own_unit(add: Add, refused: Callable[..., str], capsys):
    loss = {"name": "val/loss", "label": "loss", "unit": "nats", "better": "lower", "times": 1}
    for fold, value in enumerate([1.0, 1.1, 1.2]):
        add(0.5, fold=fold, metric=loss, metrics={"val/loss": value})
    add(0.5, fold=None, seed=0, metric=loss, metrics={"val/loss": 1.3})
    add(0.5, fold=None, seed=1, metric=loss, metrics={"val/loss": 1.5})
    assert main(["cv"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "validation, nats seeds difference, nats" in said
    assert "its interval for other seeds. difference: validation minus cross-validation, nats." in said
    assert "A difference below zero for the variants whose hyperparameters were chosen on validation" in said
    row = pd.read_csv("reports/cv/crossval.csv").iloc[0]
    assert (row["value"], row["difference"]) == pytest.approx((1.1, 0.3))
    # without scores the error is that over seeds: 0.1 with one degree of freedom
    assert row["validation_high"] == pytest.approx(1.4 + stats.t.ppf(0.975, 1) * 0.1)
    shutil.rmtree("reports")
    other = {"name": "val/mae", "better": "lower"}
    add(0.5, fold=0, seed=4, metric=other, metrics={"val/mae": 1.0, "val/f1": 0.5})
    assert "has no val/loss; logged were val/mae, val/f1" in refused()


def test_a_run_whose_scores_are_damaged_is_left_out_and_said(add: Add, capsys: pytest.CaptureFixture[str]):
    scores = np.arange(200_000) % 2 == 0  # so many that the file's mark is of its end alone
    folders = [add(0.5, fold=fold, seed=seed, scores=scores) for seed in range(2) for fold in range(3)]
    path = folders[-1] / "predictions.npz"
    whole = np.ones(300_000, bool)
    store.write_result(folders[-1], json.loads((folders[-1] / "result.json").read_text()), {"scores": whole})
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    assert main(["cv"]) == 0
    said = capsys.readouterr().err
    assert f"warning: left out: {path}: cannot be read (Bad CRC-32" in said
    assert "step1 with seed 1 is left out: fold 2 is not finished" in said
