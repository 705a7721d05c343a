"""A study made of nothing but files, as the training would leave them."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dissect.report.__main__ import main

LABELS = {"dropout1": "dropout 1", "augmentation": "augmentation", "leaky_relu": "leaky ReLU", "ensemble": "ensemble"}
DATA = {"name": "tiny_imagenet", "classes": 10, "image_size": 32, "train_images": 5000, "val_images": 500}
DATA |= {"mirror": True, "views": 10, "judge": "validation"}


def write_run(
    study: Path, variant: str, components: tuple[str, ...], seed: int, accuracy: float | None, **others: Any
) -> Path:
    """Write one run's folder; keyword arguments replace what `result.json` would say."""
    result: dict[str, Any] = {
        "key": "k", "study": study.name, "variant": variant, "seed": seed, "status": "finished", "error": None,
        "components": {name: LABELS[name] for name in components}, "settings": "s", "member_of": None,
        "members": None, "data": DATA, "accuracy": accuracy, "top5": 0.9, "loss": 2.0, "train_accuracy": 0.6,
        "accuracy_ten_crop": None if accuracy is None else accuracy + 0.015, "ten_crop": 0.9375,
        "parameters": 5509700, "epochs": 4,
        "train_seconds": 90.0, "images_per_second": 3000.0, "device": "cpu", "commit": "abc1234",
        "versions": {"python": "3.11.9", "torch": "2.15.0"}, "finished": "2025-01-02T03:04:05Z",
    }  # fmt: skip
    result |= others
    folder = study / f"{variant}-seed{seed}-{result['key']}"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(result))
    rate = 0.1 if result["settings"] == "s" else 0.2
    (folder / "config.yaml").write_text(f"train:\n  learning_rate: {rate}\n  epochs: 4\nseed: {seed}\n")
    if result["status"] == "finished" and not result["members"]:
        lines = [f"{epoch},{0.1 * epoch},{0.09 * epoch}" for epoch in range(1, 5)]
        (folder / "metrics.csv").write_text("\n".join(["epoch,train_accuracy,val_accuracy", *lines]))
    return folder


def write_ladder(study: Path) -> Path:
    """Four steps over three seeds, an ensemble with a member, and a failed run."""
    noise = np.random.default_rng(0).normal(0, 0.004, (4, 3))
    parts = ("dropout1", "augmentation", "leaky_relu")
    for step in range(4):
        for seed in range(3):
            write_run(study, f"step{step + 1}", parts[:step], seed, round(0.4 + 0.03 * step + noise[step, seed], 4))
    member = write_run(study, "step4", parts, 100, 0.5, member_of="step8", settings="other")
    for seed in range(2):
        write_run(study, "step8", (*parts, "ensemble"), seed, 0.53 + 0.002 * seed, members=[member.name], epochs=None)
    blank = dict.fromkeys(["accuracy_ten_crop", "top5", "loss", "train_accuracy", "epochs", "train_seconds"])
    write_run(study, "step2", parts[:1], 7, None, status="failed", error="the loss became <NaN> in epoch 2", **blank)
    return study


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "trial"


@pytest.fixture
def add_run(study: Path) -> Callable[..., Path]:
    return partial(write_run, study)


@pytest.fixture
def ladder(study: Path) -> Path:
    return write_ladder(study)


@pytest.fixture(scope="session")
def reported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The ladder, and the folder of its report; only to be read."""
    root = tmp_path_factory.mktemp("reported")
    study = write_ladder(root / "runs" / "trial")
    assert main(["trial", "--runs", str(root / "runs"), "--out", str(root / "reports")]) == 0
    return study, root / "reports" / "trial"
