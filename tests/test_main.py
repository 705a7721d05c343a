"""The commands as a user types them, each in a process of its own and a folder of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dissect.report.__main__ import main as report

SMALL = ["data.train_per_class=10", "data.val_per_class=20", "model.width=0.1", "train.epochs=2", "train.batch_size=20",
         "ensemble.members=2", "threads=1", "trainer.accelerator=cpu"]  # fmt: skip


def results(study: Path) -> dict[str, float]:
    return {path.parent.name: path.stat().st_mtime_ns for path in study.glob("*/result.json")}


@pytest.mark.slow
def test_the_ladder_is_swept_once_and_reported(dissect, tmp_path, monkeypatch):
    sweep = ["-m", "+ablation=glob(step*)", "seed=range(2)", *SMALL]
    first = dissect(*sweep)
    assert first.returncode == 0, first.stderr
    trained = results(tmp_path / "runs" / "digits")
    # seven steps, the ensemble, and its second member, of two seeds each
    assert len(trained) == (7 + 1 + 1) * 2

    again = dissect(*sweep)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == [
        "16 of 16 runs finished before",
        "16 of 16 runs finished; their report: python -m dissect.report digits",
    ]
    assert results(tmp_path / "runs" / "digits") == trained

    monkeypatch.chdir(tmp_path)
    assert report(["digits"]) == 0
    page = (tmp_path / "reports" / "digits" / "index.html").read_text()
    assert "step8" in page
    assert "split 2nd conv" in page


def test_a_single_run_ends_with_its_results_and_its_folder(dissect, tmp_path):
    done = dissect("+ablation=step2", "seed=3", *SMALL)
    assert done.returncode == 0, done.stderr
    line, folder = done.stdout.splitlines()
    assert line.startswith("step2 · dropout 1 seed 3: accuracy ")
    result = json.loads((tmp_path / folder.strip() / "result.json").read_text())
    assert f"accuracy {result['metrics']['accuracy']:.2%}" in line
    assert f"top-5 accuracy {result['metrics']['top5']:.2%} · cross entropy " in line


def test_a_failed_run_does_not_stop_the_sweep_and_shows_in_the_exit_code(dissect, tmp_path):
    wild = ["+deltas={wild: {optimizer: {lr: 1e30}}}", "component=[],[wild]"]
    done = dissect("-m", *wild, "trainer.gradient_clip_val=null", *SMALL)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "the training loss became nan" in done.stderr
    found = [json.loads(path.read_text())["status"] for path in (tmp_path / "runs" / "digits").glob("*/result.json")]
    assert sorted(found) == ["failed", "finished"]


def test_other_commands_and_the_version_have_one_front(tmp_path):
    front = "import sys; from dissect.__main__ import main; main()"

    def said(*arguments):
        command = [sys.executable, "-c", front, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert said("--version").stdout.startswith("dissect 0.")
    done = said("report", "q")
    assert (done.returncode, done.stderr.splitlines()[0][:7]) == (2, "error: ")
    assert f"{tmp_path / 'runs' / 'q'}: no such study" in done.stderr
    assert "complete -o nospace" in said("-sc", "install=bash").stdout


def test_help_answers_in_about_a_second(dissect):
    times = []
    for _ in range(3):
        before = os.times()
        done = dissect("--help")
        times.append(sum(os.times()[2:4]) - sum(before[2:4]))  # of a processor, as other tests take their share of it
        assert done.returncode == 0
    assert min(times) < 1.6
    for words in ("+ablation=step5", "dissect.report STUDY", "tiny_imagenet", "leaky_relu"):
        assert words in done.stdout
    for group in ("task: images, lightning", "optimizer: adamw, sgd", "loss: cross_entropy", "init: gaussian, he, own",
                  "schedule: constant, cosine, linear, one_cycle", "model: convnet, inception",
                  "  average: ema, swa", "  model=convnet: dropout1", "  optimizer: adamw, muon"):  # fmt: skip
        assert group in done.stdout


def test_a_network_and_a_component_of_ones_own_are_trained_from_ones_own_folder(dissect, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "class Mine(nn.Sequential):\n"
        "    def __init__(self, *, classes, norm):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(3 * 15 * 15, 8),\n"
        "                         nn.BatchNorm1d(8) if norm else nn.Identity(), nn.ReLU(), nn.Linear(8, classes))\n"
    )
    for group in ("model", "component"):
        (tmp_path / "own" / group).mkdir(parents=True)
    (tmp_path / "own" / "model" / "mine.yaml").write_text(
        "# @package _global_\nmodel: {_target_: mine.Mine, classes: '${data.classes}', norm: false}\nladder: [norm]\n"
    )
    (tmp_path / "own" / "component" / "norm.yaml").write_text(
        "# @package _global_\ncomponents: {norm: batch norm}\nmodel: {norm: true}\n"
    )
    small = [text for text in SMALL if not text.startswith("model")]
    done = dissect(
        "--config-dir",
        "own",
        "-m",
        "model=mine",
        "component=[],[norm]",
        "augmentation.crop={_target_: dissect.images.augmentation.Crop, share: 0.9375}",
        *small,
    )
    assert done.returncode == 0, done.stderr
    assert {line.split(" seed")[0].split()[-1] for line in done.stdout.splitlines()[:2]} == {"baseline", "norm"}


STUDY = """# @package _global_
deltas:
  calm: {label: a lower rate, optimizer: {lr: 0.01}}
  adam: {label: Adam, optimizer: {_target_: torch.optim.AdamW, lr: 0.001}}
plan: {design: {_target_: dissect.design.one_at_a_time, _partial_: true}, components: [calm, adam]}
hydra: {mode: MULTIRUN, sweeper: {params: {seed: "range(2)"}}}
"""


@pytest.mark.parametrize("launcher", ["local", "basic"])
def test_a_study_whose_components_stand_in_its_own_file_runs_under_any_launcher(dissect, tmp_path, launcher):
    (tmp_path / "own" / "study").mkdir(parents=True)
    (tmp_path / "own" / "study" / "rates.yaml").write_text(STUDY)
    done = dissect("--config-dir=own", "+study=rates", f"hydra/launcher={launcher}", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "6 of 6 runs finished" in done.stdout
    found = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "digits").glob("*/result.json")]
    assert {(one["variant"], *one["components"].values()) for one in found} == {
        ("step1",), ("calm", "a lower rate"), ("adam", "Adam")
    }  # fmt: skip
    [manifest] = (tmp_path / "runs" / "digits").glob("manifest-*.json")
    variants = json.loads(manifest.read_text())["variants"]
    assert variants["adam"]["config"]["optimizer"] == {"_target_": "torch.optim.AdamW", "lr": 0.001}
    assert dissect("--config-dir=own", "+study=rates", "plan.frozen=true", "seed=0", *SMALL).returncode == 0


def test_of_a_sweep_over_models_each_has_its_own_deltas(dissect, tmp_path):
    (tmp_path / "own" / "model").mkdir(parents=True)
    for name, rate in (("one", 0.01), ("other", 0.03)):
        text = "# @package _global_\ndefaults: [convnet]\nladder: []\n"
        text += f"deltas: {{rate: {{optimizer: {{lr: {rate}}}}}}}\nmodel: {{dropout2: {rate}}}\n"
        (tmp_path / "own" / "model" / f"{name}.yaml").write_text(text)
    apart = "name=at-${model.dropout2}"
    done = dissect("--config-dir", "own", "-m", "model=one,other", "component=[rate]", apart, *SMALL)
    assert done.returncode == 0, done.stderr
    configs = [path.read_text() for path in (tmp_path / "runs").glob("at-*/rate-*/config.yaml")]
    assert sorted(text.partition("\n  lr: ")[2][:4] for text in configs) == ["0.01", "0.03"]


@pytest.mark.slow
def test_under_a_launcher_of_hydras_own_an_ensemble_trains_its_members_and_a_failure_is_told(dissect, tmp_path):
    done = dissect("-m", "hydra/launcher=basic", "+ablation=step1,step8", *SMALL)
    assert done.returncode == 0, done.stderr
    assert len(results(tmp_path / "runs" / "digits")) == 4
    wild = ["optimizer.lr=1e30", "trainer.gradient_clip_val=null"]
    done = dissect("-m", "hydra/launcher=basic", "+ablation=step1,step8", "name=wild", *wild, *SMALL)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "wild").glob("*/result.json")]
    assert {one["variant"]: (one["status"], one["diverged"]) for one in found} == dict.fromkeys(
        ("step1", "step7", "step8"), ("failed", True)
    )


def test_a_folder_of_images_is_swept_without_saying_how_many_classes_it_has(dissect, tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (2, 20, 24, 24, 3), dtype=np.uint8)
    for name, images in zip(("cats", "dogs"), colours, strict=True):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / "photos" / name / f"{number}.png")
    small = ["model.width=0.1", "train.epochs=1", "train.batch_size=8", "threads=1", "trainer.accelerator=cpu"]
    done = dissect("-m", "data=image_folder", "data.root=photos", "data.image_size=16", "seed=0,1", *small)
    assert done.returncode == 0, done.stderr
    found = [json.loads(path.read_text()) for path in (tmp_path / "runs" / "image_folder").glob("*/result.json")]
    assert [result["data"]["classes"] for result in found] == [2, 2]


@pytest.mark.tiny_imagenet
def test_the_ladder_runs_on_real_images(dissect, tmp_path):
    root = os.environ.get("TINY_IMAGENET")
    if not root:
        pytest.skip("TINY_IMAGENET names no folder")
    done = dissect(
        "-m", "+ablation=step1,step7", "data=tiny_imagenet", f"data.root={root}", "data.classes=3",
        "data.train_per_class=100", "data.image_size=32", "model.width=0.25", "train.epochs=10", "train.batch_size=20",
        "threads=1", "trainer.accelerator=cpu",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path in (tmp_path / "runs" / "tiny_imagenet").glob("*/result.json"):
        result = json.loads(path.read_text())
        assert result["data"]["examples"]["validation"] == 150
        assert result["data"]["views"] == 10
        assert result["metrics"]["accuracy"] > 0.4  # chance is a third
