"""Real runs on a small Tiny ImageNet made of noise: an ensemble of two and its members, trained once for all tests."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dissect.composing.compose import compose
from dissect.inspect.runs import Run, read_run
from dissect.sweep.finish import finish

WNIDS = ["n01443537", "n01629819", "n01641577"]
CLASSES = ["goldfish", "European fire salamander", "bullfrog"]
TESTS = 12


def write_image(path: Path, colour: int, noise: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = noise.integers(0, 160, (20, 20, 3))
    pixels[..., colour] += 95
    Image.fromarray(pixels.astype(np.uint8)).save(path, "JPEG")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes that differ in colour: 16 training and 6 validation images each, and unlabelled test images."""
    root, noise = tmp_path_factory.mktemp("data") / "tiny-imagenet-200", np.random.default_rng(0)
    annotations = []
    for label, wnid in enumerate(WNIDS):
        for number in range(16):
            write_image(root / "train" / wnid / "images" / f"{wnid}_{number}.JPEG", label, noise)
        for number in range(6):
            name = f"val_{6 * label + number}.JPEG"
            write_image(root / "val" / "images" / name, label, noise)
            annotations.append(f"{name}\t{wnid}\t0\t0\t19\t19\n")
    for number in range(TESTS):
        write_image(root / "test" / "images" / f"test_{number}.JPEG", number % 3, noise)
    (root / "wnids.txt").write_text("\n".join(reversed(WNIDS)))  # the official file is not sorted either
    (root / "words.txt").write_text("".join(f"{w}\t{c}, x\n" for w, c in zip(WNIDS, CLASSES, strict=True)))
    (root / "val" / "val_annotations.txt").write_text("".join(annotations))
    return root


@pytest.fixture(scope="session")
def ensemble(root: Path, cache_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two members of step7, judged on a tuning split; only to be read."""
    result, _ = finish(
        compose([
            "+ablation=step8", "data=tiny_imagenet", f"data.root={root}", f"data.cache={cache_folder}",
            "data.classes=3", "data.image_size=16", "data.judge=tuning", "data.tuning=0.25", "model.width=0.1",
            "train.epochs=12", "train.batch_size=6", "ensemble.members=2", "evaluate.train_images=24",
            "threads=1", "seed=3", "trainer.accelerator=cpu", f"runs={tmp_path_factory.mktemp('store')}", "name=trial",
        ])
    )  # fmt: skip
    return read_run(Path(result["folder"]))


@pytest.fixture(scope="session")
def run(ensemble: Run) -> Run:
    return ensemble.members[0]
