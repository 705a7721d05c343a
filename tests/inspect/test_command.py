"""The command, on real runs: its files against the stores', and what it says of bad input."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

from dissect.errors import InputError
from dissect.inspect.__main__ import FIGURES, main
from dissect.inspect.accuracies import by_epoch, part_accuracies
from dissect.inspect.build import MAKERS
from dissect.inspect.inspected import Asked, Inspected
from dissect.inspect.runs import Run, config_of, predictions_of, read_run
from dissect.inspect.windows import image_at, probabilities
from dissect.store import runs as store

IDS = ["n01443537", "n01629819", "n01641577"]
Inspect = Callable[..., Path]


@pytest.fixture
def inspect(root: Path, tmp_path: Path) -> Inspect:
    def command(run: Run, *more: str) -> Path:
        out = tmp_path / "reports"
        assert main([str(run.folder), *more, "--root", str(root), "--out", str(out)]) == 0
        return out / "trial" / "inspect" / run.folder.name

    return command


@pytest.fixture
def refused(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def command(*arguments: object) -> str:
        assert main([*map(str, arguments), "--root", str(root), "--out", str(tmp_path / "reports")]) == 2
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith("error: ")
        assert not list((tmp_path / "reports").rglob("*.*"))
        return said

    return command


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Path:
    """A copy of the run, to be spoiled."""
    return Path(shutil.copytree(run.folder, tmp_path / "trial" / run.folder.name))


def inspected(run: Run, root: Path, **asked: str) -> Inspected:
    return Inspected(run, Asked(root=str(root), **asked))  # type: ignore[arg-type]


def test_an_opened_network_gives_what_its_run_predicted(run: Run, root: Path):
    seen = inspected(run, root)
    again = probabilities(seen.network, seen.windows.batches(seen.images.val_images))
    assert again == pytest.approx(predictions_of(run, seen.images), abs=1e-6)
    assert again.std() > 1e-3


def test_a_run_gets_every_figure_and_a_page_that_loads_nothing(run: Run, inspect: Inspect):
    folder = inspect(run)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "filters.png", "maps-features.act1-0.png", "top-features.act1.png", "top-features.act2c.png",
        "top-features.act3.png", "projection.png", "projection.svg", "projection.html", "history.png", "history.svg",
        "parts.png", "parts.svg", "index.html",
    }  # fmt: skip
    page = (folder / "index.html").read_text()
    assert page.count("<figure>") == 8
    assert all(source.startswith("data:image/") for source in re.findall(r'src="([^"]*)"', page))
    assert "srcdoc=" in page
    assert "The 6 filters of the first convolution, 5×5 pixels" in page


def test_the_page_keeps_what_earlier_commands_made(run: Run, inspect: Inspect, root: Path):
    file = root / "test" / "images" / "test_3.JPEG"
    inspect(run, "maps", "--layer", "features.conv3", "--units", "0,5", "--image", str(file))
    page = (inspect(run, "filters") / "index.html").read_text()
    assert page.count("<figure>") == 2
    assert "test_3.JPEG: the maps of features.conv3, 4×4" in page


@pytest.mark.parametrize("more", [(), ("--ten-crop",)])
def test_predictions_for_the_test_images_are_the_members_average(
    ensemble: Run, root: Path, inspect: Inspect, more: tuple[str, ...]
):
    written = (inspect(ensemble, "test", *more) / f"test{'-ten-crop' if more else ''}.txt").read_text()
    pixels = np.stack([
        np.asarray(Image.open(root / "test/images" / f"test_{number}.JPEG").resize((16, 16), Image.Resampling.BILINEAR))
        for number in range(12)
    ])  # fmt: skip
    total = np.zeros((12, 3))
    for member in ensemble.members:
        seen = inspected(member, root)
        normal = torch.from_numpy(((pixels / 255 - seen.images.mean) / seen.images.std).astype(np.float32))
        images = normal.permute(0, 3, 1, 2)
        # windows of 15 of 16 pixels: the centre is the upper left one
        views = [(0, 0), (0, 0), (0, 1), (1, 0), (1, 1)] if more else [(0, 0)]
        for top, left in sorted(set(views)):
            window = images[:, :, top : top + 15, left : left + 15]
            for flipped in [window, window.flip(3)] if more else [window]:
                total += seen.network(flipped).softmax(1).numpy()
    expected = [f"test_{number}.JPEG {IDS[label]}" for number, label in enumerate(total.argmax(1))]
    assert written.splitlines() == expected
    assert len({line.split()[1] for line in expected}) > 1


def test_accuracies_by_part_are_those_of_the_results(ensemble: Run, run: Run, root: Path):
    seen = inspected(ensemble, root)
    frame = part_accuracies([ensemble, run], seen.config, seen.images, str(root)).set_index(["model", "part"])
    assert list(frame["images"]) == [24, 12, 18] * 2
    single = frame.loc["step7: single model, seed 3"]["accuracy"]
    assert single["training"] == pytest.approx(run.result["metrics"]["train_accuracy"])
    assert single["tuning"] == pytest.approx(run.result["metrics"]["accuracy"])
    assert frame.loc["step8: 2 averaged"]["accuracy"]["tuning"] == pytest.approx(ensemble.result["metrics"]["accuracy"])
    # the validation images, which the runs have not seen: the right answers counted one by one
    network, right = inspected(run, root).network, 0
    from dissect.images.task import images_of

    config = config_of(run, str(root))
    config.data.judge = "validation"
    unseen = images_of(config)
    for pixels, label in zip(unseen.val_images[:, :15, :15], unseen.val_labels, strict=True):
        normal = ((pixels / 255 - seen.images.mean) / seen.images.std).astype(np.float32)
        right += int(network(torch.from_numpy(normal).permute(2, 0, 1)[None]).argmax() == label)
    assert single["validation"] == pytest.approx(right / 18)


def test_history_is_what_the_epochs_files_say(ensemble: Run):
    frame = by_epoch(ensemble.members)
    assert set(frame["part"]) == {"training", "tuning"}
    with open(ensemble.members[1].folder / "metrics.csv", newline="") as file:
        expected = [float(row["val_accuracy"]) for row in csv.DictReader(file)]
    ours = frame[(frame["seed"] == 1003) & (frame["part"] == "tuning")]
    assert list(ours["accuracy"]) == expected


def test_a_variants_name_stands_for_all_its_seeds_but_not_for_an_ensembles_members(run: Run, inspect: Inspect):
    drawn = (inspect(run, "history", "--against", "step7") / "history.svg").read_text()
    assert "step7, tuning" in drawn
    assert drawn == (inspect(run, "history") / "history.svg").read_text()  # it is the only one


def test_a_file_is_prepared_as_the_data_are(run: Run, root: Path):
    seen = inspected(run, root)
    names = sorted((root / "val" / "images").glob("*"))
    config = config_of(run, str(root))
    config.data.judge = "validation"
    from dissect.images.task import images_of

    decoded = {image.tobytes() for image in images_of(config).val_images}
    assert all(image_at(seen.images, str(name))[0].tobytes() in decoded for name in names)
    assert image_at(seen.images, "4")[1].startswith("image 4, ")


def test_bad_arguments_end_with_one_message(run: Run, ensemble: Run, tmp_path: Path, refused: Callable[..., str]):
    (tmp_path / "text.png").write_text("no image")
    assert "did you mean features.act1" in refused(run.folder, "maps", "--layer", "features.akt1")
    assert "no maps; name a convolutional layer" in refused(run.folder, "maps", "--layer", "classifier.fc1")
    assert "--units 99: the layer has 6 units, 0 to 5" in refused(run.folder, "maps", "--units", "1,99")
    assert "there are 12 validation images, 0 to 11" in refused(run.folder, "maps", "--image", "12")
    assert "readable image (cannot identify" in refused(run.folder, "maps", "--image", tmp_path / "text.png")
    assert "readable image (No such file" in refused(run.folder, "maps", "--image", tmp_path / "none.png")
    assert "there is no such class; did you mean bullfrog" in refused(run.folder, "projection", "--classes", "bulfrog")
    assert "poster: there is no such figure; there are filters" in refused(run.folder, "poster")
    assert f"{tmp_path}/none: no such run" in refused(tmp_path / "none")
    assert "is a study; name one of its runs" in refused(run.folder.parent)
    assert "is an ensemble without a network of its own; name" in refused(ensemble.folder, "filters")
    assert "an ensemble has no epochs" in refused(ensemble.folder, "history")
    assert "no variant of" in refused(run.folder, "history", "--against", "step99")


def test_units_that_are_no_numbers_are_refused(run: Run, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main([str(run.folder), "--units", "1,a"])
    assert "must be whole numbers with commas between them" in capsys.readouterr().err


def test_runs_that_are_spoiled_end_with_one_message(copy: Path, refused: Callable[..., str]):
    result = store.read_result(copy)
    assert result is not None
    (copy / "predictions.npz").rename(copy / "kept.npz")
    assert "predictions.npz: is gone" in refused(copy, "top")
    store.write_result(copy, result, {"labels": np.zeros(3), "probabilities": np.zeros((3, 3))})
    assert "is for other images than the run's" in refused(copy, "parts")
    torch.save({"run": result["key"], "weights": {"no": torch.ones(1)}}, copy / "checkpoint.pt")
    assert "does not fit the network" in refused(copy, "filters")
    torch.save({"run": "another", "weights": {}}, copy / "checkpoint.pt")
    assert "cannot be read (is another run's)" in refused(copy, "filters")
    (copy / "checkpoint.pt").unlink()
    assert "this run has no checkpoint" in refused(copy, "filters")
    (copy / "metrics.csv").rename(copy / "kept.csv")
    assert "metrics.csv: is gone" in refused(copy, "history")
    (copy / "kept.csv").rename(copy / "metrics.csv")
    (copy / "config.yaml").write_text("- a list")
    store.write_result(copy, result)
    assert "config.yaml: cannot be read" in refused(copy, "filters")
    other = {"metric": result["metric"] | {"name": "val/loss"}, "metrics": {"val/loss": 1.2}}
    store.write_result(copy, result | other)
    assert "is no run of task=images" in refused(copy)
    old = {key: value for key, value in result.items() if key != "metrics"}
    store.write_result(copy, old | {"accuracy": 0.5})
    assert "result.json: was made by an earlier version" in refused(copy)
    store.write_result(copy, result | {"status": "failed", "error": "the loss became NaN"})
    assert "its run failed (the loss became NaN)" in refused(copy)
    (copy / "result.json").unlink()
    assert "is not finished" in refused(copy)


@pytest.mark.parametrize("part", ["model", "init", "data.source", "augmentation.mine"])
def test_no_strangers_code_runs_because_a_config_names_it(copy: Path, refused: Callable[..., str], tmp_path, part):
    config = OmegaConf.load(copy / "config.yaml")
    OmegaConf.update(config, part, {"_target_": "distutils.spawn.spawn", "cmd": ["touch", str(tmp_path / "ran")]})
    OmegaConf.save(config, copy / "config.yaml")
    result = json.loads((copy / "result.json").read_text())
    store.write_result(copy, result)
    said = refused(copy, "filters")
    assert f"{part}._target_" in said
    assert "would run code of Python's own distutils" in said
    assert not (tmp_path / "ran").exists()


def test_nothing_is_fetched_from_where_a_config_says(copy: Path):
    config = OmegaConf.load(copy / "config.yaml")
    OmegaConf.update(config, "data.source.url", "file:///dev/zero", force_add=True)
    OmegaConf.save(config, copy / "config.yaml")
    store.write_result(copy, json.loads((copy / "result.json").read_text()))
    with pytest.raises(InputError, match=r"data\.source\.url='file:///dev/zero': .* with --root"):
        config_of(read_run(copy), None)


def test_other_images_than_the_runs_are_refused(
    run: Run, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other = Path(shutil.copytree(root, tmp_path / "other"))
    Image.new("RGB", (20, 20)).save(other / "train" / IDS[0] / "images" / f"{IDS[0]}_0.JPEG")
    assert main([str(run.folder), "filters", "--root", str(other), "--out", str(tmp_path)]) == 2
    assert "holds other images than" in capsys.readouterr().err
    # An error of the images speaks of the option of this command, and not of the run's setting.
    assert main([str(run.folder), "filters", "--root", str(tmp_path / "nowhere"), "--out", str(tmp_path)]) == 2
    assert "does not exist; check --root" in capsys.readouterr().err


def test_an_ensemble_over_different_validation_sets_is_refused(
    ensemble: Run, tmp_path: Path, refused: Callable[..., str]
):
    study = tmp_path / "trial"
    for one in [ensemble, *ensemble.members]:
        shutil.copytree(one.folder, study / one.folder.name)
    member = study / ensemble.members[1].folder.name
    result = store.read_result(member)
    assert result is not None
    result["data"]["digest"] = "another"
    store.write_result(member, result)
    assert "was judged on other validation images than its ensemble" in refused(study / ensemble.folder.name)
    assert "was judged on other validation images than" in refused(
        study / ensemble.members[0].folder.name, "parts", "--against", member
    )
    shutil.rmtree(member)
    with pytest.raises(InputError, match="no such run"):
        _ = read_run(study / ensemble.folder.name).members


def test_a_frame_of_one_epoch_is_drawn(run: Run, copy: Path, inspect: Inspect):
    frame = pd.read_csv(copy / "metrics.csv")
    frame[:1].to_csv(copy / "metrics.csv")
    store.write_result(copy, run.result)
    assert (inspect(read_run(copy), "history") / "history.png").stat().st_size > 10_000


def test_every_figure_that_help_lists_can_be_made():
    assert list(FIGURES) == list(MAKERS)


def test_help_answers_without_torch():
    code = "import sys, dissect.inspect.__main__ as m; m.parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
