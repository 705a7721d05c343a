"""A study made of nothing but files, as the training would leave them."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dissect.planning.manifest import Manifest, Planned, write
from dissect.report.__main__ import main
from dissect.store import runs as store

LABELS = {"dropout1": "dropout 1", "augmentation": "augmentation", "leaky_relu": "leaky ReLU", "ensemble": "ensemble"}
LABELS |= {"a": "a_1 & b", "b": "b", "c": "c", "d": "d", "e": "e"}
DATA = {
    "name": "tiny_imagenet",
    "digest": "d",
    "judge": "validation",
    "examples": {"training": 5000, "validation": 500},
}
DATA |= {"classes": 10, "image_size": 32, "mirror": True, "views": 10, "chance": 0.1}
METRIC = {
    "name": "accuracy", "label": "accuracy", "unit": "points", "better": "higher", "times": 100.0,
    "others": {
        "top5": {"label": "top-5 accuracy", "unit": "points", "better": "higher", "times": 100.0},
        "loss": {"label": "loss", "unit": "nats", "better": "lower", "times": 1.0},
    },
}  # fmt: skip
RMSE = {"name": "val/rmse", "label": "error", "unit": "units", "better": "lower", "times": 1.0, "others": {}}
TABLE = {"name": "diabetes", "digest": "d", "judge": "validation", "examples": {"training": 342, "validation": 100}}


def write_run(
    study: Path, variant: str, components: tuple[str, ...], seed: int, accuracy: float | None, **others: Any
) -> Path:
    """Write one run's folder; keyword arguments replace what `result.json`, or `metrics` in it, would say."""
    metrics = {
        "accuracy": accuracy, "accuracy_ten_crop": None if accuracy is None else accuracy + 0.015, "top5": 0.9,
        "loss": 2.0, "train_accuracy": 0.6,
    }  # fmt: skip
    metrics |= {key: others.pop(key) for key in metrics.keys() & others.keys()}
    result: dict[str, Any] = {
        "key": "k", "study": study.name, "variant": variant, "seed": seed, "status": "finished", "error": None,
        "components": {name: LABELS[name] for name in components}, "settings": "s", "member_of": None,
        "members": None, "data": DATA, "metric": METRIC, "metrics": metrics, "ten_crop": 0.9375,
        "parameters": 5509700, "multiply_adds": 1000, "epochs": 4,
        "train_seconds": 90.0, "examples_per_second": 3000.0, "device": "cpu", "commit": "abc1234",
        "versions": {"python": "3.11.9", "torch": "2.15.0"}, "finished": "2025-01-02T03:04:05Z",
    }  # fmt: skip
    result |= others
    folder = study / f"{variant}-seed{seed}-{result['key']}"
    folder.mkdir(parents=True)
    rate = 0.1 if result["settings"] == "s" else 0.2
    if not result["members"]:
        (folder / "config.yaml").write_text(f"optimizer:\n  lr: {rate}\ntrain:\n  epochs: 4\nseed: {seed}\n")
    if result["status"] == "finished" and not result["members"]:
        lines = [f"{epoch},{0.1 * epoch},{0.09 * epoch}" for epoch in range(1, 5)]
        (folder / "metrics.csv").write_text("\n".join(["epoch,train_accuracy,val_accuracy", *lines]))
    store.write_result(folder, result, {"averaged": np.zeros(3)} if result["members"] else None)
    return folder


def rewrite(folder: Path, arrays: dict[str, Any] | None = None, **others: Any) -> None:
    """Change what `result.json` says, or other files that it has to know, as if it had been written so."""
    result = json.loads((folder / "result.json").read_text())
    store.write_result(folder, result | others, arrays)


def write_predictions(folder: Path, right: np.ndarray, **others: Any) -> None:
    """Predictions of two classes, the first being every image's own, of which those are `right`; and others."""
    labels = np.zeros(len(right), dtype=int)
    arrays: dict[str, Any] = {"labels": labels, "probabilities": np.stack([right, ~right], 1) * 1.0, "scores": right}
    rewrite(folder, arrays | others)


def write_errors(
    study: Path, variant: str, components: tuple[str, ...], seed: int, error: float, **others: Any
) -> Path:
    """A run of a table's regression, which is judged by an error: lower is better, and there are no crops."""
    said: dict[str, Any] = {
        "metric": RMSE, "metrics": {"val/rmse": error, "val/mae": 0.8 * error, "train/rmse": error - 4},
        "data": TABLE, "ten_crop": None, "multiply_adds": None,
    }  # fmt: skip
    folder = write_run(study, variant, components, seed, None, **said | others)
    lines = [f"{epoch},{error + 40 - 10 * epoch},{error + 36 - 10 * epoch}" for epoch in range(1, 5)]
    if (folder / "metrics.csv").exists():
        (folder / "metrics.csv").write_text("\n".join(["epoch,val/rmse,train/rmse", *lines]))
        rewrite(folder)
    return folder


def write_subsets(study: Path, names: Sequence[str], seeds: int, examples: int, **others: Any) -> Path:
    """All subsets of components, without ten-crop; each adds two points, and the first two together four more."""
    random = np.random.default_rng(0)
    hard = random.random(examples)
    for size in range(len(names) + 1):
        for parts in combinations(names, size):
            for seed in range(seeds):
                level = 0.5 + 0.02 * size + (0.04 if set(names[:2]) <= set(parts) else 0) + random.normal(0, 0.003)
                right = hard + random.normal(0, 0.05, examples) < level
                blank = {"accuracy_ten_crop": None, "ten_crop": None}
                name = "+".join(parts) or "baseline"
                folder = write_run(study, name, parts, seed, float(right.mean()), **{**blank, **others})
                write_predictions(folder, right)
    return study


def write_manifest(
    folder: Path, contrasts: Sequence[tuple[str, Sequence[str], dict[str, float]]], **others: Any
) -> Path:
    """A manifest of contrasts, each a kind, components and weights; keyword arguments replace what it would say."""
    said: dict[str, Any] = {
        "study": "asked", "frozen": "2025-01-01T10:00:00+00:00", "pixels": "p", "seeds": [0, 1, 2], "level": 0.95,
        "smallest": 1.0, "power": 0.8, "looks": None, "extended": [], "metric": METRIC,
        "variants": {name: {} for _, _, weights in contrasts for name in weights},
        "contrasts": [
            {"kind": kind, "components": list(parts), "weights": weights, "orders": []}
            for kind, parts, weights in contrasts
        ],
    }  # fmt: skip
    said |= others
    path = folder / f"manifest-{said['study']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    contrasts_of = [Planned(one["kind"], tuple(one["components"]), one["weights"]) for one in said.pop("contrasts")]
    write(path, Manifest(**said, contrasts=contrasts_of))
    return path


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
    blank = {"metrics": {}, **dict.fromkeys(["epochs", "train_seconds"])}
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


@pytest.fixture(scope="session")
def subsets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """All subsets of five components over two seeds with 2,000 predictions each, and their report; only to be read."""
    root = tmp_path_factory.mktemp("subsets")
    study = write_subsets(root / "runs" / "trial", "abcde", seeds=2, examples=2000)
    planned = {"a": 1.0, "baseline": -1.0}
    write_manifest(study, [("one_at_a_time", ["a"], planned)], seeds=[0, 1])
    assert main(["trial", "--runs", str(root / "runs"), "--out", str(root / "reports")]) == 0
    return study, root / "reports" / "trial"
