"""EXTENDING.md: every example is laid out as the page has it, its command is run, and the thing has its effect."""

import csv
import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from dissect.__main__ import main
from dissect.composing.compose import compose
from dissect.images.build import build
from dissect.store import runs as store
from dissect.sweep.finish import finish

PAGE = Path(__file__).parents[1] / "EXTENDING.md"
SECTIONS = {title: text for title, text in re.findall(r"^## (.+)\n([\s\S]*?)(?=^## |\Z)", PAGE.read_text(), re.M)}
FILE = re.compile(r"^`([\w/]+\.(?:py|yaml))`\n```(?:python|yaml)\n([\s\S]*?)^```", re.M)
COMMAND = re.compile(r"^```sh\n([\s\S]*?)^```", re.M)
TINY = ["train.epochs=1", "trainer.accelerator=cpu", "threads=1"]
IMAGES = ["data.train_per_class=10", "data.val_per_class=5", "train.batch_size=10", "evaluate.ten_crop=null"]
CONVNET = ["model.width=0.1"]


def command(title):
    """What the section's command says after `python -m dissect`."""
    [said] = COMMAND.findall(SECTIONS[title])
    words = shlex.split(said)
    assert words[:5] == ["python", "-m", "dissect", "--config-dir", "own"]
    return words[5:]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """All the page's files in one folder, as a reader would have them."""
    folder = tmp_path_factory.mktemp("page")
    for name, text in FILE.findall(PAGE.read_text()):
        path = folder / name
        assert not path.exists(), f"{name} stands there twice"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def own(page, tmp_path, monkeypatch):
    monkeypatch.chdir(page)
    monkeypatch.syspath_prepend(page)
    yield tmp_path
    for path in page.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def variant(own, page):
    return lambda *said: compose([*TINY, f"runs={own}", *said], config_dirs=[page / "own"])


@pytest.fixture
def result(variant):
    return lambda *said: finish(variant(*said))[0]


def rows(result):
    return list(csv.DictReader((Path(result["folder"]) / "metrics.csv").read_text().splitlines()))


def test_every_fence_is_a_file_or_a_command():
    text = PAGE.read_text()
    assert text.count("```") == 2 * (len(FILE.findall(text)) + len(COMMAND.findall(text)))
    assert [len(COMMAND.findall(section)) for section in SECTIONS.values()] == [1] * len(SECTIONS)


def test_every_section_has_its_test():
    source = Path(__file__).read_text()
    assert [title for title in SECTIONS if f'"{title}"' not in source] == []


def test_a_network_and_components_as_an_entry_and_as_a_file(result):
    plain = result(*command("Network"), *IMAGES)
    changed = result(*command("Component"), *IMAGES)
    # 3x3 of 3 channels and a bias, then 16 values a filter and a bias; batch norm adds two a filter
    assert plain["parameters"] == 32 * 28 + (16 * 32 + 0) * 10 + 10
    assert changed["parameters"] == 64 * 28 + 16 * 64 * 10 + 10 + 2 * 64
    assert changed["components"] == {"norm": "batch norm", "wide": "twice as wide"}


def test_torchvisions_model_by_yaml_alone(variant):
    changed = variant(*command("A model of torchvision or timm"), *IMAGES)
    plain = variant("model=resnet18", *IMAGES)
    ours, theirs = (build(one.config, seed=0).layer1[0].bn2.weight for one in (changed, plain))
    assert (ours.abs().max(), theirs.min()) == (0, 1)
    assert finish(changed)[0]["components"] == {"zero_gamma": "zero-initialised residuals"}


def test_a_data_source(result):
    found = result(*command("Data source"), *IMAGES, *CONVNET)
    assert found["data"]["name"] == "stripes"
    assert (found["data"]["classes"], found["data"]["examples"]) == (2, {"training": 20, "validation": 10})


def test_a_lightning_pair_with_scores_ensembles_and_a_fingerprint(result):
    title = "LightningModule and LightningDataModule"
    found = result(*command(title))
    assert (found["parameters"], found["components"], found["data"]["bytes_known"]) == (2, {"bias": "bias"}, True)
    kept = store.read_predictions(Path(found["folder"]))
    assert kept["scores"].mean() == pytest.approx(found["metrics"]["val/mse"], rel=1e-5)
    said = ["ensemble.average=true", "ensemble.members=2", "ensemble.over=[module.lr]"]
    assert len(result(*command(title), *said)["members"]) == 2


def test_a_task_of_ones_own(result):
    cubic = result(*command("A task of your own"), "train.epochs=30")
    line = result("task=curve", "train.epochs=30")
    assert (cubic["parameters"], line["parameters"]) == (4, 2)
    # no line is nearer to sin 3x than this everywhere on [-1, 1]; a cubic is
    assert cubic["metrics"]["gap"] < 0.5 < line["metrics"]["gap"]
    assert cubic["data"]["name"] == "sine"


def test_a_metric_and_others(result):
    found = result(*command("Metric"), *IMAGES, *CONVNET)
    assert (found["metric"]["name"], found["metric"]["better"]) == ("loss", "lower")
    assert found["metric"]["others"]["accuracy"]["times"] == 100
    kept = store.read_predictions(Path(found["folder"]))
    likelihood = kept["probabilities"][range(len(kept["labels"])), kept["labels"]]
    assert kept["scores"] == pytest.approx(-np.log(likelihood), rel=1e-5)
    assert kept["scores"].mean() == pytest.approx(found["metrics"]["loss"])
    assert found["data"]["chance"] == pytest.approx(np.log(10))


def test_an_optimiser(variant, result):
    said = [*command("Optimiser"), *IMAGES, *CONVNET, "schedule=constant"]
    start = build(variant(*said).config, seed=0).state_dict()
    folder = Path(result(*said, "train.batch_size=100")["folder"])  # one step
    end = torch.load(folder / "checkpoint.pt", weights_only=True)["weights"]
    steps = torch.cat([(end[name] - start[name]).abs().flatten() for name in end])
    assert steps[steps > 0].mean() == pytest.approx(1e-3, rel=1e-3)


def test_a_loss(result):
    focal, plain = (result(*said, *IMAGES, *CONVNET) for said in (command("Loss"), []))
    # below cross entropy wherever the right class has some probability
    assert 0 < float(rows(focal)[0]["train_loss"]) < float(rows(plain)[0]["train_loss"])


def test_a_transform(result):
    noisy, plain = (result(*said, *IMAGES, *CONVNET) for said in (command("Transform"), []))
    assert rows(noisy)[0]["train_loss"] != rows(plain)[0]["train_loss"]
    assert noisy["components"] == {"noise": "noise"}


def test_an_initialisation(variant):
    made = variant(*command("Initialisation"), *IMAGES, *CONVNET)
    weight = [one for one in build(made.config, seed=0).parameters() if one.ndim == 2][-1].detach()
    assert torch.allclose(weight @ weight.T, 1.4**2 * torch.eye(len(weight)), atol=1e-4)
    assert finish(made)[1]


def test_a_schedule(result):
    found = result(*command("Schedule"), *IMAGES, *CONVNET, "train.epochs=2")
    assert [float(row["learning_rate"]) for row in rows(found)] == pytest.approx([0.02, 0.002])


def test_weight_averaging(result):
    row = rows(result(*command("Weight averaging"), *IMAGES, *CONVNET))[0]
    assert row["val_loss"] != row["val_plain_loss"]


def run(own, monkeypatch, *said):
    """The command line itself, in this process."""
    monkeypatch.setattr("signal.signal", lambda *given: None)
    monkeypatch.setattr(sys, "argv", ["dissect", "--config-dir", "own", *said, *TINY, f"runs={own}"])
    main()


def test_a_design_and_a_launcher(own, monkeypatch, capsys):
    run(own, monkeypatch, *command("Design"), *IMAGES, "hydra/launcher=in_turn")
    [manifest] = (own / "pair").glob("manifest-*.json")
    assert [one["weights"] for one in json.loads(manifest.read_text())["contrasts"]] == [{"step3": 1.0, "step1": -1.0}]
    assert "4 of 4 runs finished" in capsys.readouterr().out
    run(own, monkeypatch, *command("Launcher"))
    assert "3 of 3 runs finished" in capsys.readouterr().out
    assert not (own / "line" / ".logs").exists()  # where the local launcher's processes print


def test_a_logger(result, own):
    result(*command("Logger"))
    assert "step1-seed0" in (own / "lines.txt").read_text()


def test_a_reader(own, monkeypatch):
    from dissect.report.__main__ import main as report

    [said] = COMMAND.findall(SECTIONS["Reader"])
    (own / "logs").mkdir()
    for name, level in (("plain", 0.5), ("ours", 0.6)):
        for seed in range(2):
            (own / "logs" / f"{name}-{seed}.log").write_text(f"training\naccuracy {level + seed / 100}\n")
    monkeypatch.chdir(own)
    assert report(shlex.split(said)[3:]) == 0
    with open(own / "reports" / "logs" / "effects.csv") as file:
        assert next(csv.DictReader(file))["gain"][:3] == "0.1"
